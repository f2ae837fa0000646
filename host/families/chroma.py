"""Chroma: FLUX's blocks without a pooled vector; text to image."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..call import ModelCall
from .family import JointAttention


class Chroma(JointAttention):
    name = "Chroma"

    def owns(self, model: Any) -> bool:
        from comfy.ldm.chroma.model import Chroma as ChromaModel

        return type(model) is ChromaModel  # Radiance's last convolution mixes neighbouring tokens

    def references(self, call: ModelCall) -> Sequence[Tensor]:
        if call.extras.get("ref_latents"):
            raise ValueError(
                "Chroma does not look at reference images: ComfyUI drops them without a word. "
                "Remove Reference Latent, or use a model that edits (FLUX.1 Kontext, FLUX.2)."
            )
        return ()

    def picture_positions(self, model: Any) -> bool:
        return False  # its forward asks no post_input patches
