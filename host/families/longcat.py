"""LongCat-Image and LongCat-Image-Edit: FLUX's blocks, text positions that run over two axes.

The picture's positions begin where the text's end (core's ``LongCatImage`` model): ``alone`` lets
them begin where the global prompt's text ends, whatever instances follow it.
"""

from typing import Any

from ..call import Options
from .flux import Flux

TEXT_WIDTH = 3584  # Qwen2.5-VL 7B


class LongCat(Flux):
    name = "LongCat-Image"

    def owns(self, model: Any) -> bool:
        if not super().owns(model):
            return False
        params = model.params
        return params.context_in_dim == TEXT_WIDTH and list(params.txt_ids_dims) == [1, 2]

    def alone(self, options: Options, text_tokens: int) -> Options:
        length = float(text_tokens)
        shifts = {"shift_y": length, "shift_x": length, **options.get("rope_options", {})}
        return {**options, "rope_options": shifts}
