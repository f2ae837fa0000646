"""Workflows in which nobody draws a region; with the miniature FLUX, so they need no files."""

from __future__ import annotations

from typing import Any

from . import loaders, steps
from .sheet import Node, Output, Sheet

INSTRUCTIONS = (
    "replace the red circle with a green star",
    "replace the blue square with an orange ring",
    "replace the yellow triangle with a purple cross",
)
MARKED = (
    "replace the [red circle] with a green star",
    "replace the [blue square] with an orange ring",
    "replace the [yellow triangle] with a purple cross",
)
STEPS = 8
PAPER_STEPS, PAPER_NOISE = 100, 0.8
# What reads the miniature best; real models want the nodes' own defaults first.
READING = {"threshold": 0.1, "blocks": "4"}
BRANCHES = {"blocks": "5"}


class Start:
    """Model, picture, instructions without places, their conditioning and the schedule."""

    def __init__(
        self,
        sheet: Sheet,
        instructions: tuple[str, ...],
        sampler: str = "euler",
        steps: int = STEPS,
        noise: float = 1.0,
    ) -> None:
        """noise: how much of the picture's latent is noise when sampling begins."""
        self.loaded = loaders.demo(sheet)
        self.scene = sheet.add("InstanceEditDemoScene")
        self.latent = sheet.add("VAEEncode", pixels=self.scene[0], vae=self.loaded.vae)
        self.regions = sheet.add(
            "InstanceEditRegionsFromInstructions", instructions="\n".join(instructions)
        )
        self.encode = sheet.add(
            "InstanceEditMultiPromptEncode", clip=self.loaded.clip, regions=self.regions[0]
        )
        self.refer = sheet.add(
            "ReferenceLatent", conditioning=self.encode[0], latent=self.latent[0]
        )
        self.sampler = sheet.add("KSamplerSelect", sampler_name=sampler)
        self.sigmas = sheet.add(
            "BasicScheduler",
            model=self.loaded.model,
            scheduler="simple",
            steps=steps,
            denoise=noise,
        )

    def locate(self, sheet: Sheet, kind: str, **inputs: Any) -> Node:
        """A locator on all of it."""
        return sheet.add(
            kind,
            model=self.loaded.model,
            conditioning=self.refer[0],
            latent=self.latent[0],
            sigmas=self.sigmas[0],
            regions=self.regions[0],
            image=self.scene[0],
            **inputs,
        )

    def columns(self, sheet: Sheet, *more: Node) -> None:
        """The first two columns, the second with what else reads the instructions."""
        picture = (*self.loaded.nodes, self.scene, self.latent)
        sheet.column("1  Model, picture, schedule", *picture, self.sampler, self.sigmas, width=300)
        sheet.column("2  Instructions", self.regions, self.encode, self.refer, *more, width=340)


def iid_find_and_edit(sheet: Sheet) -> None:
    """IID: instructions alone; branches find the regions, one pass finishes the edit."""
    sheet.note(
        "# No masks\nWrite one instruction per line. *Locate Instances (IID)* samples one branch "
        "per instruction for the first steps, finds where each one acts, and composes the "
        "branches; the sampler goes on from there with IID's own attention.\n\n*Masks found* shows "
        "the raw map, the threshold and the mask of each instruction: look there first. In the "
        "wrong place: other **blocks**; empty is the paper's."
    )
    start = Start(sheet, INSTRUCTIONS)
    found = start.locate(sheet, "InstanceEditLocateInstances", sampler=start.sampler[0], **BRANCHES)
    bias = sheet.add("InstanceEditBuildBias", regions=found[1], **steps.IID, **steps.LEVEL)
    patched = sheet.add("InstanceEditApplyAttention", model=start.loaded.model, bias=bias[0])
    guider = sheet.add("BasicGuider", model=patched[0], conditioning=start.refer[0])
    noise = sheet.add("DisableNoise")
    sampling = _advanced(sheet, start, guider[0], noise[0], found[3], found[4], found[1])
    prepared = steps.Prepared(patched[0], start.refer[0], bias[0], start.latent[0], [])
    inside = steps.look_inside(sheet, start.scene[0], found[1], prepared)
    start.columns(sheet)
    sheet.column("3  Where", found, _preview(sheet, found[2]), width=360)
    sheet.column("4  Go on from step S", bias, patched, guider, noise, *sampling)
    sheet.column("Look inside", *inside, width=380)


