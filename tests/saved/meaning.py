"""Whether two prompts in API format ask ComfyUI for the same."""

from __future__ import annotations

import logging
from typing import Any

Prompt = dict[str, dict[str, Any]]
Definition = dict[str, Any]
Input = tuple[Any, dict[str, Any]]

log = logging.getLogger(__name__)
NOTHING = object()


def means_the_same(saved: Prompt, now: Prompt, object_info: dict[str, Definition]) -> bool:
    """Whether `now` asks for what `saved` asked for; each difference is logged.

    The nodes and their links are the same, every saved input has its saved value, and an input
    that came later has the default that `object_info` declares. Titles are no part of the meaning.
    """
    found = differences(saved, now, object_info)
    for difference in found:
        log.error("%s", difference)
    return not found


def differences(saved: Prompt, now: Prompt, object_info: dict[str, Definition]) -> list[str]:
    """What `now` asks for otherwise than `saved`, a sentence each."""
    found = [f"node {key} is gone" for key in saved.keys() - now.keys()]
    found += [f"node {key} was not there" for key in now.keys() - saved.keys()]
    for key in saved.keys() & now.keys():
        was, kind = saved[key], now[key]["class_type"]
        if was["class_type"] != kind:
            found.append(f"node {key} is a {kind}, not a {was['class_type']}")
        elif kind not in object_info:
            found.append(f"node {key} is a {kind}, which ComfyUI does not know")
        else:
            changes = _changed_inputs(was["inputs"], now[key]["inputs"], object_info[kind])
            found += [f"node {key} ({kind}): {change}" for change in changes]
    return found


def _changed_inputs(
    saved: dict[str, Any], now: dict[str, Any], definition: Definition
) -> list[str]:
    found = []
    for name in [*saved, *(name for name in now if name not in saved)]:
        wanted = saved[name] if name in saved else default_of(find_input(definition, name, now))
        if name not in now:
            found.append(f"{name} is gone")
        elif wanted is NOTHING:
            found.append(f"{name} was not there and has no default")
        elif now[name] != wanted:
            found.append(f"{name} is {now[name]!r}, not {wanted!r}")
    return found


def find_input(definition: Definition, name: str, values: dict[str, Any]) -> Input | None:
    """Type and details of an input as /object_info declares it; None where it declares none.

    `method.kernel_size` is an input of the option that `values["method"]` chooses.
    """
    declared = definition["input"]
    parts = name.split(".")
    for depth, part in enumerate(parts, start=1):
        spec = {**declared.get("required", {}), **declared.get("optional", {})}.get(part)
        if spec is None:
            return None
        kind, details = spec[0], (spec[1] if len(spec) > 1 else {})
        if depth == len(parts):
            return kind, details
        chosen = values.get(".".join(parts[:depth]))
        options = details.get("options", [])
        declared = next((o["inputs"] for o in options if o["key"] == chosen), {})
    return None


def default_of(found: Input | None) -> Any:
    """The declared default; a combo without one stands at its first value, others at NOTHING."""
    if found is None:
        return NOTHING
    kind, details = found
    if "default" in details:
        return details["default"]
    options = kind if isinstance(kind, list) else details.get("options")
    if not options:
        return NOTHING
    return options[0]["key"] if isinstance(options[0], dict) else options[0]
