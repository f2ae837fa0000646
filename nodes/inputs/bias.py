"""Inputs of Build Disentangled Bias, one function per method."""

from collections.abc import Callable
from typing import get_args

from comfy_api.latest import io

from ...mask_ops.overlap import OverlapPolicy
from .regions import fraction_input


def mice_inputs() -> list[io.Input]:
    """Parameters of MICE as the paper defines it."""
    return [
        _kernel_size(3),
        _temperature(1.0),
        _epsilon(1e-30),
        io.Boolean.Input(
            "instances_see_global",
            default=False,
            tooltip="On: instances also read the global prompt, for style changes of the whole "
            "picture. Off is neutral.",
        ),
    ]


def released_mice_inputs() -> list[io.Input]:
    """Parameters of MICE as the authors' code computes it."""
    return [
        _kernel_size(11),
        _temperature(3.0),
        _epsilon(1e-6),
        io.Boolean.Input(
            "smooth_P_L",
            default=False,
            tooltip="On: prompts and latents see each other smoothly. Off: only inside the mask.",
        ),
        io.Boolean.Input(
            "free_context",
            default=False,
            tooltip="On: reference tokens see the whole picture. Off: they are bound to their "
            "instance like the latents.",
        ),
    ]


def idattn_inputs() -> list[io.Input]:
    """Kind of mask in each third of the blocks; the paper's default is har, dis, har."""
    return [
        _third("early", "har", "first third"),
        _third("middle", "dis", "second third"),
        _third("late", "har", "last third"),
    ]


METHODS: dict[str, Callable[[], list[io.Input]]] = {
    "MICE": mice_inputs,
    "IDAttn": idattn_inputs,
    "MICE (released code)": released_mice_inputs,
    "IID": list,
}


def overlap_input() -> io.Input:
    """Who owns a token that several regions claim."""
    return io.Combo.Input(
        "overlap",
        options=list(get_args(OverlapPolicy)),
        default="shared",
        advanced=True,
        tooltip="Where regions overlap: 'shared' (neutral) obeys all of them, 'smaller wins' the "
        "region with fewer tokens, 'first wins' the first in the chain.",
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


def _third(name: str, default: str, which: str) -> io.Input:
    return io.Combo.Input(
        name,
        options=["har", "dis", "off"],
        default=default,
        tooltip=f"Mask in the {which} of the blocks. 'dis': an instance sees only itself. 'har': "
        "it also sees the whole picture and the global prompt. 'off': plain attention.",
    )


def _kernel_size(default: int) -> io.Input:
    return io.Int.Input(
        "kernel_size",
        default=default,
        min=1,
        max=63,
        step=2,
        tooltip="Side of the Gaussian that smooths the masks, in tokens (16 pixels each); odd. "
        "1 is neutral: hard edges.",
    )


def _temperature(default: float) -> io.Input:
    return io.Float.Input(
        "temperature",
        default=default,
        min=0.01,
        max=100.0,
        step=0.1,
        tooltip="Softness of the damping outside the mask: higher lets more through. 1 for few "
        "instances, 8 for dense scenes.",
    )


def _epsilon(default: float) -> io.Input:
    return io.Float.Input(
        "epsilon",
        default=default,
        min=1e-37,
        max=1.0,
        step=1e-30,
        advanced=True,
        tooltip="Floor of the smoothed mask: log(epsilon) / temperature is the damping far away. "
        "1 is neutral there: no damping.",
    )
