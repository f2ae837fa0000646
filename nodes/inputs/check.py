"""Every node's inputs are checked by its schema before it runs.

ComfyUI compares the types of links and the values of widgets. It lets values into sockets that a
hand-written workflow may hold, passes links on that a node has no input for, and cannot know what a
node of type "*" gives.
"""

import inspect
import reprlib
from collections.abc import Mapping
from functools import wraps
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ...mask_ops.json_fields import is_text
from .kinds import KINDS, is_number


def with_checked_inputs(node: type[io.ComfyNode]) -> type[io.ComfyNode]:
    """The node, whose ``execute`` from now on refuses wrong inputs with a ValueError first."""
    run = node.__dict__["execute"].__func__
    defaults = {
        name
        for name, parameter in inspect.signature(run).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }

    @wraps(run)
    def execute(cls: type[io.ComfyNode], **inputs: Any) -> io.NodeOutput:
        schema = node.GET_SCHEMA()  # of the class itself: ComfyUI locks the copies that it runs
        name = schema.display_name or schema.node_id
        refuse_wrong_inputs(name, schema.inputs, inputs, defaults)
        return run(cls, **inputs)

    setattr(node, "execute", classmethod(execute))  # noqa: B010  pyright knows its old type
    return node


def refuse_wrong_inputs(
    node: str, expected: list[io.Input], inputs: Mapping[str, Any], defaults: set[str]
) -> None:
    """Refuse inputs that are unknown, missing, or of another kind than the schema says.

    Args:
        defaults: names that need not come.

    Raises:
        ValueError: names the input, what it must be, what came and what to connect.
    """
    known = {item.id: item for item in expected}
    for name in inputs.keys() - known.keys():
        raise ValueError(f"{node} has no input '{name}': remove it. It has {', '.join(known)}.")
    for name, item in known.items():
        if name in inputs or name not in defaults:
            refuse_wrong_value(node, item, inputs.get(name))


def refuse_wrong_value(node: str, item: io.Input, value: Any, prefix: str = "") -> None:
    """Refuse one input's value if it is of another kind; see ``refuse_wrong_inputs``."""
    name = prefix + item.id
    if value is None and item.optional:
        return
    if value is None:
        raise ValueError(f"{node}: {name} is missing: it must be {wanted(item)}. {remedy(item)}")
    if isinstance(item, io.DynamicCombo.Input):
        refuse_wrong_choice(node, item, value)
    elif not holds(item, value):
        raise ValueError(
            f"{node}: '{name}' must be {wanted(item)}, got {came(value)}. {remedy(item)}"
        )


def refuse_wrong_choice(node: str, item: io.DynamicCombo.Input, value: Any) -> None:
    """Refuse a choice that is none, and wrong values of the inputs that it brings along."""
    options = {option.key: option for option in item.options}
    chosen = value.get(item.id) if isinstance(value, Mapping) else value
    if not isinstance(value, Mapping) or not isinstance(chosen, str) or chosen not in options:
        raise ValueError(
            f"{node}: '{item.id}' must be {wanted(item)}, got {came(chosen)}. {remedy(item)}"
        )
    known = {inner.id: inner for inner in options[chosen].inputs}
    for name in value.keys() - known.keys() - {item.id}:
        raise ValueError(
            f"{node}: '{item.id}' = {chosen} has no input '{name}': remove it. It has "
            f"{', '.join(known) or 'none'}."
        )
    for name, inner in known.items():
        refuse_wrong_value(node, inner, value.get(name), f"{item.id}.")


def holds(item: io.Input, value: Any) -> bool:
    """Whether the value is what the input takes; whether a file is there is for the node to say."""
    if isinstance(item, io.Combo.Input):
        return is_text(value) and (value in options_of(item) or item.image_folder is not None)
    fits = any(KINDS[name].holds(value) for name in item.get_io_type().split(","))
    if not fits or not isinstance(item, io.Int.Input | io.Float.Input):
        return fits
    low, high = item.min, item.max
    return (low is None or value >= low) and (high is None or value <= high)


def wanted(item: io.Input) -> str:
    """What the input takes, in words."""
    if isinstance(item, io.DynamicCombo.Input):
        return f"one of {', '.join(option.key for option in item.options)}"
    if isinstance(item, io.Combo.Input):
        return f"one of {', '.join(options_of(item)) or '(there is none to choose from)'}"
    words = " or ".join(dict.fromkeys(kind.must_be for kind in kinds_of(item)))
    if isinstance(item, io.Int.Input | io.Float.Input) and is_number(item.max):
        words += f" from {item.min} to {item.max}"
    return words


def remedy(item: io.Input) -> str:
    """What to do about a wrong value."""
    if isinstance(item, io.Combo.Input | io.DynamicCombo.Input):
        return "Choose one."
    return kinds_of(item)[-1].remedy


def kinds_of(item: io.Input) -> list[Any]:
    """The kinds that the input takes; several for one of many types."""
    return [KINDS[name] for name in item.get_io_type().split(",")]


def options_of(item: io.Combo.Input) -> list[str]:
    """A combo's options by their names."""
    return [str(option) for option in item.options or ()]


def came(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return f"{reprlib.repr(value)} ({type(value).__name__})"
