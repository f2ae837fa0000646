"""Who owns a token that several masks claim."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from instance_edit.mask_ops.overlap import OverlapPolicy, resolve_overlap


def nested_masks() -> Tensor:
    masks = torch.zeros(3, 2, 4, dtype=torch.bool)
    masks[0, :, :3] = True
    masks[1, 0, 2:] = True
    masks[2, 0, 2] = True
    return masks


@given(st.integers(0, 2**16), st.sampled_from(["smaller wins", "first wins"]))
def test_every_token_goes_to_the_smallest_or_the_first_of_those_that_claim_it(
    seed: int, policy: OverlapPolicy
) -> None:
    masks = torch.rand(4, 2, 5, generator=torch.Generator().manual_seed(seed)) < 0.5
    sizes = masks.flatten(1).sum(1).tolist()
    wanted = torch.zeros_like(masks)
    for y in range(2):
        for x in range(5):
            claims = [n for n in range(4) if masks[n, y, x]]
            if claims:
                by_size = min(claims, key=lambda n: (sizes[n], n))
                wanted[by_size if policy == "smaller wins" else claims[0], y, x] = True
    lost = [n for n in range(4) if sizes[n] and not wanted[n].any()]
    if not lost:
        assert torch.equal(resolve_overlap(masks, policy), wanted)
        return
    with pytest.raises(ValueError, match=f"instance {', '.join(str(n + 1) for n in lost)} would"):
        resolve_overlap(masks, policy)


def test_shared_overlap_leaves_the_masks_alone() -> None:
    assert torch.equal(resolve_overlap(nested_masks(), "shared"), nested_masks())


def test_the_smaller_mask_owns_every_contested_token() -> None:
    owned = resolve_overlap(nested_masks(), "smaller wins")
    assert owned[:, 0, 2].tolist() == [False, False, True]
    assert owned[:, 0, 3].tolist() == [False, True, False]
    assert owned.sum(0).max() == 1


def test_of_two_masks_of_one_size_the_first_owns_what_both_claim() -> None:
    masks = torch.tensor([[[True, True, False]], [[False, True, True]]])
    assert resolve_overlap(masks, "smaller wins")[:, 0, 1].tolist() == [True, False]
    assert resolve_overlap(masks.flip(0), "smaller wins")[:, 0, 1].tolist() == [True, False]


def test_the_first_mask_owns_every_contested_token() -> None:
    masks = nested_masks()[:2]
    owned = resolve_overlap(masks, "first wins")
    assert torch.equal(owned[0], masks[0])
    assert owned[1].sum() == 1


def test_an_instance_that_would_lose_its_last_token_is_named() -> None:
    with pytest.raises(ValueError, match="instance 3 would lose its last token"):
        resolve_overlap(nested_masks(), "first wins")


def test_an_instance_without_tokens_has_none_to_lose() -> None:
    masks = nested_masks()[:2]
    masks[1] = False
    assert not resolve_overlap(masks, "first wins")[1].any()


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="policy"):
        resolve_overlap(nested_masks(), "larger wins")


def test_as_released_leaves_contested_tokens_to_all_their_instances() -> None:
    masks = nested_masks()
    assert torch.equal(resolve_overlap(masks, "as released"), masks)
