"""What newer ComfyUIs do that cannot be installed here, by stand-ins: stand-in tested, not more.

Comfy-Org/ComfyUI at 05080f6022b2572df36a0aa6bcba413209c3d265, comfy/ldm/modules/attention.py.
Containers: `AttentionTensorContainer` (line 182) and `wrap_attn` (line 201): a block hands q, k and
v on as containers; an override with a `container_function` gets these, any other gets the tensors
taken out of them.
A checkpoint's preference: `ComfyAttention` (line 76) reads it into a block, whose calls name it.
`wrap_attn` takes it out of what it hands on, and asks it only where there is no override.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.host.attention_call import OVERRIDE
from instance_edit.host.kernels import Override
from instance_edit.tests.with_comfyui.comfyui import attention_pytorch
from instance_edit.tests.with_comfyui.test_attention_calls import (
    OVERRIDES,
    WHERE,
    H,
    maps,
    split_call,
    tensors,
)


class Container:
    """Stands for the owner of one tensor, which is taken out of it once."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor: Tensor | None = tensor

    def take(self) -> Tensor:
        tensor, self.tensor = self.tensor, None
        assert tensor is not None
        return tensor


def wrapped(func: Override, *args: Any, preferred_attention: Any = None, **rest: Any) -> Tensor:
    """Stands for what `wrap_attn` makes of every attention function."""
    containers, rest = args[:3], {**rest, "_inside_attn_wrapper": True}
    override = rest["transformer_options"].get(OVERRIDE)
    if hasattr(override, "container_function"):
        return override.container_function(*args, **rest)
    taken = (*(one.take() for one in containers), *args[3:])
    if override is not None:
        return override(func, *taken, **rest)
    if preferred_attention is not None and preferred_attention.function is not None:
        return preferred_attention.function(*taken, **rest)
    return func(*taken, **rest)


def ignores_masks(q: Tensor, k: Tensor, v: Tensor, heads: int, **rest: Any) -> Tensor:
    """Stands for the kernel that a checkpoint prefers: what it gives is seen to be its own."""
    return 2 * attention_pytorch(q, k, v, heads, mask=None, skip_reshape=True)


PREFERENCES = {
    "none": None,
    "not on this device": SimpleNamespace(function=None),
    "a kernel": SimpleNamespace(function=ignores_masks),
}


@pytest.mark.parametrize("name", OVERRIDES)
@pytest.mark.parametrize("preferred", PREFERENCES)
def test_an_override_gets_the_tensors_of_containers_whatever_the_checkpoint_prefers(
    name: str, preferred: str
) -> None:
    maps.clear()
    override = OVERRIDES[name]()
    wanted = split_call(override)
    containers = [Container(tensor) for tensor in tensors()]
    found = wrapped(
        attention_pytorch,
        *containers,
        H,
        skip_reshape=True,
        transformer_options={**WHERE, OVERRIDE: override},
        preferred_attention=PREFERENCES[preferred],
    )
    assert torch.equal(found, wanted)
    assert all(one.tensor is None for one in containers)


def test_a_checkpoints_kernel_runs_where_nothing_is_overridden() -> None:
    """As the stand-in has to, or the test above shows nothing."""
    calls = [
        wrapped(
            attention_pytorch,
            *(Container(tensor) for tensor in tensors()),
            H,
            skip_reshape=True,
            transformer_options={},
            preferred_attention=one,
        )
        for one in PREFERENCES.values()
    ]
    assert torch.equal(calls[0], calls[1]) and torch.equal(2 * calls[0], calls[2])


@pytest.mark.parametrize("name", OVERRIDES)
def test_no_override_claims_to_take_containers(name: str) -> None:
    assert not hasattr(OVERRIDES[name](), "container_function")
