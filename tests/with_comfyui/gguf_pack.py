"""A stand-in of the GGUF pack's rules: stand-in tested, no more.

city96/ComfyUI-GGUF at 03842fab0a78fd142b020e42ec76d871d947bc32, `ops.py`: `GGMLTensor` (line 44), a
tensor that says another shape than its bytes have and carries patches; `GGMLOps` (line 226), layers
that unpack it in each call and apply the patches then. At 014560deec2da5c94268c79efd82cf6f0f879c31,
`nodes.py`: `GGUFModelPatcher` (line 36) hangs LoRAs on the tensors, and a clone keeps its class.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, lora, ops, sd

Weights = dict[str, Tensor]


class Packed(Tensor):
    """(rows, columns) in eight bits with a float16 scale behind each row: one row of bytes each."""

    said: torch.Size
    patches: list[tuple[Any, str]]

    @staticmethod
    def of(weight: Tensor) -> Packed:
        scale = (weight.abs().amax(1, keepdim=True) / 127).half()
        values = (weight / scale.float()).round().clamp(-127, 127).to(torch.int8)
        return _with(
            torch.cat([values.view(torch.uint8), scale.view(torch.uint8)], 1), weight.shape
        )

    @property
    def shape(self) -> torch.Size:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.said

    def to(self, *args: Any, **kwargs: Any) -> Packed:
        return _with(super().to(*args, **kwargs), self.said, list(self.patches))

    def clone(self, *_: Any, **__: Any) -> Packed:
        return self

    def detach(self) -> Packed:
        return self

    def unpacked(self, dtype: torch.dtype) -> Tensor:
        """The weight, with the LoRAs that hang on it."""
        raw = self.as_subclass(Tensor)
        values, scale = raw[:, :-2].view(torch.int8), raw[:, -2:].clone().view(torch.float16)
        weight = (values.float() * scale.float()).to(dtype)
        for patches, key in self.patches:
            weight = lora.calculate_weight(patches, weight, key)
        return weight


def _with(raw: Tensor, said: torch.Size, patches: Any = ()) -> Packed:
    packed = raw.as_subclass(Packed)
    packed.said, packed.patches = said, list(patches)
    return packed


class PackedOps(ops.manual_cast):
    """Layers for a checkpoint whose matrices are packed."""

    class Linear(ops.manual_cast.Linear):
        """Takes its tensors as they come."""

        def __init__(self, in_features: int, out_features: int, *_: Any, **__: Any) -> None:
            nn.Module.__init__(self)
            self.in_features, self.out_features = in_features, out_features
            self.weight: Any = None
            self.bias: Any = None

        def _load_from_state_dict(self, state_dict: Weights, prefix: str, *_: Any) -> None:
            for name in ("weight", "bias"):
                if prefix + name in state_dict:
                    given = nn.Parameter(state_dict[prefix + name], requires_grad=False)
                    setattr(self, name, given)

        def forward_comfy_cast_weights(self, input: Tensor, *_: Any, **__: Any) -> Tensor:
            weight = self.weight
            dense = weight.unpacked(input.dtype) if isinstance(weight, Packed) else weight
            bias = None if self.bias is None else self.bias.to(input.dtype)
            return nn.functional.linear(input, dense.to(input.dtype), bias)


class PackedPatcher(ModelPatcher):
    """A model patcher that hangs LoRAs on packed tensors."""

    def patch_weight_to_device(self, key: str, *args: Any, **kwargs: Any) -> None:
        *path, name = key.split(".")
        weight = getattr(self.model.get_submodule(".".join(path)), name)
        if not isinstance(weight, Packed):
            super().patch_weight_to_device(key, *args, **kwargs)
        elif key in self.patches:
            weight.patches = [(self.patches[key], key)]

    def unpatch_model(self, *args: Any, **kwargs: Any) -> Any:
        for weight in self.model.parameters():
            if isinstance(weight, Packed):
                weight.patches = []
        return super().unpatch_model(*args, **kwargs)

    def load(self, *args: Any, **kwargs: Any) -> Any:
        return super().load(*args, **{**kwargs, "force_patch_weights": True})

    def clone(self, *args: Any, **kwargs: Any) -> PackedPatcher:
        kind, self.__class__ = self.__class__, PackedPatcher
        made = super().clone(*args, **kwargs)
        made.__class__, self.__class__ = PackedPatcher, kind
        return made


def load_packed(weights: Weights) -> ModelPatcher:
    """The checkpoint with the blocks' matrices packed, as Unet Loader (GGUF) gives it."""
    packed = {
        name: Packed.of(value) if "_blocks." in name and value.ndim == 2 else value
        for name, value in weights.items()
    }
    model = sd.load_diffusion_model_state_dict(packed, {"custom_operations": PackedOps()})
    return PackedPatcher.clone(model)
