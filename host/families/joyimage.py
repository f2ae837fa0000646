"""JoyImage-Edit: ``[latent | references | text]``; the text is not rotated."""

from collections.abc import Iterable, Sequence
from typing import Any

from ...attention.tokens import TokenLayout
from ..call import ModelCall
from .core_class import is_made_by
from .family import JointAttention, Norms, Stage, Stream, image_order


class JoyImage(JointAttention):
    name = "JoyImage"
    text_first = False

    def owns(self, model: Any) -> bool:
        return is_made_by(model, "comfy.ldm.joyimage.model", "JoyImageTransformer3DModel")

    def counts(self, model: Any) -> tuple[int, int]:
        return len(model.double_blocks), 0

    def blocks(self, model: Any) -> Sequence[Any]:
        return model.double_blocks

    def norms(self, model: Any) -> Sequence[Norms]:
        return ()

    def heads(self, model: Any) -> tuple[int, int]:
        attention = model.double_blocks[0].attn
        return attention.num_attention_heads, attention.img_attn_q_norm.weight.shape[0]

    def patch(self, model: Any) -> int:
        return model.patch_size[-1]

    def picture_positions(self, model: Any) -> bool:
        return False

    def stages(self, call: ModelCall, layout: TokenLayout, text: Sequence[int]) -> Iterable[Stage]:
        image = image_order(layout, [call.x, *self.references(call)])
        yield Stage(0, len(call.model.double_blocks), (*image, *text))

    def streams(
        self, call: ModelCall, layout: TokenLayout, text: Sequence[int]
    ) -> Iterable[Stream]:
        block, embedder = "double_blocks.*.", "condition_embedder.text_embedder.*"
        yield Stream((f"{block}attn.txt_*", f"{block}txt_mlp.*", embedder), tuple(text))
        image = image_order(layout, [call.x, *self.references(call)])
        yield Stream((f"{block}attn.img_*", f"{block}img_mlp.*"), image)
        yield Stream(("proj_out",), image_order(layout, [call.x]))
