"""Text encoders as core builds them, with core's tokenizers and padding, but narrow and random."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import torch

from instance_edit.tests.with_comfyui.comfyui import (
    CLIP,
    flux_text,
    longcat_text,
    ovis_text,
    pixart_text,
    qwen3vl_text,
    qwen_vision,
    supported_models_base,
    text_encoder,
)
from instance_edit.tools.model_shapes import POOLED_WIDTH, TEXT_WIDTH
from instance_edit.tools.random_weights import seed_weights

_LLAMA = {
    "hidden_size": TEXT_WIDTH,
    "intermediate_size": 2 * TEXT_WIDTH,
    "num_attention_heads": 1,
    "num_key_value_heads": 1,
}
_TEKKEN_VOCABULARY = 8192
_TEKKEN_SPECIAL = {
    0: "<unk>", 1: "<s>", 2: "</s>", 3: "[INST]", 4: "[/INST]", 11: "<pad>",
    17: "[SYSTEM_PROMPT]", 18: "[/SYSTEM_PROMPT]",
}  # fmt: skip


def _clip(
    clip: Any, tokenizer: Any, configs: dict[str, dict[str, object]], seed: int, **data: object
) -> CLIP:
    target = supported_models_base.ClipTarget(tokenizer, clip)
    options = {f"{name}_model_config": config for name, config in configs.items()}
    made = CLIP(target, model_options=options, tokenizer_data=data)
    seed_weights(made.cond_stage_model, seed)
    return made


def flux1_clip(seed: int = 0) -> CLIP:
    """CLIP-L for the pooled vector and a T5 that pads to at least 256; text width 64."""
    clip_l = {
        "hidden_size": POOLED_WIDTH,
        "intermediate_size": 2 * POOLED_WIDTH,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
    }
    t5xxl = {"d_model": TEXT_WIDTH, "d_kv": 16, "d_ff": 128, "num_heads": 4, "num_layers": 2}
    configs: dict[str, dict[str, object]] = {"clip_l": {**clip_l}, "t5xxl": {**t5xxl}}
    return _clip(flux_text.flux_clip(), flux_text.FluxTokenizer, configs, seed)


def klein_clip(seed: int = 0) -> CLIP:
    """FLUX.2 klein's Qwen3, three of its layers stacked, padded to 512 on the right."""
    configs: dict[str, dict[str, object]] = {"qwen3_4b": {**_LLAMA, "num_hidden_layers": 27}}
    return _clip(flux_text.klein_te(), flux_text.KleinTokenizer, configs, seed)


def flux2_dev_clip(seed: int = 0) -> CLIP:
    """FLUX.2 dev's Mistral, three of its layers stacked; the model pads its output on the left."""
    configs: dict[str, dict[str, object]] = {
        "mistral3_24b": {**_LLAMA, "vocab_size": _TEKKEN_VOCABULARY}
    }
    return _clip(
        flux_text.flux2_te(pruned=True),
        flux_text.Flux2Tokenizer,
        configs,
        seed,
        tekken_model=_tekken(),
    )


def longcat_clip(seed: int = 0) -> CLIP:
    """LongCat-Image's Qwen2.5-VL: its template is cut off, the words padded to 512."""
    configs: dict[str, dict[str, object]] = {"qwen25_7b": {**_LLAMA, "num_hidden_layers": 2}}
    te = longcat_text.te()
    with narrow_vision():
        return _clip(te, longcat_text.LongCatImageTokenizer, configs, seed)


def fitting(clip: CLIP, how: Callable[[torch.Tensor], torch.Tensor]) -> CLIP:
    """The encoder with its features changed to the width that a miniature wants."""
    encode = clip.encode_from_tokens_scheduled

    def encoded(*args: Any, **kwargs: Any) -> Any:
        [[text, extras]] = encode(*args, **kwargs)
        return [[how(text), extras]]

    clip.encode_from_tokens_scheduled = encoded
    return clip


