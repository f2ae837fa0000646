"""What the pack's methods are compared with: single prompts, turns, MultiDiffusion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..studio import Conditioning, EditTask, Latent, Studio

Edit = Callable[[Studio, EditTask], Latent]


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


def turns_with_places(studio: Studio, task: EditTask) -> Latent:
    """One edit after the other, each naming the place of its instance."""
    return turns(studio, replace(task, instructions=task.instructions_with_locations))


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


def one_forward(instances: int) -> int:
    """One prediction a step, however many instances."""
    return 1


BASELINES: dict[str, Method] = {
    "unedited": Method(unedited, lambda instances: 0),
    "vanilla": Method(vanilla, one_forward),
    "text_location": Method(text_location, one_forward),
    "turns": Method(turns, lambda instances: instances),
    "turns_places": Method(turns_with_places, lambda instances: instances),
    "multidiffusion": Method(multidiffusion, lambda instances: instances + 1),
}
