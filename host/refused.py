"""Models of core that are not taken, most as no attention bias keeps instances apart on them."""

from typing import Any, NamedTuple

from .families.core_class import is_made_by


class Refused(NamedTuple):
    """A class of core, and why it is not taken.

    Attributes:
        module: in ``comfy.ldm``.
        reason: goes on after "is not taken: ".
    """

    module: str
    name: str
    model: str
    reason: str


REFUSED = (
    Refused(
        "hidream_o1.model",
        "HiDreamO1Transformer",
        "HiDream-O1",
        "its text tokens attend past ComfyUI's attention override, so every prompt reads all "
        "others there",
    ),
    Refused(
        "hunyuan_video.model",
        "HunyuanVideo",
        "HunyuanImage 2.1",
        "it averages all text into one vector that changes every token, so every instruction "
        "reaches every region past the attention",
    ),
    Refused(
        "ernie.model",
        "ErnieImageModel",
        "Ernie-Image",
        "its attention does not ask ComfyUI's attention override, so no bias can reach it",
    ),
    Refused(
        "pixart.pixartms",
        "PixArtMS",
        "PixArt",
        "its attention does not ask ComfyUI's attention override, so no bias can reach it",
    ),
    Refused(
        "hydit.models",
        "HunYuanDiT",
        "HunyuanDiT",
        "it pools all text into one vector that changes every token, and its attention does not "
        "ask ComfyUI's attention override",
    ),
    Refused(
        "chroma_radiance.model",
        "ChromaRadiance",
        "Chroma Radiance",
        "the convolution behind its blocks mixes neighbouring tokens, so instances show in each "
        "other at their edges",
    ),
    Refused(
        "modules.diffusionmodules.mmdit",
        "MMDiT",
        "Stable Diffusion 3",
        "the texts of three encoders stand behind each other in one sequence, in which no prompt "
        "has a place of its own, and it looks at no reference images",
    ),
    Refused(
        "lens.model",
        "LensTransformer2DModel",
        "Lens",
        "its text encoder's tokenizer comes with the weights alone, so that nothing could be "
        "tested here, and it looks at no reference images",
    ),
)


def refusal(model: Any) -> Refused | None:
    """What is known against a bare diffusion model; None for nothing."""
    return next(
        (one for one in REFUSED if is_made_by(model, f"comfy.ldm.{one.module}", one.name)), None
    )
