"""The faces of the methods: what Build Disentangled Bias offers, and what comes of it."""

from __future__ import annotations

import inspect
from functools import partial

import pytest
import torch

from instance_edit.attention import idattn_bias, mice_bias, released_mice_bias
from instance_edit.attention.naive_mice import naive_mice_bias
from instance_edit.nodes.methods import METHODS
from instance_edit.nodes.methods.face import BiasMethod
from instance_edit.tests.bias_cases import squares
from instance_edit.tests.with_comfyui.core import run_node
from instance_edit.tests.with_comfyui.editing import Editor, method_inputs

EVERY = pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
PLACED = {"reference_masks": None, "reference_owners": None, "strengths": None, "active": None}


def build_inputs(pack_nodes: dict[str, type]) -> dict[str, object]:
    schema = pack_nodes["InstanceEditBuildBias"].GET_SCHEMA()
    return {item.id: item for item in schema.inputs}


def test_names_inputs_and_their_order_are_those_that_saved_workflows_hold() -> None:
    saved = {
        "MICE": [
            ("kernel_size", 3),
            ("temperature", 1.0),
            ("epsilon", 1e-30),
            ("instances_see_global", False),
        ],
        "IDAttn": [("early", "har"), ("middle", "dis"), ("late", "har")],
        "MICE (released code)": [
            ("kernel_size", 11),
            ("temperature", 3.0),
            ("epsilon", 1e-6),
            ("smooth_P_L", False),
            ("free_context", False),
        ],
        "IID": [],
        "MICE (many instances)": [
            ("kernel_size", 3),
            ("temperature", 8.0),
            ("epsilon", 1e-30),
            ("instances_see_global", False),
        ],
        "MICE (naive smoothing)": [
            ("kernel_size", 3),
            ("temperature", 1.0),
            ("epsilon", 1e-30),
            ("instances_see_global", False),
        ],
    }
    assert list(METHODS)[: len(saved)] == list(saved)
    assert {name: list(METHODS[name].defaults.items()) for name in saved} == saved


def test_the_node_offers_every_method_with_its_inputs(pack_nodes: dict[str, type]) -> None:
    offered = build_inputs(pack_nodes)["method"]
    assert [(option.key, [item.id for item in option.inputs]) for option in offered.options] == [
        (method.name, list(method.defaults)) for method in METHODS.values()
    ]


@EVERY
def test_the_tooltip_says_what_the_method_does(
    pack_nodes: dict[str, type], method: BiasMethod
) -> None:
    assert method.says.startswith(f"{method.name}: ")
    assert method.says in build_inputs(pack_nodes)["method"].tooltip


def test_every_method_has_a_key_of_its_own() -> None:
    assert len({method.key for method in METHODS.values()}) == len(METHODS)


@EVERY
def test_untouched_inputs_give_the_functions_own_defaults(method: BiasMethod) -> None:
    builders, _ = method.recipe(method.defaults)
    for builder in builders.values():
        assert isinstance(builder, partial)
        parameters = inspect.signature(builder.func).parameters
        for name in builder.keywords.keys() & method.defaults.keys():
            assert builder.keywords[name] == parameters[name].default, name


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [
        ("MICE", "mice", mice_bias),
        ("MICE (released code)", "mice", released_mice_bias),
        ("MICE (many instances)", "mice", partial(mice_bias, temperature=8.0)),
        ("MICE (naive smoothing)", "mice", naive_mice_bias),
        ("IDAttn", "dis", partial(idattn_bias, kind="dis")),
        ("IDAttn", "har", partial(idattn_bias, kind="har")),
    ],
)
def test_the_node_builds_the_methods_own_bias(
    pack_nodes: dict[str, type], name: str, kind: str, wanted
) -> None:
    layout, masks = squares(2, grid=(8, 8))
    editor = Editor(pack_nodes)
    recipe = editor.bias(editor.regions(), method_inputs(name))
    assert recipe.method == name
    found = recipe.builders[kind](layout, masks, **PLACED)
    assert torch.equal(found.dense(), wanted(layout, masks).dense())


def test_every_input_of_a_method_reaches_its_bias(pack_nodes: dict[str, type]) -> None:
    layout, masks = squares(2, grid=(8, 8))
    editor = Editor(pack_nodes)
    changes = {
        "kernel_size": 5,
        "temperature": 2.0,
        "epsilon": 1e-3,
        "instances_see_global": True,
        "smooth_P_L": True,
        "free_context": True,
    }
    for name in [name for name in METHODS if name.startswith("MICE")]:
        plain, *others = (
            editor.bias(editor.regions(), method_inputs(name, **change))
            .builders["mice"](layout, masks, **PLACED)
            .dense()
            for change in ({}, *({key: changes[key]} for key in METHODS[name].defaults))
        )
        assert not any(torch.equal(plain, other) for other in others), name


def test_the_thirds_of_idattn_become_the_stages(pack_nodes: dict[str, type]) -> None:
    editor = Editor(pack_nodes)
    thirds = method_inputs("IDAttn", early="off", middle="har", late="dis")
    kinds = editor.bias(editor.regions(), thirds).kinds(57)
    assert kinds == ("off",) * 19 + ("har",) * 19 + ("dis",) * 19


@EVERY
def test_blocks_are_named_by_the_methods_own_kinds(
    pack_nodes: dict[str, type], method: BiasMethod
) -> None:
    editor = Editor(pack_nodes)
    inputs = method_inputs(method.name)
    builders, stages = method.recipe(method.defaults)
    assert {stage.kind for stage in stages} <= builders.keys()
    for kind in builders:
        recipe = editor.bias(editor.regions(), inputs, blocks=f"{kind} 0%-50%")
        assert recipe.kinds(4) == (kind, kind, "off", "off")
    with pytest.raises(ValueError, match=f"a stage must be a kind .{', '.join(builders)}, off"):
        editor.bias(editor.regions(), inputs, blocks="soft 0-3")


def test_no_regions_are_refused(pack_nodes: dict[str, type]) -> None:
    with pytest.raises(ValueError, match="at least one Instance Region"):
        run_node(
            pack_nodes["InstanceEditBuildBias"],
            regions=(),
            method=method_inputs("IID"),
            overlap="shared",
            start=0.0,
            end=1.0,
            blocks="",
        )
