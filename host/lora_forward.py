"""A layer's rows as a LoRA makes them: core's weight adapters in their forward form.

``f(x)`` becomes ``g(f(x) + h(x))`` (``comfy.weight_adapter``), for some rows of ``x`` alone. Where
core's forward form differs from its merged weights (DoRA's scale, GLoRA, the bias and strength of
rotations), it is as in the merged weights here.
"""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from comfy.weight_adapter.base import WeightAdapterBase
from torch import Tensor
from torch.nn.functional import linear

DORA = {"lora": 4, "loha": 7, "lokr": 8}
"""Where DoRA's scale stands among an adapter's weights, by the adapter's name."""
LORA, GLORA, OFT = "lora", "glora", "oft"
MIDDLE = 3
"""Where a LoRA's third matrix stands, which convolutions have."""


@dataclass(frozen=True)
class Adapter:
    """One adapter of one layer.

    Attributes:
        core: the adapter as core read it.
        part: (first, length) of the layer's outputs that it is for; None: all.
    """

    core: Any
    part: tuple[int, int] | None = None

    @property
    def dora(self) -> Tensor | None:
        """DoRA's scale, (out, 1) or (1, in)."""
        place = DORA.get(self.core.name)
        return None if place is None else self.core.weights[place]

    @property
    def rewrites(self) -> bool:
        """It does more than to add ``h(x)``."""
        kind = type(self.core)
        plain = (
            kind.g is WeightAdapterBase.g
            and kind.bypass_forward is WeightAdapterBase.bypass_forward
        )
        return self.dora is not None or not plain

    @property
    def nbytes(self) -> int:
        """Bytes of its weights."""
        return sum(w.nbytes for w in self.core.weights if isinstance(w, Tensor))

    def on(self, device: torch.device, dtype: torch.dtype) -> "Adapter":
        """The same on another device and in another dtype; this one stays as it is."""
        moved = copy.copy(self.core)
        moved.weights = tuple(
            w.to(device, dtype) if isinstance(w, Tensor) else w for w in self.core.weights
        )
        vars(moved).update(is_conv=False, conv_dim=0, kw_dict={})
        return Adapter(moved, self.part)


def adapted(layer: Any, adapter: Adapter, strength: float, x: Tensor, y: Tensor) -> Tensor:
    """Rows of a layer's result with an adapter that rewrites them.

    Args:
        adapter: on the rows' device and in their dtype.
        x, y: (.., in) and (.., out), what the layer got and gave.
    """
    if adapter.dora is not None:
        return y + strength * (_decomposed(layer, adapter, x, y) - y)
    if adapter.core.name == GLORA:
        return y + strength * _glora(layer, adapter.core, x, y)
    core, bare = adapter.core, y - _bias(layer, y)
    core.multiplier = strength
    turned = _oft(core, bare) if core.name == OFT else core.g(bare.contiguous())
    return y + strength * (turned - bare)


def _oft(core: Any, y: Tensor) -> Tensor:
    """OFT's rotation (Qiu et al. 2023), which core's own cannot compute for several rows."""
    blocks, number, size = core._get_orthogonal_matrix(y.device, y.dtype)
    turned = torch.einsum("knm,...kn->...km", blocks, y.unflatten(-1, (number, size))).flatten(-2)
    return torch.lerp(y, turned.to(y.dtype), core.multiplier)


def _glora(layer: Any, core: Any, x: Tensor, y: Tensor) -> Tensor:
    """GLoRA's change ``W A x + B x`` (Chavan et al. 2023), in either of its two layouts."""
    a1, a2, b1, b2, alpha, _ = core.weights
    if a1.shape[0] == x.shape[-1]:  # (in, rank), as opposed to (rank, in)
        a, b, rank = a1 @ a2, b1 @ b2, a1.shape[1]
    else:
        a, b, rank = a2 @ a1, b2 @ b1, a1.shape[0]
    change = layer.forward(x @ a.T) - _bias(layer, y) + x @ b.T
    return change if alpha is None else change * (alpha / rank)


def added(adapter: Adapter, strength: float, x: Tensor, y: Tensor) -> Tensor:
    """``h(x)``: what an adapter adds to a layer's result, of the part that it is for.

    Core scales a LoRA's wide result, which takes as long as the product; here the narrow one is.
    """
    core = adapter.core
    if core.name != LORA or core.weights[MIDDLE] is not None:
        core.multiplier = strength
        return core.h(x, y)
    up, down, alpha = core.weights[:3]
    scale = strength if alpha is None else strength * alpha / down.shape[0]
    return linear(linear(x, down) * scale, up)


def _decomposed(layer: Any, adapter: Adapter, x: Tensor, y: Tensor) -> Tensor:
    """DoRA (Liu et al. 2024) as core's ``weight_decompose`` has it, at strength 1."""
    scale, bias = adapter.dora, _bias(layer, y)
    assert scale is not None
    if scale.shape[0] == y.shape[-1]:
        norms = _weight(layer, x, y).norm(dim=0)
        whole = y - bias + added(adapter, 1.0, x, y)
        return whole * _ratio(scale, norms, y) + bias
    every = torch.eye(x.shape[-1], device=x.device, dtype=x.dtype)
    norms = (_weight(layer, x, y) + added(adapter, 1.0, every, y)).norm(dim=1)
    scaled = x * _ratio(scale, norms, x)
    return layer.forward(scaled) + added(adapter, 1.0, scaled, y)


def _ratio(scale: Tensor, norms: Tensor, like: Tensor) -> Tensor:
    eps = torch.finfo(like.dtype).eps
    return (scale.flatten().float() / (norms.float() + eps)).to(like.dtype)


def _weight(layer: Any, x: Tensor, y: Tensor) -> Tensor:
    """(in, out): what the layer multiplies with, whatever form its weight has."""
    every = torch.eye(x.shape[-1], device=x.device, dtype=x.dtype)
    return layer.forward(every) - _bias(layer, y)


def _bias(layer: Any, y: Tensor) -> Tensor:
    bias = getattr(layer, "bias", None)
    return y.new_zeros(()) if bias is None else bias.detach().to(y.device, y.dtype)
