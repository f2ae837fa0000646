"""Chroma: FLUX's blocks without a pooled vector; text to image."""

from typing import Any

from .family import JointAttention


class Chroma(JointAttention):
    name = "Chroma"

    def owns(self, model: Any) -> bool:
        from comfy.ldm.chroma.model import Chroma as ChromaModel

        return type(model) is ChromaModel  # Radiance's last convolution mixes neighbouring tokens

    def drops_references(self, model: Any) -> bool:
        return True

    def picture_positions(self, model: Any) -> bool:
        return False  # its forward asks no post_input patches
