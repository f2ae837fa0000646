"""Inputs that the region nodes share, and the check of those that need regions."""

from collections.abc import Sequence

from comfy_api.latest import io

from ...mask_ops.boxes import Box
from ...mask_ops.dialects import AS_LABELLED, DIALECTS
from ...mask_ops.regions import InstanceRegion
from .sockets import Regions

BOX_TYPES = [
    *(io.BoundingBox, io.Custom("ARRAY"), io.String),
    *(io.Custom(name) for name in ("BBOX", "SEGS", "JSON", "LIST", "DICT")),
]
"""What a box may come as: core's types, then those of KJNodes, Impact Pack, Florence2."""
EVERYWHERE = Box(0.0, 0.0, 1.0, 1.0)


def require_regions(regions: Sequence[InstanceRegion]) -> tuple[InstanceRegion, ...]:
    """The regions; refuse to go on without any.

    Raises:
        ValueError: no regions.
    """
    if not regions:
        raise ValueError("no regions came in: add at least one Instance Region.")
    return tuple(regions)


def regions_input() -> io.Input:
    """Chain input: regions from before."""
    return Regions.Input(
        "regions",
        optional=True,
        tooltip="Regions to add to. Not connected (neutral): this is the first.",
    )


def strength_input() -> io.Input:
    """Per-instance strength."""
    return io.Float.Input(
        "strength",
        default=1.0,
        min=0.0,
        max=10.0,
        step=0.05,
        tooltip="How much the instance listens to its instruction: multiplies that attention. "
        "1 is neutral, 0 hides the instruction, above 1 insists.",
    )


def fraction_input(name: str, default: float, tooltip: str) -> io.Input:
    """One end of a steps window, as a fraction of the sampling."""
    return io.Float.Input(
        name, default=default, min=0.0, max=1.0, step=0.01, advanced=True, tooltip=tooltip
    )


def start_input() -> io.Input:
    """Start of the steps window."""
    return fraction_input(
        "start",
        0.0,
        "Fraction of the sampling at which it begins to take part; before, the place is "
        "background. 0 is neutral.",
    )


def end_input() -> io.Input:
    """End of the steps window."""
    return fraction_input(
        "end",
        1.0,
        "Fraction of the sampling at which it stops taking part; after, the place is "
        "background. 1 is neutral.",
    )


def dialect_input() -> io.WidgetInput:
    """How the numbers of a box are meant."""
    return io.Combo.Input(
        "dialect",
        options=list(DIALECTS),
        default=AS_LABELLED,
        optional=True,
        tooltip="Order and units of the four numbers. 'as labelled' (neutral) reads what says it "
        "itself: core's boxes, 'elements', SEGS, Florence-2, box_2d (Gemini), plain lists as xyxy "
        "pixels; it refuses what may mean several things. Qwen2.5-VL: xyxy pixels (of the picture "
        "as it scaled it). Qwen3-VL: xyxy 0..1000. cxcywh: centre and size.",
    )


def grow_input() -> io.WidgetInput:
    """How much wider the region becomes."""
    return io.Int.Input(
        "grow",
        default=0,
        min=0,
        max=512,
        optional=True,
        tooltip="Pixels of the picture by which the region becomes wider on every side, for a new "
        "subject that is larger than the old one. 0 is neutral. The previews show it.",
    )
