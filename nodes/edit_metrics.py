"""Edit Metrics: what an edit did to its instances and to everything else, in numbers."""

from typing import Any

from comfy_api.latest import io

from ..evaluation.metrics import CHANGE_THRESHOLD
from ..evaluation.report import edit_report
from ..mask_ops.picture_batch import masks_per_picture, shared_batch
from ..mask_ops.regions import InstanceRegion
from ..mask_ops.validate import other_shapes
from .inputs.regions import require_regions
from .inputs.sockets import CATEGORY, Regions


class EditMetrics(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditMetrics",
            display_name="Edit Metrics",
            category=f"{CATEGORY}/look",
            description="Measures an edit: how much the background changed (MAE_B, SSIM_B) and "
            "how many instances changed at all (AR). Connect 'report' to Preview as Text.",
            search_aliases=["MAE", "SSIM", "evaluate", "compare images", "benchmark"],
            inputs=[
                io.Image.Input(
                    "source", tooltip="The picture before the edit, as large as the result."
                ),
                io.Image.Input("result", tooltip="The picture after the edit, or a batch."),
                Regions.Input("regions", tooltip="The instances that were edited."),
                io.Float.Input(
                    "threshold",
                    default=CHANGE_THRESHOLD,
                    min=0.0,
                    max=255.0,
                    step=0.5,
                    tooltip="An instance counts as edited (AR) when its pixels change by more "
                    "than this on average, 0 to 255. The papers publish none: state yours. "
                    "0 counts any change.",
                ),
                io.Int.Input(
                    "margin",
                    default=0,
                    min=0,
                    max=1024,
                    tooltip="Pixels around the regions that do not count as background, for "
                    "edits that may grow a little. 0 is neutral.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="report"),
                io.Float.Output(display_name="MAE_B", tooltip="0 to 255; 0: nothing changed."),
                io.Float.Output(display_name="SSIM_B", tooltip="1: nothing changed."),
                io.Float.Output(display_name="AR", tooltip="Share of the instances edited, 0-1."),
            ],
        )

    @classmethod
    def execute(
        cls,
        source: Any,
        result: Any,
        regions: tuple[InstanceRegion, ...],
        threshold: float,
        margin: int,
    ) -> io.NodeOutput:
        regions = require_regions(regions)
        shared_batch(regions, source=len(source), result=len(result))
        before, after = (image[..., :3].movedim(-1, 1).float() for image in (source, result))
        size = (after.shape[2], after.shape[3])
        masks = masks_per_picture(regions, size)
        instructions = [region.instruction for region in regions]
        report = edit_report(before, after, masks, instructions, threshold, margin)
        text = "\n".join([report.text, *other_shapes(regions, size)])
        return io.NodeOutput(text, report.mae_b, report.ssim_b, report.changed)
