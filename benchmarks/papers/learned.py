"""Metrics that look with trained networks: CLIP, DINO, LPIPS. Each is loaded once.

Pictures are (1, 3, H, W) float in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from .weights import CLIP, DINO, Weights

Similarity = Callable[[Tensor, Tensor], float]


@dataclass(frozen=True)
class ClipFeatures:
    """A CLIP as torchmetrics asks for it; transformers 5 wraps what it used to return."""

    model: Any

    @property
    def config(self) -> Any:
        return self.model.config

    def to(self, device: object) -> ClipFeatures:
        self.model.to(device)
        return self

    def get_image_features(self, pixels: Tensor) -> Tensor:
        return _pooled(self.model.get_image_features(pixels))

    def get_text_features(self, tokens: Tensor, mask: Tensor) -> Tensor:
        return _pooled(self.model.get_text_features(tokens, mask))


def _pooled(found: Any) -> Tensor:
    return found if isinstance(found, Tensor) else found.pooler_output


@dataclass(frozen=True)
class Clip:
    """CLIP scores: 100 times the cosine, 0 at least (torchmetrics)."""

    pair: tuple[ClipFeatures, Any]

    @staticmethod
    def load(weights: Weights, name: str = CLIP) -> Clip:
        """A CLIP of a folder of weights, without asking any network."""
        from transformers import CLIPModel, CLIPProcessor

        path = str(weights.path(name))
        model = CLIPModel.from_pretrained(path, local_files_only=True).eval()
        processor = CLIPProcessor.from_pretrained(path, local_files_only=True)
        return Clip((ClipFeatures(model), processor))

    def text_score(self, picture: Tensor, text: str) -> float:
        """How well a text describes a picture; long texts are cut as CLIP cuts them."""
        return self._score(_bytes(picture), text)

    def box_score(
        self, picture: Tensor, boxes: Sequence[tuple[int, ...]], texts: Sequence[str]
    ) -> float:
        """The mean over boxes of how well each text describes what its box shows."""
        crops = [picture[:, :, y1:y2, x1:x2] for x1, y1, x2, y2 in boxes]
        scores = [self.text_score(crop, text) for crop, text in zip(crops, texts, strict=True)]
        return sum(scores) / len(scores)

    def picture_score(self, first: Tensor, second: Tensor) -> float:
        """How alike two pictures are (CLIP-I)."""
        return self._score(_bytes(first), _bytes(second))

    def direction_score(self, pictures: Sequence[Tensor], texts: Sequence[str]) -> float:
        """Whether two pictures differ as their two texts do (CLIP-D): a cosine, -1 to 1.

        0 where the pictures or the texts are the same, as there is no direction then.
        """
        model, processor = self.pair
        longest = model.config.text_config.max_position_embeddings
        cut = {"truncation": True, "max_length": longest}
        with torch.inference_mode():
            shown = processor(images=[_bytes(one) for one in pictures], return_tensors="pt")
            told = processor(text=list(texts), return_tensors="pt", padding=True, **cut)
            seen = normalize(model.get_image_features(shown["pixel_values"]))
            read = normalize(model.get_text_features(told["input_ids"], told["attention_mask"]))
            return float(cosine_similarity(seen[1:] - seen[:1], read[1:] - read[:1]))

    def _score(self, first: Tensor, second: Tensor | str) -> float:
        from torchmetrics.functional.multimodal import clip_score

        with torch.inference_mode():
            return float(clip_score(first, second, model_name_or_path=lambda: self.pair))


def load_dino(weights: Weights) -> Similarity:
    """DINO-I: the cosine of two pictures' class tokens, by the DINO of a folder of weights."""
    from transformers import AutoImageProcessor, AutoModel

    path = str(weights.path(DINO))
    model = AutoModel.from_pretrained(path, local_files_only=True).eval()
    processor = AutoImageProcessor.from_pretrained(path, local_files_only=True)

    def similarity(first: Tensor, second: Tensor) -> float:
        pictures = [_bytes(first), _bytes(second)]
        with torch.inference_mode():
            shown = processor(images=pictures, return_tensors="pt")
            tokens = model(**shown).last_hidden_state[:, 0]
            return float(cosine_similarity(tokens[:1], tokens[1:]))

    return similarity


def load_lpips(weights: Weights) -> Callable[[Tensor, Tensor, Tensor], float]:
    """LPIPS_B: LPIPS of two pictures after what is no background is blackened in both.

    The background (1, H, W) bool is laid on as LoMOE's own evaluation does: pictures in [-1, 1]
    times the mask.
    """
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    before = torch.hub.get_dir()
    torch.hub.set_dir(str(weights.folder))  # where torchvision looks for its networks
    try:
        net: Any = weights.net
        metric = LearnedPerceptualImagePatchSimilarity(net_type=net).eval()
    finally:
        torch.hub.set_dir(before)

    def distance(source: Tensor, result: Tensor, background: Tensor) -> float:
        kept = [(picture * 2 - 1) * background[:, None] for picture in (source, result)]
        with torch.inference_mode():
            value = float(metric(*kept))
        metric.reset()
        return value

    return distance


def _bytes(picture: Tensor) -> Tensor:
    """(3, H, W) of 0 to 255."""
    return (picture[0].float().clamp(0, 1) * 255).round().byte()
