"""Krea 2: single blocks; before them the layers of the text are fused, and its tokens refined."""

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from ...attention.tokens import TokenLayout
from ..call import ModelCall
from .core_class import is_made_by
from .family import Stage, Stream, image_order
from .hooked import HookedAttention


class Krea2(HookedAttention):
    name = "Krea 2"

    def owns(self, model: Any) -> bool:
        return is_made_by(model, "comfy.ldm.krea2.model", "SingleStreamDiT")

    def counts(self, model: Any) -> tuple[int, int]:
        return 0, len(model.blocks)

    def blocks(self, model: Any) -> Sequence[Any]:
        return [*model.blocks, *model.txtfusion.refiner_blocks]

    def heads(self, model: Any) -> tuple[int, int]:
        attention = model.blocks[0].attn
        return attention.heads, attention.headdim

    def patch(self, model: Any) -> int:
        return model.patch

    def picture_positions(self, model: Any) -> bool:
        return not self.drops_references(model)  # as old, its forward asks no patches

    def drops_references(self, model: Any) -> bool:
        return not hasattr(model, "default_ref_method")  # ComfyUI 0.27 and older

    def references(self, call: ModelCall) -> Sequence[Tensor]:
        found = call.extras.get("ref_latents") or ()
        method = call.extras.get("ref_latents_method")
        if found and (method or call.model.default_ref_method) is None:
            raise ValueError(
                "Krea 2 does not look at reference images unless it is told how: ComfyUI drops "
                "them without a word. Add Edit Model Reference Method (FluxKontextMultiReference"
                "LatentMethod) with 'index' or 'index_timestep_zero' behind Reference Latent."
            )
        return found

    def stages(self, call: ModelCall, layout: TokenLayout, text: Sequence[int]) -> Iterable[Stage]:
        yield from super().stages(call, layout, text)
        yield Stage(None, len(call.model.txtfusion.refiner_blocks), tuple(text))

    def streams(
        self, call: ModelCall, layout: TokenLayout, text: Sequence[int]
    ) -> Iterable[Stream]:
        image = image_order(layout, [call.x, *self.references(call)])
        yield Stream(("txtfusion.refiner_blocks.*", "txtmlp.*"), tuple(text))
        yield Stream(("first",), image)
        yield Stream(("blocks.*.attn.*", "blocks.*.mlp.*", "last.linear"), (*text, *image))
