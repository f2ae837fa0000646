"""Masks as text: the base64 of a grey PNG."""

import base64
import binascii
from io import BytesIO

import torch
from PIL import Image
from torch import Tensor

LONGEST_SIDE = 16384
GREY = ("L", "1")


def write_png(mask: Tensor) -> str:
    """A mask as the base64 of an 8-bit grey PNG; exact.

    Args:
        mask: (H, W), bool or uint8 (255 is 1).
    """
    values = mask.to(torch.uint8) * 255 if mask.dtype == torch.bool else mask
    file = BytesIO()
    Image.fromarray(values.cpu().numpy()).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def read_png(text: str) -> Tensor:
    """(H, W) uint8 of a mask as ``write_png`` writes it.

    Raises:
        ValueError: text that is no grey PNG, or one that is too large.
    """
    picture = open_png(text)
    try:
        values = picture.convert("L").tobytes()
    except (OSError, SyntaxError, ValueError) as broken:
        raise ValueError(f"must hold a whole PNG, got a broken one ({broken}).") from None
    width, height = picture.size
    return torch.frombuffer(bytearray(values), dtype=torch.uint8).view(height, width)


def png_size(text: str) -> tuple[int, int]:
    """(H, W) of a PNG; see ``read_png``."""
    picture = open_png(text)
    return picture.height, picture.width


def open_png(text: str) -> Image.Image:
    """The PNG, not yet decoded; see ``read_png``."""
    try:
        picture = Image.open(BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"])
    except (binascii.Error, ValueError, OSError, Image.DecompressionBombError) as broken:
        raise ValueError(
            f"must be the base64 of a grey PNG, got {text[:24]!r} ({broken})."
        ) from None
    if picture.mode not in GREY or max(picture.size) > LONGEST_SIDE:
        raise ValueError(
            f"must be an 8-bit grey PNG with sides of at most {LONGEST_SIDE} pixels, got mode "
            f"{picture.mode} and {picture.width} x {picture.height}. Save it as greyscale."
        )
    return picture
