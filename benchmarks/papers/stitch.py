"""The baseline that needs no method: every box is cut out, edited alone and put back."""

from __future__ import annotations

from dataclasses import replace

from ...mask_ops.composite import stretch
from ...tools.fleet.sizes import fitted_size
from ..studio import EditTask, Latent, Studio


def stitched(studio: Studio, task: EditTask) -> Latent:
    """The source with every box as its instruction alone edits it, later boxes over earlier ones.

    A box is edited at about as many pixels as the picture has. That IDAttn compares with such a
    baseline is known, its details are not: they are ours.
    """
    height, width = task.picture.shape[1:3]
    picture = task.picture.clone()
    for number, (instruction, box) in enumerate(zip(task.instructions, task.boxes, strict=True)):
        x1, y1, x2, y2 = box
        cut = task.picture[:, y1:y2, x1:x2]
        wide, tall = fitted_size(x2 - x1, y2 - y1, height * width)
        alone = studio.encode(stretch(cut, (tall, wide)))
        own = replace(task, reference=alone, seed=task.seed + number)
        latent = studio.sample(studio.model, studio.prompt(instruction, alone), own)
        edited = studio.decode([latent]).movedim(1, -1).to(picture)
        picture[:, y1:y2, x1:x2] = stretch(edited, (y2 - y1, x2 - x1))
    return studio.encode(picture)
