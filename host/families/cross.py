"""What families share whose picture attends to itself, then to the text in a call of its own."""

from collections.abc import Iterable, Sequence
from typing import Any

from ...attention.tokens import TokenLayout
from ..call import ModelCall
from .family import Stage, image_order
from .hooked import HookedAttention


class CrossAttention(HookedAttention):
    """``HookedAttention`` of blocks with a ``self_attn`` and a ``cross_attn``."""

    joint = False

    def counts(self, model: Any) -> tuple[int, int]:
        return len(model.blocks), 0

    def blocks(self, model: Any) -> Sequence[Any]:
        own = [block.self_attn for block in model.blocks]
        return [*own, *(block.cross_attn for block in model.blocks)]

    def stages(self, call: ModelCall, layout: TokenLayout, text: Sequence[int]) -> Iterable[Stage]:
        image = image_order(layout, [call.x, *self.references(call)])
        yield Stage(0, len(call.model.blocks), image)
        yield Stage(0, len(call.model.blocks), tuple(text), queries=image)
