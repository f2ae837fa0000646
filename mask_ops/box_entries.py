"""One box as an object or a list of numbers, as a raw box."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from .dialects import Change, Dialect, RawBox

PIXELS, FRACTIONS = Dialect("xyxy", "pixels"), Dialect("xyxy", "0..1")
CORNER_SIZE = Dialect("xywh", "pixels")
GEMINI = Dialect("yxyx", "0..1000")
COCO = {"category_id", "image_id", "iscrowd"}
ROBOFLOW = {"class", "confidence"}
LABEL_STUDIO = "rectanglelabels"
OUTLINES = ("polygon", "polygons", "points", "segmentation")
"""Keys of outlines, which are no boxes."""
NAMED: tuple[tuple[tuple[str, ...], Dialect], ...] = (
    (("x", "y", "width", "height"), CORNER_SIZE),
    (("x", "y", "w", "h"), CORNER_SIZE),
    (("left", "top", "width", "height"), CORNER_SIZE),
    (("left", "top", "right", "bottom"), PIXELS),
    (("x1", "y1", "x2", "y2"), PIXELS),
    (("xmin", "ymin", "xmax", "ymax"), PIXELS),
    (("x_min", "y_min", "x_max", "y_max"), PIXELS),
)
"""Keys that name every number; their units are pixels unless the user says otherwise."""
LISTED: tuple[tuple[str, Dialect | None], ...] = (
    ("box_2d", GEMINI),
    ("xyxy", PIXELS),
    ("xyxyn", FRACTIONS),
    ("bbox_2d", None),
    ("bbox", None),
    ("box", None),
    ("bounding_box", None),
    ("quad_box", PIXELS),
)
"""Keys of a list of numbers, and what they alone say of it. Qwen writes ``bbox_2d`` in pixels of
the picture as it scaled it, or in thousandths, by its version."""
TOLD_BY = ("instruction", "desc", "text")
WORDS = (
    *(*TOLD_BY, "label"),
    *("description", "caption", "phrase", "name", "class_name", "class"),
)
CHANGES = (("old", "new"), ("old_text", "new_text"), ("source", "target"))
"""Names of a text in the picture and of what it shall become."""
FORMS = (
    "{x, y, width, height} or [x1, y1, x2, y2] in pixels, an element of Create Bounding Boxes, "
    "{box_2d: [..]}, {bbox_2d: [..]} or {bbox: [..]}"
)


def plain(data: object) -> object:
    """Arrays and tensors as lists; what a detector's object calls ``xyxy``, as pixels."""
    if hasattr(data, "tolist"):
        return cast(Any, data).tolist()
    corners = getattr(data, "xyxy", None)
    if corners is not None and not isinstance(data, Mapping):
        return {"bboxes": plain(corners), "labels": [""] * len(corners)}
    return cast(object, data)


def one_box(item: object, name: str) -> RawBox:
    """A box of any form that stands for one, or that was read before.

    Raises:
        ValueError: another form, with the box's name, e.g. ``box 2``.
    """
    if isinstance(item, RawBox):
        return item
    if isinstance(item, Mapping):
        entry = cast(Mapping[str, Any], item)
        raw = _entry(entry, name)
        return raw if raw.text else raw._replace(change=_change(entry, name))
    if isinstance(item, Sequence) and not isinstance(item, str):
        return RawBox(numbers_of(cast(object, item), name), PIXELS)
    raise ValueError(f"{name} must be {FORMS}, got {_short(item)}.")


def _entry(entry: Mapping[str, Any], name: str) -> RawBox:
    unit = entry.get("unit", entry.get("units"))
    if LABEL_STUDIO in entry or str(unit).lower() in ("%", "percent", "percentage"):
        raise percent_error(name, entry)
    for keys, dialect in NAMED:
        if all(key in entry for key in keys):
            centred = keys[0] == "x" and entry.keys() >= ROBOFLOW
            numbers = numbers_of([entry[key] for key in keys], name)
            return RawBox(numbers, None if centred else dialect, _text(entry), not centred)
    for key, dialect in LISTED:
        if key in entry:
            inner = plain(entry[key])
            if isinstance(inner, Mapping):
                found = _entry(cast(Mapping[str, Any], inner), name)
                return found._replace(text=_text(entry) or found.text)
            return _listed(entry, key, numbers_of(inner, name), dialect)
    if any(key in entry for key in OUTLINES):
        raise outline_error(name, entry)
    raise ValueError(f"{name} must be {FORMS}, got {_short(entry)}.")


