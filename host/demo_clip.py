"""The demo model's text encoder as ComfyUI's own CLIP object."""

from typing import Any

import comfy.sd
import torch
from comfy.sd1_clip import SD1ClipModel, SD1Tokenizer, SDClipModel, SDTokenizer
from comfy.supported_models_base import ClipTarget
from torch import Tensor

from ..demo.flux import POOLED
from ..demo.text import END, INDEX, LAYERS, PAD, VOCABULARY, TextEncoder, left_out, tokenize

NAME = "demo"


class _Words:
    """The word tokenizer with the interface of a transformers tokenizer."""

    @classmethod
    def from_pretrained(cls, path: str, **kwargs: Any) -> "_Words":
        return cls()

    def __call__(self, text: str) -> dict[str, list[int]]:
        return {"input_ids": tokenize(text)}

    def left_out(self, text: str) -> list[str]:
        """The words that it has no tokens for."""
        return left_out(text)

    def get_vocab(self) -> dict[str, int]:
        return dict(INDEX)

    def decode(self, ids: list[int], skip_special_tokens: bool = True) -> str:
        words = [VOCABULARY[index] for index in ids]
        return " ".join(w for w in words if not (skip_special_tokens and w in (PAD, END)))


class _Tokenizer(SDTokenizer):
    """No start token, <end> last, never padded unless asked to."""

    def __init__(
        self, embedding_directory: str | None = None, tokenizer_data: dict[str, Any] | None = None
    ) -> None:
        words: Any = _Words  # core names its own class as the type
        super().__init__(
            NAME,
            max_length=99999999,
            pad_with_end=False,
            embedding_directory=embedding_directory,
            embedding_size=128,
            embedding_key=NAME,
            tokenizer_class=words,
            has_start_token=False,
            pad_to_max_length=False,
            min_length=1,
            pad_token=INDEX[PAD],
            tokenizer_data=tokenizer_data or {},
        )


class DemoTokenizer(SD1Tokenizer):
    """Text to {"demo": [[(id, weight), ...]]}."""

    def __init__(
        self, embedding_directory: str | None = None, tokenizer_data: dict[str, Any] | None = None
    ) -> None:
        super().__init__(embedding_directory, tokenizer_data or {}, NAME, _Tokenizer, NAME)


class _Transformer(TextEncoder):
    """The text encoder as SDClipModel calls it."""

    def __init__(
        self, config: dict[str, Any], dtype: torch.dtype, device: torch.device, operations: Any
    ) -> None:
        super().__init__(operations, dtype=dtype, device=device)
        self.num_layers = LAYERS

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.embedding

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]: called by core alone
        self, input_ids: Tensor | None, attention_mask: Tensor | None, embeds: Tensor, **kwargs: Any
    ) -> tuple[Tensor, None, Tensor]:
        mask = None if attention_mask is None else attention_mask.bool()[:, None, None]
        pooled = torch.zeros(embeds.shape[0], POOLED, device=embeds.device)
        return self.encode(embeds, mask), None, pooled


class _Encoder(SDClipModel):
    def __init__(
        self, device: Any = "cpu", dtype: Any = None, model_options: dict[str, Any] | None = None
    ) -> None:
        transformer: Any = _Transformer  # core names its own class as the type
        super().__init__(
            device=device,
            dtype=dtype,
            textmodel_json_config={},
            model_class=transformer,
            special_tokens={"end": INDEX[END], "pad": INDEX[PAD]},
            layer_norm_hidden_state=False,
            enable_attention_masks=True,
            zero_out_masked=True,
            model_options=model_options or {},
        )


class DemoClipModel(SD1ClipModel):
    """The encoder with the clip_name that the tokenizer uses."""

    def __init__(
        self, device: Any = "cpu", dtype: Any = None, model_options: dict[str, Any] | None = None
    ) -> None:
        encoder: Any = _Encoder  # core names its own class as the type
        super().__init__(device, dtype, model_options or {}, NAME, encoder, NAME)


def demo_clip(state: dict[str, Tensor]) -> comfy.sd.CLIP:
    """ComfyUI's CLIP with the given text encoder weights, computing in float32."""
    target = ClipTarget(DemoTokenizer, DemoClipModel)
    return comfy.sd.CLIP(target, state_dict=[state], model_options={"dtype": torch.float32})
