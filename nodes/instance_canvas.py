"""Instance Canvas: instances drawn on the picture, kept as one text."""

from typing import Any

from comfy_api.latest import io, ui
from torch import Tensor

from ..host.folders import (
    digest,
    fault_of,
    find_file,
    input_pictures,
    load_picture,
    view_of,
)
from ..host.picture import missing_output
from ..mask_ops.canvas_imports import (
    imported_boxes,
    imported_masks,
    imported_regions,
    with_imported,
)
from ..mask_ops.drawn_regions import drawn_size, pixel_masks, regions_of, taking_part
from ..mask_ops.fit import Size
from ..mask_ops.regions import InstanceRegion
from ..mask_ops.regions_json import (
    EMPTY,
    DrawnInstance,
    DrawnRegions,
    instance_as_json,
    read_regions_json,
)
from ..pictures.marks import to_image, to_picture
from ..pictures.regions import draw_places
from .inputs.intermediate import intermediate_output
from .inputs.regions import BOX_TYPES
from .inputs.sockets import CATEGORY, Regions

NAME = "Instance Canvas"
PICTURE = (f"{NAME}: 'picture'", "an image file")
"""What ``find_file`` is told."""


class InstanceCanvas(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditCanvas",
            display_name=NAME,
            category=f"{CATEGORY}/regions",
            description="Draw every instance on the picture and write what shall happen there. "
            "Without the canvas in the browser, the text is JSON that can be written by hand.",
            search_aliases=[
                "draw regions",
                "mask editor",
                "lasso",
                "regional prompt",
                "inpaint many",
                "multi edit",
                "edit many objects",
                "kontext",
                "klein",
                "qwen",
            ],
            inputs=[
                io.String.Input(
                    "canvas",
                    multiline=True,
                    default=EMPTY,
                    tooltip="What is drawn, as JSON: instances with their instruction and shapes, "
                    "in fractions of the picture. The help page says how it is written. No "
                    "instances is neutral.",
                ),
                io.Combo.Input(
                    "picture",
                    options=["", *input_pictures()],
                    default="",
                    optional=True,
                    upload=io.UploadType.image,
                    image_folder=io.FolderType.input,
                    tooltip="The picture that is drawn on, if 'image' is not connected. Empty is "
                    "neutral.",
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="The picture that is drawn on. Not connected (neutral): 'picture'.",
                ),
                io.Mask.Input(
                    "masks",
                    optional=True,
                    tooltip="Masks of a detector, e.g. SAM 3: each becomes an instance behind the "
                    "drawn ones. Not connected is neutral.",
                ),
                io.MultiType.Input(
                    io.String.Input("boxes", optional=True, force_input=True),
                    BOX_TYPES,
                    optional=True,
                    tooltip="Boxes of a detector or vision model: each becomes an instance behind "
                    "the drawn ones, with the text that came along. Not connected is neutral.",
                ),
                Regions.Input(
                    "regions",
                    optional=True,
                    tooltip="Regions of other nodes: each becomes an instance behind the drawn "
                    "ones. Not connected is neutral.",
                ),
            ],
            outputs=[
                Regions.Output(display_name="regions"),
                io.Image.Output(display_name="image", tooltip="The picture that was drawn on."),
                io.Mask.Output(display_name="masks", tooltip="One mask per instance."),
                io.Image.Output(
                    display_name="overview", tooltip="The picture with every instance on it."
                ),
            ],
            **intermediate_output(),
        )

    @classmethod
    def validate_inputs(cls, picture: str = "") -> bool | str:
        return not picture or fault_of(find_file, picture, *PICTURE) or True

    @classmethod
    def fingerprint_inputs(cls, picture: str = "", **_: Any) -> str:
        if not picture or fault_of(find_file, picture, *PICTURE):
            return ""
        return digest(find_file(picture, *PICTURE))

    @classmethod
    def execute(
        cls,
        canvas: str,
        picture: str = "",
        image: Tensor | None = None,
        masks: Any = None,
        boxes: Any = None,
        regions: tuple[InstanceRegion, ...] | None = None,
    ) -> io.NodeOutput:
        drawn = read_regions_json(canvas, "the canvas")
        shown = None if image is not None or not picture else view_of(picture)
        if image is None and picture:
            find_file(picture, *PICTURE)
            image = load_picture(picture)
        size = drawn_size(drawn) if image is None else (image.shape[1], image.shape[2])
        imported = imports(masks, boxes, regions, size)
        whole = with_imported(drawn, imported)
        size = size or drawn_size(whole)
        placed = regions_of(whole, "the canvas", size, imported)
        if image is not None and shown is None:
            shown = dict(ui.PreviewImage(image[:1], cls=cls).as_dict()["images"][0])
        said = {
            "picture": shown,
            "size": None if size is None else list(size),
            "imported": [instance_as_json(one) for one in imported],
        }
        outputs = given_outputs(placed, whole, image, size)
        return io.NodeOutput(placed, *outputs, ui={"instance_edit_canvas": [said]})


def imports(
    masks: Any, boxes: Any, regions: tuple[InstanceRegion, ...] | None, size: Size | None
) -> tuple[DrawnInstance, ...]:
    """What came in by the sockets, as instances.

    Raises:
        ValueError: boxes for a picture of unknown size, or what the canvas cannot hold.
    """
    if boxes is not None and size is None:
        raise ValueError("'boxes' need the picture that they lie on: connect 'image'.")
    return (
        *(() if masks is None else imported_masks(masks)),
        *(() if boxes is None or size is None else imported_boxes(boxes, size)),
        *(() if regions is None else imported_regions(regions)),
    )


def given_outputs(
    regions: tuple[InstanceRegion, ...],
    drawn: DrawnRegions,
    image: Tensor | None,
    size: Size | None,
) -> tuple[Any, Any, Any]:
    """Image, masks and overview; what cannot be given says why to whoever uses it."""
    remedy = "connect 'image', or choose a picture"
    masks: Any = missing_output(NAME, "masks", remedy if regions else "draw an instance")
    if regions and size is not None:
        masks = pixel_masks(regions, size)
    if image is None:
        return (
            missing_output(NAME, "image", remedy),
            masks,
            missing_output(NAME, "overview", remedy),
        )
    colours = [one.color for one in taking_part(drawn)]
    return image, masks, to_image(draw_places(to_picture(image[0]), regions, chosen=colours))
