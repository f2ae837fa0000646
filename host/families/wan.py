"""Wan 2.1, 2.2 and Bernini-R: the picture attends to itself, then to the text."""

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from ...attention.tokens import TokenLayout
from ..call import ModelCall
from .core_class import is_made_by
from .cross import CrossAttention
from .family import Stream, image_order

UNKNOWN = ("clip_fea", "reference_latent", "time_dim_concat")
"""Conditions that add tokens whose place nobody has looked for."""


class Wan(CrossAttention):
    name = "Wan"

    def owns(self, model: Any) -> bool:
        own = type(model).__name__ == "WanModel"  # others add streams, adapters and references
        return own and is_made_by(model, "comfy.ldm.wan.model", "WanModel")

    def heads(self, model: Any) -> tuple[int, int]:
        return model.num_heads, model.dim // model.num_heads

    def patch(self, model: Any) -> int:
        return model.patch_size[-1]

    def references(self, call: ModelCall) -> Sequence[Tensor]:
        unknown = [name for name in UNKNOWN if call.extras.get(name) is not None]
        if unknown:
            raise ValueError(
                f"Wan's {', '.join(unknown)} cannot be used with instance attention: nobody has "
                "looked where its tokens stand. Remove the node that adds it to the conditioning."
            )
        return call.extras.get("context_latents") or ()

    def streams(
        self, call: ModelCall, layout: TokenLayout, text: Sequence[int]
    ) -> Iterable[Stream]:
        yield Stream(("blocks.*.cross_attn.[kv]", "text_embedding.*"), tuple(text))
        image = image_order(layout, [call.x, *self.references(call)])
        attention = ("blocks.*.self_attn.[qkvo]", "blocks.*.cross_attn.[qo]")
        yield Stream((*attention, "blocks.*.ffn.*", "head.head"), image)
