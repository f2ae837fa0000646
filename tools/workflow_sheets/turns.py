"""Editing in rounds: every turn is one group, and a turn is added by copying the last."""

from __future__ import annotations

from . import loaders, steps
from .loaders import Loaded
from .sheet import Node, Output, Sheet

STEPS = 8
FIRST_WISHES = (
    "replace the red circle with a green star",
    "replace the blue square with an orange ring",
)


def turns_three(sheet: Sheet) -> None:
    """Three turns that keep the first picture in view, the last with three instances at once."""
    sheet.note(
        "# Three turns without drift\nEvery turn inverts the result of the one before (*Flow "
        "Inversion*) and samples it with the next wish (*Dual-LQR Sampler*), drawn to the previous "
        "result **and to the very first picture**; what only drifts from these is put back. Press "
        "**Run**: the *Demo Model Loader*'s miniature FLUX needs no files.",
        560,
        290,
    )
    sheet.note(
        "## Add a turn\n1. Select the last turn's group and copy it, links kept (Ctrl+C, "
        "Ctrl+Shift+V).\n2. Connect the last turn's result (the latent of *Edit*) and its *Turn "
        "Memory* to the copy's *Turn Memory*, and the same latent to the copy's two *Set Reference "
        "Latent* and its *Invert*.\n3. Write the next wish. Finished turns are not run again.\n\n"
        "To edit nothing outside a mask, put *Set Latent Noise Mask* before a turn's *Invert*.",
        560,
        290,
    )
    loaded, scene, latent = first_picture(sheet)
    sigmas = sheet.add("BasicScheduler", model=loaded.model, scheduler="simple", steps=STEPS)
    sheet.column("Model and picture", *loaded.nodes, scene, latent, sigmas)
    start, memory, shown = latent[0], None, scene[0]
    for number, wish in enumerate(FIRST_WISHES, start=1):
        text = sheet.add("CLIPTextEncode", f"Wish {number}", clip=loaded.clip, text=wish)
        referred = sheet.add("ReferenceLatent", conditioning=text[0], latent=start)
        nodes, start, memory = add_turn(
            sheet, loaded, start, memory, sigmas[0], loaded.model, referred[0]
        )
        decode = sheet.add("VAEDecode", samples=start, vae=loaded.vae)
        shown = decode[0]
        look = sheet.add("PreviewImage", f"Turn {number}", images=shown)
        sheet.column(f"Turn {number}", text, referred, *nodes, decode, look)
    regions = sheet.add(
        "InstanceEditRegionsFromMasks",
        "Wishes 3",
        masks=scene[1],
        instructions="replace the green star with a blue star\n"
        "replace the orange ring with a red ring\n"
        "replace the yellow triangle with a purple cross",
    )
    prepared = steps.prepare(sheet, loaded, regions[0], start)
    nodes, start, _ = add_turn(
        sheet, loaded, start, memory, sigmas[0], prepared.model, prepared.positive
    )
    sheet.column("Turn 3: three instances", regions, *prepared.nodes, *nodes, width=400)
    before, after = shown, sheet.add("VAEDecode", samples=start, vae=loaded.vae)
    paste = sheet.add(
        "InstanceEditCompositeBackground", source=before, edited=after[0], regions=regions[0]
    )
    save = sheet.add("SaveImage", "Result", images=paste[0], filename_prefix="instance_edit_turns")
    inside = steps.look_inside(sheet, before, regions[0], prepared)
    sheet.column("Result", after, paste, save, *inside, width=420)


