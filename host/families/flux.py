"""FLUX.1 (Kontext, dev, schnell, Fill ..), FLUX.2 (klein, dev)."""

from typing import Any

from .family import JointAttention

FLUX2_TEXT_TOKENS = 512
"""Core pads FLUX.2's text on its left up to this many tokens, in the model's conditions."""


class Flux(JointAttention):
    name = "FLUX"

    def owns(self, model: Any) -> bool:
        from comfy.ldm.flux.model import Flux as FluxModel

        return isinstance(model, FluxModel)

    def padded_to(self, model: Any) -> int:
        return FLUX2_TEXT_TOKENS if model.params.global_modulation else 0

    def text_positions(self, model: Any) -> bool:
        return bool(model.params.txt_ids_dims)
