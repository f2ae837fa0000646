"""Tokens keep the positions that they have beside the whole picture, whatever is left out of it."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from .call import KEY, ModelCall, Options
from .cut import REFERENCES
from .sequence import Inputs, patched_first

PLACES = f"{KEY}_places"


class Places(NamedTuple):
    """Positions of tokens: (B, image tokens, axes) of the picture's, (B, text tokens, axes) of the
    text's, which may begin beside the picture."""

    picture: Tensor
    text: Tensor


class Found(Exception):
    """Ends a call of a model that only its positions were wanted of.

    Attributes:
        places: (B, image tokens, axes) float32.
        text: (B, text tokens, axes).
    """

    def __init__(self, places: Tensor, text: Tensor) -> None:
        super().__init__()
        self.places, self.text = places, text


def true_places(call: ModelCall, options: Options, known: dict[Any, Places]) -> Places:
    """Positions of the tokens of a whole call.

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


def ask_places(call: ModelCall, rope: Options) -> Places:
    """``true_places``, asked anew."""

    @torch.compiler.disable
    def stop(inputs: Inputs) -> Inputs:
        raise Found(inputs["img_ids"], inputs["txt_ids"])

    options = {"patches": {"post_input": [stop]}, "rope_options": rope}
    extras = {name: one for name, one in call.extras.items() if name != KEY}
    try:
        call.base._apply_model(
            call.x, call.sigma, call.c_concat, call.context, None, options, **extras
        )
    except Found as found:
        return Places(found.places, found.text)
    raise ValueError(
        f"{type(call.model).__module__}.{type(call.model).__qualname__} does not ask ComfyUI's "
        "post_input patches for positions, so no token can be left out: another pack replaced its "
        "forward. Remove Skip Background, or that pack's node, from this model."
    )


def at_their_places(options: Options, places: Places) -> Options:
    """The options under which all tokens have these positions."""
    return patched_first(options, take_places, PLACES, places)


def take_places(inputs: Inputs) -> Inputs:
    """A ``post_input`` patch; it stands before any that adds tokens."""
    places: Places = inputs["transformer_options"][PLACES]
    return {**inputs, "img_ids": places.picture, "txt_ids": places.text}
