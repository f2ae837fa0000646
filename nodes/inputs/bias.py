"""Inputs of Build Disentangled Bias that all methods share."""

from typing import get_args

from comfy_api.latest import io

from ...mask_ops.overlap import OverlapPolicy
from .regions import fraction_input


def overlap_input() -> io.Input:
    """Who owns a token that several regions claim."""
    return io.Combo.Input(
        "overlap",
        options=list(get_args(OverlapPolicy)),
        default="shared",
        advanced=True,
        tooltip="Where regions overlap: 'shared' (neutral) obeys all of them, 'smaller wins' the "
        "region with fewer tokens, 'first wins' the first in the chain. 'as released' obeys all "
        "but sees the picture as the last in the chain: MICE's and IDAttn's released programs.",
    )


def window_inputs() -> list[io.Input]:
    """Steps window of the whole bias."""
    return [
        fraction_input(
            "start",
            0.0,
            "Fraction of the sampling at which the bias begins; before, the model attends "
            "freely. 0 is neutral.",
        ),
        fraction_input(
            "end",
            1.0,
            "Fraction of the sampling at which the bias ends; after, the model attends "
            "freely. 1 is neutral.",
        ),
    ]


def blocks_input() -> io.Input:
    """Explicit block schedule."""
    return io.String.Input(
        "blocks",
        default="",
        advanced=True,
        tooltip="Blocks in which each kind of bias acts, e.g. 'har 0-18, dis 19-37, har 38-56' or "
        "'mice 0%-50%' (doubles count first, 'off' switches off). Empty (neutral): as the method "
        "says.",
    )
