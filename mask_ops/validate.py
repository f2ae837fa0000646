"""What is wrong, or worth knowing, about a list of regions: in words, before any sampling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from .overlap import OverlapPolicy
from .regions import InstanceRegion, rasterise
from .token_grid import grid_coverage

PAIRS_NAMED = 12
DUPLICATE = 0.999


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        problem: ``empty``, ``tiny``, ``duplicate``, ``overlap``, ``edge`` or ``no instruction``.
        instances: 1-based numbers of the instances it is about.
        text: a sentence with what to do.
    """

    problem: str
    instances: tuple[int, ...]
    text: str


def find_problems(
    regions: Sequence[InstanceRegion],
    masks: Tensor,
    extent: tuple[float, float] | None = None,
    overlap: OverlapPolicy = "shared",
) -> list[Finding]:
    """Findings about the regions, in their order, then those about pairs.

    Args:
        masks: (N, h, w) bool, the regions on the token grid, from ``rasterise``.
        extent: (rows, columns) of tokens that the picture really spans; default: all.
        overlap: the policy that will be applied to them.
    """
    grid = (masks.shape[1], masks.shape[2])
    findings: list[Finding] = []
    for n, (region, mask) in enumerate(zip(regions, masks, strict=True)):
        findings += _check_one(n + 1, region, mask, _area(region, grid, extent))
    return findings + _check_pairs(masks, overlap)


def coverage(masks: Tensor) -> float:
    """Share of the tokens that lie in some of the (N, h, w) masks, 0 .. 1."""
    return float(masks.any(0).float().mean())


def _area(
    region: InstanceRegion, grid: tuple[int, int], extent: tuple[float, float] | None
) -> float:
    """Size of a region in tokens, before it is rounded to whole ones."""
    rows, columns = extent or (float(grid[0]), float(grid[1]))
    if region.box is not None:
        box = region.box
        return (box.x2 - box.x1) * (box.y2 - box.y1) * rows * columns
    assert region.mask is not None
    return float(grid_coverage(region.mask[None], grid, extent).sum())


def _check_one(n: int, region: InstanceRegion, mask: Tensor, area: float) -> list[Finding]:
    found: list[Finding] = []
    tokens = int(mask.sum())
    if tokens == 0:
        text = f"Instance {n} is empty on the token grid: make its region larger, or remove it."
        found.append(Finding("empty", (n,), text))
    elif area < 1:
        text = (
            f"Instance {n} is tiny: {area:.2f} of a token (a token is 16 x 16 pixels). It gets the "
            f"{tokens} token(s) it touches; work on a larger picture, or make the region larger."
        )
        found.append(Finding("tiny", (n,), text))
    if not region.instruction.strip():
        text = f"Instance {n} has no instruction: write what shall happen there."
        found.append(Finding("no instruction", (n,), text))
    sides = _edges(region)
    if sides:
        text = (
            f"Instance {n} touches the picture's {' and '.join(sides)} edge: a box drawn past it "
            "is cut there. Nothing to do if that is meant."
        )
        found.append(Finding("edge", (n,), text))
    return found


def _edges(region: InstanceRegion) -> list[str]:
    if region.box is None:
        return []
    x1, y1, x2, y2 = region.box
    sides = {"left": x1 <= 0, "top": y1 <= 0, "right": x2 >= 1, "bottom": y2 >= 1}
    return [name for name, touched in sides.items() if touched]


def _check_pairs(masks: Tensor, overlap: OverlapPolicy) -> list[Finding]:
    flat = masks.flatten(1).float()
    sizes, shared = flat.sum(1), flat @ flat.T
    pairs = cast(list[tuple[int, int]], shared.triu(1).nonzero().tolist())
    found: list[Finding] = []
    for a, b in pairs[:PAIRS_NAMED]:
        common, least = float(shared[a, b]), float(torch.minimum(sizes[a], sizes[b]))
        same = common >= DUPLICATE * float(torch.maximum(sizes[a], sizes[b]))
        if same:
            text = (
                f"Instances {a + 1} and {b + 1} are at the same place: remove one, or join their "
                "instructions into one region."
            )
        else:
            text = (
                f"Instances {a + 1} and {b + 1} overlap on {common:.0f} token(s), "
                f"{common / least:.0%} of the smaller: {_winner(a, b, sizes, overlap)}."
            )
        found.append(Finding("duplicate" if same else "overlap", (a + 1, b + 1), text))
    if len(pairs) > PAIRS_NAMED:
        text = f"{len(pairs) - PAIRS_NAMED} more pairs of instances overlap."
        found.append(Finding("overlap", (), text))
    return found


def _winner(a: int, b: int, sizes: Tensor, overlap: OverlapPolicy) -> str:
    """Who gets the contested tokens; a < b, 0-based."""
    if overlap == "shared":
        return "there both instructions act"
    wins = b if overlap == "smaller wins" and sizes[b] < sizes[a] else a
    return f"there instance {wins + 1} wins ({overlap})"


def region_report(
    regions: Sequence[InstanceRegion],
    grid: tuple[int, int],
    extent: tuple[float, float] | None = None,
    *,
    overlap: OverlapPolicy = "shared",
    text_tokens: Sequence[int] | None = None,
) -> str:
    """A report in words: what is where, and every finding.

    Args:
        text_tokens: tokens of each instance's instruction, if they are known.
    """
    masks = rasterise(regions, grid, extent)
    lines = [
        f"{len(regions)} instance(s) on {grid[1]} x {grid[0]} tokens cover "
        f"{coverage(masks):.0%} of the picture; the rest is background."
    ]
    for n, (region, mask) in enumerate(zip(regions, masks, strict=True)):
        words = "" if text_tokens is None else f" and {text_tokens[n]} text tokens"
        lines.append(f"{n + 1}. {int(mask.sum())} tokens{words}: {_short(region.instruction)}")
    findings = find_problems(regions, masks, extent, overlap)
    lines += [f"- {finding.text}" for finding in findings] or ["No problems found."]
    return "\n".join(lines)


def _short(instruction: str, limit: int = 90) -> str:
    words = " ".join(instruction.split()) or "(no instruction)"
    return words if len(words) <= limit else words[: limit - 3].rstrip() + "..."
