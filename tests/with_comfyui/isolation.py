"""One edit of two instances on a miniature: what reaches one of the other."""

from __future__ import annotations

from typing import Any

import torch

from instance_edit.host.carrier import attach_spans
from instance_edit.prompts.spans import PromptSpans
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    random_conditioning,
    random_latent,
    reference,
    sample,
)
from instance_edit.tests.with_comfyui.editing import OPEN_MICE, Editor, idattn
from instance_edit.tests.with_comfyui.measure_families import Configuration
from instance_edit.tests.with_comfyui.probe import wrong_places
from instance_edit.tests.with_comfyui.test_instance_attention import all_open, change_prompt
from instance_edit.tests.with_comfyui.tiny_families import FAMILIES

LENGTHS, OTHER = (4, 3, 3), (7, 10)
STEPS = 2


class Isolation:
    """Two instances, of which the second's words change."""

    def __init__(self, nodes: dict[str, type], name: str, how: Configuration) -> None:
        self.editor, self.how = Editor(nodes), how
        self.model: ModelPatcher = FAMILIES[name][1]()
        self.regions = self.editor.regions()
        self.latent = random_latent(self.model, *how.size)
        self.words = self.referenced(self.spanned(seed=1))
        self.others = self.referenced(change_prompt(self.spanned(seed=1), *OTHER))
        self.negative = self.referenced(self.spanned(seed=2))

    def spanned(self, seed: int) -> Conditioning:
        text = random_conditioning(self.model, tokens=sum(LENGTHS), seed=seed)
        told = tuple(region.instruction for region in self.regions)
        return attach_spans(text, PromptSpans(LENGTHS, told))

    def referenced(self, conditioning: Conditioning) -> Conditioning:
        sizes = enumerate(self.how.references)
        latents = [random_latent(self.model, *size, seed=5 + i) for i, size in sizes]
        return reference(conditioning, *latents, method=self.how.method)

    def run(self, model: ModelPatcher, words: Conditioning) -> torch.Tensor:
        negative = self.negative if self.how.cfg > 1 else words
        return sample(model, words, negative, self.latent, cfg=self.how.cfg, steps=STEPS)

    def first(self, result: torch.Tensor) -> torch.Tensor:
        """The first instance's part of a picture."""
        rows, columns = (side // 4 * 2 for side in self.how.size)
        return result[..., :rows, :columns]

    def reached(self, model: ModelPatcher) -> torch.Tensor:
        """How much the first instance changes with the second's words."""
        one, other = (self.run(model, words) for words in (self.words, self.others))
        assert not torch.equal(one, other)
        return (self.first(one) - self.first(other)).abs()

    def measured(self, probe: bool = True) -> dict[str, Any]:
        """See ``benchmarks/results/families.json``."""
        apart = self.editor.apply(self.model, self.editor.bias(self.regions, idattn()))
        open_bias = all_open(self.editor.bias(self.regions, OPEN_MICE))
        idle = self.editor.apply(self.model, open_bias)
        leak, free = float(self.reached(apart).max()), float(self.reached(self.model).mean())
        same = torch.equal(self.run(idle, self.words), self.run(self.model, self.words))
        found = {"leak_free": round(free, 4), "leak": leak}
        if probe:
            sizes = list(self.how.references)
            wrong = wrong_places(self.model, self.how.size, sizes, self.how.method)[1]
            found["probe_errors"] = len(wrong)
        return {**found, "idle_equal": same}
