"""LongCat-Image and LongCat-Image-Edit: FLUX's blocks, text positions that run over two axes.

The picture's positions begin where the text's end, so a longer prompt moves them (core's
``LongCatImage`` model).
"""

from typing import Any

from .flux import Flux

TEXT_WIDTH = 3584  # Qwen2.5-VL 7B


class LongCat(Flux):
    name = "LongCat-Image"

    def owns(self, model: Any) -> bool:
        if not super().owns(model):
            return False
        params = model.params
        return params.context_in_dim == TEXT_WIDTH and list(params.txt_ids_dims) == [1, 2]
