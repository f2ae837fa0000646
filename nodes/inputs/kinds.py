"""What each kind of socket must hold, and what to connect to it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ...attention.recipe import BiasRecipe
from ...mask_ops.json_fields import is_text
from ...mask_ops.regions import InstanceRegion
from ...sampling.lqr import TurnMemory
from .regions import BOX_TYPES
from .sockets import Bias, Regions, Turn


@dataclass(frozen=True)
class Kind:
    """One kind of socket.

    Attributes:
        must_be: what it holds, in words.
        holds: whether a value is that.
        remedy: what to connect.
    """

    must_be: str
    holds: Callable[[Any], bool]
    remedy: str


def is_tensor(*dimensions: int) -> Callable[[Any], bool]:
    """A tensor with one of these numbers of dimensions."""
    return lambda value: isinstance(value, Tensor) and value.ndim in dimensions


def has(*names: str) -> Callable[[Any], bool]:
    """ComfyUI's objects by what they can do: other packs bring classes of their own."""
    return lambda value: all(hasattr(value, name) for name in names)


def is_regions(value: Any) -> bool:
    """Any number of instances."""
    return isinstance(value, list | tuple) and all(isinstance(r, InstanceRegion) for r in value)


def is_conditioning(value: Any) -> bool:
    """Pairs of a text's features and what goes with them, as ComfyUI hands them round."""
    return isinstance(value, list | tuple) and all(map(is_conditioning_entry, value))


def is_conditioning_entry(entry: Any) -> bool:
    """One pair of a conditioning."""
    pair = isinstance(entry, list | tuple) and len(entry) == 2
    return pair and isinstance(entry[0], Tensor) and isinstance(entry[1], Mapping)


def is_latent(value: Any) -> bool:
    """A mapping with the samples."""
    return isinstance(value, Mapping) and is_tensor(3, 4, 5)(value.get("samples"))


def is_number(value: Any) -> bool:
    """A finite number; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def is_boxes(value: Any) -> bool:
    """Whatever may hold boxes; which form they have is for their reader to say."""
    return isinstance(value, Mapping | Sequence | Tensor) or hasattr(value, "tolist")


BOXES = Kind("boxes", is_boxes, "Connect Create Bounding Boxes, a detector's boxes, or JSON text.")
KINDS = {
    Regions.io_type: Kind(
        "regions", is_regions, "Connect Instance Region, or another node that makes regions."
    ),
    Bias.io_type: Kind(
        "a bias", lambda value: isinstance(value, BiasRecipe), "Connect Build Disentangled Bias."
    ),
    Turn.io_type: Kind(
        "a turn's memory", lambda value: isinstance(value, TurnMemory), "Connect Turn Memory."
    ),
    io.Image.io_type: Kind("an image", is_tensor(4), "Connect a node that gives an image."),
    io.Mask.io_type: Kind("a mask", is_tensor(2, 3, 4), "Connect a node that gives a mask."),
    io.Latent.io_type: Kind(
        "a latent", is_latent, "Connect a node that gives a latent, e.g. VAE Encode."
    ),
    io.Conditioning.io_type: Kind(
        "a conditioning", is_conditioning, "Connect Multi-Prompt Encode, or what comes after it."
    ),
    io.Model.io_type: Kind("a model", has("clone", "model_options"), "Connect a model loader."),
    io.Clip.io_type: Kind(
        "a text encoder",
        has("tokenize"),
        "Connect a CLIP loader; a checkpoint may hold no text encoder.",
    ),
    io.Vae.io_type: Kind(
        "a VAE", has("encode", "decode"), "Connect a VAE loader; a checkpoint may hold no VAE."
    ),
    io.Sampler.io_type: Kind("a sampler", has("sample"), "Connect KSampler Select."),
    io.Sigmas.io_type: Kind("a schedule", is_tensor(1), "Connect a scheduler node."),
    **{kind.io_type: BOXES for kind in BOX_TYPES},
    io.String.io_type: Kind("text", is_text, "Write it, or connect a node that gives text."),
    io.Boolean.io_type: Kind("on or off", lambda value: isinstance(value, bool), "Choose one."),
    io.Int.io_type: Kind(
        "a whole number", lambda value: is_number(value) and value == int(value), "Write one."
    ),
    io.Float.io_type: Kind("a finite number", is_number, "Write one."),
}
"""By the type's name in ComfyUI."""