def iid_masks_for_mice(sheet: Sheet) -> None:
    """IID finds the masks, MICE does the edit from the first step."""
    sheet.note(
        "# IID's masks, MICE's edit\nOnly the regions of *Locate Instances (IID)* are used; "
        "the edit starts afresh with MICE, which keeps instances apart more smoothly. Any other "
        "method of *Build Disentangled Bias* works too."
    )
    start = Start(sheet, INSTRUCTIONS)
    found = start.locate(sheet, "InstanceEditLocateInstances", sampler=start.sampler[0], **BRANCHES)
    bias = sheet.add("InstanceEditBuildBias", regions=found[1], **steps.MICE, **steps.LEVEL)
    patched = sheet.add("InstanceEditApplyAttention", model=start.loaded.model, bias=bias[0])
    prepared = steps.Prepared(patched[0], start.refer[0], bias[0], start.latent[0], [bias, patched])
    sampling = steps.sample(
        sheet, start.loaded, prepared, steps.Way(STEPS), start.scene[0], found[1]
    )
    inside = steps.look_inside(sheet, start.scene[0], found[1], prepared)
    sheet.fold(start.encode)
    start.columns(sheet, found)
    sheet.column("3  Where, and bias", _preview(sheet, found[2]), bias, patched, width=360)
    sheet.column("4  Sample", *sampling)
    sheet.column("Look inside", *inside, width=380)


def foi_find_and_edit(sheet: Sheet) -> None:
    """FoI: keywords marked in the instructions find the masks, FoI Guider does the edit."""
    sheet.note(
        "# Focus on your instruction\nMark [what is there] in every instruction. *Locate "
        "Instruction (FoI)* finds it in one step; *FoI Guider* lets each instruction act inside "
        "its mask only.\n\nMasks too small: lower the **threshold**. In the wrong place: other "
        "**blocks**."
    )
    _foi(sheet, Start(sheet, MARKED), steps.LEVEL)


def foi_from_the_picture(sheet: Sheet) -> None:
    """FoI as its paper samples: from the picture with 80 % noise, 100 Euler ancestral steps."""
    sheet.note(
        "# FoI's own start\nThe paper begins from the picture with 80 % noise (**denoise** of "
        "*Basic Scheduler*) and takes 100 steps of *Euler ancestral*: what is not edited stays "
        "nearer to the source, and a small edit costs more steps.\n\n75 % and the first step are "
        "counted in these 100 steps (*window by*: steps), as in the paper; the log says that this "
        "is a part of a whole sampling."
    )
    start = Start(sheet, MARKED, "euler_ancestral", PAPER_STEPS, PAPER_NOISE)
    _foi(sheet, start, {"window_by": "steps"})


def _foi(sheet: Sheet, start: Start, counted: dict[str, Any]) -> None:
    """Locate Instruction, FoI Guider and the sampling."""
    found = start.locate(sheet, "InstanceEditLocateInstruction", clip=start.loaded.clip, **READING)
    empty = sheet.add("CLIPTextEncode", "Empty prompt", clip=start.loaded.clip, text="")
    guider = sheet.add(
        "InstanceEditFoIGuider",
        model=start.loaded.model,
        positive=start.refer[0],
        negative=empty[0],
        regions=found[1],
        **counted,
    )
    noise = sheet.add("RandomNoise")
    sampling = _advanced(
        sheet, start, guider[0], noise[0], start.latent[0], start.sigmas[0], found[1]
    )
    drawn = sheet.add(
        "InstanceEditPreviewRegions",
        image=start.scene[0],
        regions=found[1],
        conditioning=start.refer[0],
    )
    sheet.fold(empty)
    start.columns(sheet, empty)
    sheet.column("3  Where", found, _preview(sheet, found[2]), width=360)
    sheet.column("4  FoI and sampling", guider, noise, *sampling)
    sheet.column("Look inside", drawn, width=380)


def _preview(sheet: Sheet, image: Output) -> Node:
    return sheet.add("PreviewImage", "Masks found", images=image)


def _advanced(
    sheet: Sheet,
    start: Start,
    guider: Output,
    noise: Output,
    latent: Output,
    sigmas: Output,
    regions: Output,
) -> list[Node]:
    """Sample with a guider, decode, paste the background back and save."""
    sampled = sheet.add(
        "SamplerCustomAdvanced",
        noise=noise,
        guider=guider,
        sampler=start.sampler[0],
        sigmas=sigmas,
        latent_image=latent,
    )
    decode = sheet.add("VAEDecode", samples=sampled[0], vae=start.loaded.vae)
    paste = sheet.add(
        "InstanceEditCompositeBackground",
        source=start.scene[0],
        edited=decode[0],
        regions=regions,
    )
    save = sheet.add("SaveImage", "Result", images=paste[0], filename_prefix="instance_edit")
    return [sampled, decode, paste, save]
