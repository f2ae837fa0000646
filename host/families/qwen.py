"""Qwen-Image (Edit 2509 and 2511, Layered, FireRed) and MageFlow, which is built of its blocks.

The text's positions begin beside the picture and run on; a latent may have layers.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from ...attention.tokens import TokenLayout
from ..call import ModelCall
from .core_class import is_made_by
from .family import JointAttention, Norms, Stream, image_order


class QwenImage(JointAttention):
    name = "Qwen-Image"

    def owns(self, model: Any) -> bool:
        return is_made_by(model, "comfy.ldm.qwen_image.model", "QwenImageTransformer2DModel")

    def counts(self, model: Any) -> tuple[int, int]:
        return len(model.transformer_blocks), 0

    def blocks(self, model: Any) -> Sequence[Any]:
        return model.transformer_blocks

    def norms(self, model: Any) -> Sequence[Norms]:
        each = [block.attn for block in model.transformer_blocks]
        return [((a.norm_q, a.norm_added_q), (a.norm_k, a.norm_added_k)) for a in each]

    def heads(self, model: Any) -> tuple[int, int]:
        attention = model.transformer_blocks[0].attn
        return attention.heads, attention.dim_head

    def text_positions(self, model: Any) -> bool:
        return True

    def stands_by_length(self, model: Any) -> bool:
        return False  # text runs on from its beginning, and the picture stands apart

    def streams(
        self, call: ModelCall, layout: TokenLayout, text: Sequence[int]
    ) -> Iterable[Stream]:
        block = "transformer_blocks.*."
        words = (f"{block}attn.add_*", f"{block}attn.to_add_out", f"{block}txt_mlp.*", "txt_in")
        yield Stream(words, tuple(text))
        image = image_order(layout, [call.x, *self.references(call)])
        yield Stream((f"{block}attn.to_*", f"{block}img_mlp.*", "img_in", "proj_out"), image)


class MageFlow(QwenImage):
    name = "MageFlow"

    def owns(self, model: Any) -> bool:
        return is_made_by(model, "comfy.ldm.mage_flow.model", "MageFlowTransformer2DModel")

    def text_positions(self, model: Any) -> bool:
        return False  # all text has the position 0
