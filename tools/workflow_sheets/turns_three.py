"""Three turns that invert and edit, each of them one node."""

from __future__ import annotations

from dataclasses import dataclass

from . import steps
from .loaders import Loaded
from .sheet import Definitions, Node, Output, Sheet
from .subgraph import Subgraph, inner_sheet
from .turns import FIRST, STEPS, Session, first_picture

NAME = "One turn"
INPUTS = {
    "latent": "LATENT",
    "turn": "INSTANCE_EDIT_TURN",
    "instruction": "CONDITIONING",
    "model": "MODEL",
    "model for the edit": "MODEL",
    "clip": "CLIP",
    "sigmas": "SIGMAS",
}
OUTPUTS = {"latent": "LATENT", "turn": "INSTANCE_EDIT_TURN", "instruction": "CONDITIONING"}
SAMPLER = "InstanceEditDualLQRSampler"
WIDGETS = tuple((SAMPLER, name) for name in ("eta", "lqr_steps", "previous_weight", "tolerance"))
LAST = (
    "replace the green star with a blue star\n"
    "replace the orange ring with a red ring\n"
    "replace the yellow triangle with a purple cross"
)


def one_turn(definitions: Definitions) -> Subgraph:
    """What a turn is made of: remember, invert, edit."""
    sheet, start = inner_sheet(NAME, definitions, INPUTS)
    latent, turn, words, model, editing, clip, sigmas = (start[n] for n in range(len(INPUTS)))
    session = Session(sheet, model, clip, sigmas, latent, turn)
    referred = sheet.add("ReferenceLatent", conditioning=words, latent=latent)
    preparing, editing_nodes = session.turn(editing, referred[0])
    memory, *inverting = preparing
    sheet.column("Remember and invert", memory, *inverting[:7], width=300)
    sheet.column("Edit", referred, *inverting[7:], *editing_nodes, width=300)
    ends = {"latent": session.latent, "turn": memory[0], "instruction": referred[0]}
    return Subgraph(NAME, INPUTS, OUTPUTS, sheet, ends, WIDGETS)


@dataclass
class Turns:
    """A session as it grows: the latent and the memory that its last turn left."""

    sheet: Sheet
    identity: str
    loaded: Loaded
    sigmas: Output
    latent: Output
    memory: Output | None = None

    def turn(self, title: str, model: Output, instruction: Output) -> Node:
        """One more turn; it gives its latent, its memory and the instruction with the picture."""
        wires = {} if self.memory is None else {"turn": self.memory}
        wires |= {"latent": self.latent, "instruction": instruction, "sigmas": self.sigmas}
        wires |= {"model": self.loaded.model, "model for the edit": model}
        wires |= {"clip": self.loaded.clip}
        node = self.sheet.add(self.identity, title, **wires)
        self.latent, self.memory = node[0], node[1]
        return node


def turns_three(sheet: Sheet) -> None:
    """Three turns that keep the first picture in view, the last with three instances at once."""
    sheet.note(
        "# Three turns without drift\n*One turn* inverts the result of the turn before (*Flow "
        "Inversion*) and samples it with the next instruction (*Dual-LQR Sampler*), drawn to the "
        "previous result **and to the very first picture**; what only drifts from these is put "
        "back. It is a subgraph: the button in its title opens it. Press "
        "**Run**: the *Demo Model Loader*'s miniature FLUX needs no files."
    )
    sheet.note(
        "## Add a turn\n1. Select the group *Turn 2* and copy it, links kept (Ctrl+C, "
        "Ctrl+Shift+V).\n2. Connect *latent* and *turn* of the last turn to the copy's.\n3. Write "
        "the next instruction. Finished turns are not run again.\n\nTo edit nothing outside a "
        "mask, put *Set Latent Noise Mask* on the wire to *latent*."
    )
    loaded, scene, latent = first_picture(sheet)
    sigmas = sheet.add("BasicScheduler", model=loaded.model, scheduler="simple", steps=STEPS)
    sheet.column("Model and picture", *loaded.nodes, scene, latent, sigmas, width=250)
    subgraph = one_turn(sheet.definitions)
    sheet.show(subgraph)
    turns = Turns(sheet, subgraph.identity, loaded, sigmas[0], latent[0])
    shown = scene[0]
    for number, instruction in enumerate(FIRST, start=1):
        shown = one_instruction(turns, number, instruction)
    several_instructions(turns, scene, shown)


def one_instruction(turns: Turns, number: int, instruction: str) -> Output:
    """A turn with one plain prompt: its picture."""
    sheet, loaded = turns.sheet, turns.loaded
    text = sheet.add("CLIPTextEncode", f"Instruction {number}", clip=loaded.clip, text=instruction)
    turn = turns.turn(f"Turn {number}", loaded.model, text[0])
    decode = sheet.add("VAEDecode", samples=turn[0], vae=loaded.vae)
    look = sheet.add("PreviewImage", f"After turn {number}", images=decode[0])
    sheet.column(f"Turn {number}", text, turn, decode, look, width=260)
    return decode[0]


def several_instructions(turns: Turns, scene: Node, before: Output) -> None:
    """The last turn: an instruction for each mask of the scene, in one pass."""
    sheet, loaded = turns.sheet, turns.loaded
    regions = sheet.add(
        "InstanceEditRegionsFromMasks", "Instructions 3", masks=scene[1], instructions=LAST
    )
    encode = sheet.add("InstanceEditMultiPromptEncode", clip=loaded.clip, regions=regions[0])
    bias = sheet.add("InstanceEditBuildBias", regions=regions[0], **steps.MICE, **steps.LEVEL)
    patched = sheet.add("InstanceEditApplyAttention", model=loaded.model, bias=bias[0])
    sheet.fold(encode)
    turn = turns.turn("Turn 3", patched[0], encode[0])
    after = sheet.add("VAEDecode", samples=turn[0], vae=loaded.vae)
    paste = sheet.add(
        "InstanceEditCompositeBackground", source=before, edited=after[0], regions=regions[0]
    )
    save = sheet.add("SaveImage", "Result", images=paste[0], filename_prefix="instance_edit_turns")
    prepared = steps.Prepared(patched[0], turn[2], bias[0], turn[0], [])
    inside = steps.look_inside(sheet, before, regions[0], prepared)
    nodes = [regions, encode, bias, patched]
    sheet.column("Turn 3: three instances", *nodes, width=300)
    sheet.column("Turn 3: edit", turn, after, paste, save, width=280)
    sheet.column("Look inside", *inside, width=330)