def fitting_longcat_clip() -> CLIP:
    """LongCat's encoder, its features repeated: its miniature's text is as wide as the real one."""
    return fitting(longcat_clip(), lambda text: text.repeat(1, 1, 3584 // text.shape[2]))


def fitting_krea2_clip() -> CLIP:
    """Krea 2's encoder, as many of its 12 layers as the miniature fuses."""
    return fitting(qwen_clip("krea2"), lambda text: text[..., : 3 * TEXT_WIDTH])


@contextmanager
def narrow_vision() -> Iterator[None]:
    """Within it Qwen's vision towers are made narrow and shallow."""
    tower = qwen_vision.Qwen2VLVisionTransformer
    sizes = {"hidden_size": 32, "intermediate_size": 32}

    def made(**given: Any) -> Any:
        return tower(**{**given, **sizes, "num_heads": 2, "num_layers": 2})

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(qwen_vision, "Qwen2VLVisionTransformer", made))
        newer = text_encoder("qwen3vl")
        if newer is not None:
            shallow = {**sizes, "depth": 2, "deepstack_visual_indexes": [0, 1]}
            towers = dict.fromkeys(newer.QWEN3VL_VISION, shallow)
            stack.enter_context(mock.patch.dict(newer.QWEN3VL_VISION, towers))
            stack.enter_context(mock.patch.dict(newer.QWEN3VL_VISION_COMMON, num_heads=2))
        yield


class Qwen(NamedTuple):
    """How core builds one of Qwen's encoders: module, tokenizer, name, layers."""

    module: str
    tokenizer: str
    name: str
    layers: int = 2


QWEN = {
    "qwen": Qwen("qwen_image", "QwenImageTokenizer", "qwen25_7b"),
    "mageflow": Qwen("mage_flow", "MageFlowTokenizer", "qwen3vl_4b"),
    "krea2": Qwen("krea2", "Krea2Tokenizer", "qwen3vl_4b", 36),
    "zimage": Qwen("z_image", "ZImageTokenizer", "qwen3_4b", 3),
    "boogu": Qwen("boogu", "BooguTokenizer", "qwen3vl_8b"),
    "omnigen2": Qwen("omnigen2", "Omnigen2Tokenizer", "qwen25_3b"),
    "joyimage": Qwen("joyimage", "JoyImageTokenizer", "qwen3vl_8b"),
}
"""By the name of the family's miniature; an older ComfyUI lacks some."""


def qwen_clip(family: str, seed: int = 0) -> CLIP:
    """One of Qwen's encoders, with its vision tower if it has one."""
    how = QWEN[family]
    module = text_encoder(how.module)
    assert module is not None
    configs: dict[str, dict[str, object]] = {how.name: {**_LLAMA, "num_hidden_layers": how.layers}}
    with narrow_vision():
        return _clip(module.te(), getattr(module, how.tokenizer), configs, seed)


def anima_clip(seed: int = 0) -> CLIP:
    """Anima's Qwen3, with T5's tokens for the adapter inside the model."""
    module = text_encoder("anima")
    assert module is not None
    configs: dict[str, dict[str, object]] = {"qwen3_06b": {**_LLAMA, "num_hidden_layers": 2}}
    return _clip(module.te(), module.AnimaTokenizer, configs, seed)


def ovis_clip(seed: int = 0) -> CLIP:
    """Ovis-Image's Qwen3: the start of its template is cut off, padded to 284 on the right."""
    configs: dict[str, dict[str, object]] = {"qwen3_2b": {**_LLAMA, "num_hidden_layers": 2}}
    return _clip(ovis_text.te(), ovis_text.OvisTokenizer, configs, seed)


def chroma_clip(seed: int = 0) -> CLIP:
    """Chroma's T5, without padding."""
    t5xxl = {"d_model": TEXT_WIDTH, "d_kv": 16, "d_ff": 128, "num_heads": 4, "num_layers": 2}
    configs: dict[str, dict[str, object]] = {"t5xxl": {**t5xxl}}
    return _clip(pixart_text.pixart_te(), pixart_text.PixArtTokenizer, configs, seed)


def planner_clip(answer: str, seed: int = 0) -> CLIP:
    """Qwen3-VL, narrow: it reads the picture and the prompt, then says what is recorded.

    A ComfyUI without Qwen3-VL gets klein's text encoder, which sees no picture.
    """
    qwen = qwen3vl_text()
    if qwen is None:
        made, name = klein_clip(seed), "qwen3_4b"
    else:
        name = "qwen3vl_tiny"
        qwen.QWEN3VL_CONFIGS[name] = qwen.QWEN3VL_CONFIGS["qwen3vl_4b"]
        qwen.QWEN3VL_VISION[name] = {
            "hidden_size": 128,
            "intermediate_size": 128,
            "depth": 2,
            "deepstack_visual_indexes": [0, 1],
        }
        configs: dict[str, dict[str, object]] = {name: {**_LLAMA, "num_hidden_layers": 2}}
        tokenizer = qwen.tokenizer(model_type=name)
        made = _clip(qwen.te(model_type=name), tokenizer, configs, seed)
    model = getattr(made.cond_stage_model, made.cond_stage_model.clip)
    generate = model.generate
    words = getattr(made.tokenizer, name).tokenizer(answer)["input_ids"]

    def say(tokens: Any, **options: Any) -> list[int]:
        generate(tokens, **{**options, "max_length": 1})
        return words[: options["max_length"]]

    model.generate = say
    return made


def _tekken() -> torch.Tensor:
    """A vocabulary in the form that FLUX.2 dev's text encoder file carries, as bytes.

    The real one is not public without its weights; this one takes its pieces from the tokenizer
    of Qwen, which ships with ComfyUI, and Mistral's own special tokens at their own places.
    """
    folder = Path(flux_text.__file__).parent / "qwen25_tokenizer"
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    to_byte = {character: byte for byte, character in _byte_characters().items()}
    special = [
        {"rank": rank, "token_str": _TEKKEN_SPECIAL.get(rank, f"<SPECIAL_{rank}>")}
        for rank in range(20)
    ]
    pieces = sorted(vocabulary, key=vocabulary.__getitem__)[: _TEKKEN_VOCABULARY - len(special)]
    vocab = [
        {
            "rank": rank,
            "token_bytes": base64.b64encode(bytes(to_byte[c] for c in piece)).decode(),
        }
        for rank, piece in enumerate(pieces)
    ]
    config = {"default_vocab_size": _TEKKEN_VOCABULARY}
    text = json.dumps({"config": config, "special_tokens": special, "vocab": vocab})
    return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)


def _byte_characters() -> dict[int, str]:
    """The printable character that byte-level BPE writes for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {
        byte: chr(256 + index) for index, byte in enumerate(rest)
    }
