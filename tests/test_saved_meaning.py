"""What counts as a change of a saved workflow's meaning, and what does not."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from instance_edit.tests.saved.interface import broken, interface
from instance_edit.tests.saved.meaning import find_input, means_the_same

WAS = {
    "required": {
        "regions": ["REGIONS", {}],
        "method": [
            "COMFY_DYNAMICCOMBO_V3",
            {
                "options": [
                    {"key": "MICE", "inputs": {"required": {"kernel": ["INT", {"default": 3}]}}},
                    {"key": "IID", "inputs": {}},
                ]
            },
        ],
        "seed": ["INT", {"default": 0, "min": 0, "max": 9, "control_after_generate": True}],
    },
    "optional": {"overlap": ["COMBO", {"options": ["shared", "first wins"]}]},
}
SAVED = {
    "1": {"class_type": "Load", "inputs": {}},
    "2": {
        "class_type": "Build",
        "inputs": {"regions": ["1", 0], "method": "MICE", "method.kernel": 5, "seed": 7},
    },
}


def definition(inputs: dict[str, Any], outputs: tuple[str, ...] = ("BIAS",)) -> dict[str, Any]:
    return {"input": inputs, "output": list(outputs)}


KNOWN = {"Load": definition({}), "Build": definition(WAS)}


def prompt_with(**inputs: Any) -> dict[str, Any]:
    prompt = deepcopy(SAVED)
    prompt["2"]["inputs"] |= inputs
    return prompt


def test_titles_and_new_inputs_at_their_defaults_mean_the_same() -> None:
    now = prompt_with(overlap="shared")
    now["2"]["_meta"] = {"title": "Another title"}
    assert means_the_same(SAVED, SAVED, KNOWN)
    assert means_the_same(SAVED, now, KNOWN)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seed": 8}, "seed is 8, not 7"),
        ({"method.kernel": 3}, "method.kernel is 3, not 5"),
        ({"regions": ["1", 1]}, "regions is"),
        ({"overlap": "first wins"}, "overlap is 'first wins', not 'shared'"),
        ({"unheard_of": 1}, "unheard_of was not there and has no default"),
    ],
)
def test_another_value_or_link_is_another_meaning(
    change: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert not means_the_same(SAVED, prompt_with(**change), KNOWN)
    assert reason in caplog.text


def test_another_set_of_nodes_is_another_meaning(caplog: pytest.LogCaptureFixture) -> None:
    fewer, other = {"2": SAVED["2"]}, {**SAVED, "1": {"class_type": "Open", "inputs": {}}}
    assert not means_the_same(SAVED, fewer, KNOWN)
    assert not means_the_same(fewer, SAVED, KNOWN)
    assert not means_the_same(SAVED, other, KNOWN)
    for reason in ("node 1 is gone", "node 1 was not there", "node 1 is a Open, not a Load"):
        assert reason in caplog.text


def test_an_input_lost_is_another_meaning(caplog: pytest.LogCaptureFixture) -> None:
    now = deepcopy(SAVED)
    del now["2"]["inputs"]["seed"]
    assert not means_the_same(SAVED, now, KNOWN)
    assert "seed is gone" in caplog.text


def test_an_input_of_an_option_is_known_only_where_that_is_chosen() -> None:
    found = find_input(KNOWN["Build"], "method.kernel", {"method": "MICE"})
    assert found == ("INT", {"default": 3})
    assert find_input(KNOWN["Build"], "method.kernel", {"method": "IID"}) is None


def changed(inputs: dict[str, Any], outputs: tuple[str, ...] = ("BIAS",)) -> list[str]:
    return broken(interface(KNOWN["Build"]), interface(definition(inputs, outputs)))


def test_what_is_added_last_and_optional_breaks_nothing() -> None:
    now = deepcopy(WAS)
    now["optional"]["overlap"][1]["options"].append("smaller wins")
    now["optional"] |= {"strength": ["FLOAT", {"default": 1.0}], "mask": ["MASK", {}]}
    options = now["required"]["method"][1]["options"]
    options.append({"key": "FoI", "inputs": {"required": {"boost": ["FLOAT", {}]}}})
    options[0]["inputs"]["optional"] = {"mask": ["MASK", {}]}
    now["required"]["regions"][0] = "REGIONS,MASK"
    now["required"]["seed"][1]["max"] = 99
    assert changed(now, ("BIAS", "STRING")) == []


def test_a_socket_may_become_optional() -> None:
    now = deepcopy(WAS)
    now["optional"]["regions"] = now["required"].pop("regions")
    assert changed(now) == []


def _insert_a_widget(now: dict[str, Any]) -> None:
    now["optional"] = {"strength": ["FLOAT", {"default": 1.0}], **now["optional"]}


def _add_a_widget_to_an_option(now: dict[str, Any]) -> None:
    option = now["required"]["method"][1]["options"][0]["inputs"]
    option["optional"] = {"epsilon": ["FLOAT", {"default": 0.0}]}


def _add_a_required_input(now: dict[str, Any]) -> None:
    now["required"]["mask"] = ["MASK", {}]


def _lose_a_value(now: dict[str, Any]) -> None:
    del now["optional"]["overlap"][1]["options"][0]


def _lose_an_option(now: dict[str, Any]) -> None:
    del now["required"]["method"][1]["options"][1]


def _lose_an_input(now: dict[str, Any]) -> None:
    del now["optional"]["overlap"]


def _narrow_a_range(now: dict[str, Any]) -> None:
    now["required"]["seed"][1]["max"] = 8


def _make_a_widget_optional(now: dict[str, Any]) -> None:
    now["optional"]["method"] = now["required"].pop("method")


def _require_what_was_optional(now: dict[str, Any]) -> None:
    now["required"]["overlap"] = now["optional"].pop("overlap")


def _change_a_default(now: dict[str, Any]) -> None:
    now["optional"]["overlap"][1]["default"] = "first wins"


def _make_a_widget_a_socket(now: dict[str, Any]) -> None:
    now["required"]["seed"][1]["forceInput"] = True


def _drop_the_seeds_second_widget(now: dict[str, Any]) -> None:
    del now["required"]["seed"][1]["control_after_generate"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_insert_a_widget, "the node: its widgets"),
        (_add_a_widget_to_an_option, "method.MICE has a new widget"),
        (_add_a_required_input, "mask is new and required"),
        (_lose_a_value, "overlap lost its value 'shared'"),
        (_lose_an_option, "method lost its value 'IID'"),
        (_lose_an_input, "overlap is gone"),
        (_narrow_a_range, "seed: its max 9 became 8"),
        (_make_a_widget_optional, "the node: its widgets"),
        (_require_what_was_optional, "overlap was optional, and is required"),
        (_change_a_default, "overlap may be left out, and its default None changed"),
        (_make_a_widget_a_socket, "the node: its widgets"),
        (_drop_the_seeds_second_widget, "the node: its widgets"),
    ],
)
def test_what_would_break_saved_workflows_is_named(change: Any, reason: str) -> None:
    now = deepcopy(WAS)
    change(now)
    assert any(sentence.startswith(reason) for sentence in changed(now)), changed(now)


def test_outputs_stay_where_they_are() -> None:
    assert changed(WAS, ("STRING", "BIAS")) == ["the outputs ['BIAS'] became ['STRING', 'BIAS']"]
