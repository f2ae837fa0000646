"""Locate Instruction (FoI): masks from the attention to keywords, in one step."""

from collections.abc import Sequence
from typing import Any

import comfy.samplers
import torch
import torch.nn.functional as F
from comfy_api.latest import io

from ..attention.schedule import Stage
from ..host.capture import (
    Capture,
    TextReading,
    attach_reading,
    capture_attention,
    check_flux,
    chosen_blocks,
)
from ..host.iid import latent_samples, sample_branches
from ..host.layout import conditioning_spans
from ..host.text import real_tokens
from ..mask_ops.foi import foi_masks
from ..mask_ops.found_masks import FoundMasks
from ..mask_ops.regions import InstanceRegion
from ..prompts.keywords import find_words, keyword_tokens, read_marks
from ..prompts.lines import instruction_lines
from .inputs.locate import (
    blocks_input,
    found_outputs,
    found_values,
    result_inputs,
    sampling_inputs,
)
from .inputs.sockets import CATEGORY

LATENT, REFERENCE = "latent", "reference"
MIDDLE = Stage("read", 0.25, 0.75)


class LocateInstruction(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditLocateInstruction",
            display_name="Locate Instruction (FoI)",
            category=CATEGORY,
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
                    tooltip="Lower gives larger masks; the paper takes 0.4 to 0.7. "
                    "0.5 is a good start.",
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
    ) -> io.NodeOutput:
        flux = check_flux(model, "Locate Instruction (FoI)")
        if step >= len(sigmas):
            raise ValueError(f"step must be 1 .. {len(sigmas) - 1}, the schedule's; got {step}.")
        spans = conditioning_spans(conditioning)
        typed = [""] * len(spans.instructions)
        if keywords.strip():
            typed = instruction_lines(keywords, len(typed), "instructions")
        starts = [sum(spans.lengths[: n + 1]) for n in range(len(typed))]
        groups = tuple(
            tuple(start + token for token in instruction_tokens(clip, text, words, length))
            for start, text, words, length in zip(
                starts, spans.instructions, typed, spans.lengths[1:], strict=True
            )
        )
        capture = Capture(
            chosen_blocks(flux, blocks, MIDDLE),
            {step - 1},
            renormalise=True,
            reference=0 if read_from == REFERENCE else None,
        )
        sample_branches(
            capture_attention(model, capture),
            attach_reading(conditioning, TextReading(sum(spans.lengths), (groups,))),
            None,
            1.0,
            latent,
            comfy.samplers.sampler_object("euler"),
            sigmas[: step + 1],
            noise_seed,
            1,
        )
        samples = latent_samples(model, latent)
        grid = [-(-side // flux.patch_size) for side in samples.shape[-2:]]
        maps = F.interpolate(capture.mean()[0].mean(0)[None], grid, mode="bilinear")[0]
        found: FoundMasks = foi_masks(maps, threshold)
        return io.NodeOutput(
            *found_values(found, spans.instructions, samples, model, regions, image)
        )


def instruction_tokens(clip: Any, instruction: str, typed: str, length: int) -> Sequence[int]:
    """Numbers of an instruction's keyword tokens: typed, else marked, else all ``length``."""
    plain, marked = read_marks(instruction)
    words = [word.strip() for word in typed.split(",") if word.strip()]
    places = find_words(plain, words) if words else marked
    if not places:
        return range(length)
    whole, pad_left = real_tokens(clip, plain)
    padding = max(0, length - len(whole)) if pad_left else 0
    found = keyword_tokens(plain, places, lambda text: real_tokens(clip, text)[0])
    tokens = [token + padding for token in found]
    if not tokens or tokens[-1] >= length:
        raise ValueError(
            f"the keywords of {instruction!r} lie beyond the {length} tokens that Multi-Prompt "
            "Encode kept of it. Keep more tokens, or 'real tokens'."
        )
    return tokens
