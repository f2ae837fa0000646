"""Editing in rounds: every turn is one group, and a turn is added by copying the last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from . import loaders, steps
from .loaders import Loaded
from .sheet import Node, Output, Sheet

STEPS = 8
FIRST = (
    "replace the red circle with a green star",
    "replace the blue square with an orange ring",
)


@dataclass
class Session:
    """A session as it grows: the latent that its last turn left, and that turn's memory.

    Attributes:
        lqr: what Dual-LQR Sampler is told.
        referring: the model gets the picture that a turn starts from as its reference.
    """

    sheet: Sheet
    model: Output
    clip: Output
    sigmas: Output
    latent: Output
    memory: Output | None = None
    lqr: dict[str, Any] = field(default_factory=lambda: {"lqr_steps": 2, **steps.LEVEL})
    referring: bool = True

    def referred(self, text: Node) -> list[Node]:
        """A text and what brings the picture to it; the last node gives the conditioning."""
        if not self.referring:
            return [text]
        add = self.sheet.add
        return [text, add("ReferenceLatent", conditioning=text[0], latent=self.latent)]

    def turn(self, model: Output, instruction: Output) -> tuple[list[Node], list[Node]]:
        """One more turn: the nodes that remember, invert and prepare; those that edit."""
        chained = {} if self.memory is None else {"turn": self.memory}
        memory = self.sheet.add("InstanceEditTurnMemory", latent=self.latent, **chained)
        inverting = self.inverted()
        guided, editor, sampler, still, edited = self.edited(
            model, instruction, memory[0], inverting[-1][0]
        )
        self.latent, self.memory = edited[0], memory[0]
        return [memory, *inverting, guided, editor, still], [sampler, edited]

    def inverted(self) -> list[Node]:
        """From the picture as it is back to noise, which the last node gives."""
        add = self.sheet.add
        empty = add("CLIPTextEncode", "The picture as it is", clip=self.clip, text="")
        source = self.referred(empty)
        unguided = add("FluxGuidance", conditioning=source[-1][0], guidance=1.0)
        inverter = add("BasicGuider", model=self.model, conditioning=unguided[0])
        inversion = add("InstanceEditFlowInversion")
        noise = add("RandomNoise", noise_seed=0)
        inverted = add(
            "SamplerCustomAdvanced",
            "Invert",
            noise=noise[0],
            guider=inverter[0],
            sampler=inversion[0],
            sigmas=self.sigmas,
            latent_image=self.latent,
        )
        self.sheet.fold(empty, unguided, noise)  # it starts from the picture, not from noise
        return [*source, unguided, inverter, inversion, noise, inverted]

    def edited(
        self, model: Output, instruction: Output, memory: Output, noisy: Output
    ) -> list[Node]:
        """From that noise to the edited picture, which the last node gives."""
        add = self.sheet.add
        guided = add("FluxGuidance", conditioning=instruction, guidance=3.5)
        self.sheet.fold(guided)
        editor = add("BasicGuider", model=model, conditioning=guided[0])
        sampler = add("InstanceEditDualLQRSampler", turn=memory, **self.lqr)
        still = add("DisableNoise")
        edited = add(
            "SamplerCustomAdvanced",
            "Edit",
            noise=still[0],
            guider=editor[0],
            sampler=sampler[0],
            sigmas=self.sigmas,
            latent_image=noisy,
        )
        return [guided, editor, sampler, still, edited]


def turns_chained(sheet: Sheet) -> None:
    """One instruction after the other with an ordinary sampler; Undo Drift keeps the rest."""
    sheet.note(
        "# One instruction after the other\nAn ordinary *KSampler* edits the result of the turn "
        "before. Each time it renders the whole picture anew, a little beside what it was; *Undo "
        "Drift* puts that back, in the latent, without a mask. Press **Run**: the *Demo Model "
        "Loader*'s miniature FLUX needs no files."
    )
    sheet.note(
        "## Add a turn\nCopy the last turn's group, links kept (Ctrl+C, Ctrl+Shift+V). Connect the "
        "last *Undo Drift*'s latent to the copy's *Turn Memory*, *Set Reference Latent* and "
        "*KSampler*, and the last *Turn Memory* to the copy's. Write the next instruction."
    )
    loaded, scene, latent = first_picture(sheet)
    sheet.column("Model and picture", *loaded.nodes, scene, latent, width=280)
    start = latent[0]
    chained: dict[str, Output] = {}
    instructions = (*FIRST, "replace the yellow triangle with a purple cross")
    for number, instruction in enumerate(instructions, start=1):
        turn = sheet.add("InstanceEditTurnMemory", latent=start, **chained)
        text = sheet.add(
            "CLIPTextEncode", f"Instruction {number}", clip=loaded.clip, text=instruction
        )
        referred = sheet.add("ReferenceLatent", conditioning=text[0], latent=start)
        sampler = steps.sampled(sheet, loaded.model, referred[0], start, STEPS)
        kept = sheet.add(
            "InstanceEditUndoDrift", model=loaded.model, latent=sampler[-1][0], turn=turn[0]
        )
        decode = sheet.add("VAEDecode", samples=kept[0], vae=loaded.vae)
        look = sheet.add("SaveImage", f"Turn {number}", images=decode[0])
        changed = sheet.add("MaskPreview", "What the edit changed", mask=kept[1])
        working, shown = [turn, text, referred, *sampler, kept], [decode, look, changed]
        sheet.column(f"Turn {number}", *working, width=240, beside=shown)
        start, chained = kept[0], {"turn": turn[0]}


def first_picture(sheet: Sheet) -> tuple[Loaded, Node, Node]:
    """The demo's model, its scene, and the latent that a session starts from."""
    loaded = loaders.demo(sheet)
    scene = sheet.add("InstanceEditDemoScene")
    latent = sheet.add("VAEEncode", "Encode the first picture", pixels=scene[0], vae=loaded.vae)
    return loaded, scene, latent
