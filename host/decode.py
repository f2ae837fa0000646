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


class Reach(NamedTuple):
    """What a window needs around what is taken of it, in latent cells.

    Attributes:
        halo: on every side.
        least: a side's cells, at least.
    """

    halo: int
    least: int


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


def find_reach(vae: Any, halo: int) -> Reach:
    """The halo that was asked for, in whole cells; for 0 what is right for this VAE.

    Args:
        halo: in pixels.
    """
    factor = cell_pixels(vae)
    if halo:
        return Reach(-(-halo // factor), 1)
    model = getattr(vae, "first_stage_model", None)
    normed = model is None or any(isinstance(part, torch.nn.GroupNorm) for part in model.modules())
    return Reach(-(-HALO // factor), -(-NORMED // factor) if normed else 1)


def cell_pixels(vae: Any) -> int:
    """Pixels to a side of one latent cell: 8 of FLUX.1's VAE, 16 of FLUX.2's.

    Raises:
        ValueError: a VAE of sound, or one that does not say.
    """
    factor = getattr(vae, "spacial_compression_decode", lambda: None)()
    if not isinstance(factor, int) or getattr(vae, "latent_dim", 2) == 1:
        raise ValueError("vae must be a VAE of pictures. Connect the one that encoded the picture.")
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
    offset = (round(place.window.top), round(place.window.left))
    image, broken = rest.clone(), torch.ones((), dtype=torch.bool)
    pages = [
        decode_windows(needed_cells(page, offset, grid, factor), *reach) for page in weight.cpu()
    ]
    for number, windows in enumerate(pages):
        if not windows:
            raise ValueError(
                f"no region lies on the part of picture {number + 1} that the latent shows: VAE "
                "Encode cropped it away. Move a region inwards."
            )
        which = slice(None) if len(pages) == 1 else slice(number, number + 1)
        items = samples if len(samples) == 1 else samples[which]
        for window in windows:
            pixels = decode_window(vae, items, window, factor).to(rest)
            broken = broken & ~pixels.isfinite().all(-1).any().cpu()
            image[(which, *pixel_slices(window.inner, factor))] = pixels
    refuse_overflow(broken)
    cells = sum(window.outer.area for windows in pages for window in windows)
    return Decoded(image, sum(map(len, pages)), cells / (len(pages) * grid[0] * grid[1]))


def decode_window(vae: Any, samples: Tensor, window: DecodeWindow, factor: int) -> Tensor:
    """(B, h, w, 3): the pixels of a window's inner part, decoded with its halo.

    Raises:
        ValueError: the VAE gives pictures of another size than it says.
    """
    inner, outer = window
    decoded: Tensor = vae.decode(samples[..., outer.top : outer.bottom, outer.left : outer.right])
    decoded = decoded.flatten(0, -4)[..., :3]  # a VAE of films gives (B, 1, h, w, 3)
    wanted = ((outer.bottom - outer.top) * factor, (outer.right - outer.left) * factor)
    if (*decoded.shape[1:3],) != wanted or len(decoded) != len(samples):
        raise ValueError(
            f"this VAE made {decoded.shape[2]} x {decoded.shape[1]} pixels of a window that has "
            f"{wanted[1]} x {wanted[0]} by what it says. Use VAE Decode and Composite Background."
        )
    shifted = Cells(*(side - start for side, start in zip(inner, 2 * outer[:2], strict=True)))
    return decoded[(slice(None), *pixel_slices(shifted, factor))]


def pixel_slices(cells: Cells, factor: int) -> tuple[slice, slice]:
    """A rectangle of cells as slices of the picture's height and width."""
    top, left, bottom, right = (side * factor for side in cells)
    return slice(top, bottom), slice(left, right)
