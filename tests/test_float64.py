"""float64 is made on the CPU by name: Apple's devices have none."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from instance_edit.tests.pages import rooms, tracked
from instance_edit.tools.load_pack import ROOT

NOT_ON_DEVICES = ("tests/", "tools/", "benchmarks/", "evaluation/", "demo/training/")
FILES = [name for name in tracked("*.py") if not name.startswith(NOT_ON_DEVICES)]


def wide_types(tree: ast.AST) -> list[ast.AST]:
    """Every place that names float64 outside of a call that names the CPU too."""
    named = [
        node
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in ("float64", "double"))
        or (isinstance(node, ast.Constant) and node.value in ("float64", "double"))
    ]
    on_cpu = {
        id(inner)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and any(isinstance(one, ast.Constant) and one.value == "cpu" for one in ast.walk(call))
        for inner in (*call.args, *(word.value for word in call.keywords))
    }
    return [node for node in named if id(node) not in on_cpu]


@pytest.mark.parametrize("name", FILES)
def test_what_runs_on_a_device_names_the_cpu_with_float64(name: str) -> None:
    found = wide_types(ast.parse((ROOT / name).read_text("utf-8")))
    assert [ast.unparse(node) for node in found] == []


def test_the_rule_finds_what_it_is_for() -> None:
    wrong = ("x.double()", "x.to(torch.float64)", "torch.zeros(3, dtype=torch.double)")
    right = ("x.to('cpu', torch.float64)", "torch.zeros(3, dtype=torch.float64, device='cpu')")
    assert all(wide_types(ast.parse(one)) for one in wrong)
    assert not any(wide_types(ast.parse(one)) for one in right)


def test_every_room_that_ships_is_looked_at() -> None:
    looked_at = {Path(name).parts[0] for name in FILES}
    kept = {name for name in rooms() if not f"{name}/".startswith(NOT_ON_DEVICES)}
    assert {"attention", "host", "mask_ops", "nodes", "pictures", "sampling"} <= looked_at & kept
