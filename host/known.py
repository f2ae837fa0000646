"""A model of a known family, and what nodes ask about it."""

from typing import Any, NamedTuple

from comfy.model_patcher import ModelPatcher

from .call import bare_model
from .families import Family, find_family
from .refused import refusal

TAKEN = (
    "FLUX.1, FLUX.2, Qwen-Image and Qwen-Image-Edit, MageFlow, Krea 2, Boogu, OmniGen2, Z-Image, "
    "Lumina 2, JoyImage-Edit, Wan, Anima, LongCat-Image, Ovis-Image or Chroma"
)


class KnownModel(NamedTuple):
    """A bare diffusion model and its family."""

    diffusion: Any
    family: Family

    @property
    def blocks(self) -> int:
        """Number of its blocks, doubles and singles together."""
        return sum(self.family.counts(self.diffusion))

    @property
    def patch(self) -> int:
        """Side of a token in latent pixels."""
        return self.family.patch(self.diffusion)


def known_model(model: ModelPatcher, node: str) -> KnownModel:
    """The diffusion model inside a MODEL.

    Raises:
        ValueError: a model of no known family; names the node and the model's class.
    """
    diffusion = bare_model(model.get_model_object("diffusion_model"))
    return KnownModel(diffusion, require_family(diffusion, node))


def joint_model(model: ModelPatcher, node: str) -> KnownModel:
    """``known_model`` of a family in whose blocks the text can be read.

    Raises:
        ValueError: also another family.
    """
    known = known_model(model, node)
    if not known.family.joint:
        raise ValueError(
            f"{node} reads what the picture attends to in blocks where it attends to text and "
            f"picture together; {known.family.name} attends to them in calls of their own. Draw "
            "the regions instead."
        )
    return known


def require_text_first(family: Family, model: Any, node: str) -> None:
    """Refuse families in which the text is not where a node looks for it.

    Raises:
        ValueError: text that does not stand first in every attention call, or no double blocks.
    """
    if not family.text_first or not family.counts(model)[0]:
        raise ValueError(
            f"{node} changes how the picture attends to the text, which must stand first in every "
            f"attention call; {family.name} has its text elsewhere, or calls without it. Use "
            "Apply Instance Attention alone."
        )


def require_family(diffusion: Any, node: str) -> Family:
    """The family of a bare diffusion model; raises as ``known_model`` does."""
    family = find_family(diffusion)
    if family is not None:
        return family
    kind = f"{type(diffusion).__module__}.{type(diffusion).__qualname__}"
    known = refusal(diffusion)
    if known is not None:
        raise ValueError(
            f"{node}: {known.model} is not taken: {known.reason} ({kind}). Use {TAKEN}."
        )
    raise ValueError(
        f"{node} needs a FLUX model (FLUX.1, FLUX.2) or another that it knows, got {kind}. Load "
        f"one of these with Load Diffusion Model: {TAKEN}."
    )
