"""One edit in every surrounding: what stands around instance attention, and the sampling itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from instance_edit.tests.with_comfyui.comfyui import ModelPatcher
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    random_latent,
    reference,
    run_core,
    sample,
)
from instance_edit.tests.with_comfyui.editing import MICE, Editor, Method, idattn
from instance_edit.tests.with_comfyui.test_instance_attention import change_prompt, spans_for

Latent = dict[str, Tensor]
Sampled = Callable[[ModelPatcher, Conditioning, Conditioning, Latent, int], Tensor]
Verdict = Literal["right", "refused", "whole picture", "not in core"]
STEPS = 2
METHODS: dict[str, Method] = {"IDAttn dis": idattn(), "MICE": MICE}


def by_ksampler(cfg: float = 1.0, **settings: Any) -> Sampled:
    """Core's KSampler with these settings."""

    def run(
        model: ModelPatcher, positive: Conditioning, negative: Conditioning, latent: Latent, n: int
    ) -> Tensor:
        return sample(model, positive, negative, latent, cfg=cfg, steps=n, **settings)

    return run


@dataclass(frozen=True)
class Patch:
    """Something that a workflow may hold beside instance attention.

    Attributes:
        model: a node on the model; None: it changes something else, and has no order.
        positive: a node on the conditioning.
        latent: a node on the latent.
        run: how it is sampled; the last argument is the number of steps.
        verdicts: by family; ``right`` where nothing is said.
        message: of the refusal.
        one_step: what mixes the whole picture has not yet done so after one step.
        stand_in: of what no test machine has: stand-in tested, no more.
        orders: where it may stand; default: before and after, or beside what is no model.
    """

    model: Callable[[ModelPatcher], ModelPatcher] | None = None
    positive: Callable[[Conditioning], Conditioning] = lambda conditioning: conditioning
    latent: Callable[[Latent], Latent] = lambda latent: latent
    run: Sampled = by_ksampler()
    verdicts: tuple[Verdict, Verdict] = ("right", "right")
    message: str = ""
    one_step: bool = False
    stand_in: bool = False
    orders: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.orders:
            orders = ("before", "after") if self.model else ("beside",)
            object.__setattr__(self, "orders", orders)

    def verdict(self, family: str) -> Verdict:
        return self.verdicts[family == "flux2"]

    @property
    def said(self) -> str:
        """What the README says of it, up to its reasons."""
        [verdict] = set(self.verdicts) - {"not in core"}
        if verdict == "whole picture":
            step = "second" if self.one_step else "first"
            return f"the whole picture is mixed, from the {step} step on"
        return "right with stand-ins" if self.stand_in else verdict

    @property
    def only(self) -> str:
        """The one family that core itself can run it with, as the README says it; else nothing."""
        if "not in core" not in self.verdicts:
            return ""
        return " (FLUX.1)" if self.verdicts[1] == "not in core" else " (FLUX.2)"


class Case:
    """An edit of two instances with one reference, on one model."""

    def __init__(self, nodes: dict[str, type], model: ModelPatcher, method: str) -> None:
        self.model, self.editor = model, Editor(nodes)
        self.regions = self.editor.regions()
        self.bias = self.editor.bias(self.regions, METHODS[method])
        self.words = reference(spans_for(model, self.regions), random_latent(model, seed=5))
        self.other_words = change_prompt(self.words, 7, 10)
        self.negative = spans_for(model, self.regions, seed=9)
        self.latent = random_latent(model)

    def applied(self, model: ModelPatcher) -> ModelPatcher:
        return self.editor.apply(model, self.bias)

    def patched(self, patch: Patch, order: str) -> ModelPatcher:
        if order == "alone":
            return patch.model(self.model) if patch.model else self.model
        if patch.model is None:
            return self.applied(self.model)
        if order == "before":
            return self.applied(patch.model(self.model))
        return patch.model(self.applied(self.model))

    def run(self, patch: Patch, order: str, steps: int = STEPS, other: bool = False) -> Tensor:
        """The result; with ``other`` words in instance 2's prompt."""
        words, negative = self.other_words if other else self.words, self.negative
        if order == "alone":
            words, negative = without_instances(words), without_instances(negative)
        model, latent = self.patched(patch, order), patch.latent(self.latent)
        return patch.run(model, patch.positive(words), negative, latent, steps)

    def leak(self, patch: Patch, order: str, steps: int = STEPS) -> float:
        """By how much instance 1's latents change with instance 2's words."""
        one, two = (self.run(patch, order, steps, other) for other in (False, True))
        assert bool(one.isfinite().all())
        assert float((one - two)[..., 4:, 4:].abs().max()) > 1e-3
        return float((one - two)[..., :4, :4].abs().max())


def without_instances(conditioning: Conditioning) -> Conditioning:
    """The same text for a model without instance attention, which would refuse the instances."""
    return [
        [text, {name: value for name, value in extras.items() if name != "model_conds"}]
        for text, extras in conditioning
    ]


def through(node: str, **inputs: Any) -> Callable[[ModelPatcher], ModelPatcher]:
    """One of core's nodes on the model."""
    return lambda model: run_core(node, model=model, **inputs)[0]


def no_instance() -> Tensor:
    """(1, 64, 64) noise mask: all but a quarter without an instance."""
    mask = torch.ones(1, 64, 64)
    mask[:, :32, 32:] = 0
    return mask
