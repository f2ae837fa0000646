"""Decoding only the windows of a latent that are needed."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..mask_ops.paste import refuse_overflow
from ..mask_ops.put_back import Place
from ..mask_ops.windows import Cells, DecodeWindow, decode_windows, needed_cells

HALO = 64
"""Pixels around what is taken; benchmarks/results/decode.md says what less and more cost."""
NORMED = 256
"""Pixels that a window's side has at least where the VAE normalises over the picture: the size
that these VAEs were trained at, so that its statistics are of a kind that the decoder knows."""


PACKED = 128
"""Channels of FLUX.2's latent, 2 x 2 cells of 8 pixels in one."""


class Reach(NamedTuple):
    """What a window needs beside what is taken of it.

    Attributes:
        halo: latent cells on every side.
        least: a side's cells, at least.
        match: whether its tint is to be matched to the pixels around what is taken.
    """

    halo: int
    least: int
    match: bool = False


class Decoded(NamedTuple):
    """A picture of which only windows were decoded.

    Attributes:
        image: (B, h, w, 3); what was given for the rest outside the windows.
        windows: how many were decoded.
        share: their cells over those of the pictures.
    """

    image: Tensor
    windows: int
    share: float


def find_reach(vae: Any, halo: int, match: bool) -> Reach:
    """The halo that was asked for, in whole cells; for 0 what is right for this VAE.

    Args:
        halo: in pixels.
        match: only a VAE that normalises over the picture has a tint to match.
    """
    factor = cell_pixels(vae)
    model = getattr(vae, "first_stage_model", None)
    normed = model is None or any(isinstance(part, torch.nn.GroupNorm) for part in model.modules())
    least = -(-NORMED // factor) if normed and not halo else 1
    return Reach(-(-(halo or HALO) // factor), least, match and normed)


def cell_pixels(vae: Any) -> int:
    """Pixels to a side of one latent cell: 8 of FLUX.1's VAE, 16 of FLUX.2's.

    Raises:
        ValueError: a VAE of sound, or one that does not say.
    """
    factor = getattr(vae, "spacial_compression_decode", lambda: None)()
    if not isinstance(factor, int) or getattr(vae, "latent_dim", 2) == 1:
        raise ValueError("vae must be a VAE of pictures. Connect the one that encoded the picture.")
    small = hasattr(getattr(vae, "first_stage_model", None), "taesd_decoder")
    if small and vae.latent_channels == PACKED and factor == 8:
        return 16  # FLUX.2's small VAE, of which core says 8
    return factor


def picture_latent(latent: dict[str, Any], vae: Any) -> Tensor:
    """The samples (B, C, h, w), or (B, C, 1, h, w) where the VAE is one of films.

    Raises:
        ValueError: sound, a film, or channels of another VAE.
    """
    samples: Tensor = latent["samples"]
    if samples.ndim not in (4, 5):
        raise ValueError(
            "samples must be a latent of pictures, got one of sound. Decode it with the node that "
            "is made for it."
        )
    if samples.ndim == 5 and samples.shape[2] != 1:
        raise ValueError(
            f"samples must be a latent of pictures, got a film of {samples.shape[2]} frames. "
            "Use VAE Decode and Composite Background."
        )
    channels = getattr(vae, "latent_channels", samples.shape[1])
    if samples.shape[1] != channels:
        raise ValueError(
            f"samples have {samples.shape[1]} channels, and this VAE decodes {channels}. Connect "
            "the VAE that encoded the picture."
        )
    return samples


def decode_needed(
    vae: Any, samples: Tensor, weight: Tensor, place: Place, rest: Tensor, reach: Reach
) -> Decoded:
    """The picture where the weight is above 0, and what is given for the rest.

    Args:
        samples: (B, C, ..., h, w).
        weight: (M, H, W) of the source, one for each picture or one for all.
        place: of the decoded picture on the source.
        rest: (B, h, w, 3) pixels where nothing is decoded, as many as pictures come out.

    Raises:
        ValueError: a picture of which nothing is needed; nothing but NaN from the VAE.
    """
    factor = cell_pixels(vae)
    grid = (samples.shape[-2], samples.shape[-1])
    top, left = round(place.window.top), round(place.window.left)
    weight = weight[:, top : top + rest.shape[1], left : left + rest.shape[2]]
    image, broken = rest.clone(), torch.ones((), dtype=torch.bool)
    pages = [decode_windows(needed_cells(page, factor), reach.halo, reach.least) for page in weight]
    for number, windows in enumerate(pages):
        if not windows:
            raise ValueError(
                f"no region lies on the part of picture {number + 1} that the latent shows: VAE "
                "Encode cropped it away. Move a region inwards."
            )
        which = slice(None) if len(pages) == 1 else slice(number, number + 1)
        items = samples if len(samples) == 1 else samples[which]
        for window in windows:
            pixels = decode_cells(vae, items, window.outer, factor).to(rest)
            broken = broken & ~pixels.isfinite().all(-1).any().cpu()
            around = pixel_slices(window.outer, factor)
            if reach.match and window.outer.area < grid[0] * grid[1]:
                untouched = weight[(number, *around)] == 0
                pixels = match_tint(pixels, rest[(which, *around)], untouched)
            image[(which, *pixel_slices(window.inner, factor))] = inner_part(pixels, window, factor)
    refuse_overflow(broken)
    cells = sum(window.outer.area for windows in pages for window in windows)
    return Decoded(image, sum(map(len, pages)), cells / (len(pages) * grid[0] * grid[1]))


def match_tint(pixels: Tensor, source: Tensor, untouched: Tensor) -> Tensor:
    """A window, each channel shifted by the median of what parts it from the source.

    Args:
        pixels, source: (B, h, w, 3); a batch of one serves all of the other's.
        untouched: (h, w) bool, where both show the same; with none of them nothing is shifted.
    """
    untouched = untouched.to(pixels.device)
    gap = (source - pixels)[:, untouched]  # (B, pixels, 3)
    if not gap.shape[1]:
        return pixels
    shift = gap.where(gap.isfinite(), torch.nan).nanmedian(1).values.nan_to_num(0.0)
    return (pixels + shift[:, None, None]).clamp(0, 1)


def decode_cells(vae: Any, samples: Tensor, cells: Cells, factor: int) -> Tensor:
    """(B, h, w, 3): the pixels of a rectangle of cells, decoded alone.

    Raises:
        ValueError: the VAE gives pictures of another size than it says.
    """
    decoded: Tensor = vae.decode(samples[..., cells.top : cells.bottom, cells.left : cells.right])
    decoded = decoded.flatten(0, -4)[..., :3]  # a VAE of films gives (B, 1, h, w, 3)
    wanted = ((cells.bottom - cells.top) * factor, (cells.right - cells.left) * factor)
    if (*decoded.shape[1:3],) != wanted or len(decoded) != len(samples):
        raise ValueError(
            f"this VAE made {decoded.shape[2]} x {decoded.shape[1]} pixels of a window that has "
            f"{wanted[1]} x {wanted[0]} by what it says. Use VAE Decode and Composite Background."
        )
    return decoded


def inner_part(pixels: Tensor, window: DecodeWindow, factor: int) -> Tensor:
    """(B, h, w, 3): what is taken of a decoded window."""
    inner, outer = window
    shifted = Cells(*(side - start for side, start in zip(inner, 2 * outer[:2], strict=True)))
    return pixels[(slice(None), *pixel_slices(shifted, factor))]


def pixel_slices(cells: Cells, factor: int) -> tuple[slice, slice]:
    """A rectangle of cells as slices of the picture's height and width."""
    top, left, bottom, right = (side * factor for side in cells)
    return slice(top, bottom), slice(left, right)
