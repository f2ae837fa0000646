"""IID, FoI and velocity contrast on the demo model: what they find, by step and block.

The seam is imported: `add_comfyui_to_path` comes first.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...demo.instructions import edits_of, matches, sample_clauses
from ...demo.scenes import apply_edits, cell_masks, object_masks, sample_scenes
from ...host.capture import Capture, TextReading, attach_reading, capture_attention
from ...host.carrier import conditioning_spans
from ...host.contrast import contrast_maps
from ...host.foi_locate import MIDDLE, word_reading
from ...host.iid import (
    branch_conditioning,
    shut_padding,
    split_branches,
)
from ...host.keywords import keyword_numbers
from ...host.known import known_model
from ...host.sampling_run import SamplingRun, sample_branches
from ...mask_ops.contrast import contrast_masks
from ...mask_ops.foi import Focus, foi_masks
from ...mask_ops.iid import iid_masks
from ...mask_ops.token_grid import grid_coverage, masks_to_grid
from ..leak.conflicts import LeakScene
from ..studio import Conditioning, EditTask, Latent, Studio

SEED = 95_000
SOURCES = ("latent", "reference")
GRID = (9, 9)
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.6, 0.7)


def unambiguous_scenes(instances: int, count: int, seed: int = SEED) -> list[LeakScene]:
    """``count`` scenes with one instruction for each of ``instances`` objects that fits no other.

    The instructions name what tells their object apart: its class, colour or place. No scene of
    these seeds was trained on.
    """
    generator, rng = torch.Generator().manual_seed(seed + instances), random.Random(seed)
    found: list[LeakScene] = []
    while len(found) < count:
        scene = sample_scenes(1, generator, instances + 1, min(9, instances + 4))
        clauses = sample_clauses(scene, 0, instances, rng, unique=True)
        if len(clauses) == instances:
            cells = torch.tensor([matches(scene, 0, clause)[0] for clause in clauses])
            found.append(LeakScene(scene, edits_of(scene, [clauses]), cells, tuple(clauses)))
    return found


def start_latent(task: EditTask) -> Latent:
    """An empty latent as large as the picture."""
    return {"samples": torch.zeros_like(task.reference["samples"])}


def located_conditioning(studio: Studio, task: EditTask) -> tuple[Any, Conditioning]:
    """Regions that know no place, and their conditioning."""
    (regions,) = studio.run(
        "InstanceEditRegionsFromInstructions",
        instructions="\n".join(task.instructions),
        strength=1.0,
        start=0.0,
        end=1.0,
    )
    conditioning, *_ = studio.run(
        "InstanceEditMultiPromptEncode",
        clip=studio.clip,
        regions=regions,
        global_prompt="",
        text_length={"text_length": "real tokens"},
    )
    return regions, studio.refer(conditioning, task.reference)


def keywords_of(instructions: Sequence[str]) -> list[str]:
    """What each instruction calls its object: the words between "the" and "with"."""
    return [text.split(" with ")[0].removeprefix("replace the ") for text in instructions]


def true_tokens(scene: LeakScene) -> dict[str, Tensor]:
    """Where the instances are on the token grid, (N, 9, 9) bool, in three senses.

    "half": tokens at least half inside the painted mask, as MICE gets them; "touched": tokens with
    any pixel of the object as it is or shall become; "cell": the nine tokens of its cell.
    """
    after = object_masks(apply_edits(scene.scenes, scene.edits))[0, scene.cells]
    pixels = (scene.silhouettes[0] | after).float()
    return {
        "half": masks_to_grid(scene.masks[0].float(), GRID),
        "touched": grid_coverage(pixels, GRID) > 0,
        "cell": masks_to_grid(cell_masks()[scene.cells].float(), GRID),
    }


def token_iou(found: Tensor, true: Tensor) -> float:
    """Mean over instances of intersection over union, (N, h, w) bool."""
    both, either = (found & true).flatten(1).sum(1), (found | true).flatten(1).sum(1)
    return float((both / either.clamp(min=1)).mean())


@torch.inference_mode()
def found_masks(studio: Studio, task: EditTask, steps: int) -> dict[str, Tensor]:
    """Masks of every locator by step and block, and of contrast by the steps it averages.

    The first ``steps`` of the schedule are run once per locator, all blocks read.

    Returns:
        {"iid/2/7": (N, 9, 9) bool} for step 2 and block 7; "foi latent/2/7" and "foi
        reference/2/7", the same with "@0.3" for another threshold and "/middle" for the mean of
        the middle blocks; "contrast/2". Steps count from 1.
    """
    _, conditioning = located_conditioning(studio, task)
    sigmas = studio.schedule()[: steps + 1]
    masks: dict[str, Tensor] = {}
    for (step, block), maps in iid_capture(studio, task, conditioning, sigmas).maps.items():
        masks[f"iid/{step + 1}/{block}"] = iid_masks(maps[0][:, :, 0]).masks
    for source, capture in foi_captures(studio, task, conditioning, sigmas).items():
        maps = {place: calls[0][0].mean(0) for place, calls in capture.maps.items()}
        middle = MIDDLE.run.of(1 + max(block for _, block in maps))
        for (step, block), one in maps.items():
            name = f"foi {source}/{step + 1}"
            masks[f"{name}/{block}"] = foi_masks(one).masks
            for tau in THRESHOLDS:
                masks[f"{name}/{block}@{tau}"] = foi_masks(one, Focus(tau)).masks
            mean = torch.stack([maps[step, number] for number in middle]).mean(0)
            masks[f"{name}/middle"] = foi_masks(mean).masks
    run = SamplingRun(start_latent(task), studio.euler(), sigmas, task.seed)
    changes = contrast_maps(studio.model, conditioning, run)
    for step in range(1, len(changes) + 1):
        mean = torch.stack(changes[:step]).mean(0)
        masks[f"contrast/{step}"] = contrast_masks(mean, 2).masks
    return masks


def iid_capture(
    studio: Studio, task: EditTask, conditioning: Conditioning, sigmas: Tensor
) -> Capture:
    """Every branch's attention to its own instruction, all steps and blocks."""
    known = known_model(studio.model, "the benchmark")
    branches = split_branches(conditioning)
    texts, places = branch_conditioning(branches, known.family.stands_by_length(known.diffusion))
    own = tuple((tuple(range(place.start, place.stop)),) for place in places)
    run = SamplingRun(start_latent(task), studio.euler(), sigmas, task.seed)
    capture = Capture(range(known.blocks), range(run.steps))
    sample_branches(
        capture_attention(shut_padding(studio.model), capture),
        attach_reading(texts, TextReading(texts[0][0].shape[1], own)),
        run,
        len(branches.texts),
    )
    return capture


def foi_captures(
    studio: Studio, task: EditTask, conditioning: Conditioning, sigmas: Tensor
) -> dict[str, Capture]:
    """Attention to keywords, all steps and blocks, of the latent's tokens and the reference's."""
    blocks = range(known_model(studio.model, "the benchmark").blocks)
    spans = conditioning_spans(conditioning)
    words = keyword_numbers(studio.clip, spans, "\n".join(keywords_of(task.instructions)))
    run = SamplingRun(start_latent(task), studio.euler(), sigmas, task.seed)
    captures = [Capture(blocks, range(run.steps), True, reference) for reference in (None, 0)]
    marked = attach_reading(conditioning, word_reading(conditioning, words))
    sample_branches(capture_attention(studio.model, *captures), marked, run)
    return dict(zip(SOURCES, captures, strict=True))
