"""Save Regions: regions become a file."""

from comfy_api.latest import io, ui

from ..host.folders import SAVED, save_text_file
from ..mask_ops.drawn_regions import drawn_of
from ..mask_ops.regions import InstanceRegion
from ..mask_ops.regions_json import write_regions_json
from .inputs.regions import require_regions
from .inputs.sockets import CATEGORY, Regions


class SaveRegions(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditSaveRegions",
            display_name="Save Regions",
            category=f"{CATEGORY}/regions",
            description="Writes regions to a JSON file of the output folder, masks and all. Load "
            "Regions and Instance Canvas read it.",
            search_aliases=["export regions", "regions to JSON", "store masks"],
            is_output_node=True,
            inputs=[
                Regions.Input("regions", tooltip="The instances to write."),
                io.String.Input(
                    "filename_prefix",
                    default=f"{SAVED}/instances",
                    tooltip="Folder and start of the file's name in the output folder, as in Save "
                    f"Image; a number comes behind it. Load Regions lists '{SAVED}' (neutral).",
                ),
            ],
            outputs=[
                Regions.Output(display_name="regions", tooltip="The same regions."),
                io.String.Output(
                    display_name="json", tooltip="What was written; Instance Canvas takes it."
                ),
            ],
        )

    @classmethod
    def execute(cls, regions: tuple[InstanceRegion, ...], filename_prefix: str) -> io.NodeOutput:
        regions = require_regions(regions)
        text = write_regions_json(drawn_of(regions))
        saved = save_text_file(filename_prefix, text, ".json", "Save Regions: 'filename_prefix'")
        said = f"{len(regions)} instance(s) saved as {saved} in the output folder."
        return io.NodeOutput(regions, text, ui=ui.PreviewText(said))
