"""What all drawings share: colours that colour-blind people can tell apart, fonts, small marks."""

from typing import cast

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from .letters import Font, drawable, font

Colour = tuple[int, int, int]
Places = list[tuple[int, int]]

PAPER: Colour = (255, 255, 255)
INK: Colour = (27, 30, 38)
FAINT: Colour = (112, 116, 126)
RULE: Colour = (214, 217, 224)
# Okabe and Ito's palette, without its black.
PALETTE: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
# Cividis, from shut (dark blue) to open (yellow): the same order for every kind of eye.
HEAT = torch.tensor(
    [
        (0, 34, 78), (18, 53, 112), (59, 73, 108), (87, 93, 109), (112, 113, 115),
        (138, 134, 120), (165, 156, 116), (195, 179, 105), (225, 204, 85), (254, 232, 56),
    ]
)  # fmt: skip


def instance_colour(n: int) -> Colour:
    """Colour of instance n (0-based). It repeats: the number beside it is what tells."""
    return PALETTE[n % len(PALETTE)]


def chosen_colour(n: int, chosen: str | None) -> Colour:
    """Colour of instance n (0-based): #rrggbb if one was chosen, else the palette's."""
    if chosen is None:
        return instance_colour(n)
    red, green, blue = bytes.fromhex(chosen[1:])
    return red, green, blue


def readable_on(colour: Colour) -> Colour:
    """Black or white, whichever can be read on a colour."""
    red, green, blue = colour
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 125 else PAPER


def heat_colour(values: Tensor) -> Tensor:
    """(...,) values, clamped to 0 .. 1 -> (..., 3) uint8."""
    place = values.float().cpu().nan_to_num(0).clamp(0, 1) * (len(HEAT) - 1)
    low = place.long()
    high = (low + 1).clamp(max=len(HEAT) - 1)
    share = (place - low)[..., None].to("cpu", torch.float64)
    return (HEAT[low] * (1 - share) + HEAT[high] * share).round().byte()


def as_colour(channels: Tensor) -> Colour:
    """(3,) whole numbers in 0 .. 255 -> a colour."""
    return cast(Colour, tuple(cast(list[int], channels.tolist())))


def picture_of(pixels: Tensor) -> Image.Image:
    """(H, W) or (H, W, 3) uint8 -> grey or RGB picture."""
    return Image.fromarray(pixels.cpu().numpy())


def to_picture(image: Tensor) -> Image.Image:
    """(H, W, C >= 3) in 0 .. 1 -> RGB picture."""
    return picture_of((image[..., :3].detach().float().clamp(0, 1) * 255).round().byte())


def to_image(*pictures: Image.Image) -> Tensor:
    """Pictures of one size -> (B, H, W, 3) float32 in 0 .. 1."""
    pages = [
        torch.frombuffer(bytearray(picture.convert("RGB").tobytes()), dtype=torch.uint8)
        for picture in pictures
    ]
    width, height = pictures[0].size
    return torch.stack(pages).view(-1, height, width, 3).float() / 255


def shorten(text: str, face: Font, width: float) -> str:
    """The text as the font can draw it, with an ellipsis if it is longer than ``width`` pixels."""
    text = drawable(" ".join(text.split()), face)
    if face.getlength(text) <= width:
        return text
    while text and face.getlength(text + "...") > width:
        text = text[:-1]
    return text.rstrip() + "..."


def badge(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    n: int,
    size: int = 22,
    colour: Colour | None = None,
) -> float:
    """An instance's number on its colour, by default the palette's; returns the mark's width."""
    face, name, colour = font(round(size * 0.72)), str(n + 1), colour or instance_colour(n)
    width = max(size, face.getlength(name) + size * 0.5)
    x, y = place
    draw.rounded_rectangle((x, y, x + width, y + size), size * 0.25, colour, INK)
    draw.text((x + width / 2, y + size / 2), name, readable_on(colour), face, anchor="mm")
    return width


def outline_cells(
    draw: ImageDraw.ImageDraw, mask: Tensor, cell: tuple[float, float], colour: Colour, width: int
) -> None:
    """Draw the border of a (h, w) bool mask whose cells are (x, y) pixels large."""
    step_x, step_y = cell
    padded = torch.nn.functional.pad(mask.int(), (1, 1, 1, 1))
    across = cast(Places, (padded[1:, 1:-1] != padded[:-1, 1:-1]).nonzero().tolist())
    down = cast(Places, (padded[1:-1, 1:] != padded[1:-1, :-1]).nonzero().tolist())
    lines = [(x * step_x, y * step_y, (x + 1) * step_x, y * step_y) for y, x in across]
    lines += [(x * step_x, y * step_y, x * step_x, (y + 1) * step_y) for y, x in down]
    for ink, thick in ((INK, width + 2), (colour, width)):
        for line in lines:
            draw.line(line, ink, thick)
