"""One picture with its regions, edited by the nodes that a workflow has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ...mask_ops.drawn_regions import regions_of
from ...mask_ops.regions_json import read_regions_json
from ...nodes.methods import METHODS
from ..fleet.models import Models
from ..fleet.sizes import fitted_size

GROW, FEATHER = 8, 16
"""Of Composite Background, as the shipped workflows have them."""


@dataclass(frozen=True)
class Editor:
    """Models, and what is the same for every picture; ``settings`` as ``read_settings`` gives."""

    models: Models
    settings: Mapping[str, Any]

    def edit(self, picture: Tensor, regions: str, kind: str, name: str) -> tuple[Tensor, int]:
        """(1, H, W, 3) of the result, and how many instances were edited.

        Args:
            picture: (1, H, W, 3) float in [0, 1].
            regions, kind: the text of the regions' file, and its suffix.
            name: of that file, for errors.

        Raises:
            ValueError: regions that cannot be read, or that the pack's nodes refuse.
        """
        placed = self.regions(picture, regions, kind, name)
        fitted, moved, scaled = self.fitted(picture, placed)
        run, settings = self.models.run, self.settings
        positive, negative, latent, seen = run(
            "InstanceEditMultiPromptEncode",
            clip=self.models.clip,
            regions=moved,
            global_prompt=settings["PROMPT"],
            text_length={"text_length": "real tokens"},
            guidance=settings["GUIDANCE"],
            vae=self.models.vae,
            image=fitted,
        )
        sampled = self.sample(positive, negative, latent, moved)
        (edited,) = run("VAEDecode", samples=sampled, vae=self.models.vae)
        if settings["BACKGROUND"] == "free":
            return edited, len(placed)
        pasted = run(
            "InstanceEditCompositeBackground",
            source=picture,
            edited=edited,
            regions=placed,
            grow=GROW,
            feather=FEATHER,
            fit="stretch" if scaled else "by size",
        )
        return pasted[0], len(placed)

    def regions(self, picture: Tensor, text: str, kind: str, name: str) -> Any:
        """The regions of a picture, as Load Regions or Instance Regions from Boxes reads them."""
        if kind == ".json":
            found = regions_of(read_regions_json(text, name), name, picture.shape[1:3])
            if not found:
                raise ValueError(f"{name} has no instance that takes part: nothing to edit.")
            return found
        return self.models.run(
            "InstanceEditRegionsFromBoxes",
            boxes=text,
            width=picture.shape[2],
            height=picture.shape[1],
            instructions="",
            strength=1.0,
            start=0.0,
            end=1.0,
            image=picture,
            dialect=self.settings["DIALECT"],
            longer_texts=self.settings["LONGER_TEXTS"],
        )[0]

    def fitted(self, picture: Tensor, regions: Any) -> tuple[Tensor, Any, bool]:
        """Picture and regions as the model takes them, and whether they were scaled to that."""
        height, width = picture.shape[1:3]
        pixels = (self.settings["MEGAPIXELS"] * 1e6) or self.models.side**2
        if height * width <= pixels:
            return picture, regions, False
        width, height = fitted_size(width, height, pixels)
        size = {"width": width, "height": height}
        scaled = self.models.run(
            "ImageScale", image=picture, upscale_method="lanczos", crop="disabled", **size
        )[0]
        moved = self.models.run(
            "InstanceEditFitRegions",
            regions=regions,
            how={"how": "stretch"},
            **size,
            before=picture,
        )[0]
        return scaled, moved, True

    def sample(self, positive: Any, negative: Any, latent: Any, regions: Any) -> Any:
        """The edited latent, from noise."""
        run = self.models.run
        (recipe,) = run(
            "InstanceEditBuildBias",
            regions=regions,
            method=chosen_method(self.settings["METHOD"]),
            overlap="shared",
            start=0.0,
            end=1.0,
            blocks="",
        )
        (model,) = run("InstanceEditApplyAttention", model=self.models.model, bias=recipe)
        return run(
            "KSampler",
            model=model,
            seed=self.settings["SEED"],
            steps=self.models.steps,
            cfg=1.0,
            sampler_name="euler",
            scheduler="simple",
            positive=positive,
            negative=negative,
            latent_image=latent,
            denoise=1.0,
        )[0]


def chosen_method(asked: str) -> dict[str, Any]:
    """The method of that key or name, at its defaults, as Build Disentangled Bias takes it.

    Raises:
        ValueError: there is none.
    """
    for method in METHODS.values():
        if asked.lower() in (method.key, method.name.lower()):
            return {"method": method.name, **method.defaults}
    raise ValueError(f"METHOD must be one of {', '.join(METHODS)}, got {asked!r}.")
