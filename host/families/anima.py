"""Anima: the picture attends to itself, then to the text, which an adapter makes of each prompt."""

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from ...attention.tokens import TokenLayout
from ..call import ModelCall
from .core_class import is_made_by
from .cross import CrossAttention
from .family import Stream, image_order


class Anima(CrossAttention):
    name = "Anima"

    def owns(self, model: Any) -> bool:
        return is_made_by(model, "comfy.ldm.anima.model", "Anima")

    def heads(self, model: Any) -> tuple[int, int]:
        return model.num_heads, model.model_channels // model.num_heads

    def patch(self, model: Any) -> int:
        return model.patch_spatial

    def drops_references(self, model: Any) -> bool:
        return True

    def references(self, call: ModelCall) -> Sequence[Tensor]:
        return ()

    def streams(
        self, call: ModelCall, layout: TokenLayout, text: Sequence[int]
    ) -> Iterable[Stream]:
        yield Stream(("blocks.*.cross_attn.[kv]_proj",), tuple(text))
        image = image_order(layout, [call.x])
        attention = ("blocks.*.self_attn.*_proj", "blocks.*.cross_attn.*_proj")
        yield Stream((*attention, "blocks.*.mlp.*"), image)
