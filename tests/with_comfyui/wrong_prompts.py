"""Prompts as no front end makes them, and what a server says to them."""

from __future__ import annotations

import copy
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import cache
from typing import Any

from hypothesis import strategies as st

from instance_edit.tools.comfy_server import ComfyServer
from instance_edit.tools.load_pack import ROOT

Workflow = dict[str, dict[str, Any]]
LIMIT_S = 120.0
API = ROOT / "workflows" / "api"
DEMOS = ("first_edit", "foi_find_and_edit", "iid_find_and_edit", "turns_chained")
# A list of a text and a number is a link. A link to an output that is not there kills core's
# worker, and so does one whose number is a fraction: none of these is such a list.
VALUES: list[Any] = [
    *(None, True, False, -1, 0, 1, 2.5, 2**31, 2**63, 2**70, -(2**70), 1e308, -1e308, 1e-320),
    *(float("nan"), float("inf"), float("-inf")),
    *(
        "",
        " ",
        "\u0000",
        "\ud800",
        "\u202e\U0001f408",
        "x" * 20_000,
        "{a|b}",
        "(((",
        "[word",
        "a\r\nb",
    ),
    *("[", "[]", "{}", "null", "1e999", "[1,2,3]", "[[0,0,1e400,1]]", "[[NaN,0,10,10]]", '["a"]'),
    *(
        '[{"x":0,"y":0,"width":-5,"height":3}]',
        '{"bbox":5}',
        '{"bbox":[1,2,3]}',
        "[[[]]]",
        "[true]",
    ),
    *(
        "[" * 3000 + "]" * 3000,
        '{"a":' * 3000,
        "mice 0-",
        "mice 9999999999-99999999999",
        "dis 0-18",
    ),
    *(
        "mice 0%-0.0001%",
        "off 0-57",
        "mice 5-3,mice 1-2",
        "../../etc/passwd",
        "MICE",
        "IDAttn",
        "on",
    ),
    *([], {}, [[]], [1, 2, 3], {"a": {"b": [1, 2]}}, {"__value__": [1]}, {"__value__": [[]]}),
]
NAMES = [
    "foo",
    "mask",
    "box",
    "image",
    "boxes",
    "turn",
    "clip",
    "method",
    "method.epsilon",
    "regions",
]
RAW = (  # what Python says by itself: no sentence for a user
    *(
        "not enough values",
        "too many values",
        "could not convert",
        "invalid literal",
        "math domain",
    ),
    *("cannot convert", "must be real", "unhashable", "object has no attribute", "Expecting"),
    *("expected a Tensor", "dimension", "Exceeds the limit", "codec can't"),
)

CYCLE = "graph.DependencyCycleError"  # core's own word for a node that waits for itself


@dataclass(frozen=True)
class Outcome:
    """How a prompt ended: "refused" before it ran, "error" with its node and text, or "done"."""

    ended: str
    node: str = ""
    kind: str = ""
    said: str = ""


@cache
def demo_text(name: str) -> str:
    """A workflow's file, read once, so that every draw starts from the same."""
    return (API / f"{name}.json").read_text(encoding="utf-8")


def demo(name: str) -> Workflow:
    """A shipped workflow of the miniature, as cheap as it gets."""
    workflow: Workflow = json.loads(demo_text(name))
    for node in workflow.values():
        if node["class_type"] in ("KSampler", "BasicScheduler"):
            node["inputs"]["steps"] = 1 if node["class_type"] == "KSampler" else 3
    return workflow


def ours(workflow: Workflow) -> list[str]:
    """The pack's nodes in a workflow."""
    return sorted(
        k for k, node in workflow.items() if node["class_type"].startswith("InstanceEdit")
    )


@st.composite
def wrong_prompts(draw: st.DrawFn) -> Workflow:
    """A demo of which one or two inputs of our nodes are changed, left out, added or linked."""
    workflow = copy.deepcopy(demo(draw(st.sampled_from(DEMOS))))
    for _ in range(draw(st.integers(1, 2))):
        inputs = workflow[draw(st.sampled_from(ours(workflow)))]["inputs"]
        names = sorted(inputs) or NAMES
        how = draw(st.sampled_from(["change", "change", "change", "leave out", "add", "link"]))
        name = draw(st.sampled_from(NAMES if how == "add" else names))
        if how == "leave out":
            inputs.pop(name, None)
        elif how == "link":
            inputs[name] = [draw(st.sampled_from(ours(workflow))), 0]
        else:
            inputs[name] = copy.deepcopy(draw(st.sampled_from(VALUES)))
    return workflow


def outcome(server: ComfyServer, workflow: Workflow) -> Outcome:
    """Post a prompt, wait for its end."""
    body = json.dumps({"prompt": workflow}).encode()
    request = urllib.request.Request(server.client.url + "/prompt", body)
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            prompt = json.loads(answer.read())["prompt_id"]
    except urllib.error.HTTPError as refusal:
        return Outcome("refused", kind=str(refusal.code), said=refusal.read().decode())
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        history = json.loads(server.client.get(f"/history/{prompt}"))
        if prompt in history:
            return _ended(history[prompt]["status"])
        time.sleep(0.01)
    return Outcome("hangs")


def _ended(status: dict[str, Any]) -> Outcome:
    for event, data in status["messages"]:
        if event == "execution_error":
            said = str(data["exception_message"]).strip()
            return Outcome("error", data["node_type"], data["exception_type"], said)
    return Outcome("done" if status["status_str"] == "success" else "broken")


def assert_clear(found: Outcome) -> None:
    """Refused by ComfyUI, done, or an error of ours that is a sentence."""
    assert found.ended in ("refused", "error", "done"), found
    if found.ended == "refused":
        assert found.kind == "400", found
    if found.ended == "error" and found.kind != CYCLE:
        assert found.kind == "ValueError" and found.said.rstrip().endswith((".", ")")), found
        assert not any(raw in found.said for raw in RAW), found
