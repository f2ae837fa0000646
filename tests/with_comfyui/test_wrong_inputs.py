"""Whatever comes into a socket is taken, or refused in a sentence that names the input.

ComfyUI lets values into sockets, and nodes of type "*" give anything: every node is run with every
one of its inputs wrong in many ways, the others right.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from instance_edit.attention.recipe import BiasRecipe
from instance_edit.mask_ops.read_boxes import parse_boxes
from instance_edit.nodes.inputs.kinds import KINDS
from instance_edit.sampling.lqr import TurnMemory
from instance_edit.tests.with_comfyui.comfyui import make_locked_method_func, samplers
from instance_edit.tests.with_comfyui.core import ModelPatcher, run_node
from instance_edit.tests.with_comfyui.inputs import chosen, good_inputs, inner_inputs
from instance_edit.tools.load_pack import ROOT

NODES = sorted(json.loads((ROOT / "tests" / "node_snapshot.json").read_text(encoding="utf-8")))
LITERALS: list[Any] = [True, False, 0, -1, 2.5, math.nan, "x", "", "[" * 3000, {}, {"a": 1}]
STRANGE: list[Any] = [object(), [[1]], ["x", {}], torch.zeros(()), torch.zeros(1, 1, 1, 1, 1, 1)]
NUMBERS: list[Any] = [True, "x", "3", math.nan, math.inf, -math.inf, [], {}, torch.ones(1), 1e300]
WRONG: dict[str, list[Any]] = {
    "INT": [*NUMBERS, 2.5, -(2**70), 2**70],
    "FLOAT": [*NUMBERS, -1e300],
    "STRING": [True, 5, 2.5, [], {}, torch.ones(1), "half a \ud83d smile"],
    "BOOLEAN": ["x", "True", 0, 1, [], {}, math.nan],
    "COMBO": [*LITERALS, *STRANGE, "none of these"],
    "COMFY_DYNAMICCOMBO_V3": [*LITERALS, *STRANGE, "none of these"],
}
NO_BOXES: list[Any] = [True, 5, 2.5, math.nan, object()]


def wrong_values(item: Any) -> list[Any]:
    """What one input of a schema must refuse; nothing at all where it is not optional."""
    kind = item.get_io_type()
    values = NO_BOXES if "BOUNDING_BOX" in kind else WRONG.get(kind, [*LITERALS, *STRANGE])
    if kind == "COMBO":  # of files, "" may be none of them
        values = [value for value in values if not (value == "" and "" in item.options)]
    return values if item.optional else [None, *values]


def refused(node: Any, inputs: dict[str, Any]) -> str:
    """What the node says, run as ComfyUI runs it: on a locked copy of its class."""
    copy = node.PREPARE_CLASS_CLONE({"hidden_inputs": {}})
    run = make_locked_method_func(node, node.FUNCTION, copy)
    with pytest.raises(ValueError) as caught:
        run(**inputs)
    return str(caught.value)


@pytest.mark.parametrize("name", NODES)
def test_a_wrong_value_is_refused_by_the_name_of_its_input(
    name: str, pack_nodes: dict[str, type], flux1: ModelPatcher
) -> None:
    node: Any = pack_nodes[name]
    schema = node.GET_SCHEMA()
    right = good_inputs(schema, flux1)
    for item in schema.inputs:
        for value in wrong_values(item):
            said = refused(node, {**right, item.id: value})
            assert schema.display_name in said and item.id in said, (item.id, value, said)
            assert "must be" in said and said.endswith("."), said
            assert len(said) < 600, said


@pytest.mark.parametrize("name", NODES)
def test_an_unknown_input_is_refused_by_its_name(
    name: str, pack_nodes: dict[str, type], flux1: ModelPatcher
) -> None:
    node: Any = pack_nodes[name]
    right = good_inputs(node.GET_SCHEMA(), flux1)
    assert "has no input 'foo': remove it" in refused(node, {**right, "foo": 1})


@pytest.mark.parametrize("name", NODES)
def test_an_option_takes_its_own_inputs_alone(
    name: str, pack_nodes: dict[str, type], flux1: ModelPatcher
) -> None:
    node: Any = pack_nodes[name]
    schema = node.GET_SCHEMA()
    right = good_inputs(schema, flux1)
    for item, option in inner_inputs(schema):
        choice = chosen(item, option)
        assert "has no input 'foo'" in refused(node, {**right, item.id: {**choice, "foo": 1}})
        for inner in option.inputs:
            for value in wrong_values(inner):
                said = refused(node, {**right, item.id: {**choice, inner.id: value}})
                assert f"{item.id}.{inner.id}" in said and "must be" in said, said
            if not inner.optional:
                left = {key: choice[key] for key in choice if key != inner.id}
                assert f"{item.id}.{inner.id} is missing" in refused(node, {**right, item.id: left})


def test_every_kind_of_input_is_checked(pack_nodes: dict[str, type]) -> None:
    for node in pack_nodes.values():
        for item in node.GET_SCHEMA().inputs:
            if item.get_io_type() not in ("COMBO", "COMFY_DYNAMICCOMBO_V3"):
                assert set(item.get_io_type().split(",")) <= KINDS.keys(), item.id


def deep_texts() -> Iterator[str]:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        for depth in (3_000, 100_000):
            yield opening * depth + "1" + closing * depth
            yield opening * depth


@pytest.mark.parametrize("text", list(deep_texts()), ids=range(8))
def test_deep_json_is_refused_as_such(text: str) -> None:
    with pytest.raises(ValueError, match="boxes given as text (are nested|must hold boxes)"):
        parse_boxes(text, 64, 64)


def test_values_that_are_right_are_taken(pack_nodes: dict[str, type]) -> None:
    bias = run_node(
        pack_nodes["InstanceEditBuildBias"],
        method={"method": "IID"}, overlap="shared", start=0, end=1, blocks="", regions=None,
    )[0]  # fmt: skip
    assert isinstance(bias, BiasRecipe)
    turn = run_node(
        pack_nodes["InstanceEditTurnMemory"], latent={"samples": torch.ones(1, 4, 2, 2)}
    )
    assert isinstance(turn[0], TurnMemory)
    assert samplers.sampler_object("euler")
