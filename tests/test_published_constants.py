"""Every number that a paper, or its authors' released code, fixes: as a literal, with its source.

The expected values are typed here and computed nowhere in the pack, so that changing a default, a
constant or a boundary fails by its name. What each method is stands in docs/methods.md.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from instance_edit.attention import (
    AttentionBias,
    TokenLayout,
    idattn_bias,
    mice_bias,
    released_mice_bias,
)
from instance_edit.attention.foi import foi_boosts
from instance_edit.attention.lqr_highlight import Highlight, highlight_region, middle_ranks
from instance_edit.attention.schedule import block_kinds, equal_stages
from instance_edit.mask_ops.boxes import Box, box_to_grid
from instance_edit.mask_ops.foi import Focus, focus, foi_masks
from instance_edit.mask_ops.iid import iid_masks
from instance_edit.mask_ops.smoothing import smooth_masks
from instance_edit.sampling.flow import invert_flow
from instance_edit.sampling.foi import SHARE, blend_distilled, blend_guided
from instance_edit.sampling.iid import default_steps
from instance_edit.sampling.lqr import LQRGuidance, dual_target, sample_lqr

MICE = "Editing Everything Everywhere All at Once (2026)"
IDATTN = "arXiv 2602.08749"
IID = "arXiv 2504.04784"
FOI = "arXiv 2312.10113"
TURNS = "arXiv 2505.04320"

LINE = TokenLayout((1, 1), (1, 15))


def default(function: Callable[..., object], name: str) -> object:
    return inspect.signature(function).parameters[name].default


def dot() -> Tensor:
    """A mask of one token in the middle of a row of 15."""
    mask = torch.zeros(1, 1, 15, dtype=torch.bool)
    mask[0, 0, 7] = True
    return mask


def seen_from_inside(bias: AttentionBias) -> list[float]:
    """What the one token of the mask sees of those 1, 2, 5 and 6 to its right."""
    row = bias.dense()[LINE.latent_span.start + 7]
    return [float(row[LINE.latent_span.start + 7 + step]) for step in (1, 2, 5, 6)]


def one_run(kinds: tuple[str, ...], kind: str) -> tuple[int, int]:
    """First and last block of a kind."""
    return kinds.index(kind), len(kinds) - 1 - kinds[::-1].index(kind)


def dis_of(blocks: int) -> tuple[int, int]:
    """Where (har, dis, har) is dis in a model with so many blocks."""
    return one_run(block_kinds(equal_stages(("har", "dis", "har")), blocks), "dis")


def spread_of_a_dot(masks: Callable[[Tensor], Tensor]) -> float:
    """How much weaker a smoothed dot is one token beside it, as a power of e."""
    maps = torch.zeros(1, 9, 9)
    maps[0, 4, 4] = 1.0
    smooth = masks(maps)[0]
    return math.log(float(smooth[4, 4] / smooth[4, 5]))


def first_inside(threshold_of: Callable[[Tensor], Tensor]) -> float:
    """The least value of an even ramp from 0 to 1 that is taken."""
    ramp = torch.linspace(0, 1, 10_001)
    return float(ramp[threshold_of(ramp)][0])


def three_rounds(values: list[float]) -> list[float]:
    """FoI's Eq. 2 by hand: square and stretch to [0, 1], three times."""
    for _ in range(3):
        squares = [value * value for value in values]
        values = [(v - min(squares)) / (max(squares) - min(squares)) for v in squares]
    return values


def foi_sigma() -> float:
    """Of FoI's Gaussian: its map is squared three times, so a dot falls off eight times as fast."""
    maps = torch.full((1, 9, 9), 0.0)
    maps[0, 4, 4] = 1.0
    found = foi_masks(maps).maps[0]
    return math.sqrt(8 / (2 * math.log(float(found[4, 4] / found[4, 5]))))


