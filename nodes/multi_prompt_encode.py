"""Multi-Prompt Encode: every prompt through the text encoder alone, spans in the conditioning."""

from typing import Any, get_args

from comfy_api.latest import io
from torch import Tensor

from ..host.multi_prompt import encode_regions, has_references, seen_pictures, with_values
from ..host.multi_prompt import global_prompt as encode_global
from ..host.picture import Fit, Picture, encode_picture, fit_picture, missing_output
from ..host.text import TextLength
from ..mask_ops.regions import InstanceRegion
from .inputs.regions import require_regions
from .inputs.sockets import CATEGORY, Regions

TEXT_ONLY = "text only"


class MultiPromptEncode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditMultiPromptEncode",
            display_name="Multi-Prompt Encode",
            category=f"{CATEGORY}/methods",
            description="Encodes the global prompt and every region's instruction one by one. Use "
            "it instead of CLIP Text Encode; the conditioning carries the regions to the model.",
            search_aliases=[
                "CLIP text encode",
                "multi prompt",
                "regional prompt",
                "kontext",
                "klein",
            ],
            inputs=[
                io.Clip.Input(
                    "clip",
                    tooltip="The model's own text encoder: FLUX's, Qwen-Image's, LongCat-Image's, "
                    "Chroma's and so on.",
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
                    tooltip="What is kept of every instruction, each at the text positions that it "
                    "has alone. 'real tokens' (neutral) drops the padding, so cost grows with the "
                    "words only; 'as core' keeps all that core's own encode gives; 'running "
                    "positions' lets the positions run on from prompt to prompt.",
                    options=[
                        io.DynamicCombo.Option("real tokens", []),
                        io.DynamicCombo.Option(
                            "fixed",
                            [
                                io.Int.Input(
                                    "length",
                                    default=200,
                                    min=1,
                                    max=4096,
                                    tooltip="Tokens per instruction, padding included; longer ones "
                                    "are cut. IDAttn's released code keeps 200.",
                                )
                            ],
                        ),
                        io.DynamicCombo.Option("as core", []),
                        io.DynamicCombo.Option("running positions", []),
                    ],
                ),
                *more_inputs(),
            ],
            outputs=[
                io.Conditioning.Output(),
                io.Conditioning.Output(display_name="negative"),
                io.Latent.Output(display_name="latent"),
                io.Image.Output(display_name="image"),
            ],
        )

    @classmethod
    def execute(
        cls,
        clip: Any,
        regions: tuple[InstanceRegion, ...],
        global_prompt: str,
        text_length: dict[str, Any],
        negative: str = "",
        guidance: float = 0.0,
        fit: Fit = "multiple of 16",
        conditioning: Any = None,
        vae: Any = None,
        image: Tensor | None = None,
        grounding: str = TEXT_ONLY,
        image1: Tensor | None = None,
        image2: Tensor | None = None,
        image3: Tensor | None = None,
    ) -> io.NodeOutput:
        if (vae is None) != (image is None):
            raise ValueError(
                "'image' and 'vae' belong together: connect both, or neither and add the picture "
                "with Reference Latent."
            )
        regions = require_regions(regions)
        needed = "connect 'image' and 'vae' to it"
        latent: Any = missing_output("Multi-Prompt Encode", "latent", needed)
        fitted: Any = missing_output("Multi-Prompt Encode", "image", needed)
        if image is not None:
            fitted, regions = fit_picture(vae, Picture(image, regions), fit)
            latent = encode_picture(vae, fitted)
        images = (image1, image2, image3)
        edits = image is not None or has_references(conditioning)
        pictures = seen_pictures(clip, regions, images, grounding != TEXT_ONLY, edits)
        world = encode_global(clip, global_prompt, conditioning, pictures)
        how = TextLength(text_length["text_length"], text_length.get("length", 0))
        made = encode_regions(clip, regions, world, negative, how, global_prompt, pictures)
        reference = None if image is None else latent["samples"]
        return io.NodeOutput(*with_values(made, reference, guidance), latent, fitted)


def more_inputs() -> list[io.Input]:
    """What came after the first release; all of it may stay unused."""
    return [
        io.String.Input(
            "negative",
            multiline=True,
            dynamic_prompts=True,
            default="",
            optional=True,
            tooltip="What shall not be seen, for the output 'negative'; it works with CFG above 1, "
            "and with NAGuidance. Every instance gets it. Empty is neutral.",
        ),
        io.Float.Input(
            "guidance",
            default=0.0,
            min=0.0,
            max=100.0,
            step=0.1,
            optional=True,
            tooltip="The guidance of FLUX.1 and FLUX.2 dev, as FluxGuidance sets it. 0 (neutral) "
            "leaves it as it is.",
        ),
        io.Combo.Input(
            "fit",
            options=list(get_args(Fit)),
            default="multiple of 16",
            optional=True,
            tooltip="How 'image' and the regions with it are brought to a size for the model: "
            "scaled and cropped to one of Kontext's sizes, or cropped to whole tokens. 'off' is "
            "neutral: only what the VAE itself crops.",
        ),
        io.Conditioning.Input(
            "conditioning",
            optional=True,
            tooltip="The global prompt as another encode node made it, in place of the text. Not "
            "connected (neutral): the text.",
        ),
        io.Vae.Input(
            "vae",
            optional=True,
            tooltip="Encodes 'image'. Not connected (neutral): add the picture with Reference "
            "Latent.",
        ),
        io.Image.Input(
            "image",
            optional=True,
            tooltip="The picture that is edited: it becomes the first reference image, and the "
            "outputs 'latent' and 'image'. Not connected (neutral): add it with Reference Latent.",
        ),
        io.Combo.Input(
            "grounding",
            options=[TEXT_ONLY, "grounded"],
            default=TEXT_ONLY,
            optional=True,
            tooltip="How instructions are encoded for models whose text encoder sees pictures "
            "(Qwen-Image-Edit, MageFlow): as text alone (neutral), or together with the scene's "
            "pictures, of which the words have then read; the pictures' own tokens are left out.",
        ),
        *(
            io.Image.Input(
                f"image{n}",
                optional=True,
                tooltip=f"Reference image {n} for the text encoder, as TextEncodeQwenImageEditPlus "
                "gets it. One that belongs to an instance is read by that instance's prompt alone. "
                "Not connected (neutral): the encoder does not see it.",
            )
            for n in (1, 2, 3)
        ),
    ]
