"""Load Training Folder: pictures, what they shall become, and their regions, as lists."""

from typing import Any

from comfy_api.latest import io

from ..host.folders import fault_of, find_folder, folder_state, input_folders
from ..mask_ops.training_folder import FORM, find_samples, read_sample
from .inputs.sockets import CATEGORY, Regions

WHERE = "Load Training Folder: 'folder'"
"""What ``find_folder`` is told."""


class LoadTrainingFolder(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditLoadTrainingFolder",
            display_name="Load Training Folder",
            category=f"{CATEGORY}/regions",
            description="Reads the samples of a folder for Train LoRA: lists of pictures, edited "
            "pictures and regions, so that every sample is trained with its own regions.",
            search_aliases=["training data", "data set", "dataset", "train LoRA", "fine-tune"],
            inputs=[
                io.Combo.Input(
                    "folder",
                    options=["", *input_folders()],
                    default="",
                    tooltip=f"A folder of the input folder with {FORM} for each sample. Empty "
                    "(neutral): none is chosen yet.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="image",
                    is_output_list=True,
                    tooltip="The pictures, cropped to multiples of 16 pixels: to Multi-Prompt "
                    "Encode's 'image'.",
                ),
                io.Image.Output(
                    display_name="edited",
                    is_output_list=True,
                    tooltip="What they shall become, cropped alike: to VAE Encode, then to Train "
                    "LoRA's 'latents'.",
                ),
                Regions.Output(
                    display_name="regions",
                    is_output_list=True,
                    tooltip="The regions of each: to Multi-Prompt Encode.",
                ),
            ],
        )

    @classmethod
    def validate_inputs(cls, folder: str | None) -> bool | str:
        if folder is None:  # it comes by a link, and is not known yet
            return True
        return fault_of(find_folder, folder, WHERE, FORM) or True

    @classmethod
    def fingerprint_inputs(cls, folder: str | None, **_: Any) -> str:
        if folder is None or fault_of(find_folder, folder, WHERE, FORM):
            return ""
        return folder_state(find_folder(folder, WHERE, FORM))

    @classmethod
    def execute(cls, folder: str) -> io.NodeOutput:
        samples = [read_sample(one) for one in find_samples(find_folder(folder, WHERE, FORM))]
        return io.NodeOutput(
            [sample.picture for sample in samples],
            [sample.edited for sample in samples],
            [sample.regions for sample in samples],
        )
