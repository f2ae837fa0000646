"""Workflows of the families that edit, built from the table in ``editors.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from . import loaders, steps
from .editors import EDITORS, Editor
from .instructions import INSTRUCTIONS, PREVIEW_NOTE, draw_boxes
from .loaders import Loaded
from .sheet import Node, Output, Sheet


def recipe(name: str, editor: Editor) -> Callable[[Sheet], None]:
    """The function that fills one editor's sheet."""

    def fill(sheet: Sheet) -> None:
        edit(sheet, editor)

    fill.__name__ = name
    fill.__doc__ = f"{editor.model} as core's own graph runs it."
    return fill


RECIPES = tuple(recipe(name, editor) for name, editor in EDITORS.items())


def edit(sheet: Sheet, editor: Editor) -> None:
    """From the files to the saved picture."""
    sheet.note(f"# {editor.model}\nBoxes with an instruction each. {editor.words}")
    sheet.note(PREVIEW_NOTE)
    loaded = loaders.single(sheet, *editor.files, kind=editor.kind)
    source = steps.picture(sheet, loaded.vae, "pixels")
    boxes = draw_boxes(sheet, "Drag boxes, write instructions", source.shown, INSTRUCTIONS[1:])
    regions = sheet.add("InstanceEditRegionsFromBoxes", boxes=boxes[2])
    prompts = encoded(sheet, editor, loaded, source, regions[0])
    changed = changes(sheet, editor, loaded)
    model = changed[-1][0] if changed else loaded.model
    bias = sheet.add("InstanceEditBuildBias", regions=regions[0], **steps.MICE, **steps.LEVEL)
    applied = sheet.add("InstanceEditApplyAttention", model=model, bias=bias[0])
    nodes = [*prompts.nodes, bias, applied]
    prepared = steps.Prepared(applied[0], prompts.positive, bias[0], source.latent, nodes)
    schedule, sampling = sample(sheet, editor, loaded, prepared, prompts)
    decoded = steps.decode_whole(sheet, loaded, sampling[-1][0], source.image, regions[0])
    save = sheet.add("SaveImage", "Result", images=decoded[-2][0], filename_prefix="instance_edit")
    inside = steps.look_inside(sheet, source.image, regions[0], prepared)
    sheet.fold(regions, loaded.nodes[-1])
    sheet.column("1  Picture and model", *source.nodes, *loaded.nodes, *changed, width=300)
    sheet.column("2  Instances", boxes, regions, *schedule, width=400)
    sheet.column("3  Prompts and bias", *nodes, width=300)
    sheet.column("4  Sample", *sampling, *decoded[:-1], save, decoded[-1])
    sheet.column("Look inside", *inside, width=380)


class Prompts(NamedTuple):
    """The prompts of a sheet, with the picture as core's own graph gives it to them.

    Attributes:
        positive, negative: with the picture.
        without: the negative without it.
    """

    positive: Output
    negative: Output
    without: Output
    nodes: list[Node]


def encoded(
    sheet: Sheet, editor: Editor, loaded: Loaded, source: steps.Source, regions: Output
) -> Prompts:
    """Every prompt through the text encoder."""
    nodes: list[Node] = []
    given: dict[str, Any] = {"clip": loaded.clip, "regions": regions}
    if editor.encode is not None:
        base = sheet.add(
            editor.encode.kind,
            "The whole picture's prompt",
            clip=loaded.clip,
            prompt="",
            **{editor.encode.image: source.image},
            **({"vae": loaded.vae} if editor.encode.refers else {}),
        )
        nodes.append(base)
        given["conditioning"] = base[0]
        if editor.encode.reads:
            given |= {"grounding": "grounded", "image1": source.image}
    encode = sheet.add("InstanceEditMultiPromptEncode", **given)
    if editor.encode is not None:
        sheet.fold(encode)  # the whole picture's prompt is written above
    both = [behind(sheet, editor, encode[output], source.latent) for output in (0, 1)]
    nodes += [encode, *(node for chain in both for node in chain)]
    ends = [chain[-1][0] if chain else encode[n] for n, chain in enumerate(both)]
    return Prompts(ends[0], ends[1], encode[1], nodes)


def behind(sheet: Sheet, editor: Editor, prompt: Output, latent: Output) -> list[Node]:
    """What core's graph puts behind a prompt."""
    chain: list[tuple[str, dict[str, Any]]] = []
    if editor.encode is None or not editor.encode.refers:
        chain.append(("ReferenceLatent", {"latent": latent}))
    if editor.guidance is not None:
        chain.append(("FluxGuidance", {"guidance": editor.guidance}))
    if editor.method is not None:
        method = {"reference_latents_method": editor.method}
        chain.append(("FluxKontextMultiReferenceLatentMethod", method))
    nodes: list[Node] = []
    for kind, inputs in chain:
        nodes.append(sheet.add(kind, conditioning=prompt, **inputs))
        prompt = nodes[-1][0]
    sheet.fold(*nodes)
    return nodes


def changes(sheet: Sheet, editor: Editor, loaded: Loaded) -> list[Node]:
    """What core's graph puts on the model; the last node gives it."""
    nodes, model = list[Node](), loaded.model
    for kind, inputs in editor.changes:
        node = loaders.load(sheet, kind, model=model, **inputs)
        nodes, model = [*nodes, node], node[0]
    return nodes


def sample(
    sheet: Sheet, editor: Editor, loaded: Loaded, prepared: steps.Prepared, prompts: Prompts
) -> tuple[list[Node], list[Node]]:
    """The nodes of the schedule, and those that sample; the last one gives the latent."""
    if editor.second_cfg is not None:
        return sample_with_two(sheet, editor, loaded, prepared, prompts)
    sampler = sheet.add(
        "KSampler",
        model=prepared.model,
        positive=prompts.positive,
        negative=prompts.negative,
        latent_image=prepared.latent,
        steps=editor.steps,
        cfg=editor.cfg,
        sampler_name=editor.sampler,
        scheduler=editor.scheduler,
    )
    return [], [sampler]


def sample_with_two(
    sheet: Sheet, editor: Editor, loaded: Loaded, prepared: steps.Prepared, prompts: Prompts
) -> tuple[list[Node], list[Node]]:
    """Sample with a guidance for the words and one for the picture."""
    guider = sheet.add(
        "DualCFGGuider",
        model=prepared.model,
        cond1=prompts.positive,
        cond2=prompts.negative,
        negative=prompts.without,
        cfg_conds=editor.cfg,
        cfg_cond2_negative=editor.second_cfg,
    )
    noise = sheet.add("RandomNoise")
    choice = sheet.add("KSamplerSelect", sampler_name=editor.sampler)
    sigmas = sheet.add(
        "BasicScheduler", model=loaded.model, steps=editor.steps, scheduler=editor.scheduler
    )
    sampler = sheet.add(
        "SamplerCustomAdvanced",
        noise=noise[0],
        guider=guider[0],
        sampler=choice[0],
        sigmas=sigmas[0],
        latent_image=prepared.latent,
    )
    return [choice, sigmas], [guider, noise, sampler]
