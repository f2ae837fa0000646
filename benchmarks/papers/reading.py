"""Reading the texts of a picture (RapidOCR, which brings its models), and how far they are off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Line = tuple[str, float, float]
Reader = Callable[[Tensor], list[Line]]


def load_reader(threads: int | None = None) -> Reader:
    """What reads (1, 3, H, W) pictures in [0, 1]: lines, each with the middle of its box (x, y).

    Args:
        threads: None: as many as torch uses.
    """
    from rapidocr import RapidOCR

    count = threads or torch.get_num_threads()
    ways = ("intra_op_num_threads", "inter_op_num_threads")
    options: dict[str, Any] = {f"EngineConfig.onnxruntime.{way}": count for way in ways}
    engine = RapidOCR(params={**options, "Global.log_level": "critical"})

    def read(picture: Tensor) -> list[Line]:
        pixels = (picture[0].float().clamp(0, 1) * 255).round().byte().movedim(0, -1)
        found = engine(pixels.flip(-1).contiguous().cpu().numpy())  # it wants blue first
        if not found.txts or found.boxes is None:
            return []
        middles = (box.mean(0) for box in found.boxes)
        return [
            (text, float(x), float(y)) for text, (x, y) in zip(found.txts, middles, strict=True)
        ]

    return read


def texts_in(lines: Sequence[Line], boxes: Sequence[tuple[int, ...]]) -> list[str]:
    """What stands in each box: the lines whose middle lies in it, in reading order."""
    return [
        " ".join(text for text, x, y in lines if x1 <= x < x2 and y1 <= y < y2)
        for x1, y1, x2, y2 in boxes
    ]


def character_errors(read: Sequence[str], wanted: Sequence[str]) -> float:
    """CER: wrong, missing and added letters of all texts, by the letters wanted (torchmetrics).

    Runs of blanks count as one; everything else counts, capitals too.
    """
    from torchmetrics.functional.text import char_error_rate

    tidy = [[" ".join(text.split()) for text in texts] for texts in (read, wanted)]
    return float(char_error_rate(tidy[0], tidy[1]))
