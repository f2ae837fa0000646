"""The forms in which nodes, detectors and vision models hand boxes round, as raw boxes."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from .box_entries import (
    LISTED,
    NAMED,
    PIXELS,
    TOLD_BY,
    WORDS,
    has_words,
    label_of,
    numbers_of,
    one_box,
    outline_error,
    plain,
)
from .box_faults import read_all, untold_error
from .box_instances import instance_boxes, is_regions_json
from .dialects import Dialect, RawBox

COLUMNS = (("bboxes", "labels"), ("quad_boxes", "labels"), ("bboxes", "bboxes_labels"))
"""Florence-2: all boxes, then all labels; pixels."""
WRAPPERS = (
    *("elements", "objects", "detections", "instances", "predictions", "results", "regions"),
    *("bounding_boxes", "bboxes", "boxes"),
)
MOST = 2000


class Segment(Protocol):
    """One of Impact Pack's SEGS."""

    bbox: Any
    label: Any


def gather_boxes(data: object) -> list[RawBox]:
    """All boxes of one picture, in order.

    Raises:
        ValueError: no form that is known, several frames, very many boxes, or instructions for
            some of them only.
    """
    data = plain(data)
    items = _items(data)
    if len(items) > MOST:
        raise ValueError(
            f"{len(items)} boxes came in, more than {MOST}: pick those of the things that are "
            "edited."
        )
    if any(has_words(item, WORDS[:1]) for item in items):
        untold = [i + 1 for i, item in enumerate(items) if not has_words(item, TOLD_BY)]
        if untold:
            raise untold_error(untold)
    return read_all(items, one_box)


def _items(data: object) -> list[object]:
    if isinstance(data, Mapping):
        return _of_mapping(cast(Mapping[str, Any], data))
    if not isinstance(data, Sequence) or isinstance(data, str):
        raise ValueError(
            f"boxes must be a box, a list of boxes or JSON, got {type(data).__name__}."
        )
    items = [plain(item) for item in cast(Sequence[object], data)]
    if _is_segs(items):
        height, width = cast(tuple[int, int], items[0])
        segments = cast(Sequence[Segment], items[1])
        numbers = [numbers_of(plain(seg.bbox), f"box {i + 1}") for i, seg in enumerate(segments)]
        return [
            RawBox(four, PIXELS, label_of(segment.label), size=(height, width))
            for four, segment in zip(numbers, segments, strict=True)
        ]
    if len(items) == 4 and all(isinstance(value, int | float | str) for value in items):
        return [items]
    if len(items) > 2 and all(_is_point(item) for item in items):
        raise outline_error("box 1", items)
    if items and all(_is_frame(item) for item in items):
        if len(items) > 1:
            _items(items[0])  # refuses outlines
            raise ValueError(
                f"boxes for one picture are needed, got boxes for {len(items)} frames. "
                "Pick one frame first."
            )
        return _items(items[0])
    if len(items) == 1 and isinstance(items[0], Mapping):
        return _items(cast(Mapping[str, Any], items[0]))
    return items


def _of_mapping(entry: Mapping[str, Any]) -> list[object]:
    """The boxes of an object that is one itself, has them in columns, or wraps a list of them."""
    if _is_box(entry):
        return [entry]
    if is_regions_json(entry):
        return list(instance_boxes(entry))
    for boxes, labels in COLUMNS:
        if boxes in entry and labels in entry:
            return _columns(entry[boxes], entry[labels], PIXELS)
    if "boxes" in entry and ("scores" in entry or "text_labels" in entry):
        return _tensors(entry)
    if "annotations" in entry:
        return _coco(entry)
    if len(entry) == 1:
        [(key, value)] = entry.items()
        if key in WRAPPERS or str(key).startswith("<"):
            return _items(plain(value))
    for key in WRAPPERS:
        if isinstance(entry.get(key), list | tuple):
            return _items(cast(object, entry[key]))
    return [entry]


def _is_box(entry: Mapping[str, Any]) -> bool:
    return any(key in entry for key, _ in LISTED) or any(
        all(key in entry for key in keys) for keys, _ in NAMED
    )


def _columns(boxes: object, labels: object, dialect: Dialect | None) -> list[object]:
    rows, words = _rows(boxes), _rows(labels)
    if len(rows) != len(words):
        raise ValueError(f"as many labels as boxes are needed, got {len(words)} for {len(rows)}.")
    return [
        RawBox(numbers_of(plain(row), f"box {i + 1}"), dialect, label_of(word))
        for i, (row, word) in enumerate(zip(rows, words, strict=True))
    ]


def _tensors(entry: Mapping[str, Any]) -> list[object]:
    """What torchvision and transformers give: pixels, or fractions where no size was told."""
    rows = _rows(entry["boxes"])
    labels = _rows(entry.get("text_labels") or entry.get("labels") or [""] * len(rows))
    read = _columns(rows, labels, PIXELS)
    raws = cast(list[RawBox], read)
    if raws and all(abs(number) <= 1 for raw in raws for number in raw.numbers):
        return [raw._replace(dialect=None) for raw in raws]
    return read


def _coco(entry: Mapping[str, Any]) -> list[object]:
    notes = cast(list[Mapping[str, Any]], _rows(entry["annotations"]))
    if len({note.get("image_id") for note in notes}) > 1:
        raise ValueError("boxes for one picture are needed, got COCO annotations of several.")
    categories = cast(list[Mapping[str, Any]], _rows(entry.get("categories", [])))
    names = {each.get("id"): each.get("name", "") for each in categories}
    return [{"label": names.get(note.get("category_id"), ""), **note} for note in notes]


def _rows(values: object) -> list[Any]:
    values = plain(values)
    if not isinstance(values, list | tuple):
        raise ValueError(f"a list of boxes or labels is needed, got {type(values).__name__}.")
    return list(cast(Sequence[Any], values))


def _is_segs(items: list[object]) -> bool:
    """Impact Pack: ((height, width), segments)."""
    if len(items) != 2 or not all(isinstance(item, list | tuple) for item in items):
        return False
    size, segments = cast(list[Sequence[object]], items)
    return [type(side) for side in size] == [int, int] and all(
        hasattr(segment, "bbox") and hasattr(segment, "crop_region") for segment in segments
    )


def _is_point(item: object) -> bool:
    """Two numbers: a corner of an outline."""
    return (
        isinstance(item, list | tuple)
        and len(cast(Sequence[object], item)) == 2
        and all(isinstance(value, int | float) for value in cast(Sequence[object], item))
    )


def _is_frame(item: object) -> bool:
    if not isinstance(item, Sequence) or isinstance(item, str):
        return False
    return all(isinstance(value, Mapping | list | tuple) for value in cast(Sequence[object], item))
