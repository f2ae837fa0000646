"""Tensors that stand for those of a device without float64, as Apple's are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, WrappersMP
from instance_edit.tools.load_pack import ROOT

ROOMS = [str(ROOT / name) for name in ("attention", "host", "mask_ops", "nodes", "sampling")]


class OnDevice(torch.Tensor):
    """A tensor of such a device, and so is all that is computed with it until it goes home."""

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        out = super().__torch_function__(func, types, args, kwargs or {})
        named = [one for one in (*args, *(kwargs or {}).values()) if isinstance(one, str)]
        home = func is torch.Tensor.cpu or "cpu" in named
        if home and isinstance(out, Tensor):
            return out.as_subclass(torch.Tensor)
        if isinstance(out, OnDevice) and out.dtype == torch.float64 and in_the_pack():
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype, as it has none.")
        return out


def in_the_pack() -> bool:
    """Whether the innermost frame that is neither torch's nor this file's is the pack's."""
    frame = sys._getframe(2)
    while frame is not None and "/torch/" in frame.f_code.co_filename:
        frame = frame.f_back
    return frame is not None and any(
        Path(frame.f_code.co_filename).is_relative_to(room) for room in ROOMS
    )


def on_device(model: ModelPatcher) -> ModelPatcher:
    """The model, sampled with noise, latents and sigmas of such a device."""

    def sampler_sample(executor: Any, *args: Any, **rest: Any) -> Tensor:
        placed = [one.as_subclass(OnDevice) if isinstance(one, Tensor) else one for one in args]
        return executor(*placed, **rest).as_subclass(torch.Tensor)

    placed = model.clone()
    placed.add_wrapper_with_key(WrappersMP.SAMPLER_SAMPLE, "on device", sampler_sample)
    return placed
