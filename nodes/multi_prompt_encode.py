"""Multi-Prompt Encode: every prompt through the text encoder alone, spans in the conditioning."""

from typing import Any

from comfy_api.latest import io

from ..host.text import encode_regions
from ..mask_ops.regions import InstanceRegion
from .inputs.regions import require_regions
from .inputs.sockets import CATEGORY, Regions

REAL, FIXED = "real tokens", "fixed"


class MultiPromptEncode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditMultiPromptEncode",
            display_name="Multi-Prompt Encode",
            category=CATEGORY,
            description="Encodes the global prompt and every region's instruction one by one. Use "
            "it instead of CLIP Text Encode; the conditioning carries the regions to the model.",
            search_aliases=["CLIP text encode", "multi prompt", "regional prompt"],
            inputs=[
                io.Clip.Input(
                    "clip",
                    tooltip="The model's own text encoder: FLUX's, LongCat-Image's, Ovis-Image's "
                    "or Chroma's.",
                ),
                Regions.Input(
                    "regions",
                    tooltip="The instances whose instructions are encoded. Build Disentangled Bias "
                    "gets the same, or none.",
                ),
                io.String.Input(
                    "global_prompt",
                    multiline=True,
                    dynamic_prompts=True,
                    default="",
                    tooltip="What the background may read: the picture as a whole, or nothing. "
                    "Empty is neutral. It also gives FLUX.1's pooled vector.",
                ),
                io.DynamicCombo.Input(
                    "text_length",
                    tooltip="Tokens kept per prompt. 'real tokens' (neutral) drops the padding, so "
                    "cost grows with the words only.",
                    options=[
                        io.DynamicCombo.Option(REAL, []),
                        io.DynamicCombo.Option(
                            FIXED,
                            [
                                io.Int.Input(
                                    "length",
                                    default=200,
                                    min=1,
                                    max=4096,
                                    tooltip="Tokens per prompt, padding included; longer prompts "
                                    "are cut. IDAttn's released code keeps 200.",
                                )
                            ],
                        ),
                    ],
                ),
            ],
            outputs=[io.Conditioning.Output()],
        )

    @classmethod
    def execute(
        cls,
        clip: Any,
        regions: tuple[InstanceRegion, ...],
        global_prompt: str,
        text_length: dict[str, Any],
    ) -> io.NodeOutput:
        regions = require_regions(regions)
        length = text_length["length"] if text_length["text_length"] == FIXED else None
        return io.NodeOutput(encode_regions(clip, regions, global_prompt, length))
