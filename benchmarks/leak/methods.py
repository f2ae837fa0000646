"""Every method that is compared, built from nodes as a workflow would."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

from ..studio import Conditioning, EditTask, Latent, Studio

Edit = Callable[[Studio, EditTask], Latent]
Regions = Callable[[Studio, EditTask], Any]


@dataclass(frozen=True)
class Method:
    """How to edit, and how many predictions of the model one step costs for N instances."""

    edit: Edit
    forwards: Callable[[int], int]


def unedited(studio: Studio, task: EditTask) -> Latent:
    """The source through the VAE: what MAE_B and SSIM_B cannot fall below."""
    return task.reference


def vanilla(studio: Studio, task: EditTask) -> Latent:
    """All instructions in one prompt."""
    return studio.sample(studio.model, studio.prompt(task.joined, task.reference), task)


def text_location(studio: Studio, task: EditTask) -> Latent:
    """All instructions in one prompt, each with the place of its instance in words."""
    prompt = studio.prompt(task.joined_with_locations, task.reference)
    return studio.sample(studio.model, prompt, task)


def turns(studio: Studio, task: EditTask) -> Latent:
    """One edit after the other, each on the latent of the one before (no VAE in between)."""
    for number, instruction in enumerate(task.instructions):
        prompt = studio.prompt(instruction, task.reference)
        latent = studio.sample(studio.model, prompt, replace(task, seed=task.seed + number))
        task = replace(task, reference=latent)
    return task.reference


def multidiffusion(studio: Studio, task: EditTask) -> Latent:
    """N + 1 predictions a step, one per masked prompt and an empty one for the background."""
    rest = 1 - task.masks.amax(0)
    combined: Conditioning | None = None
    for text, mask in zip((*task.instructions, ""), (*task.masks, rest), strict=True):
        prompt = studio.prompt(text, task.reference)
        (masked,) = studio.run(
            "ConditioningSetMask",
            conditioning=prompt,
            mask=mask[None],
            strength=1.0,
            set_cond_area="default",
        )
        if combined is None:
            combined = masked
            continue
        (combined,) = studio.run(
            "ConditioningCombine", conditioning_1=combined, conditioning_2=masked
        )
    assert combined is not None
    return studio.sample(studio.model, combined, task)


def biased(
    studio: Studio,
    task: EditTask,
    *,
    bias: dict[str, Any],
    regions: Regions,
) -> Latent:
    """The pack's own chain: regions, Multi-Prompt Encode, a bias, Apply Instance Attention."""
    found = regions(studio, task)
    (conditioning,) = studio.run(
        "InstanceEditMultiPromptEncode",
        clip=studio.clip,
        regions=found,
        global_prompt="",
        text_length={"text_length": "real tokens"},
    )
    (recipe,) = studio.run(
        "InstanceEditBuildBias",
        regions=found,
        method=bias,
        overlap="shared",
        start=0.0,
        end=1.0,
        blocks="",
    )
    (model,) = studio.run("InstanceEditApplyAttention", model=studio.model, bias=recipe)
    return studio.sample(model, studio.refer(conditioning, task.reference), task)


def masked_regions(studio: Studio, task: EditTask, exact: bool = False) -> Any:
    """Regions from the task's masks, or from its silhouettes."""
    return studio.run(
        "InstanceEditRegionsFromMasks",
        masks=task.silhouettes if exact else task.masks,
        instructions="\n".join(task.instructions),
        strength=1.0,
        start=0.0,
        end=1.0,
    )[0]


def boxed_regions(studio: Studio, task: EditTask) -> Any:
    """Regions from the task's boxes."""
    height, width = task.picture.shape[1:3]
    return studio.run(
        "InstanceEditRegionsFromBoxes",
        boxes=[list(box) for box in task.boxes],
        width=width,
        height=height,
        instructions="\n".join(task.instructions),
        strength=1.0,
        start=0.0,
        end=1.0,
    )[0]


exact_regions = partial(masked_regions, exact=True)


def mice_method(temperature: float, regions: Regions = masked_regions) -> Method:
    """MICE as the paper defines it, at one temperature."""
    bias = {
        "method": "MICE",
        "kernel_size": 3,
        "temperature": temperature,
        "epsilon": 1e-30,
        "instances_see_global": False,
    }
    return Method(partial(biased, bias=bias, regions=regions), one_forward)


def idattn_method(kinds: Sequence[str], regions: Regions = masked_regions) -> Method:
    """IDAttn with one kind of mask in each third of the blocks."""
    bias = {"method": "IDAttn", **dict(zip(("early", "middle", "late"), kinds, strict=True))}
    return Method(partial(biased, bias=bias, regions=regions), one_forward)


def one_forward(instances: int) -> int:
    """One prediction a step, however many instances."""
    return 1


METHODS: dict[str, Method] = {
    "unedited": Method(unedited, lambda instances: 0),
    "vanilla": Method(vanilla, one_forward),
    "text_location": Method(text_location, one_forward),
    "turns": Method(turns, lambda instances: instances),
    "multidiffusion": Method(multidiffusion, lambda instances: instances + 1),
    "mice": mice_method(1.0),
    "mice_tau8": mice_method(8.0),
    "mice_boxes": mice_method(1.0, boxed_regions),
    "mice_exact": mice_method(1.0, exact_regions),
    "mice_tau8_exact": mice_method(8.0, exact_regions),
    **{
        f"idattn_{'_'.join(kinds)}": idattn_method(kinds)
        for kinds in product(("har", "dis"), repeat=3)
    },
    "idattn_har_dis_har_exact": idattn_method(("har", "dis", "har"), exact_regions),
}
