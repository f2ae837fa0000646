"""The multi-turn paper's own setting: FLUX.1 dev, a model from text, without any reference."""

from __future__ import annotations

from typing import Any

from . import loaders, steps
from .loaders import Loaded
from .sheet import Output, Sheet
from .turns import Session

STEPS = 15
PUBLISHED: dict[str, Any] = {
    "lqr_steps": 4,
    "adaptive_attention": "on, as published",
    "tolerance": 0.0,
    "window_by": "steps",
    "time_by": "steps",
}
INSTRUCTIONS = (
    "a red cup of green matcha tea and a steel spoon on a wooden table",
    "a red cup of green matcha tea and a golden spoon on a wooden table",
)


def turns_as_published(sheet: Sheet) -> None:
    """FLUX.1 dev: two turns with every setting as the paper has it."""
    sheet.note(
        "# Turns as published\nThe paper edits with a model that makes pictures from text. Nothing "
        "shows it the picture but the noise of *Flow Inversion* and the pull of *Dual-LQR "
        "Sampler*.\n\nEvery setting is the paper's: 15 steps of which 4 are pulled, *tolerance* 0, "
        "*time by* steps, *adaptive_attention* as published, guidance 1 to invert and 3.5 to edit."
    )
    sheet.note(
        "## The pack's own\n*tolerance* 0.1 puts back what only drifts, *time by* noise level "
        "holds on shifted schedules, *adaptive_attention* off costs less. To take another number "
        "of steps, set *window by* to noise level: then *lqr_steps* follows.\n\nDescribe the whole "
        "picture as it shall be: this model knows no instructions."
    )
    loaded = loaders.flux1_dev(sheet)
    source = steps.picture(sheet, loaded.vae, "pixels")
    sigmas = sheet.add("BasicScheduler", model=loaded.model, scheduler="simple", steps=STEPS)
    sheet.fold(*loaded.nodes[1:])
    sheet.column("Model and picture", *source.nodes, *loaded.nodes, sigmas, width=300)
    of = (loaded.model, loaded.clip, sigmas[0], source.latent)
    session = Session(sheet, *of, lqr={**PUBLISHED}, referring=False)
    for number, instruction in enumerate(INSTRUCTIONS, start=1):
        shown = one_instruction(session, loaded, number, instruction)
    save = sheet.add("SaveImage", "Result", images=shown, filename_prefix="instance_edit_turns")
    sheet.column("Result", save)


def one_instruction(session: Session, loaded: Loaded, number: int, instruction: str) -> Output:
    """A turn with one plain prompt: its picture."""
    sheet = session.sheet
    text = sheet.add("CLIPTextEncode", f"Instruction {number}", clip=loaded.clip, text=instruction)
    referred = session.referred(text)
    preparing, editing = session.turn(loaded.model, referred[-1][0])
    decode = sheet.add("VAEDecode", samples=session.latent, vae=loaded.vae)
    look = sheet.add("PreviewImage", f"Turn {number}", images=decode[0])
    shown = [*editing, decode, look]
    sheet.column(f"Turn {number}", *referred, *preparing, width=260, beside=shown)
    return decode[0]
