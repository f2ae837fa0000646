"""Boxes of the versioned regions JSON, the schema that Instance Canvas writes."""

from collections.abc import Mapping
from typing import Any, cast

from .box_entries import FRACTIONS, numbers_of
from .box_faults import read_all
from .dialects import RawBox
from .json_fields import INSTANCE
from .regions_json import VERSION

WORDS_AND_PLACE = {"id", "instruction", "label", "shapes"}
NEUTRAL = {key: field.default for key, field in INSTANCE.items() if key not in WORDS_AND_PLACE}
"""What an instance has beside its words and shapes, with the values that change nothing here."""
CANVAS = "Instance Canvas reads it."


def is_regions_json(entry: Mapping[str, Any]) -> bool:
    """Whether an object is the versioned regions JSON."""
    return "version" in entry and "instances" in entry


def instance_boxes(entry: Mapping[str, Any]) -> list[RawBox]:
    """One box per instance, in fractions of the picture, with its instruction.

    Raises:
        ValueError: another version, or an instance that is more than a box and an instruction.
    """
    if entry["version"] != VERSION:
        raise ValueError(
            f"regions JSON must have version {VERSION}, got {entry['version']!r}: it is from a "
            "newer Instance Edit. Update the pack."
        )
    instances = entry["instances"]
    if not isinstance(instances, list):
        raise ValueError(
            f"'instances' of regions JSON must be a list, got {type(instances).__name__}."
        )
    return read_all(cast(list[object], instances), _instance_box)


def _instance_box(item: object, name: str) -> RawBox:
    if not isinstance(item, Mapping):
        raise ValueError(f"{name} must be an object with 'instruction' and 'shapes', got {item!r}.")
    instance = cast(Mapping[str, Any], item)
    text = instance.get("instruction")
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{name} must have an 'instruction' in words, got {text!r}.")
    if unknown := sorted(instance.keys() - INSTANCE.keys()):
        raise ValueError(f"{name} has {unknown}, which regions JSON does not know. Remove it.")
    for key, neutral in NEUTRAL.items():
        if instance.get(key, neutral) not in (neutral, None):
            raise ValueError(f"{name} has {key} = {instance[key]!r}, not read here. {CANVAS}")
    return RawBox(_numbers(instance.get("shapes"), name), FRACTIONS, text.strip())


def _numbers(shapes: object, name: str) -> tuple[float, ...]:
    """The numbers of the one box that an instance's shapes are."""
    listed = cast(list[object], shapes) if isinstance(shapes, list) else []
    alone = len(listed) == 1 and isinstance(listed[0], Mapping)
    shape = cast(Mapping[str, Any], listed[0] if alone else {})
    if shape.get("kind") != "box" or shape.get("op", "add") != "add":
        raise ValueError(
            f"{name} must have one shape, {{'kind': 'box', 'op': 'add', 'box': [..]}}, got "
            f"{repr(listed)[:80]}. {CANVAS}"
        )
    return numbers_of(shape.get("box"), name)