def _listed(
    entry: Mapping[str, Any], key: str, numbers: tuple[float, ...], dialect: Dialect | None
) -> RawBox:
    if len(numbers) > 4:  # corners of a quadrangle, x before y; fractions where none is above 1
        dialect = FRACTIONS if max(map(abs, numbers)) <= 1 else PIXELS
    elif key == "bbox" and entry.get("type") in ("obj", "text"):
        dialect = GEMINI  # an element of core's Create Bounding Boxes
    elif key == "bbox" and entry.keys() & COCO:
        dialect = CORNER_SIZE
    return RawBox(numbers, dialect, _text(entry))


def numbers_of(values: object, name: str) -> tuple[float, ...]:
    """Four numbers, or the eight of a quadrangle; corners in pairs may be two or more.

    Raises:
        ValueError: anything else.
    """
    wrong = ValueError(f"{name} must have four numbers, got {_short(values)}.")
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise wrong
    items = list(cast(Sequence[Any], values))
    if any(isinstance(item, str) and item.strip().endswith("%") for item in items):
        raise percent_error(name, items)
    counts = (4, 8)
    pairs = cast(list[Sequence[Any]], [item for item in items if isinstance(item, list | tuple)])
    if pairs and len(pairs) == len(items) and all(len(pair) == 2 for pair in pairs):
        items = [value for pair in pairs for value in pair]
        counts = range(4, len(items) + 1)
    try:
        found = tuple(_number(item) for item in items)
    except (TypeError, ValueError) as error:
        raise wrong from error
    if len(found) not in counts:
        raise wrong
    return found


def _number(value: Any) -> float:
    if isinstance(value, bool) or value is None:
        raise TypeError
    return float(value)


def percent_error(name: str, value: object) -> ValueError:
    """The error of a box in percent."""
    return ValueError(
        f"{name} must have four numbers, not percent, got {_short(value)}. Divide them by 100, "
        "leave the unit away, and choose a dialect that ends with '0..1'."
    )


def outline_error(name: str, value: object) -> ValueError:
    """The error of an outline in a box's place."""
    return ValueError(
        f"{name} is an outline (polygon), not a box: {_short(value)}. Make a mask of it and use "
        "Instance Regions from Masks, or give the four numbers of the box around it."
    )


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 120 else shown[:117] + "..."


def label_of(value: object) -> str:
    """Words that came with a box, without Florence-2's end mark; "" for anything else."""
    return value.replace("</s>", "").strip() if isinstance(value, str) else ""


def has_words(item: object, keys: Sequence[str]) -> bool:
    """Whether a box has words under one of these keys."""
    return isinstance(item, Mapping) and bool(_words(cast(Mapping[str, Any], item), keys))


def _text(entry: Mapping[str, Any]) -> str:
    """The words of a box: its instruction, else its description, text, label and the like."""
    return _words(entry, WORDS)


def _change(entry: Mapping[str, Any], name: str) -> Change | None:
    """What a box says of a text in it; None for nothing.

    Raises:
        ValueError: one of both texts is empty or no text.
    """
    for keys in CHANGES:
        if all(key in entry for key in keys):
            old, new = (entry[key] for key in keys)
            if not all(isinstance(text, str) and text.strip() for text in (old, new)):
                raise ValueError(
                    f"{name} must have a text in {keys[0]!r} and in {keys[1]!r}, got {old!r} and "
                    f"{new!r}. To take a text away, write an 'instruction' for its box."
                )
            return Change(old.strip(), new.strip())
    return None


def _words(entry: Mapping[str, Any], keys: Sequence[str]) -> str:
    """What the first of these keys says, in the entry or in its metadata."""
    metadata = entry.get("metadata")
    sources = [entry]
    if isinstance(metadata, Mapping):
        sources.append(cast(Mapping[str, Any], metadata))
    for key in keys:
        for source in sources:
            if isinstance(source.get(key), str) and source[key].strip():
                return label_of(source[key])
    return ""