def lqr_pull(weight: float, eta: float) -> float:
    """Where one pulled step from 1 to 0 arrives; flow to 0, first picture 1, previous 2."""
    still = torch.zeros(1, 1, 1, 1)
    out = sample_lqr(
        lambda x, s: still,
        still,
        torch.tensor([1.0, 0.0]),
        still + 1,
        still + 2,
        LQRGuidance(eta=eta, weight=weight),
    )
    return float(out)


def lqr_default() -> float:
    still = torch.zeros(1, 1, 1, 1)
    sigmas = torch.tensor([1.0, 0.0])
    return float(sample_lqr(lambda x, s: still, still, sigmas, still + 1, still + 2))


NUMBERS: dict[str, tuple[Callable[[], object], object]] = {
    f"{MICE}, smoothing: a Gaussian of 3 tokens, tau 1, epsilon 1e-30": (
        lambda: seen_from_inside(mice_bias(LINE, dot())),
        [math.log(0.5220 * 0.2390), -69.0776, -69.0776, -69.0776],
    ),
    f"{MICE}, smoothing: OpenCV's sigma of 3 tokens, 0.8": (
        lambda: spread_of_a_dot(lambda maps: smooth_masks(maps, 3)),
        1 / (2 * 0.8**2),
    ),
    f"{MICE}, smoothing: OpenCV's sigma of 11 tokens, 2.0": (
        lambda: spread_of_a_dot(lambda maps: smooth_masks(maps, 11)),
        1 / (2 * 2.0**2),
    ),
    f"{MICE}, temperature: dense scenes take 8, which divides every logarithm": (
        lambda: seen_from_inside(mice_bias(LINE, dot(), temperature=8.0))[1],
        -69.0776 / 8,
    ),
    f"{MICE}, released code: a Gaussian of 11 tokens, tau 3, epsilon 1e-6": (
        lambda: seen_from_inside(released_mice_bias(LINE, dot())),
        [
            math.log(0.0401 * math.exp(-1 / 8) + 1e-6) / 3,
            math.log(0.0401 * math.exp(-4 / 8) + 1e-6) / 3,
            math.log(0.0401 * math.exp(-25 / 8) + 1e-6) / 3,
            -4.60517,
        ],
    ),
    f"{IDATTN}, boxes: floor of the start, ceil of the end": (
        lambda: box_to_grid(Box(0.3, 0.0, 0.55, 1.0), (1, 10))[0].nonzero()[:, 0].tolist(),
        [3, 4, 5],
    ),
    f"{IDATTN}, schedule: thirds of FLUX.1's 57 blocks, 0-18 / 19-37 / 38-56": (
        lambda: dis_of(57),
        (19, 37),
    ),
    f"{IDATTN}, schedule: thirds of klein 4B's 25 blocks, rounded": (lambda: dis_of(25), (8, 16)),
    f"{IDATTN}, schedule: thirds of klein 9B's 32 blocks, rounded": (lambda: dis_of(32), (11, 20)),
    f"{IDATTN}, schedule: thirds of FLUX.2 dev's 56 blocks, rounded": (
        lambda: dis_of(56),
        (19, 36),
    ),
    f"{IID}, phase A: S is 30 % of the steps, rounded, at least one": (
        lambda: {total: default_steps(total) for total in (1, 2, 4, 6, 8, 9, 20, 28, 50)},
        {1: 1, 2: 1, 4: 1, 6: 2, 8: 2, 9: 3, 20: 6, 28: 8, 50: 15},
    ),
    f"{IID}, masks: a Gaussian over 3 tokens (its sigma of 1 is our own)": (
        lambda: [
            spread_of_a_dot(lambda maps: iid_masks(maps[:, None]).maps),
            float(iid_masks(torch.eye(9)[4].view(1, 1, 1, 9)).maps[0, 0, 6]),
        ],
        [0.5, 0.0],
    ),
    f"{FOI}, Eq. 2: the map is squared and stretched three times": (
        lambda: focus(torch.tensor([[[0.1, 0.4, 0.5, 0.9, 1.0]]])).flatten().tolist(),
        three_rounds([0.1, 0.4, 0.5, 0.9, 1.0]),
    ),
    f"{FOI}, masks: pooled to about 16 x 16": (
        lambda: [
            len(foi_masks(torch.rand(1, side, side)).maps[0, 0].unique_consecutive())
            for side in (64, 32, 16, 12)
        ],
        [16, 16, 16, 12],
    ),
    f"{FOI}, masks: a Gaussian of sigma 0.5": (foi_sigma, 0.5),
    f"{FOI}, masks: the threshold is in 0.4 to 0.7, 0.5 here": (
        lambda: Focus().threshold,
        0.5,
    ),
    f"{FOI}, Eq. 7: xi(t) = 0.05 t^4": (
        lambda: foi_boosts([1.0, 2.0], 0.5).tolist() + foi_boosts([1.0], 1.0).tolist(),
        [0.003125, 0.00625, 0.05],
    ),
    f"{FOI}, Eq. 8: s_I is 1.5 and s_T is 7.5": (
        lambda: [default(blend_guided, name) for name in ("image_scale", "text_scale")],
        [1.5, 7.5],
    ),
    f"{FOI}, Eq. 9: s is 1 for guidance-distilled models": (
        lambda: default(blend_distilled, "strength"),
        1.0,
    ),
    f"{FOI}, disentangled sampling: the first 75 % of the steps": (lambda: SHARE, 0.75),
    f"{TURNS}, inversion: gamma is 0.5": (lambda: default(invert_flow, "gamma"), 0.5),
    f"{TURNS}, guidance: eta 0.9 in 4 of 15 steps, lambda 0.7, no tolerance": (
        lambda: list(vars(LQRGuidance()).values())[:4],
        [0.9, 4, 0.7, 0.0],
    ),
    f"{TURNS}, guidance: by default it is that one": (lqr_default, 0.9 * 1.7),
    f"{TURNS}, guidance: lambda leads from the first picture to the previous one": (
        lambda: [lqr_pull(0.0, 1.0), lqr_pull(1.0, 1.0), lqr_pull(0.5, 0.5)],
        [1.0, 2.0, 0.75],
    ),
    f"{TURNS}, dual target: lambda is 0.7": (
        lambda: float(dual_target(torch.zeros(1), torch.ones(1))),
        0.7,
    ),
    f"{TURNS}, adaptive attention: 2.0 inside, 0.8 outside, threshold 0.3, from the 5th step": (
        lambda: list(vars(Highlight()).values())[:4],
        [2.0, 0.8, 0.3, 5],
    ),
    f"{TURNS}, adaptive attention: ranks 10 to 14 of 19 blocks": (
        lambda: [rank + 1 for rank in range(19)[middle_ranks(19)]],
        [10, 11, 12, 13, 14],
    ),
    f"{TURNS}, adaptive attention: sigmoid(10 (h - 0.5)) above 0.3": (
        lambda: first_inside(lambda ramp: highlight_region(ramp[None, None])[0]),
        0.5 + math.log(0.3 / 0.7) / 10,
    ),
    f"{TURNS}, adaptive attention: sigmoid(10 (h - 0.5)) above 0.8": (
        lambda: first_inside(lambda ramp: highlight_region(ramp[None, None], 0.8)[0]),
        0.5 + math.log(0.8 / 0.2) / 10,
    ),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_published_constants(name: str) -> None:
    measure, published = NUMBERS[name]
    found = measure()
    numeric = isinstance(published, float) or (
        isinstance(published, list) and any(isinstance(value, float) for value in published)
    )
    assert found == (pytest.approx(published, rel=2e-3, abs=1e-6) if numeric else published)


@pytest.mark.parametrize("kind", ["dis", "har"])
def test_idattn_has_no_number_but_open_and_shut(kind: str) -> None:
    values = idattn_bias(LINE, dot(), kind=kind).dense().unique().tolist()
    assert values == [-math.inf, 0.0]
