"""What a run that skips the background does not compute, and the picture that stays there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from comfy.utils import repeat_to_batch_size
from torch import Tensor

from ..attention.recipe import BiasRecipe
from ..attention.skip_background import near
from ..mask_ops.found_masks import spread_tokens
from ..mask_ops.windows import needed_cells
from .call import ModelCall
from .known import require_family
from .run import Edited
from .sequence import picture_extent

NODE = "Skip Background"


@dataclass(frozen=True, eq=False)
class Background:
    """What one run does not compute.

    Attributes:
        touched: (h, w) bool, the latent's tokens that are computed.
        pixels: (H, W) bool, the same in latent pixels.
        latent: (B or 1, C, H, W) the source as a LATENT holds it.
        source: the same as the model sees it.
    """

    touched: Tensor
    pixels: Tensor
    latent: Tensor
    source: Tensor

    def over(self, out: Tensor) -> Tensor:
        """A prediction, (B, C, H, W), with the source where nothing is computed."""
        return self._around(out, self.source)

    def over_latent(self, out: Tensor) -> Tensor:
        """``over`` for a result as a LATENT holds it."""
        return self._around(out, self.latent)

    def _around(self, out: Tensor, source: Tensor) -> Tensor:
        kept = repeat_to_batch_size(source.to(out), len(out))
        return torch.where(self.pixels.to(out.device), out, kept)


def make_background(
    call: ModelCall,
    edited: Sequence[Edited],
    recipes: Sequence[BiasRecipe],
    margin: int,
    *,
    latent: Tensor | None = None,
    mask: Tensor | None = None,
) -> Background | None:
    """The background of a run; None if there is none.

    Args:
        call: any of the run.
        edited: the run's conditionings with instances, and ``recipes`` theirs.
        margin: tokens around every region that are computed too.
        latent: the source as a LATENT holds it; None: the reference that is edited.
        mask: (B, C, H, W) the run's noise mask.

    Raises:
        ValueError: no source.
    """
    patch = require_family(call.model, NODE).patch(call.model)
    touched = touched_tokens(recipes, picture_extent(call.x, patch), margin)
    if mask is not None:
        touched = touched | needed_cells(mask.flatten(0, -3).amax(0).cpu(), patch)
    if bool(touched.all()):
        return None
    size = (call.x.shape[-2], call.x.shape[-1])
    pixels = spread_tokens(touched[None].float(), patch, size)[0] > 0
    source = find_source(latent, edited, recipes, call)
    seen = call.base.process_latent_in(source.to(call.x.device, torch.float32))
    return Background(touched, pixels, source, seen)


def touched_tokens(
    recipes: Sequence[BiasRecipe], extent: tuple[float, float], margin: int
) -> Tensor:
    """(h, w) bool: the latent's tokens that any instance has, at any time, and those near them."""
    grid = (math.ceil(extent[0]), math.ceil(extent[1]))
    masks = [
        near(recipe.place_latent(grid, (True,) * len(recipe.instances), extent), margin)
        for recipe in recipes
        if recipe.instances
    ]
    return torch.stack(masks).any(0)


def find_source(
    latent: Tensor | None, edited: Sequence[Edited], recipes: Sequence[BiasRecipe], call: ModelCall
) -> Tensor:
    """(B or 1, C, H, W): the picture that is edited, as a LATENT holds it.

    Raises:
        ValueError: none of the latent's size, or several.
    """
    x = call.x
    owned = {region.reference for recipe in recipes for region in recipe.instances}
    scenes = [
        [one for r, one in enumerate(references) if r not in owned] for _, references in edited
    ]
    given = scenes if latent is None else [[latent]]
    fitting = [[one for one in several if one.shape[1:] == x.shape[1:]][:1] for several in given]
    found = [one for several in fitting for one in several]
    if not found:
        came = sorted({tuple(one.shape[-2:]) for several in given for one in several})
        raise ValueError(
            f"{NODE} needs the picture that is edited in the size that is sampled, "
            f"{tuple(x.shape[-2:])} in latent pixels, got {came or 'none'}: give Reference Latent "
            "(or this node's 'latent') the picture encoded in that size, or sample a latent of "
            "the picture's size."
        )
    if any(not same_source(one, found[0]) for one in found):
        raise ValueError(
            f"{NODE} keeps one picture's background, but the conditionings of this run edit "
            "several. Give all of them the same Reference Latent."
        )
    pictures = len(x) // len(call.options.get("cond_or_uncond") or (0,))
    if len(found[0]) not in (1, pictures):
        raise ValueError(
            f"{NODE} got {len(found[0])} source pictures for {pictures} sampled ones: give one, or "
            "as many as the latent's batch."
        )
    return found[0]


def same_source(one: Tensor, other: Tensor) -> bool:
    return one is other or (one.shape == other.shape and torch.equal(one.cpu(), other.cpu()))
