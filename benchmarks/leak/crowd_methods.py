"""What the crowded benchmark compares: the leak benchmark's methods, and what it adds.

ComfyUI is imported: `add_comfyui_to_path` comes first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...nodes.methods import idattn, mice
from ..studio import EditTask, Latent, Studio
from .baselines import Method, turns
from .methods import METHODS as BEFORE
from .methods import boxed_regions, compared

LOOSE = 14  # pixels on every side of a box that somebody drew in a hurry
HARD = {"kernel_size": 1}


def turns_with_places(studio: Studio, task: EditTask) -> Latent:
    """One edit after the other, each naming the place of its instance."""
    return turns(studio, replace(task, instructions=task.instructions_with_locations))


def loose_regions(studio: Studio, task: EditTask) -> Any:
    """Regions from boxes that are LOOSE pixels larger on every side, within the picture."""
    height, width = task.picture.shape[1:3]
    loose = tuple(
        (max(0, x1 - LOOSE), max(0, y1 - LOOSE), min(width, x2 + LOOSE), min(height, y2 + LOOSE))
        for x1, y1, x2, y2 in task.boxes
    )
    return boxed_regions(studio, replace(task, boxes=loose))


ADDED: dict[str, Method] = {
    "turns_places": Method(turns_with_places, lambda instances: instances),
    "mice_hard": compared(mice.METHOD, HARD),
    "mice_loose": compared(mice.METHOD, regions=loose_regions),
    "idattn_har_dis_har_boxes": compared(idattn.METHOD, regions=boxed_regions),
    "idattn_har_dis_har_loose": compared(idattn.METHOD, regions=loose_regions),
}
METHODS: dict[str, Method] = {**BEFORE, **ADDED}
