"""Qwen-Image (Edit 2509 and 2511, Layered, FireRed) and MageFlow, which is built of its blocks.

The text's positions begin beside the picture and run on; a latent may have layers.
"""

from collections.abc import Sequence
from typing import Any

from .core_class import is_made_by
from .family import JointAttention, Norms


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


class MageFlow(QwenImage):
    name = "MageFlow"

    def owns(self, model: Any) -> bool:
        return is_made_by(model, "comfy.ldm.mage_flow.model", "MageFlowTransformer2DModel")

    def text_positions(self, model: Any) -> bool:
        return False  # all text has the position 0
