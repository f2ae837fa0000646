"""Calls of one model for an editing job: unpatched, ours whole and skipping, and the floor.

The seam is imported: `add_comfyui_to_path` comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

import torch
from torch import Tensor

from ...attention.mice import mice_bias
from ...attention.recipe import BiasRecipe
from ...attention.schedule import equal_stages
from ...attention.skip_background import Context, Skipping, near
from ...attention.tokens import TokenLayout
from ...host.carrier import attach_spans
from ...host.patch import apply_instance_attention
from ...host.prediction import model_call
from ...host.run import RUN, RunNote
from ...host.skip_background import SKIP_RUN, SkipRun, skip_background
from ...mask_ops.regions import InstanceRegion
from ...prompts.spans import PromptSpans
from ..speed.forward import forward_calls
from ..speed.jobs import GLOBAL_WORDS, INSTANCE_WORDS


class Job:
    """One edit of one picture, with the picture as its only reference.

    Attributes:
        recipe: MICE at its defaults.
    """

    def __init__(self, model: Any, regions: Sequence[InstanceRegion], side: int) -> None:
        """side: of the picture in tokens."""
        self.model, self.regions, self.side = model, tuple(regions), side
        self.params = model.model.diffusion_model.params
        weight = next(model.model.diffusion_model.parameters())
        self.dtype, self.device = weight.dtype, weight.device
        self.recipe = BiasRecipe("MICE", self.regions, {"mice": mice_bias}, equal_stages(("mice",)))
        self.words = (GLOBAL_WORDS, *[INSTANCE_WORDS] * len(self.regions))

    def random(self, *shape: int) -> Tensor:
        return torch.randn(shape, dtype=self.dtype, device=self.device)

    def picture(self, tokens: int, rows: int) -> Tensor:
        """A latent of so many tokens in so many rows."""
        patch = self.params.patch_size
        return self.random(1, self.params.in_channels, rows * patch, tokens // rows * patch)

    def text(self, reference: Tensor) -> list[list[Any]]:
        extras: dict[str, Any] = {"reference_latents": [reference], "guidance": 1.0}
        if self.params.vec_in_dim is not None:
            extras["pooled_output"] = self.random(1, self.params.vec_in_dim)
        return [[self.random(1, sum(self.words), self.params.context_in_dim), extras]]

    def whole(self) -> dict[str, Callable[[], Tensor]]:
        """Calls on the whole picture."""
        grid = (self.side, self.side)
        layout = TokenLayout(self.words, grid, (grid,))
        return forward_calls(self.model, layout, self.dtype, self.device, self.regions)

    def skipping(self, context: Context, margin: int = 1) -> Callable[[], Tensor]:
        """A call that skips the background, in the midst of a run."""
        x, reference = (self.picture(self.side**2, self.side) for _ in range(2))
        spans = PromptSpans(self.words, tuple(region.instruction for region in self.regions))
        conditioning = attach_spans(self.text(reference), spans)
        applied = apply_instance_attention(self.model, self.recipe)
        model = skip_background(applied, Skipping(margin, context))
        note = RunNote(edited=(((spans,), (reference,)),))
        model.model_options["transformer_options"] |= {RUN: note, SKIP_RUN: SkipRun(None)}
        return model_call(model, conditioning, x)

    def floor(self, kept: tuple[int, int]) -> Callable[[], Tensor]:
        """An unpatched call with so many tokens of the latent and of the reference."""
        latent, reference = (self.picture(tokens, tokens) for tokens in kept)
        return model_call(self.model, self.text(reference), latent)

    def kept(self, context: Context, margin: int = 1) -> tuple[int, int]:
        """How many tokens of the latent and of the reference stay."""
        grid = (self.side, self.side)
        masks = self.recipe.place_latent(grid, (True,) * len(self.regions))
        touched = int(near(masks, margin).sum())
        return touched, touched if context == "near regions" else self.side**2

    def share(self) -> float:
        """Share of the picture that the regions cover."""
        masks = self.recipe.place_latent((self.side, self.side), (True,) * len(self.regions))
        return float(masks.any(0).float().mean())

    def cut(self) -> dict[str, Callable[[], Tensor]]:
        """Calls on what is touched, each beside its floor."""
        calls: dict[str, Callable[[], Tensor]] = {}
        for context in get_args(Context):
            calls[f"skipping, {context}"] = self.skipping(context)
            calls[f"floor, {context}"] = self.floor(self.kept(context))
        return calls
