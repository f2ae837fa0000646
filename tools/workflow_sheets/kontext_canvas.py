"""Workflows for FLUX.1 Kontext whose instances are drawn on the canvas."""

from __future__ import annotations

from collections.abc import Sequence

from . import drawn, loaders, steps
from .instructions import INSTRUCTIONS, PREVIEW_NOTE
from .sheet import Json, Sheet

CUP = drawn.polygon(
    *((0.335, 0.36), (0.35, 0.29), (0.40, 0.245), (0.47, 0.23), (0.54, 0.25), (0.6, 0.30)),
    *((0.62, 0.37), (0.605, 0.43), (0.56, 0.47), (0.49, 0.49), (0.42, 0.465), (0.36, 0.42)),
)
SPOON = (
    drawn.stroke(0.035, (0.69, 0.2), (0.675, 0.36), (0.645, 0.53), (0.625, 0.6)),
    drawn.stroke(0.11, (0.612, 0.7)),
)
BISCUIT = drawn.polygon(
    *((0.16, 0.45), (0.2, 0.4), (0.26, 0.42), (0.28, 0.55), (0.26, 0.68), (0.19, 0.62))
)
"""What is drawn around things of the photograph: a lasso, strokes of the brush, a polygon."""


def masks() -> list[Json]:
    """An instance for each of them."""
    tea, spoon, biscuit, _ = INSTRUCTIONS
    return [
        drawn.instance(tea.text, "coffee", CUP),
        drawn.instance(spoon.text, "spoon", *SPOON),
        drawn.instance(biscuit.text, "biscuit", BISCUIT),
    ]


def mice_kontext_masks(sheet: Sheet) -> None:
    """FLUX.1 Kontext: masks painted on the picture."""
    sheet.note(
        "# Paint masks\n1. Drop your picture on the canvas, or upload it there.\n2. Circle a thing "
        "with the **lasso** (L), go over it with the **brush** (D) or click its corners "
        "(**polygon**, P), and write what shall happen there. Shift adds to a mask, Alt and the "
        "eraser (E) take away.\n3. Run.\n\n*Multi-Prompt Encode* brings the picture to one of "
        "Kontext's sizes (*fit*), and the masks with it."
    )
    sheet.note(
        "## Masks from elsewhere\nConnect a detector's, or those of *Load Image* after **Open in "
        "MaskEditor**, to *masks* of the canvas: each becomes one more instance."
    )
    sheet.note(PREVIEW_NOTE)
    on_canvas(sheet, "2  Masks", masks())


def on_canvas(sheet: Sheet, title: str, instances: Sequence[Json]) -> None:
    """Kontext with what is drawn on the canvas."""
    loaded = loaders.kontext(sheet)
    canvas = drawn.draw(sheet, instances)
    picture = steps.Picture(canvas[1], canvas[1], "Kontext's sizes", [canvas])
    sheet.column("1  Model", *loaded.nodes, width=300)
    sheet.column(title, canvas, width=drawn.WIDTH)
    steps.finish(sheet, 3, loaded, picture, canvas[0], steps.Way(28, 2.5))


def mice_strength_steps(sheet: Sheet) -> None:
    """Strength and steps of every instance on its own."""
    sheet.note(
        "# Strength and steps\n**strength** multiplies how much an instance listens to its "
        "instruction: 1 is neutral, 0 hides the instruction, above 1 insists. **start** and "
        "**end** say when it takes part, as fractions of the sampling: an early window shapes, a "
        "late one paints."
    )
    sheet.note(
        "## Here\nThe tea insists (1.6), the spoon begins after a fifth of the steps, the biscuit "
        "stops after two thirds. Select an instance in the canvas's list: its numbers stand under "
        "its words."
    )
    sheet.note(PREVIEW_NOTE)
    tea, spoon, biscuit, _ = INSTRUCTIONS
    instances = [
        drawn.boxed(tea, "strength 1.6", strength=1.6),
        drawn.boxed(spoon, "start 0.2", start=0.2),
        drawn.boxed(biscuit, "end 0.66", end=0.66),
    ]
    on_canvas(sheet, "2  Instances and their numbers", instances)
