"""Edits on regions that nobody drew, each built from nodes as a workflow would.

The seam is imported: `add_comfyui_to_path` comes first.
"""

from __future__ import annotations

from typing import Any

from ...nodes.methods import iid, mice
from ..leak.baselines import Edit, Method
from ..leak.methods import METHODS, Regions, biased_model, compared, masked_regions
from ..studio import EditTask, Latent, Studio
from .locators import keywords_of, located_conditioning, start_latent


def locate(studio: Studio, task: EditTask, node: str, **inputs: Any) -> tuple[Any, Any, Any]:
    """A locator node's outputs with the conditioning and the regions that it found."""
    _, conditioning = located_conditioning(studio, task)
    outputs = studio.run(
        node,
        model=studio.model,
        conditioning=conditioning,
        latent=start_latent(task),
        sigmas=studio.schedule(),
        noise_seed=task.seed,
        **inputs,
    )
    return outputs, conditioning, outputs[1]


IID_INPUTS: dict[str, Any] = {"steps": 0, "cfg": 1.0, "blocks": "", "branches_at_once": 0}


def iid_full(studio: Studio, task: EditTask, **changes: Any) -> Latent:
    """IID as the paper has it: branches, composed latent, one pass with its own attention."""
    inputs = {**IID_INPUTS, "sampler": studio.euler(), **changes}
    outputs, conditioning, regions = locate(studio, task, "InstanceEditLocateInstances", **inputs)
    model = biased_model(studio, regions, iid.METHOD)
    guider = studio.guider(conditioning, model)
    return studio.sample_along(guider, studio.euler(), outputs[4], outputs[3], seed=None)


def mice_on(regions: Regions) -> Edit:
    """MICE on regions from somewhere else."""
    return compared(mice.METHOD, regions=regions).edit


def iid_regions(studio: Studio, task: EditTask, **changes: Any) -> Any:
    inputs = {**IID_INPUTS, "sampler": studio.euler(), **changes}
    return locate(studio, task, "InstanceEditLocateInstances", **inputs)[2]


def contrast_regions(studio: Studio, task: EditTask) -> Any:
    inputs = {"sampler": studio.euler(), "steps": 0}
    return locate(studio, task, "InstanceEditLocateByContrast", **inputs)[2]


def foi_regions(studio: Studio, task: EditTask, **changes: Any) -> Any:
    """Keywords are what stands between "the" and "with"."""
    inputs = {
        "clip": studio.clip,
        "keywords": "\n".join(keywords_of(task.instructions)),
        "threshold": 0.5,
        "read_from": "latent",
        "step": 1,
        "blocks": "",
        **changes,
    }
    return locate(studio, task, "InstanceEditLocateInstruction", **inputs)[2]


def foi_on(regions: Regions) -> Edit:
    """FoI Guider on regions from somewhere."""

    def edit(studio: Studio, task: EditTask) -> Latent:
        _, conditioning = located_conditioning(studio, task)
        (empty,) = studio.run("CLIPTextEncode", clip=studio.clip, text="")
        (guider,) = studio.run(
            "InstanceEditFoIGuider",
            model=studio.model,
            positive=conditioning,
            negative=empty,
            regions=regions(studio, task),
            boost=1.0,
            plain_steps=1,
            form={"form": "guidance-distilled", "strength": 1.0},
        )
        return studio.sample_along(
            guider, studio.euler(), studio.schedule(), start_latent(task), task.seed
        )

    return edit


def refusing(edit: Edit, refused: list[int]) -> Edit:
    """The edit, or the untouched source where a locator says that it found nothing."""

    def run(studio: Studio, task: EditTask) -> Latent:
        try:
            return edit(studio, task)
        except ValueError as error:
            if "nothing was found" not in str(error):
                raise
            refused.append(task.seed)
            return task.reference

    return run


def edit_methods(
    best_iid: dict[str, Any], best_foi: dict[str, Any], refused: dict[str, list[int]]
) -> dict[str, Method]:
    """What is compared; ``best_*`` are the settings that found the masks best.

    Args:
        refused: filled with the seeds of the scenes that each method would not edit.
    """

    def found(studio: Studio, task: EditTask) -> Any:
        return foi_regions(studio, task, **best_foi)

    edits: dict[str, Edit] = {
        "vanilla": METHODS["vanilla"].edit,
        "mice with true masks": METHODS["mice"].edit,
        "iid attention with true masks": METHODS[iid.METHOD.key].edit,
        "foi with true masks": foi_on(masked_regions),
        "iid": iid_full,
        "iid, best block": lambda studio, task: iid_full(studio, task, **best_iid),
        "iid masks + mice": mice_on(iid_regions),
        "iid masks, best block + mice": mice_on(lambda s, t: iid_regions(s, t, **best_iid)),
        "foi": foi_on(foi_regions),
        "foi, best reading": foi_on(found),
        "foi masks, best reading + mice": mice_on(found),
        "contrast masks + mice": mice_on(contrast_regions),
    }
    return {
        name: Method(refusing(edit, refused.setdefault(name, [])), lambda instances: 1)
        for name, edit in edits.items()
    }
