"""Locate Instruction (FoI): masks from the attention to keywords, in one step."""

from typing import Any

import torch
from comfy_api.latest import io

from ..host.carrier import conditioning_spans
from ..host.foi_locate import locate_instruction
from ..host.keywords import keyword_numbers
from ..host.sampling_run import SamplingRun
from ..mask_ops.foi import GAMMA, SMOOTHING, Focus
from ..mask_ops.found_masks import Smoothing
from ..mask_ops.regions import InstanceRegion
from .inputs.locate import (
    blocks_input,
    found_outputs,
    found_values,
    result_inputs,
    sampling_inputs,
    smoothing_inputs,
)
from .inputs.sockets import CATEGORY

LATENT, REFERENCE = "latent", "reference"


class LocateInstruction(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditLocateInstruction",
            display_name="Locate Instruction (FoI)",
            category=f"{CATEGORY}/find",
            description="Finds where each instruction acts from the picture's attention to its "
            "keywords, in the first step. Feed its regions to FoI Guider or any other method.",
            search_aliases=["FoI", "automatic mask", "attention map", "keywords"],
            inputs=[
                *sampling_inputs(),
                io.Clip.Input("clip", tooltip="The text encoder of Multi-Prompt Encode."),
                io.String.Input(
                    "keywords",
                    multiline=True,
                    default="",
                    tooltip="One line per instruction: words of it that name what is edited, "
                    "separated by commas. Empty (neutral): the words marked [like this] in the "
                    "instruction, or all of it.",
                ),
                io.Float.Input(
                    "threshold",
                    default=0.5,
                    min=0.01,
                    max=0.99,
                    step=0.01,
                    tooltip="Lower gives larger masks. The paper takes 0.4 to 0.7 on its model; "
                    "of the miniature's maps 0.1 to 0.3 finds most. Look at the preview.",
                ),
                io.Combo.Input(
                    "read_from",
                    options=[LATENT, REFERENCE],
                    default=LATENT,
                    tooltip="Whose attention to the keywords is read: the latent's (neutral), or "
                    "that of the first reference image, which shows what is there before the edit.",
                ),
                io.Int.Input(
                    "step",
                    default=1,
                    min=1,
                    max=1000,
                    advanced=True,
                    tooltip="The step that is read; those before it are run. 1 (neutral): the "
                    "first, as in the paper.",
                ),
                blocks_input("the middle half, where attention localises"),
                *result_inputs(),
                io.Int.Input(
                    "gamma",
                    default=GAMMA,
                    min=0,
                    max=10,
                    optional=True,
                    advanced=True,
                    tooltip="How often the map is squared and stretched: higher leaves its peak "
                    "alone. 3 in the paper; 0 (neutral) only stretches it to 0 .. 1.",
                ),
                *smoothing_inputs(SMOOTHING, "a sixteenth of the picture's longer side"),
            ],
            outputs=found_outputs(),
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        conditioning: Any,
        latent: dict[str, Any],
        sigmas: torch.Tensor,
        noise_seed: int,
        clip: Any,
        keywords: str,
        threshold: float,
        read_from: str,
        step: int,
        blocks: str,
        regions: tuple[InstanceRegion, ...] = (),
        image: torch.Tensor | None = None,
        gamma: int = GAMMA,
        smoothing: int = SMOOTHING.size,
        smoothing_sigma: float = SMOOTHING.sigma,
    ) -> io.NodeOutput:
        run = SamplingRun(latent, None, sigmas, noise_seed)
        if step > run.steps:
            raise ValueError(f"step must be 1 .. {run.steps}, the schedule's; got {step}.")
        found = locate_instruction(
            model,
            conditioning,
            run.first(step),
            keyword_numbers(clip, conditioning_spans(conditioning), keywords),
            blocks,
            Focus(threshold, gamma, Smoothing(smoothing, smoothing_sigma)),
            reference=0 if read_from == REFERENCE else None,
        )
        return io.NodeOutput(*found_values(found, conditioning, latent, model, regions, image))
