"""What is worth knowing about one region, or about the picture it lies on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .fit import same_shape
from .masks import inside_of
from .naming import instance_name
from .regions import InstanceRegion
from .token_grid import HALF, TOUCH, grid_coverage, kept_shares

LOST = 0.75
FAINT = 0.6
APART = 8
LATENT_CELL = 8
Text = tuple[str, str]


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        problem: ``empty``, ``tiny``, ``thin``, ``lost``, ``faint``, ``whole``, ``inverted``,
            ``aspect``, ``edge``, ``nowhere``, ``no instruction``, ``odd size``, ``duplicate``,
            ``overlap`` or ``tight``.
        instances: 1-based numbers of the instances it is about.
        text: a sentence with what to do.
    """

    problem: str
    instances: tuple[int, ...]
    text: str


class Seen(NamedTuple):
    """A region as it lies on the token grid.

    Attributes:
        number: 1-based.
        tokens: (h, w) bool.
        extent: (rows, columns) of tokens that the picture spans.
        size: (H, W) pixels of the picture, or None.
    """

    number: int
    region: InstanceRegion
    tokens: Tensor
    extent: tuple[float, float]
    size: tuple[int, int] | None


def check_region(seen: Seen) -> list[Finding]:
    """All findings about one region."""
    if seen.region.origin == "nowhere":
        checks = _nowhere(seen)
    else:
        checks = [*_few_tokens(seen), *_whole(seen), *_aspect(seen.region, seen.size)]
    said = [] if seen.region.instruction.strip() else [("no instruction", _UNTOLD)]
    found = [*checks, *said, *_edges(seen)]
    return about(seen.number, seen.region, found)


def about(number: int, region: InstanceRegion, found: Iterable[Text]) -> list[Finding]:
    """Findings about one region, each with its name before the words."""
    name = instance_name(number, region.label).replace("i", "I", 1)
    return [Finding(problem, (number,), f"{name} {text}") for problem, text in found]


_UNTOLD = "has no instruction: write what shall happen there."


def _nowhere(seen: Seen) -> list[Text]:
    return [("nowhere", "has no place yet: connect the regions that a Locate node found for it.")]


def _few_tokens(seen: Seen) -> Iterator[Text]:
    tokens = int(seen.tokens.sum())
    area = _area(seen)
    if tokens == 0:
        yield "empty", "is empty on the token grid: make its region larger, or remove it."
    elif area < 1:
        units = "" if seen.region.box is None else " If it was meant larger, choose its dialect."
        yield (
            "tiny",
            f"is tiny: {area:.2f} of a token (a token is 16 x 16 pixels). It gets the {tokens} "
            "token(s) it touches; work on a larger picture, or make the region larger." + units,
        )
    elif seen.region.mask is not None:
        yield from _rounded(seen, seen.region.mask)
    if seen.region.mask is not None and tokens:
        yield from _faint(seen.region.mask)


def _area(seen: Seen) -> float:
    """Size of a region in tokens, before it is rounded to whole ones."""
    if seen.region.box is not None:
        box = seen.region.box
        return (box.x2 - box.x1) * (box.y2 - box.y1) * seen.extent[0] * seen.extent[1]
    assert seen.region.mask is not None
    inside = inside_of(seen.region.mask)
    return float(grid_coverage(inside[None], _grid(seen), seen.extent).sum())


def _rounded(seen: Seen, mask: Tensor) -> Iterator[Text]:
    """What rounding to tokens adds to a mask or takes from it."""
    share = grid_coverage(inside_of(mask)[None], _grid(seen), seen.extent)
    half = share[0] >= HALF - TOUCH
    kept = float(kept_shares(share, seen.tokens[None])[0])
    near = F.max_pool2d(seen.tokens[None].float(), 3, 1, 1)[0] > 0
    apart = int(((share[0] > TOUCH) & ~near).sum())
    if int(seen.tokens.sum()) > int(half.sum()):
        yield (
            "thin",
            f"is thin or small: it gets all {int(seen.tokens.sum())} tokens that it touches and "
            f"covers {float(share[0][seen.tokens].mean()):.0%} of them. A larger working size "
            "follows it more closely.",
        )
    elif kept < LOST or apart >= APART:
        parts = f", and {apart} tokens with thin parts of it" if apart >= APART else ""
        yield (
            "lost",
            f"loses {1 - kept:.0%} of its mask{parts} to rounding: a token (16 x 16 pixels) counts "
            "where half of it is covered. Work on a larger picture, or let it grow by 8 pixels.",
        )


def _faint(mask: Tensor) -> Iterator[Text]:
    """A soft mask most of which is fainter than the middle of its range."""
    if mask.dtype == torch.bool:
        return
    values = mask.float()
    outside = 1 - float((values * inside_of(mask)).sum() / values.sum())
    if outside > FAINT:
        yield (
            "faint",
            f"leaves out {outside:.0%} of its soft mask, which is fainter than half of its "
            "strongest value. If that belongs to it, paint it with one opacity.",
        )


def _whole(seen: Seen) -> Iterator[Text]:
    tokens = seen.tokens
    if bool(tokens.all()):
        yield (
            "whole",
            "takes in the whole picture, so that nothing is background. Nothing to do if that is "
            "meant.",
        )
        return
    corners = bool(tokens[[0, 0, -1, -1], [0, -1, 0, -1]].all())
    if seen.region.mask is not None and corners and float(tokens.float().mean()) > HALF:
        yield (
            "inverted",
            "takes in all four corners of the picture and leaves out a part within: if its mask is "
            "the wrong way round, put Invert Mask before it.",
        )


def check_shape(number: int, region: InstanceRegion, size: tuple[int, int]) -> list[Finding]:
    """Whether a region was drawn on a picture of another aspect, by itself."""
    return about(number, region, _aspect(region, size))


def _aspect(region: InstanceRegion, size: tuple[int, int] | None) -> Iterator[Text]:
    drawn = region.size
    if drawn is not None and size is not None and not same_shape(drawn, size):
        yield (
            "aspect",
            f"was drawn on a picture of {drawn[1]} x {drawn[0]} pixels, and this one has "
            f"{size[1]} x {size[0]}, another shape: it is stretched, and lies beside its object if "
            "the picture was cropped. Put Fit Regions between them.",
        )


def _edges(seen: Seen) -> Iterator[Text]:
    if seen.region.box is None or seen.region.origin == "nowhere" or bool(seen.tokens.all()):
        return
    x1, y1, x2, y2 = seen.region.box
    sides = {"left": x1 <= 0, "top": y1 <= 0, "right": x2 >= 1, "bottom": y2 >= 1}
    touched = [name for name, touches in sides.items() if touches]
    if touched:
        yield (
            "edge",
            f"touches the picture's {' and '.join(touched)} edge: a box drawn past it is cut "
            "there. Nothing to do if that is meant.",
        )


def check_picture(size: tuple[int, int] | None) -> list[Finding]:
    """Findings about the picture: whether VAE Encode will crop it."""
    if size is None or not any(side % LATENT_CELL for side in size):
        return []
    kept = [side // LATENT_CELL * LATENT_CELL for side in size]
    text = (
        f"The picture has {size[1]} x {size[0]} pixels: VAE Encode crops it to at most "
        f"{kept[1]} x {kept[0]}, around its middle, and every region moves a little. Scale or crop "
        "it to multiples of 16 first."
    )
    return [Finding("odd size", (), text)]


def _grid(seen: Seen) -> tuple[int, int]:
    return seen.tokens.shape[0], seen.tokens.shape[1]
