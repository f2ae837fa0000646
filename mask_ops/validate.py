"""What is wrong, or worth knowing, about a list of regions: in words, before any sampling."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from .findings import Finding, Seen, check_picture, check_region, check_shape
from .fit import same_shape
from .overlap import AS_RELEASED, OverlapPolicy
from .regions import InstanceRegion, rasterise

PAIRS_NAMED = 12
DUPLICATE = 0.999
Size = tuple[int, int]


def find_problems(
    regions: Sequence[InstanceRegion],
    masks: Tensor,
    extent: tuple[float, float] | None = None,
    overlap: OverlapPolicy = "shared",
    size: Size | None = None,
) -> list[Finding]:
    """Findings about the regions, in their order, then those about pairs, then the picture.

    Args:
        masks: (N, h, w) bool, the regions on the token grid, from ``rasterise``.
        extent: (rows, columns) of tokens that the picture really spans; default: all.
        overlap: the policy that will be applied to them.
        size: (H, W) pixels of the picture, if it is there.
    """
    extent = extent or (float(masks.shape[1]), float(masks.shape[2]))
    findings: list[Finding] = []
    for n, (region, mask) in enumerate(zip(regions, masks, strict=True), start=1):
        findings += check_region(Seen(n, region, mask, extent, size))
    return findings + _check_pairs(regions, masks, overlap) + check_picture(size)


def coverage(masks: Tensor) -> float:
    """Share of the tokens that lie in some of the (N, h, w) masks, 0 .. 1."""
    return float(masks.any(0).float().mean())


def _check_pairs(
    regions: Sequence[InstanceRegion], masks: Tensor, overlap: OverlapPolicy
) -> list[Finding]:
    placed = torch.tensor([region.origin != "nowhere" for region in regions])
    flat = masks.flatten(1).float() * placed[:, None]
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
    if overlap == AS_RELEASED:
        return f"there both instructions act, and the picture is seen as instance {b + 1} sees it"
    wins = b if overlap == "smaller wins" and sizes[b] < sizes[a] else a
    return f"there instance {wins + 1} wins ({overlap})"


def region_report(
    regions: Sequence[InstanceRegion],
    grid: tuple[int, int],
    extent: tuple[float, float] | None = None,
    *,
    overlap: OverlapPolicy = "shared",
    text_tokens: Sequence[int] | None = None,
    size: Size | None = None,
    others: Sequence[str] = (),
) -> str:
    """A report in words: what is where, and every finding.

    Args:
        text_tokens: tokens of each instance's instruction, if they are known.
        size: (H, W) pixels of the picture, if it is there.
        others: what else was found.
    """
    masks = rasterise(regions, grid, extent)
    lines = [
        f"{len(regions)} instance(s) on {grid[1]} x {grid[0]} tokens cover "
        f"{coverage(masks):.0%} of the picture; the rest is background."
    ]
    for n, (region, mask) in enumerate(zip(regions, masks, strict=True)):
        words = "" if text_tokens is None else f" and {text_tokens[n]} text tokens"
        said = _short(region.instruction)
        label = f"{region.label}: " if region.label else ""
        lines.append(f"{n + 1}. {label}{int(mask.sum())} tokens{words}: {said}")
    lines += _scaled(regions, size)
    found = [finding.text for finding in find_problems(regions, masks, extent, overlap, size)]
    lines += [f"- {text}" for text in (*found, *others)] or ["No problems found."]
    return "\n".join(lines)


def other_shapes(regions: Sequence[InstanceRegion], size: Size) -> list[str]:
    """What to say of regions that were drawn on a picture of another aspect than ``size``."""
    return [
        finding.text
        for n, region in enumerate(regions, 1)
        for finding in check_shape(n, region, size)
    ]


def _scaled(regions: Sequence[InstanceRegion], size: Size | None) -> list[str]:
    """That regions come from a picture of the same shape and another size, which is no problem."""
    if size is None:
        return []
    sizes = {region.size for region in regions if region.size is not None} - {size}
    return [
        f"Drawn on {drawn[1]} x {drawn[0]} pixels, scaled to the picture's {size[1]} x {size[0]}."
        for drawn in sorted(sizes)
        if same_shape(drawn, size)
    ]


def _short(instruction: str, limit: int = 90) -> str:
    words = " ".join(instruction.split()) or "(no instruction)"
    return words if len(words) <= limit else words[: limit - 3].rstrip() + "..."
