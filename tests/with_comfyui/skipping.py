"""An edit of two instances whose picture is mostly background, whole and with that skipped."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from instance_edit.tests.with_comfyui.comfyui import ModelPatcher
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    random_latent,
    reference,
    run_node,
    sample,
)
from instance_edit.tests.with_comfyui.editing import Editor, Method, idattn
from instance_edit.tests.with_comfyui.test_instance_attention import spans_for

CLOSE = 1e-5
"""Share of the largest value by which kernels may round differently."""
CONTEXTS = ("whole", "near regions")
SIDE = 12
PLACES = ((2, 6, 2, 6), (8, 10, 8, 10))


def two_masks(side: int = SIDE) -> Tensor:
    """(2, side, side) in latent pixels: 2 x 2 tokens of FLUX.1 at one corner, 1 at another."""
    masks = torch.zeros(2, side, side)
    for mask, (top, bottom, left, right) in zip(masks, PLACES, strict=True):
        mask[top:bottom, left:right] = 1
    return masks


class Skipped:
    """The edit on one model.

    Attributes:
        words: its conditioning with one reference, the source.
        own: (H, W) bool, the latent pixels of the instances.
        away: (H, W) bool, those farther than one token from both.
    """

    def __init__(
        self, nodes: dict[str, type], model: ModelPatcher, method: Method | None = None, **bias: Any
    ) -> None:
        self.nodes, self.model, self.editor = nodes, model, Editor(nodes)
        self.regions = self.editor.regions(masks=two_masks())
        self.applied = self.apply(model, method, **bias)
        self.source = random_latent(model, SIDE, SIDE, seed=5)
        self.latent = random_latent(model, SIDE, SIDE)
        self.words = reference(spans_for(model, self.regions), self.source)
        self.own = two_masks().any(0)
        reach = model.model.diffusion_model.patch_size
        self.away = F.max_pool2d(two_masks()[None], 2 * reach + 1, 1, reach)[0].sum(0) == 0

    def apply(self, model: ModelPatcher, method: Method | None = None, **bias: Any) -> ModelPatcher:
        return self.editor.apply(model, self.editor.bias(self.regions, method or idattn(), **bias))

    def skip(self, model: ModelPatcher | None = None, **inputs: Any) -> ModelPatcher:
        """The model behind Skip Background."""
        given = {"margin": 1, "context": "whole", **inputs}
        node = self.nodes["InstanceEditSkipBackground"]
        return run_node(node, model=model or self.applied, **given)[0]

    def run(
        self,
        model: ModelPatcher,
        words: Conditioning | None = None,
        negative: Conditioning | None = None,
        latent: dict[str, Tensor] | None = None,
        **settings: Any,
    ) -> Tensor:
        words = words or self.words
        return sample(model, words, negative or words, latent or self.latent, **settings)

    def apart(self, one: Tensor, other: Tensor) -> float:
        """The largest difference inside the instances, as a share of the largest value."""
        return float((one - other)[..., self.own].abs().max() / other.abs().max())

    def keeps_source(self, result: Tensor) -> bool:
        """True if the background is the source, bit by bit."""
        source = self.source["samples"].expand_as(result)
        return torch.equal(result[..., self.away], source[..., self.away])
