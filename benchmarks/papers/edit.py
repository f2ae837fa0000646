"""How a benchmark's picture is edited: the methods of the leak benchmark, and Dual-LQR's turns.

ComfyUI is imported: `add_comfyui_to_path` comes first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from ...nodes.methods import idattn, mice
from ..leak.baselines import Method
from ..leak.methods import METHODS, boxed_regions, compared
from ..studio import EditTask, Latent, Studio
from ..turns.rounds import LQR, lqr_rounds
from .item import BenchmarkItem
from .stitch import stitched

PUBLISHED = LQR(lqr_steps=4, tolerance=0.0, adaptive=True)
"""As the paper on multi-turn editing has it, whose sampling takes 15 steps."""


def published_turns(studio: Studio, task: EditTask) -> Latent:
    """One edit after the other with the dual objective and adaptive attention."""
    session: Any = None  # what is asked of one is where a turn may edit; here everywhere
    rounds = lqr_rounds(PUBLISHED)
    *_, last = rounds(studio, task.reference, session, task.instructions, task.seed)
    return last


WITH_PLACES = ("text_location", "turns_places")
OFFERED: dict[str, Method] = {
    **{
        name: method
        for name, method in METHODS.items()
        if name not in WITH_PLACES and not name.endswith("_exact")
    },
    "idattn_boxes": compared(idattn.METHOD, regions=boxed_regions),
    "lqr_published": Method(published_turns, lambda turns: 2 * turns),
    "stitch": Method(stitched, lambda instances: instances),
}
"""All but those that need what these benchmarks do not say."""
GRID = re.compile(r"mice_k(?P<kernel>\d*[13579])_tau(?P<temperature>\d+(\.\d+)?)")
"""MICE at another kernel and temperature, as its supplement sweeps them: mice_k5_tau2."""
IN_TURNS = ("turns", "lqr_published")


def chosen_methods(names: Sequence[str]) -> Mapping[str, Method]:
    """The methods of these names.

    Raises:
        ValueError: there is none of a name.
    """
    found = {name: OFFERED.get(name) or of_the_grid(name) for name in names}
    unknown = [name for name, method in found.items() if method is None]
    if unknown or not names:
        raise ValueError(
            f"METHODS must be some of {', '.join(OFFERED)}, or mice_k5_tau2 with any odd kernel "
            f"and temperature, got {', '.join(unknown)}."
        )
    return {name: method for name, method in found.items() if method is not None}


def of_the_grid(name: str) -> Method | None:
    """MICE at the kernel and temperature of a name; None where it is no such name."""
    found = GRID.fullmatch(name)
    temperature = float(found["temperature"]) if found else 0.0
    if found is None or temperature == 0:
        return None
    changes = {"kernel_size": int(found["kernel"]), "temperature": temperature}
    return compared(mice.METHOD, changes)


def edit_item(studio: Studio, method: Method, name: str, item: BenchmarkItem, seed: int) -> Tensor:
    """(1, 3, H, W) in [0, 1] of the edited picture.

    Args:
        name: the method's; those in turns take the benchmark's turns where it has some.
    """
    joined = item.joined or " ".join(item.instructions)
    task = EditTask(
        picture=item.picture,
        reference=studio.encode(item.picture),
        instructions=item.instructions,
        joined=joined,
        joined_with_locations=joined,
        masks=item.masks,
        silhouettes=item.masks,
        boxes=item.boxes,
        seed=seed,
    )
    if name in IN_TURNS and item.turns:
        task = replace(task, instructions=item.turns)
    return studio.decode([method.edit(studio, task)])
