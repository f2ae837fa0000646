"""Instance Region: one region with its instruction."""

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..mask_ops import regions as placed
from ..mask_ops.dialects import AS_LABELLED
from ..mask_ops.naming import about_instance
from ..mask_ops.read_boxes import LabelledBox, parse_boxes
from .inputs.regions import (
    BOX_TYPES,
    dialect_input,
    end_input,
    grow_input,
    regions_input,
    start_input,
    strength_input,
)
from .inputs.sockets import CATEGORY, Regions


class InstanceRegion(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditRegion",
            display_name="Instance Region",
            category=f"{CATEGORY}/regions",
            description="One instance: where it is (a mask or a box) and what shall happen to it. "
            "Chain several to edit several instances at once.",
            search_aliases=[
                "regional",
                "regional prompt",
                "inpaint many",
                "edit many objects",
                "multi edit",
                "MICE",
                "IDAttn",
                "mask prompt",
            ],
            inputs=[
                regions_input(),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where the instance is, painted on the picture that is edited. "
                    "Connect a mask or a box. White is inside. A batch of masks: one for each "
                    "picture of a batch; an empty one leaves the instance out of that picture.",
                ),
                io.MultiType.Input(
                    io.String.Input("box", optional=True, force_input=True),
                    BOX_TYPES,
                    optional=True,
                    tooltip="Where the instance is, as one box; one in pixels counts those of "
                    "'image'. Connect a mask or a box. Masks are more exact.",
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="The picture the box was drawn on; needed with a box, for its size.",
                ),
                io.String.Input(
                    "instruction",
                    multiline=True,
                    dynamic_prompts=True,
                    default="",
                    tooltip="What shall happen to this instance, e.g. 'replace the cat with a red "
                    "fox'. Only the tokens inside the region read it.",
                ),
                strength_input(),
                start_input(),
                end_input(),
                io.Int.Input(
                    "reference",
                    default=0,
                    min=0,
                    max=64,
                    advanced=True,
                    tooltip="Number of the reference image (in the order of the Reference Latent "
                    "nodes) that shows this instance's new subject and is for it alone. "
                    "0 (neutral): every reference shows the scene.",
                ),
                io.Mask.Input(
                    "reference_masks",
                    optional=True,
                    advanced=True,
                    tooltip="Where the instance is in each reference image, one mask per "
                    "reference. Not connected (neutral): at the same place as in the result.",
                ),
                grow_input(),
                dialect_input(),
            ],
            outputs=[Regions.Output(display_name="regions")],
        )

    @classmethod
    def execute(
        cls,
        instruction: str,
        strength: float,
        start: float,
        end: float,
        reference: int,
        regions: tuple[placed.InstanceRegion, ...] = (),
        mask: Any = None,
        box: Any = None,
        image: Any = None,
        reference_masks: Any = None,
        grow: int = 0,
        dialect: str = AS_LABELLED,
    ) -> io.NodeOutput:
        with about_instance(len(regions) + 1, instruction):
            drawn = None if box is None else only_box(box, image, dialect)
            region = placed.InstanceRegion(
                instruction=instruction.strip(),
                mask=mask,
                box=None if drawn is None else drawn.box,
                strength=strength,
                start=start,
                end=end,
                reference=reference - 1 if reference else None,
                reference_masks=reference_masks,
                size=None if drawn is None else drawn.size or tuple(image.shape[1:3]),
            ).grown(grow)
        return io.NodeOutput(placed.join_regions(regions, [region]))


def only_box(boxes: Any, image: Tensor | None, dialect: str = AS_LABELLED) -> LabelledBox:
    """The one box that came in, as fractions of the picture that it was drawn on.

    Args:
        boxes: in any form that ``parse_boxes`` reads.
        image: (B, H, W, C), that picture.

    Raises:
        ValueError: no picture, or another number of boxes than one.
    """
    if image is None:
        raise ValueError("a box needs 'image', the picture it was drawn on, for its size.")
    found = parse_boxes(boxes, image.shape[2], image.shape[1], dialect)
    if len(found) != 1:
        raise ValueError(
            f"Instance Region takes one box, got {len(found)}. Use Instance Regions from Boxes for "
            "several."
        )
    return found[0]
