"""The loop over the steps: the same from one seed, however often it is stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ...host.lora_layers import (
    adapters_acting,
    lora_tensors,
    new_adapters,
    put_back,
    trained_layers,
)
from ...host.lora_training import TrainingSample, training_loss, training_model
from .state import State

WARM_UP = 20
"""Steps over which the learning rate rises."""
LARGEST_GRADIENT = 1.0


def seeded(*said: object) -> torch.Generator:
    """A generator for one purpose of one training; others are as good as independent of it."""
    digest = hashlib.sha256(repr(said).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:4], "big"))


def sample_number(seed: int, count: int, number: int) -> int:
    """Which of ``count`` samples comes as the ``number``-th: all of them in every round."""
    round_, place = divmod(number, count)
    return int(torch.randperm(count, generator=seeded(seed, "round", round_))[place])


def train(
    model: Any,
    samples: Sequence[TrainingSample],
    state: State,
    steps: int,
    again: bool,
    done: Callable[[int, float, Callable[[], State]], None],
) -> None:
    """Train on from a state up to a number of steps.

    Args:
        model: with instance attention, whose own weights stay as they are.
        again: blocks are computed again in the backward pass instead of being kept.
        done: is told after each step its number from 1, its loss, and how to get the state.
    """
    settings = state.settings
    layers = trained_layers(model, settings["layers"])
    adapters = new_adapters(layers, settings["rank"], settings["seed"])
    if state.tensors:
        put_back(adapters, state.tensors)
    for one in adapters.values():
        one.to(model.load_device)
    trained = [parameter for one in adapters.values() for parameter in one.parameters()]
    optimizer = torch.optim.AdamW(trained, lr=settings["rate"])
    if state.optimizer:
        optimizer.load_state_dict(dict(state.optimizer))
    losses = list(state.losses)

    def now() -> State:
        kept = {"tensors": lora_tensors(adapters), "optimizer": optimizer.state_dict()}
        return State(settings, **kept, losses=tuple(losses))

    with training_model(model, again), adapters_acting(layers, adapters):
        for step in range(len(losses), steps):
            losses.append(_step_loss(model, samples, settings, step))
            nn.utils.clip_grad_norm_(trained, LARGEST_GRADIENT)
            for group in optimizer.param_groups:
                group["lr"] = settings["rate"] * min(1.0, (step + 1) / WARM_UP)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            done(step + 1, losses[-1], now)


def _step_loss(
    model: Any, samples: Sequence[TrainingSample], settings: Mapping[str, Any], step: int
) -> float:
    """The mean loss of a step's samples; their gradients are added up."""
    seed, batch = settings["seed"], settings["batch"]
    total = 0.0
    for number in range(step * batch, (step + 1) * batch):
        sample = samples[sample_number(seed, len(samples), number)]
        total += training_loss(model, sample, seeded(seed, "noise", number), 1 / batch)
    return total / batch
