"""Load Regions: regions from a file."""

from typing import Any

from comfy_api.latest import io

from ..host.folders import digest, fault_of, find_file, read_text_file, regions_files
from ..mask_ops.drawn_regions import regions_of
from ..mask_ops.regions import InstanceRegion, join_regions
from ..mask_ops.regions_json import read_regions_json
from .inputs.regions import regions_input, require_regions
from .inputs.sockets import CATEGORY, Regions

FILE = ("Load Regions: 'file'", "a JSON file")
"""What ``find_file`` is told."""


class LoadRegions(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditLoadRegions",
            display_name="Load Regions",
            category=f"{CATEGORY}/regions",
            description="Reads the regions of a JSON file that Save Regions wrote, or that keeps "
            "what was drawn on Instance Canvas.",
            search_aliases=["import regions", "regions from JSON", "read masks"],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=["", *regions_files()],
                    default="",
                    image_folder=io.FolderType.input,
                    tooltip="A file of the input folder, or one that Save Regions wrote to the "
                    "output folder.",
                ),
                regions_input(),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="The picture that the regions lie on now, whose pixels drawn shapes "
                    "get. Not connected (neutral): the size that the file remembers.",
                ),
            ],
            outputs=[
                Regions.Output(display_name="regions"),
                io.String.Output(
                    display_name="json", tooltip="What was read; Instance Canvas takes it."
                ),
            ],
        )

    @classmethod
    def validate_inputs(cls, file: str | None) -> bool | str:
        if file is None:  # it comes by a link, and is not known yet
            return True
        return fault_of(find_file, file, *FILE) or True

    @classmethod
    def fingerprint_inputs(cls, file: str | None, **_: Any) -> str:
        if file is None or fault_of(find_file, file, *FILE):
            return ""
        return digest(find_file(file, *FILE))

    @classmethod
    def execute(
        cls, file: str, regions: tuple[InstanceRegion, ...] = (), image: Any = None
    ) -> io.NodeOutput:
        text = read_text_file(file, *FILE)
        size = None if image is None else (image.shape[1], image.shape[2])
        loaded = require_regions(regions_of(read_regions_json(text, file), file, size))
        return io.NodeOutput(join_regions(regions, loaded), text)
