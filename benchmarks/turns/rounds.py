"""How a session may be edited in rounds, each built from nodes as a workflow would.

The seam is imported: `add_comfyui_to_path` comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..leak.methods import METHODS
from ..locate.edits import locate
from ..studio import EditTask, Latent, Studio
from .sessions import Session

Rounds = Callable[[Studio, Latent, Session, Sequence[str], int], Iterator[Latent]]
ADAPTIVE = {
    "adaptive_attention": "on",
    "inside": 2.0,
    "outside": 0.8,
    "threshold": 0.3,
    "first_step": 5,
    "keywords": "",
}
CONTRAST = "InstanceEditLocateByContrast"
TOLERANCE = 0.1


@dataclass(frozen=True)
class LQR:
    """Settings of Flow Inversion and Dual-LQR Sampler.

    ``single``: what the only objective is, "first" or "previous"; "" for both.
    ``saved``: every result is saved as an 8-bit picture and encoded again.
    ``mask``: where a turn may edit, by the latent's noise mask: "" everywhere, "painted" around its
    object, "located" where Locate by Velocity Contrast finds the instruction.
    ``reference``: the model sees the round before as a reference; the paper's model has none.
    """

    eta: float = 0.9
    lqr_steps: int = 2
    weight: float = 0.7
    gamma: float = 0.5
    tolerance: float = TOLERANCE
    adaptive: bool = False
    single: str = ""
    saved: bool = False
    mask: str = ""
    reference: bool = True


def sample_advanced(
    studio: Studio, sampler: Any, conditioning: Any, latent: Latent, seed: int
) -> Latent:
    """Core's SamplerCustomAdvanced with the studio's sigmas and plain guidance."""
    guider = studio.guider(conditioning)
    return studio.sample_along(guider, sampler, studio.schedule(), latent, seed)


def edit_task(
    session: Session, latent: Latent, instructions: Sequence[str], seed: int, masks: Tensor
) -> EditTask:
    """One turn for the methods of the leak benchmark."""
    joined = " and ".join(instructions)
    return EditTask(
        picture=session.picture,
        reference=latent,
        instructions=tuple(instructions),
        joined=joined,
        joined_with_locations=joined,
        masks=masks,
        silhouettes=masks,
        boxes=(),
        seed=seed,
    )


def naive(
    studio: Studio, latent: Latent, session: Session, instructions: Sequence[str], seed: int
) -> Iterator[Latent]:
    """Every round edits the result of the one before, from fresh noise (Euler)."""
    for number, instruction in enumerate(instructions):
        task = edit_task(session, latent, [instruction], seed + number, session.mask(number))
        latent = METHODS["vanilla"].edit(studio, task)
        yield latent


def naive_saved(
    studio: Studio, latent: Latent, session: Session, instructions: Sequence[str], seed: int
) -> Iterator[Latent]:
    """The same with every result saved as an 8-bit picture and encoded again."""
    for number, instruction in enumerate(instructions):
        [edited] = naive(studio, latent, session, [instruction], seed + number)
        latent = saved_and_loaded(studio, edited)
        yield latent


def naive_undrifted(
    studio: Studio, latent: Latent, session: Session, instructions: Sequence[str], seed: int
) -> Iterator[Latent]:
    """Naive chaining with Undo Drift after every round."""
    memory: dict[str, Any] = {}
    for number, instruction in enumerate(instructions):
        (turn,) = studio.run("InstanceEditTurnMemory", latent=latent, **memory)
        memory = {"turn": turn}
        [edited] = naive(studio, latent, session, [instruction], seed + number)
        latent = undrifted(studio, edited, turn)
        yield latent


def undrifted(studio: Studio, edited: Latent, turn: Any) -> Latent:
    """The latent after Undo Drift."""
    inputs = {"latent": edited, "turn": turn, "tolerance": TOLERANCE}
    return studio.run("InstanceEditUndoDrift", model=studio.model, **inputs)[0]


def saved_and_loaded(studio: Studio, latent: Latent) -> Latent:
    """The latent as it comes back from an 8-bit picture."""
    picture = (studio.decode([latent]) * 255).round() / 255
    return studio.encode(picture.movedim(1, -1))


def naive_located(
    studio: Studio, latent: Latent, session: Session, instructions: Sequence[str], seed: int
) -> Iterator[Latent]:
    """Naive chaining confined, as in ``dual_located``, to where the instruction is found."""
    for number, instruction in enumerate(instructions):
        masked = confined(studio, latent, session, number, seed + number, "located")
        edit = studio.prompt(instruction, latent)
        latent = sample_advanced(studio, studio.euler(), edit, masked, seed + number)
        yield latent


def confined(
    studio: Studio, latent: Latent, session: Session, number: int, seed: int, how: str
) -> Latent:
    """The latent with a noise mask, "painted" or "located", for round ``number`` (from 0)."""
    mask = session.mask(number)
    if how == "located":
        task = edit_task(session, latent, [session.instructions[number]], seed, mask)
        (mask, *_), *_ = locate(studio, task, CONTRAST, sampler=studio.euler(), steps=0)
    (masked,) = studio.run("SetLatentNoiseMask", samples=latent, mask=mask)
    return masked


def lqr_rounds(settings: LQR) -> Rounds:
    """Every round inverts the result of the one before and samples it with LQR guidance."""

    def rounds(
        studio: Studio, latent: Latent, session: Session, instructions: Sequence[str], seed: int
    ) -> Iterator[Latent]:
        first, memory = latent, {}
        (inversion,) = studio.run("InstanceEditFlowInversion", gamma=settings.gamma)
        for number, instruction in enumerate(instructions):
            start = first if settings.single == "first" else latent
            (turn,) = studio.run("InstanceEditTurnMemory", latent=start, **memory)
            memory = {} if settings.single else {"turn": turn}
            if settings.mask:
                latent = confined(studio, latent, session, number, seed + number, settings.mask)
            reference = latent if settings.reference else None
            source = studio.prompt("", reference)
            noise = sample_advanced(studio, inversion, source, latent, seed + number)
            (sampler,) = studio.run(
                "InstanceEditDualLQRSampler",
                turn=turn,
                eta=settings.eta,
                lqr_steps=settings.lqr_steps,
                previous_weight=settings.weight,
                tolerance=settings.tolerance,
                adaptive_attention=ADAPTIVE if settings.adaptive else {"adaptive_attention": "off"},
            )
            edit = studio.prompt(instruction, reference)
            latent = sample_advanced(studio, sampler, edit, noise, seed + number)
            if settings.saved:
                latent = saved_and_loaded(studio, latent)
            yield latent

    return rounds


def one_pass(
    studio: Studio, latent: Latent, session: Session, instructions: Sequence[str], seed: int
) -> Iterator[Latent]:
    """Not in rounds: MICE with all that 1, 2 .. rounds come to at once, each from the original."""
    for count in range(1, len(instructions) + 1):
        all_at_once, masks = session.at_once(count)
        yield METHODS["mice"].edit(studio, edit_task(session, latent, all_at_once, seed, masks))


def one_pass_undrifted(
    studio: Studio, latent: Latent, session: Session, instructions: Sequence[str], seed: int
) -> Iterator[Latent]:
    """The same with Undo Drift."""
    (turn,) = studio.run("InstanceEditTurnMemory", latent=latent)
    for edited in one_pass(studio, latent, session, instructions, seed):
        yield undrifted(studio, edited, turn)
