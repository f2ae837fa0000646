"""What a worker of `make edit-folder` does with one picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ..fleet.models import open_models

Answer = tuple[dict[str, Any], dict[str, bytes]]


def open_work(settings: dict[str, Any]) -> Callable[[dict[str, Any]], Answer]:
    """Start ComfyUI in this process and load the models; see ``read_inputs`` for the payload.

    Raises:
        ValueError: weights that are not there, or no such method.
    """
    models = open_models(settings)
    from .edit import Editor, chosen_method

    chosen_method(settings["METHOD"])
    editor = Editor(models, settings)

    @torch.inference_mode()
    def edit(payload: dict[str, Any]) -> Answer:
        picture, kind = open_picture(payload["picture"]), payload["kind"]
        text = decoded(payload["regions"])
        edited, instances = editor.edit(picture, text, kind, f"the regions' file ({kind})")
        name = f"{payload['name']}.png"
        row = {"instances": instances, "size": list(edited.shape[1:3]), "result": name}
        return row, {name: png_of(edited)}

    return edit


def decoded(content: bytes) -> str:
    """The text of the regions' file.

    Raises:
        ValueError: it is no UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("the regions' file must be a text in UTF-8: save it as such.") from None


def open_picture(content: bytes) -> Tensor:
    """(1, H, W, 3) float in [0, 1], turned as its camera says, without transparency.

    Raises:
        ValueError: no picture.
    """
    try:
        with Image.open(io.BytesIO(content)) as opened:
            pixels = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as wrong:
        raise ValueError(f"it cannot be read as a picture ({wrong}).") from None
    return torch.from_numpy(pixels.copy())[None].float() / 255


def png_of(picture: Tensor) -> bytes:
    """A PNG of (1, H, W, 3) in [0, 1]."""
    pixels = (picture[0, ..., :3].float().clamp(0, 1) * 255).round().byte().cpu().numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
