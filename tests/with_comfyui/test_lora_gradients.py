"""Gradients of a LoRA through every family: exact, however a training keeps its activations.

The oracle copies whatever autograd keeps, which no change in place can reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from instance_edit.host.call import bare_model
from instance_edit.host.families import find_family
from instance_edit.host.lora_layers import LowRank, adapters_acting, new_adapters
from instance_edit.host.lora_training import TrainingSample, training_loss, training_model
from instance_edit.tests.with_comfyui.comfyui import WrappersMP
from instance_edit.tests.with_comfyui.core import random_latent, reference
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.test_foi import TWO
from instance_edit.tests.with_comfyui.test_instance_attention import spans_for
from instance_edit.tests.with_comfyui.tiny_families import FAMILIES

RANK = 2
FUSED = ("joyimage", "anima")
"""Core turns their queries and keys by kernels that have no gradient."""


@pytest.fixture(autouse=True)
def outside_of_inference(inference_mode: None) -> Iterator[None]:
    with torch.inference_mode(False):
        yield


class Training:
    """A miniature with two instances, LoRAs on all linear layers of its blocks, one sample."""

    def __init__(self, nodes: dict[str, type], name: str) -> None:
        model, editor = FAMILIES[name][1](), Editor(nodes)
        regions = editor.regions(TWO)
        self.model = editor.apply(model, editor.bias(regions, idattn()))
        conditioning = spans_for(model, regions)
        if name in ("flux1", "flux2"):
            conditioning = reference(conditioning, random_latent(model, seed=5))
        self.sample = TrainingSample(conditioning, random_latent(model, seed=6)["samples"])
        network = bare_model(model.model.diffusion_model)
        family = find_family(network)
        assert family is not None
        self.layers = {
            f"{number}.{part}": layer
            for number, block in enumerate(family.blocks(network))
            for part, layer in block.named_modules()
            if isinstance(layer, nn.Linear)
        }
        self.adapters = new_adapters(self.layers, RANK, seed=0)
        shake(self.adapters)

    @property
    def parameters(self) -> list[nn.Parameter]:
        return [weight for one in self.adapters.values() for weight in one.parameters()]

    def loss(self, model: Any, again: bool, around: AbstractContextManager[Any]) -> float:
        generator = torch.Generator().manual_seed(3)
        with training_model(model, again), adapters_acting(self.layers, self.adapters), around:
            return training_loss(model, self.sample, generator)

    def gradient(self, again: bool) -> Tensor:
        for weight in self.parameters:
            weight.grad = None
        self.loss(self.model, again, nullcontext())
        return joined(self.parameters)

    def exact(self) -> Tensor:
        """By copies of all that autograd keeps, with nothing of ours around the run."""
        plain = self.model.clone()
        plain.wrappers[WrappersMP.OUTER_SAMPLE] = {}
        for weight in self.parameters:
            weight.grad = None
        self.loss(plain, False, saved_tensors_hooks(copied, lambda kept: kept))
        return joined(self.parameters)


def copied(kept: Tensor) -> Tensor:
    return kept if kept.is_leaf else kept.clone()


def shake(adapters: dict[str, LowRank]) -> None:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in adapters.values():
            one.up.copy_(torch.randn(one.up.shape, generator=generator) * 0.02)


def joined(weights: list[nn.Parameter]) -> Tensor:
    found = [torch.zeros_like(one) if one.grad is None else one.grad for one in weights]
    return torch.cat([one.flatten() for one in found])


@pytest.mark.parametrize("name", sorted(FAMILIES.keys() - set(FUSED)))
@pytest.mark.parametrize("again", [False, True])
def test_the_gradient_is_that_of_copied_activations(pack_nodes, name, again) -> None:
    training = Training(pack_nodes, name)
    wanted = training.exact()
    assert bool(wanted.any())
    torch.testing.assert_close(training.gradient(again), wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", sorted(FAMILIES.keys() & set(FUSED)))
def test_a_model_that_core_cannot_train_is_refused(pack_nodes, name) -> None:
    with pytest.raises(ValueError, match="kernels that have no gradient.*Take another model"):
        Training(pack_nodes, name).gradient(again=True)


@pytest.mark.parametrize("name", ["flux1", "flux2"])
def test_the_gradient_is_the_slope_of_the_loss(pack_nodes, name) -> None:
    training, step = Training(pack_nodes, name), 2e-2
    gradient = training.gradient(again=True)
    way = gradient / gradient.norm()
    losses = []
    for side in (step, -2 * step):
        with torch.no_grad():
            parts = way.split([weight.numel() for weight in training.parameters])
            for weight, part in zip(training.parameters, parts, strict=True):
                weight += side * part.view_as(weight)
        losses.append(training.loss(training.model, False, nullcontext()))
    slope = (losses[0] - losses[1]) / (2 * step)
    assert slope == pytest.approx(float(gradient.norm()), rel=2e-2)
