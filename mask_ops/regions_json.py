"""The regions' JSON, version 1: what Instance Canvas keeps, what Save and Load Regions share.

docs/regions_json.md describes it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from .boxes import Box
from .fit import Size
from .instance_lora import RegionLora
from .json_fields import FILE, INSTANCE, LORA, SHAPES, checked, shown
from .naming import instance_name
from .png import png_size
from .shapes import BoxShape, Painted, Polygon, Shape, Stroke

VERSION = 1
MOST_INSTANCES, MOST_POINTS = 1000, 100_000
EMPTY = '{"version": 1, "instances": []}'


@dataclass(frozen=True)
class DrawnInstance:
    """One instance as it was drawn; docs/regions_json.md says what each key means.

    Attributes:
        reference: 1-based number of the reference image that is its own; None for none.
        reference_masks: PNGs in base64, one per reference image.
        loras: what acts on its tokens alone.
    """

    instruction: str
    shapes: tuple[Shape, ...]
    id: str = ""
    label: str = ""
    color: str | None = None
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0
    grow: int = 0
    reference: int | None = None
    reference_masks: tuple[str, ...] = ()
    seed: int | None = None
    loras: tuple[RegionLora, ...] = ()
    hidden: bool = False
    locked: bool = False
    muted: bool = False

    @property
    def pngs(self) -> tuple[str, ...]:
        """The masks among its shapes."""
        return tuple(shape.png for shape in self.shapes if isinstance(shape, Painted))


@dataclass(frozen=True)
class DrawnRegions:
    """All instances, and (H, W) of the picture that they were drawn on; None: not known."""

    instances: tuple[DrawnInstance, ...]
    size: Size | None = None


def read_regions_json(text: str, name: str) -> DrawnRegions:
    """The instances that a text describes.

    Args:
        name: what the text is, for errors, e.g. ``the canvas``.

    Raises:
        ValueError: no JSON of this kind; says which instance, what is wrong and what to do.
    """
    try:
        data = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError) as broken:
        raise ValueError(
            f"{name} must hold JSON such as {EMPTY}, got {shown(text)} ({broken}). Paste a whole "
            "text as Instance Canvas or Save Regions writes it."
        ) from None
    if not isinstance(data, dict):
        raise ValueError(f"{name} must hold a JSON object such as {EMPTY}, got {shown(data)}.")
    return _read_file(cast(dict[str, Any], data), name)


def _read_file(data: Mapping[str, Any], name: str) -> DrawnRegions:
    version = data.get("version")
    if isinstance(version, int) and version > VERSION:
        raise ValueError(
            f"{name} has version {version}, and this Instance Edit reads version {VERSION}: "
            "update it."
        )
    file = checked(data, FILE, name)
    if version != VERSION:
        raise ValueError(f"{name}: 'version' must be {VERSION}, got {shown(version)}.")
    instances = cast(list[dict[str, Any]], file["instances"])
    if len(instances) > MOST_INSTANCES:
        raise ValueError(
            f"{name} may hold {MOST_INSTANCES} instances, got {len(instances)}: remove some."
        )
    read = tuple(_read_instance(one, n, name) for n, one in enumerate(instances, start=1))
    _refuse_doubled_ids(read, name)
    _refuse_many_points(read, name)
    return DrawnRegions(read, None if file["size"] is None else (file["size"][0], file["size"][1]))


def _read_instance(data: Mapping[str, Any], number: int, name: str) -> DrawnInstance:
    label = data.get("label")
    where = f"{name}, {instance_name(number, label if isinstance(label, str) else '')}"
    values = checked(data, INSTANCE, where)
    if not values["start"] < values["end"]:
        raise ValueError(
            f"{where}: 'start' must be below 'end', got {values['start']} to {values['end']}."
        )
    values["reference_masks"] = tuple(values["reference_masks"])
    loras = enumerate(cast(list[dict[str, Any]], values["loras"]), start=1)
    values["loras"] = tuple(_read_lora(one, f"{where}, LoRA {n}") for n, one in loras)
    for png in values["reference_masks"]:
        _check_png(png, f"{where}: a reference mask")
    shapes = enumerate(cast(list[dict[str, Any]], values["shapes"]), start=1)
    values["shapes"] = tuple(_read_shape(one, f"{where}, shape {n}") for n, one in shapes)
    return DrawnInstance(**values)


def _read_lora(data: Mapping[str, Any], where: str) -> RegionLora:
    return RegionLora(**checked(data, LORA, where))


def _read_shape(data: Mapping[str, Any], where: str) -> Shape:
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in SHAPES:
        raise ValueError(f"{where}: 'kind' must be one of {', '.join(SHAPES)}, got {shown(kind)}.")
    rest = {key: value for key, value in data.items() if key != "kind"}
    values = checked(rest, SHAPES[kind], f"{where} ({kind})")
    if kind == "box":
        return BoxShape(values["op"], Box(*map(float, values["box"])))
    if kind == "mask":
        _check_png(values["png"], f"{where}: 'png'")
        return Painted(values["op"], values["png"])
    points = tuple((float(x), float(y)) for x, y in values["points"])
    if kind == "polygon":
        return Polygon(values["op"], points)
    return Stroke(values["op"], points, float(values["radius"]))


def _check_png(png: str, where: str) -> None:
    try:
        png_size(png)
    except ValueError as wrong:
        raise ValueError(f"{where} {wrong}") from None


def _refuse_doubled_ids(instances: Sequence[DrawnInstance], name: str) -> None:
    seen: dict[str, int] = {}
    for n, one in enumerate(instances, start=1):
        if one.id and one.id in seen:
            raise ValueError(
                f"{name}: instances {seen[one.id]} and {n} have the same id {shown(one.id)}: give "
                "one of them another."
            )
        seen[one.id] = n


def _refuse_many_points(instances: Sequence[DrawnInstance], name: str) -> None:
    points = sum(
        len(shape.points)
        for one in instances
        for shape in one.shapes
        if isinstance(shape, Polygon | Stroke)
    )
    if points > MOST_POINTS:
        raise ValueError(
            f"{name} may hold {MOST_POINTS} points, got {points}: draw simpler shapes, or masks."
        )


def write_regions_json(regions: DrawnRegions) -> str:
    """The text of these instances, which ``read_regions_json`` reads back exactly."""
    return json.dumps(regions_as_json(regions), indent=1, ensure_ascii=False) + "\n"


def regions_as_json(regions: DrawnRegions) -> dict[str, Any]:
    """The file as an object for JSON."""
    return {
        "version": VERSION,
        "size": None if regions.size is None else list(regions.size),
        "instances": [instance_as_json(one) for one in regions.instances],
    }


def instance_as_json(one: DrawnInstance) -> dict[str, Any]:
    """An instance with all its keys, as an object for JSON."""
    values = {key: getattr(one, key) for key in INSTANCE}
    loras = [asdict(lora) for lora in one.loras]
    listed = {"reference_masks": list(one.reference_masks), "loras": loras}
    return {**values, **listed, "shapes": [_shape_as_json(shape) for shape in one.shapes]}


def _shape_as_json(shape: Shape) -> dict[str, Any]:
    if isinstance(shape, BoxShape):
        return {"kind": "box", "op": shape.op, "box": list(shape.box)}
    if isinstance(shape, Painted):
        return {"kind": "mask", "op": shape.op, "png": shape.png}
    points = [list[float](point) for point in shape.points]
    if isinstance(shape, Polygon):
        return {"kind": "polygon", "op": shape.op, "points": points}
    return {"kind": "stroke", "op": shape.op, "points": points, "radius": shape.radius}
