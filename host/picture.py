"""The picture that is edited: brought to a size that the model likes, together with the regions."""

from typing import Any, Literal, NamedTuple

from comfy_execution.graph_utils import ExecutionBlocker
from torch import Tensor

from ..mask_ops.fit import fit_regions, multiple_crop
from ..mask_ops.regions import InstanceRegion
from .core_nodes import extra_node, run_node
from .regions import PIXELS_PER_TOKEN

Fit = Literal["Kontext's sizes", "multiple of 16", "off"]


class Picture(NamedTuple):
    """A picture (B, H, W, C) and the regions on it."""

    image: Tensor
    regions: tuple[InstanceRegion, ...]


def fit_picture(vae: Any, picture: Picture, fit: Fit) -> Picture:
    """The picture as its latent will show it, and the regions there.

    Args:
        fit: ``Kontext's sizes`` scales and crops as FluxKontextImageScale does, ``multiple of 16``
            crops to whole tokens; ``off`` leaves what the VAE crops anyway.
    """
    if fit == "Kontext's sizes":
        before = (picture.image.shape[1], picture.image.shape[2])
        [image] = run_node(extra_node("nodes_flux", "FluxKontextImageScale"), image=picture.image)
        regions = fit_regions(picture.regions, before, (image.shape[1], image.shape[2]))
        picture = Picture(image, regions)
    elif fit == "multiple of 16":
        picture = crop_to_multiple(picture, PIXELS_PER_TOKEN)
    if not vae.crop_input:
        return picture
    return crop_to_multiple(picture, vae.spacial_compression_encode())


def crop_to_multiple(picture: Picture, side: int) -> Picture:
    """The middle of the picture, as ComfyUI's VAE crops it: sides that are multiples of ``side``.

    Raises:
        ValueError: a picture that is smaller, or a region of which nothing is left.
    """
    image, regions = picture
    before = (image.shape[1], image.shape[2])
    (top, left), after = multiple_crop(before, side)
    if after == before:
        return picture
    if 0 in after:
        raise ValueError(
            f"the picture must be at least {side} x {side} pixels, got {before[1]} x {before[0]}. "
            "Scale it up."
        )
    fitted = fit_regions(regions, before, after, "tile", (top, left))
    if len(fitted) < len(regions):
        raise ValueError(
            f"a region lies wholly in the border that is cropped when {before[1]} x {before[0]} "
            f"pixels become {after[1]} x {after[0]}. Move it inwards, or remove it."
        )
    return Picture(image[:, top : top + after[0], left : left + after[1]], fitted)


def encode_picture(vae: Any, image: Tensor) -> dict[str, Tensor]:
    """The LATENT of a picture (B, H, W, C)."""
    return {"samples": vae.encode(image[..., :3])}


def missing_output(node: str, name: str, remedy: str) -> Any:
    """What an output gives that has nothing to give: whoever uses it gets this sentence."""
    return ExecutionBlocker(f"{node} has no '{name}' to give: {remedy}.")
