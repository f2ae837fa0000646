"""What newer ComfyUIs do that cannot be installed here, by stand-ins: stand-in tested, not more.

Containers: Comfy-Org/ComfyUI at 82997188568abe525d2b961fa2d4feae8f98f843,
comfy/ldm/modules/attention.py, `AttentionTensorContainer` and `wrap_attn` (release 0.38): a block
hands q, k and v on as containers; an override with a `container_function` gets these, any other
gets the tensors taken out of them.
`preferred_attention`, a keyword for a checkpoint's preference, is read in other packs' code, not
there: here it only shows that our overrides do not care for it.
"""

from __future__ import annotations

from collections.abc import Callable
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


def call_with_containers(func: Override, *args: Any, **rest: Any) -> Tensor:
    """Stands for what the wrapper of every attention function does with containers."""
    containers, rest = args[:3], {**rest, "_inside_attn_wrapper": True}
    override = rest["transformer_options"].get(OVERRIDE)
    if hasattr(override, "container_function"):
        return override.container_function(*args, **rest)
    taken = (*(one.take() for one in containers), *args[3:])
    return func(*taken, **rest) if override is None else override(func, *taken, **rest)


def ignores_masks(q: Tensor, k: Tensor, v: Tensor, heads: int, **rest: Any) -> Tensor:
    """Stands for a kernel that a checkpoint prefers."""
    return attention_pytorch(q, k, v, heads, mask=None, skip_reshape=True)


@pytest.mark.parametrize("name", OVERRIDES)
@pytest.mark.parametrize("preferred", [None, ignores_masks], ids=["none", "a preference"])
def test_an_override_gets_the_tensors_of_containers(
    name: str, preferred: Callable[..., Tensor] | None
) -> None:
    maps.clear()
    override = OVERRIDES[name]()
    wanted = split_call(override)
    rest = {} if preferred is None else {"preferred_attention": preferred}
    options = {**WHERE, OVERRIDE: override}
    containers = [Container(tensor) for tensor in tensors()]
    found = call_with_containers(
        attention_pytorch, *containers, H, skip_reshape=True, transformer_options=options, **rest
    )
    assert torch.equal(found, wanted)
    assert all(one.tensor is None for one in containers)


@pytest.mark.parametrize("name", OVERRIDES)
def test_no_override_claims_to_take_containers(name: str) -> None:
    assert not hasattr(OVERRIDES[name](), "container_function")
