"""Picture tokens keep the positions that they have in the whole picture, whatever is left out."""

from typing import Any

import torch
from torch import Tensor

from .call import KEY, ModelCall, Options
from .cut import REFERENCES
from .sequence import Inputs, patched_first

PLACES = f"{KEY}_places"


class Found(Exception):
    """Ends a call of a model that only its positions were wanted of.

    Attributes:
        places: (B, image tokens, axes) float32.
    """

    def __init__(self, places: Tensor) -> None:
        super().__init__()
        self.places = places


def true_places(call: ModelCall, options: Options, known: dict[Any, Tensor]) -> Tensor:
    """(B, image tokens, axes) float32: positions of the tokens of a whole call.

    The model is asked, by a call that stops before its first block; once per layout.

    Args:
        options: of the call; ``rope_options`` move positions.
        known: what was found before, filled.
    """
    rope = options.get("rope_options", {})
    references = [tuple(one.shape) for one in call.extras.get(REFERENCES) or ()]
    method = call.extras.get("ref_latents_method")
    layout = (tuple(call.x.shape), tuple(references), method, call.context.shape[1])
    key = (*layout, tuple(sorted(rope.items())), call.x.device)
    if key not in known:
        known[key] = ask_places(call, rope)
    return known[key]


def ask_places(call: ModelCall, rope: Options) -> Tensor:
    """``true_places``, asked anew."""

    @torch.compiler.disable
    def stop(inputs: Inputs) -> Inputs:
        raise Found(inputs["img_ids"])

    options = {"patches": {"post_input": [stop]}, "rope_options": rope}
    extras = {name: one for name, one in call.extras.items() if name != KEY}
    try:
        call.base._apply_model(
            call.x, call.sigma, call.c_concat, call.context, None, options, **extras
        )
    except Found as found:
        return found.places
    raise ValueError(
        f"{type(call.model).__module__}.{type(call.model).__qualname__} does not ask ComfyUI's "
        "post_input patches for positions, so no token can be left out: another pack replaced its "
        "forward. Remove Skip Background, or that pack's node, from this model."
    )


def at_their_places(options: Options, places: Tensor) -> Options:
    """The options under which the picture's tokens have these positions, (B, kept, axes)."""
    return patched_first(options, take_places, PLACES, places)


def take_places(inputs: Inputs) -> Inputs:
    """A ``post_input`` patch; it stands before any that adds tokens."""
    return {**inputs, "img_ids": inputs["transformer_options"][PLACES]}