def turns_chained(sheet: Sheet) -> None:
    """One wish after the other with an ordinary sampler; Undo Drift keeps the rest."""
    sheet.note(
        "# One wish after the other\nAn ordinary *KSampler* edits the result of the turn before. "
        "Each time it renders the whole picture anew, a little beside what it was; *Undo Drift* "
        "puts that back, in the latent, without a mask. Press **Run**: the *Demo Model Loader*'s "
        "miniature FLUX needs no files.",
        560,
        270,
    )
    sheet.note(
        "## Add a turn\nCopy the last turn's group, links kept (Ctrl+C, Ctrl+Shift+V). Connect the "
        "last *Undo Drift*'s latent to the copy's *Turn Memory*, *Set Reference Latent* and "
        "*KSampler*, and the last *Turn Memory* to the copy's. Write the next wish.",
        460,
        270,
    )
    loaded, scene, latent = first_picture(sheet)
    sheet.column("Model and picture", *loaded.nodes, scene, latent)
    start, chained = latent[0], {}
    wishes = (*FIRST_WISHES, "replace the yellow triangle with a purple cross")
    for number, wish in enumerate(wishes, start=1):
        turn = sheet.add("InstanceEditTurnMemory", latent=start, **chained)
        text = sheet.add("CLIPTextEncode", f"Wish {number}", clip=loaded.clip, text=wish)
        referred = sheet.add("ReferenceLatent", conditioning=text[0], latent=start)
        sampler = steps.sampled(sheet, loaded.model, referred[0], start, STEPS)
        kept = sheet.add(
            "InstanceEditUndoDrift", model=loaded.model, latent=sampler[-1][0], turn=turn[0]
        )
        decode = sheet.add("VAEDecode", samples=kept[0], vae=loaded.vae)
        look = sheet.add("SaveImage", f"Turn {number}", images=decode[0])
        changed = sheet.add("MaskPreview", "What the edit changed", mask=kept[1])
        sheet.column(f"Turn {number}", turn, text, referred, *sampler, kept, decode, look, changed)
        start, chained = kept[0], {"turn": turn[0]}


def first_picture(sheet: Sheet) -> tuple[Loaded, Node, Node]:
    """The demo's model, its scene, and the latent that a session starts from."""
    loaded = loaders.demo(sheet)
    scene = sheet.add("InstanceEditDemoScene")
    latent = sheet.add("VAEEncode", "Encode the first picture", pixels=scene[0], vae=loaded.vae)
    return loaded, scene, latent


def add_turn(
    sheet: Sheet,
    loaded: Loaded,
    start: Output,
    memory: Output | None,
    sigmas: Output,
    model: Output,
    wish: Output,
) -> tuple[list[Node], Output, Output]:
    """Remember, invert, edit: its nodes, its latent and its memory."""
    chained = {} if memory is None else {"turn": memory}
    turn = sheet.add("InstanceEditTurnMemory", latent=start, **chained)
    empty = sheet.add("CLIPTextEncode", "The picture as it is", clip=loaded.clip, text="")
    source = sheet.add("ReferenceLatent", conditioning=empty[0], latent=start)
    unguided = sheet.add("FluxGuidance", conditioning=source[0], guidance=1.0)
    inverter = sheet.add("BasicGuider", model=loaded.model, conditioning=unguided[0])
    inversion = sheet.add("InstanceEditFlowInversion")
    noise = sheet.add("RandomNoise", noise_seed=0)
    inverted = sheet.add(
        "SamplerCustomAdvanced",
        "Invert",
        noise=noise[0],
        guider=inverter[0],
        sampler=inversion[0],
        sigmas=sigmas,
        latent_image=start,
    )
    guided = sheet.add("FluxGuidance", conditioning=wish, guidance=3.5)
    editor = sheet.add("BasicGuider", model=model, conditioning=guided[0])
    sampler = sheet.add("InstanceEditDualLQRSampler", turn=turn[0], lqr_steps=2)
    still = sheet.add("DisableNoise")
    edited = sheet.add(
        "SamplerCustomAdvanced",
        "Edit",
        noise=still[0],
        guider=editor[0],
        sampler=sampler[0],
        sigmas=sigmas,
        latent_image=inverted[0],
    )
    nodes = [turn, empty, source, unguided, inverter, inversion, noise, inverted]
    nodes += [guided, editor, sampler, still, edited]
    return nodes, edited[0], turn[0]
