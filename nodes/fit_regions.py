"""Fit Regions: regions that follow their picture through a crop, a stretch, a border or a tile."""

from typing import Any, cast

from comfy_api.latest import io, ui
from torch import Tensor

from ..mask_ops.fit import Fit, Size, fit_regions
from ..mask_ops.regions import InstanceRegion
from .inputs.regions import require_regions
from .inputs.sockets import CATEGORY, Regions

LARGEST = 16384


class FitRegions(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditFitRegions",
            display_name="Fit Regions",
            category=f"{CATEGORY}/regions",
            description="Moves regions to where they are after their picture was cropped, "
            "stretched, padded or cut into tiles. Put it behind FluxKontextImageScale, which "
            "crops, so that masks painted on the whole picture stay on their objects.",
            search_aliases=["crop mask", "resize mask", "tile", "upscale", "Kontext scale"],
            inputs=[
                Regions.Input("regions", tooltip="Regions of the picture before."),
                io.Image.Input(
                    "after",
                    optional=True,
                    tooltip="The picture as it is edited, or the tile. Not connected: its size is "
                    "width and height below.",
                ),
                io.Image.Input(
                    "before",
                    optional=True,
                    tooltip="The picture that the regions were drawn on. Not connected (neutral): "
                    "the size that the regions remember.",
                ),
                io.DynamicCombo.Input(
                    "how",
                    tooltip="What was done to the picture. 'centre crop': FluxKontextImageScale, "
                    "and scaling with crop 'center'. 'stretch' (neutral): scaling without a crop. "
                    "'pad': scaled to fit and centred on a border. 'tile': a part was cut out.",
                    options=[
                        io.DynamicCombo.Option("centre crop", []),
                        io.DynamicCombo.Option("stretch", []),
                        io.DynamicCombo.Option("pad", []),
                        io.DynamicCombo.Option("tile", [_offset("x"), _offset("y")]),
                    ],
                ),
                _side("width"),
                _side("height"),
            ],
            outputs=[
                Regions.Output(display_name="regions"),
                io.String.Output(display_name="report", tooltip="What was done, in words."),
            ],
        )

    @classmethod
    def execute(
        cls,
        regions: tuple[InstanceRegion, ...],
        how: dict[str, Any],
        width: int,
        height: int,
        after: Any = None,
        before: Any = None,
    ) -> io.NodeOutput:
        regions = require_regions(regions)
        way = cast(Fit, how["how"])
        offset = (how["y"], how["x"]) if way == "tile" else (0, 0)
        old = remembered_size(regions) if before is None else picture_size(before)
        new = asked_size(width, height) if after is None else picture_size(after)
        fitted = fit_regions(regions, old, new, way, offset)
        report = describe(regions, fitted, old, new, way)
        return io.NodeOutput(fitted, report, ui=ui.PreviewText(report))


def _offset(name: str) -> io.Input:
    return io.Int.Input(
        name,
        default=0,
        min=-LARGEST,
        max=LARGEST,
        tooltip=f"The tile's {name} in the picture before, in pixels. 0 is neutral; below 0 the "
        "tile has a border.",
    )


def _side(name: str) -> io.Input:
    return io.Int.Input(
        name,
        default=0,
        min=0,
        max=LARGEST,
        tooltip=f"{name.capitalize()} in pixels of the picture after, if 'after' is not connected. "
        "0 is neutral: 'after' says it.",
    )


def picture_size(image: Tensor) -> Size:
    """(H, W) of an IMAGE."""
    return image.shape[1], image.shape[2]


def asked_size(width: int, height: int) -> Size:
    """(H, W) as typed in.

    Raises:
        ValueError: nothing was typed in.
    """
    if not width or not height:
        raise ValueError(
            "the size of the picture after is needed: connect 'after', or set width and height."
        )
    return height, width


def remembered_size(regions: tuple[InstanceRegion, ...]) -> Size:
    """(H, W) of the picture that the regions were drawn on.

    Raises:
        ValueError: none of them knows, or they know different ones.
    """
    sizes = {region.size for region in regions if region.size is not None}
    if len(sizes) != 1:
        known = ", ".join(f"{size[1]} x {size[0]}" for size in sorted(sizes)) or "none"
        raise ValueError(
            f"the size of the picture before is needed (the regions know {known}): connect "
            "'before', the picture that they were drawn on."
        )
    return sizes.pop()


def describe(
    regions: tuple[InstanceRegion, ...],
    fitted: tuple[InstanceRegion, ...],
    before: Size,
    after: Size,
    how: Fit,
) -> str:
    """What was done, and what was left out."""
    lines = [
        f"{len(fitted)} of {len(regions)} region(s) fitted from {before[1]} x {before[0]} to "
        f"{after[1]} x {after[0]} pixels ({how})."
    ]
    if len(fitted) < len(regions):
        lines.append("The others do not reach into the tile.")
    if any(region.reference_masks is not None for region in fitted):
        lines.append("Masks for reference images stay as they are: those are other pictures.")
    return " ".join(lines)
