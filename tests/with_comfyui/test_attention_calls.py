"""Every override of the pack understands every form of ComfyUI's attention calls."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from einops import rearrange
from torch import Tensor

from instance_edit.attention import TokenLayout, idattn_bias
from instance_edit.attention.execute.plan import BiasPlan
from instance_edit.attention.lqr_highlight import Highlight
from instance_edit.host.attention_call import OVERRIDE
from instance_edit.host.call import ModelCall
from instance_edit.host.capture import Capture, TextReader, TextReading, reading_override
from instance_edit.host.families.family import JointAttention
from instance_edit.host.foi_attention import FoIChange, foi_override
from instance_edit.host.iid import shutting_override
from instance_edit.host.kernels import Override
from instance_edit.host.lqr_highlight import Learned, call_chunks, highlight_override
from instance_edit.host.override import Tally, biased_override
from instance_edit.host.sequence import Added
from instance_edit.tests.with_comfyui.comfyui import attention_pytorch

TEXT, SIDE, B, H, D = 6, 4, 2, 4, 16
L = SIDE * SIDE
Z = TEXT + L
LAYOUT = TokenLayout((2, 2, 2), (SIDE, SIDE))
WHERE = {
    "block_type": "double",
    "block_index": 0,
    "uuids": ["edit"],
    "cond_or_uncond": [0],
}


def random(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def corners() -> Tensor:
    masks = torch.zeros(2, SIDE, SIDE, dtype=torch.bool)
    masks[0, :2, :2] = masks[1, 2:, 2:] = True
    return masks


class OneBlock(JointAttention):
    """A family with one double block."""

    name = "one block"

    def owns(self, model: Any) -> bool:
        return True

    def counts(self, model: Any) -> tuple[int, int]:
        return 1, 0


MODEL = SimpleNamespace(patch_size=1)
CALL = ModelCall(MODEL, random(9, B, 4, SIDE, SIDE), random(8, B, TEXT, 8), {}, torch.ones(B), {})
maps: list[Tensor] = []


def biased() -> Override:
    plan = BiasPlan(idattn_bias(LAYOUT, corners(), kind="dis"))
    planned = {0: ((plan, slice(0, B)),)}
    options = biased_override({}, OneBlock(), CALL, lambda: planned, Tally())
    return options[OVERRIDE]


def per_item() -> Override:
    """The first item has a bias, the second has none."""
    plan = BiasPlan(idattn_bias(LAYOUT, corners(), kind="dis"))
    planned = {0: ((plan, slice(0, 1)), (None, slice(1, 2)))}
    return biased_override({}, OneBlock(), CALL, lambda: planned, Tally())[OVERRIDE]


def reading() -> Override:
    capture = Capture({0}, {0})
    reader = TextReader(capture, OneBlock(), CALL, TextReading(TEXT, (((2, 3),),)), 0, Added)

    def override(*args: Any, **rest: Any) -> Tensor:
        out = reading_override(None, reader)(*args, **rest)
        maps.append(capture.mean())
        return out

    return override


def substituting() -> Override:
    change = FoIChange(LAYOUT, corners(), torch.tensor([0.3, 0.2]))
    return foi_override(None, lambda: change)


def highlighting() -> Override:
    keys = torch.zeros(Z, dtype=torch.bool)
    keys[2:5] = True
    region = random(4, B, L) > 0
    seen, factors = call_chunks(WHERE, Learned(Highlight(), 0, {}, {"edit": region}))
    places = (keys, slice(TEXT, Z))
    return highlight_override(None, lambda _: 0, lambda: places, seen, factors)


def shutting() -> Override:
    shut = torch.zeros(B, 1, 1, TEXT)
    shut[1, ..., 4:] = float("-inf")
    return shutting_override(None, shut)


OVERRIDES: dict[str, Callable[[], Override]] = {
    "instance attention": biased,
    "instance attention per item": per_item,
    "capture": reading,
    "FoI": substituting,
    "adaptive attention": highlighting,
    "branches": shutting,
}


@pytest.fixture(params=list(OVERRIDES))
def override(request: pytest.FixtureRequest) -> Override:
    maps.clear()
    return OVERRIDES[request.param]()


def tensors(key_heads: int = H) -> tuple[Tensor, Tensor, Tensor]:
    return random(1, B, H, Z, D), random(2, B, key_heads, Z, D), random(3, B, key_heads, Z, D)


def split_call(override: Override, mask: Tensor | None = None, **rest: Any) -> Tensor:
    """A call with heads apart, as FLUX makes it."""
    rest = {"skip_reshape": True, "transformer_options": WHERE, **rest}
    return override(attention_pytorch, *tensors(), H, mask=mask, **rest)


def flat(x: Tensor) -> Tensor:
    return rearrange(x, "b h l d -> b l (h d)")


def same_maps() -> None:
    """What a capture read in both calls is the same."""
    if maps:
        torch.testing.assert_close(maps[0], maps[1], rtol=1e-5, atol=1e-6)


def test_heads_that_come_joined_are_split(override) -> None:
    wanted = split_call(override)
    q, k, v = map(flat, tensors())
    found = override(attention_pytorch, q, k, v, H, transformer_options=WHERE)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    same_maps()


def test_the_result_comes_with_heads_apart_if_the_caller_wants_it_so(override) -> None:
    wanted = split_call(override)
    found = split_call(override, skip_output_reshape=True)
    assert found.shape == (B, H, Z, D)
    torch.testing.assert_close(flat(found), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("joined", [False, True])
def test_query_heads_may_share_keys_and_values(override, joined) -> None:
    q, k, v = tensors(key_heads=2)
    every = (x.repeat_interleave(2, dim=1) for x in (k, v))
    rest = {"skip_reshape": True, "transformer_options": WHERE}
    wanted = override(attention_pytorch, q, *every, H, **rest)
    if joined:
        q, k, v = map(flat, (q, k, v))
        rest.pop("skip_reshape")
    found = override(attention_pytorch, q, k, v, H, enable_gqa=True, **rest)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    same_maps()


def masks() -> dict[str, Tensor]:
    whole = random(5, B, H, Z, Z)
    return {
        "2-D": whole[0, 0],
        "3-D": whole[:, 0],
        "4-D": whole,
        "4-D, one for all": whole[:1, :1],
        "bool": whole[:1, :1] > -1,
        "keys alone": whole[:, :1, :1],
    }


@pytest.mark.parametrize("kind", list(masks()))
@pytest.mark.parametrize("by_position", [False, True])
def test_a_mask_may_come_in_any_form(override, kind, by_position, request) -> None:
    """By position or by keyword, 2-D to 4-D: the same as the full additive mask."""
    mask = masks()[kind]
    full = mask if mask.ndim > 2 else mask[None]
    full = full[:, None] if full.ndim == 3 else full
    if full.dtype == torch.bool:
        full = torch.zeros(full.shape).masked_fill(~full, float("-inf"))
    full = full.expand(B, H, Z, Z)
    if "branches" in request.node.name:
        with pytest.raises(ValueError, match="another attention mask"):
            split_call(override, mask)
        return
    wanted = split_call(override, full.contiguous())
    rest = {"skip_reshape": True, "transformer_options": WHERE}
    given = (mask,) if by_position else ()
    found = override(
        attention_pytorch, *tensors(), H, *given, **({} if by_position else {"mask": mask}), **rest
    )
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    same_maps()


def test_calls_of_no_block_are_passed_on_as_they_came() -> None:
    """Refiners and other attention carry no block number."""
    q, k, v = tensors()
    for name in ("instance attention", "capture"):
        override = (
            OVERRIDES[name]()
            if name != "capture"
            else reading_override(
                None,
                TextReader(Capture({0}, {0}), OneBlock(), CALL, TextReading(TEXT, ()), 0, Added),
            )
        )
        found = override(attention_pytorch, q, k, v, H, skip_reshape=True, transformer_options={})
        assert torch.equal(found, attention_pytorch(q, k, v, H, skip_reshape=True))
