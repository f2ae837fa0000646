"""Edits on more tokens than the dense bias takes, whose logits are as large as a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from instance_edit.tests.with_comfyui.comfyui import ModelPatcher
from instance_edit.tests.with_comfyui.core import random_latent, sample
from instance_edit.tests.with_comfyui.editing import MICE, Editor
from instance_edit.tests.with_comfyui.test_instance_attention import spans_for

Patch = Callable[[ModelPatcher], ModelPatcher]
SHORT, MIDDLE, LOUD, DEAFENING = 1.0, 2.5, 8.0, 40.0
"""Scales of the queries' norms: proven by themselves, proven by what they give, not proven, and so
large that faint keys count."""


def set_scales(model: ModelPatcher, queries: float) -> None:
    """Give every norm of queries this scale, and every norm of keys 1."""
    for name, weight in model.model.diffusion_model.named_parameters():
        if "query_norm" in name or "key_norm" in name:
            weight.fill_(queries if "query_norm" in name else 1.0)


class LongEdit:
    """Two instances on 1,156 latent tokens under MICE, whose proof decides what is computed.

    Attributes:
        forwards: how many forwards each run so far took.
    """

    def __init__(self, editor: Editor, model: ModelPatcher, scale: float, side: int = 68) -> None:
        set_scales(model, scale)
        self.editor, self.bare, self.side = editor, model, side
        self.regions = editor.regions()
        self.bias = editor.bias(self.regions, MICE)
        self.model = editor.apply(model, self.bias)
        self.conditioning = spans_for(model, self.regions)
        self.forwards: list[int] = []

    def run(self, model: ModelPatcher | None = None, steps: int = 1, **options: Any) -> Tensor:
        """A sampling; by this edit's own model unless another is given."""
        model = model or self.model
        seen: list[object] = []
        block = self.bare.model.diffusion_model.double_blocks[0]
        handle = block.register_forward_pre_hook(lambda *_: seen.append(None))
        latent = random_latent(self.bare, self.side, self.side)
        try:
            return sample(
                model, self.conditioning, self.conditioning, latent, steps=steps, **options
            )
        finally:
            handle.remove()
            self.forwards.append(len(seen))

    def dense(self, patch: Patch = lambda model: model, **options: Any) -> Tensor:
        """The same with the whole bias in every block."""
        dense = self.editor.apply(self.bare, self.bias, execution="dense")
        return self.run(patch(dense), **options)


READS = ("item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__", "__index__")


@contextmanager
def counted_reads() -> Iterator[list[str]]:
    """Every way from a tensor to a number or to the host that is taken, by its name."""
    taken: list[str] = []

    def spied(name: str) -> Callable[..., Any]:
        plain = getattr(torch.Tensor, name)

        def read(tensor: Tensor, *args: Any, **rest: Any) -> Any:
            taken.append(name)
            return plain(tensor, *args, **rest)

        return read

    spies = [mock.patch.object(torch.Tensor, name, spied(name)) for name in READS]
    for spy in spies:
        spy.start()
    try:
        yield taken
    finally:
        for spy in spies:
            spy.stop()


def reads_by_forward(edit: LongEdit, steps: int) -> Sequence[int]:
    """How many numbers are read in each model call of a run."""
    counts: list[int] = []

    def spy(executor: Any, *args: Any, **rest: Any) -> Tensor:
        with counted_reads() as taken:
            out = executor(*args, **rest)
        counts.append(len(taken))
        return out

    watched = edit.model.clone()  # around all other wrappers of the model
    watched.wrappers["apply_model"] = {"spy": [spy], **watched.wrappers["apply_model"]}
    edit.run(watched, steps=steps)
    return counts
