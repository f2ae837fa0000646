"""The layers that a training changes, each with its LoRA: hooks add what it gives to the layer."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor, nn
from torch.nn.functional import linear

from .call import bare_model
from .lora_files import INSIDE

IMAGE_PROJECTIONS = ("*.img_attn.*", "single_blocks.*.linear1", "single_blocks.*.linear2")
"""FLUX's projections of the picture's tokens, which IDAttn trains; single blocks have no others."""
UP, DOWN, ALPHA = "lora_up.weight", "lora_down.weight", "alpha"


class LowRank(nn.Module):
    """A change of low rank, ``up down x``, beside a linear layer; nothing at first."""

    def __init__(self, layer: Any, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        down = torch.randn(rank, layer.in_features, generator=generator)
        self.down = nn.Parameter(down / layer.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(layer.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        """(.., in) -> (.., out), computed in the input's dtype."""
        return linear(linear(x, self.down.to(x.dtype)), self.up.to(x.dtype))


def trained_layers(model: ModelPatcher, patterns: Sequence[str]) -> dict[str, Any]:
    """The linear layers of the diffusion model whose names fit one of the patterns, by name.

    Args:
        patterns: as ``fnmatch`` reads them.

    Raises:
        ValueError: a pattern that fits no linear layer.
    """
    network = bare_model(model.model.diffusion_model)
    known = {name: one for name, one in network.named_modules() if isinstance(one, nn.Linear)}
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise ValueError(
                f"no linear layer of {type(network).__name__} is called {pattern!r}. Its layers "
                f"are like {', '.join(list(known)[-8:])}: name those that shall be trained."
            )
    return {
        name: one
        for name, one in known.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }


def new_adapters(layers: Mapping[str, Any], rank: int, seed: int) -> dict[str, LowRank]:
    """A LoRA that changes nothing yet for each layer, by its name, in float32."""
    generator = torch.Generator().manual_seed(seed)
    return {name: LowRank(layer, rank, generator) for name, layer in layers.items()}


@contextmanager
def adapters_acting(layers: Mapping[str, Any], adapters: Mapping[str, LowRank]) -> Iterator[None]:
    """While this lasts, each layer gives what its LoRA adds as well."""

    def changed(adapter: LowRank) -> Any:
        return lambda _layer, given, out: out + adapter(given[0])

    hooks = [layer.register_forward_hook(changed(adapters[name])) for name, layer in layers.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def lora_tensors(adapters: Mapping[str, LowRank]) -> dict[str, Tensor]:
    """What a file of these LoRAs holds, under the names that every LoRA loader of core reads."""
    tensors: dict[str, Tensor] = {}
    for name, one in adapters.items():
        tensors[f"{INSIDE}{name}.{UP}"] = one.up.detach().cpu().clone()
        tensors[f"{INSIDE}{name}.{DOWN}"] = one.down.detach().cpu().clone()
        tensors[f"{INSIDE}{name}.{ALPHA}"] = torch.tensor(float(len(one.down)))
    return tensors


def put_back(adapters: Mapping[str, LowRank], tensors: Mapping[str, Tensor]) -> None:
    """Give the LoRAs the values that ``lora_tensors`` wrote."""
    with torch.no_grad():
        for name, one in adapters.items():
            one.up.copy_(tensors[f"{INSIDE}{name}.{UP}"])
            one.down.copy_(tensors[f"{INSIDE}{name}.{DOWN}"])
