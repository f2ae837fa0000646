"""Noise of its own in its place, and the picture's everywhere else."""

import torch

from instance_edit.mask_ops.found_masks import spread_tokens
from instance_edit.sampling.own_noise import place_noise

NOISE, FIRST, SECOND = torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(1))


def test_a_token_has_all_of_its_pixels_and_the_last_ones_are_cut() -> None:
    tokens = torch.tensor([[True, False, True], [False, False, True]])
    cells = spread_tokens(tokens[None], 2, (3, 5))[0]
    assert cells.int().tolist() == [[1, 1, 0, 0, 1], [1, 1, 0, 0, 1], [0, 0, 0, 0, 1]]


def test_each_place_has_its_own_and_the_first_of_two_has_what_both_claim() -> None:
    left, right = torch.zeros(2, 4, 5, dtype=torch.bool)
    left[:, :3] = True
    right[:, 2:4] = True
    found = place_noise(NOISE, [(left, FIRST), (right, SECOND)])
    assert torch.equal(found[..., :3], FIRST[..., :3])
    assert torch.equal(found[..., 3], SECOND[..., 3])
    assert torch.equal(found[..., 4], NOISE[..., 4])
    assert torch.equal(place_noise(NOISE, []), NOISE)
