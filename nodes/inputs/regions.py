"""Inputs that the region nodes share, and the check of those that need regions."""

from collections.abc import Sequence

from comfy_api.latest import io

from ...mask_ops.boxes import Box
from ...mask_ops.regions import InstanceRegion
from .sockets import Regions

BOX_TYPES = [io.BoundingBox, io.Custom("ARRAY"), io.String]
"""What a box may come as."""
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
