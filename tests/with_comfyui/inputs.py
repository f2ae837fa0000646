"""Right values for every input of a node's schema, by the type of its socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from instance_edit.attention.recipe import BiasRecipe
from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.nodes.methods import METHODS
from instance_edit.sampling.lqr import TurnMemory
from instance_edit.tests.with_comfyui.comfyui import samplers
from instance_edit.tests.with_comfyui.core import ModelPatcher, random_conditioning, random_latent


class TextEncoder:
    """Stands for a CLIP where the node must not come to encode."""

    def tokenize(self, text: str) -> None:
        raise AssertionError(f"{text!r} was encoded")


class Pictures:
    """Stands for a VAE where the node must not come to use it."""

    def encode(self, pixels: Tensor) -> None:
        raise AssertionError(f"{tuple(pixels.shape)} was encoded")

    def decode(self, samples: Tensor) -> None:
        raise AssertionError(f"{tuple(samples.shape)} was decoded")


def good_inputs(schema: Any, model: ModelPatcher) -> dict[str, Any]:
    """A right value for every input that a schema requires, by name."""
    return {item.id: good_value(item, model) for item in schema.inputs if not item.optional}


def good_value(item: Any, model: ModelPatcher) -> Any:
    """A right value for one input."""
    kind = item.get_io_type()
    if kind == "COMFY_DYNAMICCOMBO_V3":
        return chosen(item, item.options[0])
    if kind == "COMBO":
        return item.options[0]
    if kind in ("INT", "FLOAT", "STRING", "BOOLEAN"):
        return item.default
    regions = (InstanceRegion("a red cat", box=Box(0.0, 0.0, 0.5, 0.5)),)
    latent = random_latent(model)
    return {
        "INSTANCE_EDIT_REGIONS": regions,
        "INSTANCE_EDIT_BIAS": BiasRecipe("IID", regions, *METHODS["IID"].recipe({})),
        "INSTANCE_EDIT_TURN": TurnMemory(latent["samples"], latent["samples"]),
        "IMAGE": torch.zeros(1, 64, 64, 3),
        "MASK": torch.ones(1, 64, 64),
        "LATENT": latent,
        "CONDITIONING": random_conditioning(model),
        "MODEL": model,
        "CLIP": TextEncoder(),
        "VAE": Pictures(),
        "SAMPLER": samplers.sampler_object("euler"),
        "SIGMAS": torch.tensor([1.0, 0.5, 0.0]),
    }.get(kind, "[0, 0, 32, 32]")  # boxes


def chosen(item: Any, option: Any) -> dict[str, Any]:
    """A dynamic combo's value: the option and its inputs at their defaults."""
    return {item.id: option.key, **{inner.id: inner.default for inner in option.inputs}}


def inner_inputs(schema: Any) -> Iterator[tuple[Any, Any]]:
    """Every option of every dynamic combo, with its input."""
    for item in schema.inputs:
        if item.get_io_type() == "COMFY_DYNAMICCOMBO_V3":
            yield from ((item, option) for option in item.options)
