"""What a saved workflow relies on in a node: its inputs in order, their values, its outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Input = dict[str, Any]
Node = dict[str, Any]

WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COMFY_DYNAMICCOMBO_V3")


def interface(info: dict[str, Any]) -> Node:
    """Inputs and output types of a node, from its entry in /object_info."""
    return {"inputs": _inputs(info["input"]), "outputs": list(info["output"])}


def _inputs(declared: dict[str, Any]) -> list[Input]:
    """All but the tooltips, in the front end's order: the required ones, then the optional ones."""
    found: list[Input] = []
    for part in ("required", "optional"):
        for name, (kind, *details) in declared.get(part, {}).items():
            known = {key: value for key, value in details[0].items() if key != "tooltip"}
            if kind == "COMFY_DYNAMICCOMBO_V3":
                known["options"] = [
                    {"key": option["key"], "inputs": _inputs(option["inputs"])}
                    for option in known["options"]
                ]
            found.append({"name": name, "type": kind, "required": part == "required", **known})
    return found


def broken(was: Node, now: Node) -> list[str]:
    """Why workflows saved with the node `was` would fail or differ with `now`, a sentence each."""
    found = list(_broken_inputs(was["inputs"], now["inputs"], ""))
    if now["outputs"][: len(was["outputs"])] != was["outputs"]:
        found.append(f"the outputs {was['outputs']} became {now['outputs']}")
    return found


def _broken_inputs(was: list[Input], now: list[Input], prefix: str) -> Iterator[str]:
    """Of one level; `prefix` is "" or the dynamic combo and its option, as in `method.MICE.`."""
    old, present = ({each["name"]: each for each in inputs} for inputs in (was, now))
    for name, each in present.items():
        if name not in old and each["required"]:
            yield f"{prefix}{name} is new and required: saved prompts do not have it"
    for name, each in old.items():
        if name in present:
            yield from _broken_input(each, present[name], prefix + name)
        else:
            yield f"{prefix}{name} is gone"
    for what in (widgets, sockets):
        before, after = what(was), what(now)
        if after[: len(before)] != before:
            yield f"{prefix or 'the node'}: its {what.__name__} {before} became {after}"


def _broken_input(was: Input, now: Input, name: str) -> Iterator[str]:
    if not set(was["type"].split(",")) <= set(now["type"].split(",")):
        yield f"{name} was {was['type']}, and is {now['type']}"
    if not was["required"]:
        if now["required"]:
            yield f"{name} was optional, and is required"
        if was.get("default") != now.get("default"):
            yield f"{name} may be left out, and its default {was.get('default')!r} changed"
    for limit, sign in (("min", 1), ("max", -1)):
        if limit in now and (limit not in was or sign * now[limit] > sign * was[limit]):
            yield f"{name}: its {limit} {was.get(limit)} became {now[limit]}"
    yield from _broken_options(was.get("options", []), now.get("options", []), name)


def _broken_options(was: list[Any], now: list[Any], name: str) -> Iterator[str]:
    """Values of a combo, or options of a dynamic one with inputs of their own."""
    old, present = (
        {each["key"]: each["inputs"] for each in options}
        if options and isinstance(options[0], dict)
        else dict.fromkeys(options, [])
        for options in (was, now)
    )
    for key, inputs in old.items():
        if key not in present:
            yield f"{name} lost its value {key!r}"
            continue
        yield from _broken_inputs(inputs, present[key], f"{name}.{key}.")
        if len(widgets(present[key])) > len(widgets(inputs)):
            yield f"{name}.{key} has a new widget, which moves the values of all that follow it"


def widgets(inputs: list[Input]) -> list[str]:
    """Names in the order in which a graph keeps their values, by position.

    A seed is followed by a second widget, which says what becomes of it after a run.
    """
    found = []
    for each in inputs:
        if _is_widget(each):
            found.append(each["name"])
            if each.get("control_after_generate"):
                found.append(f"{each['name']}, control after generate")
    return found


def sockets(inputs: list[Input]) -> list[str]:
    """Names of the inputs that are links only, in order."""
    return [each["name"] for each in inputs if not _is_widget(each)]


def _is_widget(each: Input) -> bool:
    return each["type"] in WIDGETS and not each.get("forceInput")
