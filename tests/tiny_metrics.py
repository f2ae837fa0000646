"""Tiny, untrained networks of the classes that the papers' metrics use: plumbing, no figures."""

from __future__ import annotations

import string
from pathlib import Path

import torch
import torchvision
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
    ViTConfig,
    ViTImageProcessor,
    ViTModel,
)

from instance_edit.benchmarks.papers.weights import INCEPTION, LPIPS_SMALL, Weights

SMALL = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}
SIDE = {"image_size": 32, "patch_size": 16}
MARKS = ("<|startoftext|>", "<|endoftext|>")


def write_tiny_weights(folder: Path, with_inception: bool = False) -> Weights:
    """A folder as WEIGHTS names it."""
    for seed, name in enumerate(("clip", "pickscore")):
        torch.manual_seed(seed)
        write_clip(folder / name)
    ViTModel(ViTConfig(**SMALL, **SIDE)).save_pretrained(folder / "dino")
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder / "dino")
    small = folder / LPIPS_SMALL
    small.parent.mkdir()
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), small)
    if with_inception:
        write_inception(folder / INCEPTION)
    return Weights(folder, "squeeze")


def write_clip(folder: Path) -> None:
    text = {**SMALL, "vocab_size": 400, "eos_token_id": 1, "bos_token_id": 0}
    config = CLIPConfig(text_config=text, vision_config={**SMALL, **SIDE}, projection_dim=16)
    CLIPModel(config).save_pretrained(folder)
    letters = string.ascii_lowercase + string.digits + string.punctuation
    words = [*MARKS, *letters, *(f"{letter}</w>" for letter in letters)]
    tokenizer = CLIPTokenizer(vocab={word: n for n, word in enumerate(words)}, merges=[])
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(images, tokenizer).save_pretrained(folder)


class Untrained(FeatureExtractorInceptionV3):
    """Inception as its class makes it."""

    def load_state_dict(self, *_: object, **__: object) -> None:  # type: ignore[override]
        """Nothing."""


def write_inception(path: Path) -> None:
    torch.save({}, path)
    made = Untrained("inception-v3-compat", ["64"], str(path))
    torch.save(made.state_dict(), path)
