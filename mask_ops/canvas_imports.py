"""What comes into a canvas by its sockets, as drawn instances that it can take over."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from .drawn_regions import drawn_of
from .fit import Size
from .masks import check_mask, mask_planes
from .png import write_png
from .read_boxes import parse_boxes
from .regions import InstanceRegion
from .regions_json import DrawnInstance, DrawnRegions
from .shapes import BoxShape, Painted

NO_DIALECT = (
    "The canvas reads boxes as they are labelled; to choose a dialect, put Instance Regions from "
    "Boxes between, and connect its regions."
)


def imported_masks(masks: Tensor) -> tuple[DrawnInstance, ...]:
    """One instance per mask of a batch (N, H, W), stretched over the picture.

    Raises:
        ValueError: no masks, or an empty one.
    """
    planes = mask_planes(masks, "'masks'")
    return tuple(
        DrawnInstance(
            "",
            (Painted("add", write_png(check_mask(mask, f"'masks', mask {n} of {len(planes)}"))),),
            id=f"masks-{n}",
        )
        for n, mask in enumerate(planes, start=1)
    )


def imported_boxes(boxes: object, size: Size) -> tuple[DrawnInstance, ...]:
    """One instance per box, with the text that came with it.

    Args:
        boxes: as ``parse_boxes`` reads them.
        size: (H, W) of the picture.

    Raises:
        ValueError: see ``parse_boxes``; says which node has a dialect to choose.
    """
    try:
        found = parse_boxes(boxes, size[1], size[0])
    except ValueError as fault:
        raise ValueError(f"'boxes': {fault} {NO_DIALECT}") from fault
    return tuple(
        DrawnInstance(one.text, (BoxShape("add", one.box),), id=f"boxes-{n}")
        for n, one in enumerate(found, start=1)
    )


def imported_regions(regions: Sequence[InstanceRegion]) -> tuple[DrawnInstance, ...]:
    """One instance per region; see ``drawn_of``."""
    return drawn_of(regions, "regions-").instances


def with_imported(drawn: DrawnRegions, imported: Sequence[DrawnInstance]) -> DrawnRegions:
    """The drawn instances, and behind them what came in and was not taken over: by its id."""
    known = {one.id for one in drawn.instances}
    added = tuple(one for one in imported if one.id not in known)
    return replace(drawn, instances=(*drawn.instances, *added))
