"""Ovis-Image: FLUX's blocks with gated feed-forward layers and normalised text; text to image."""

from typing import Any

from .flux import Flux


class Ovis(Flux):
    name = "Ovis-Image"

    def owns(self, model: Any) -> bool:
        return super().owns(model) and model.params.yak_mlp
