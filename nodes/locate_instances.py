"""Locate Instances (IID): masks from N branches, and the composed latent to go on from."""

from collections.abc import Collection
from typing import Any

import torch
from comfy_api.latest import io

from ..host.capture import (
    Capture,
    TextReading,
    attach_reading,
    capture_attention,
    check_flux,
    chosen_blocks,
)
from ..host.iid import (
    Branches,
    branch_conditioning,
    branch_groups,
    latent_samples,
    sample_branches,
    shut_padding,
    split_branches,
)
from ..mask_ops.found_masks import FoundMasks, spread_tokens
from ..mask_ops.iid import iid_masks
from ..mask_ops.regions import InstanceRegion
from ..sampling.iid import compose_branches, default_steps
from .inputs.locate import (
    blocks_input,
    found_outputs,
    found_values,
    result_inputs,
    sampling_inputs,
)
from .inputs.sockets import CATEGORY

PENULTIMATE = -2


class LocateInstances(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditLocateInstances",
            display_name="Locate Instances (IID)",
            category=CATEGORY,
            description="Finds where each instruction acts: samples one branch per instruction for "
            "the first steps and compares what they attend to. Go on from its latent and sigmas "
            "with method IID, or give its regions to any other method.",
            search_aliases=["IID", "automatic mask", "attention map", "find regions"],
            inputs=[
                *sampling_inputs(),
                io.Sampler.Input("sampler", tooltip="The sampler of the edit."),
                io.Int.Input(
                    "steps",
                    default=0,
                    min=0,
                    max=1000,
                    tooltip="S, the steps that the branches run; the last one is read. "
                    "0 (neutral): about 30 % of the schedule (28 -> 8, 4 -> 1).",
                ),
                io.Float.Input(
                    "cfg",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Classifier-free guidance of the branches; needs 'negative'. 1 is "
                    "neutral and right for guidance-distilled models.",
                ),
                io.Conditioning.Input(
                    "negative",
                    optional=True,
                    tooltip="For cfg other than 1. Not connected is neutral.",
                ),
                blocks_input("the last but one, as in the paper"),
                io.Int.Input(
                    "branches_at_once",
                    default=0,
                    min=0,
                    max=1024,
                    advanced=True,
                    tooltip="Branches that run as one batch; fewer need less memory. 0 (neutral): "
                    "as many as memory allows.",
                ),
                *result_inputs(),
            ],
            outputs=[
                *found_outputs(),
                io.Latent.Output(
                    display_name="latent",
                    tooltip="The branches composed by their masks, at step S. Sample on from here "
                    "without new noise.",
                ),
                io.Sigmas.Output(display_name="sigmas", tooltip="What is left of the schedule."),
            ],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        conditioning: Any,
        latent: dict[str, Any],
        sigmas: torch.Tensor,
        noise_seed: int,
        sampler: Any,
        steps: int,
        cfg: float,
        blocks: str,
        branches_at_once: int,
        negative: Any = None,
        regions: tuple[InstanceRegion, ...] = (),
        image: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        flux = check_flux(model, "Locate Instances (IID)")
        total = len(sigmas) - 1
        steps = steps or default_steps(total)
        if not 1 <= steps < total:
            raise ValueError(
                f"the branches run {steps} of {total} steps; at least one step must be left for "
                "the edit. Lower 'steps', or use a longer schedule."
            )
        if cfg != 1 and negative is None:
            raise ValueError(f"cfg {cfg} needs 'negative'. Connect one, or set cfg to 1.")
        read = chosen_blocks(flux, blocks, PENULTIMATE)
        branches = split_branches(conditioning)
        samples = latent_samples(model, latent)
        runs = [
            run_branches(
                model, group, read, latent, sampler, sigmas[: steps + 1], noise_seed, cfg, negative
            )
            for group in branch_groups(model, branches, samples, branches_at_once)
        ]
        maps, ends = zip(*runs, strict=True)
        found: FoundMasks = iid_masks(torch.cat(maps))
        values = found_values(found, branches.instructions, samples, model, regions, image)
        fine = spread_tokens(found.masks, flux.patch_size, tuple(samples.shape[-2:]))
        composed = compose_branches(torch.cat(ends, dim=1), fine)
        return io.NodeOutput(*values, {**latent, "samples": composed}, sigmas[steps:])


def run_branches(
    model: Any,
    branches: Branches,
    blocks: Collection[int],
    latent: dict[str, Any],
    sampler: Any,
    sigmas: torch.Tensor,
    seed: int,
    cfg: float,
    negative: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sample branches in one batch and read the last step.

    Returns:
        (N, H, h, w) attention of each branch to its instruction, and their latents
        (B, N, C, H, W).
    """
    texts, places = branch_conditioning(branches, model.get_model_object("diffusion_model"))
    own = tuple((tuple(range(place.start, place.stop)),) for place in places)
    capture = Capture(blocks, {len(sigmas) - 2})
    ends = sample_branches(
        capture_attention(shut_padding(model), capture),
        attach_reading(texts, TextReading(texts[0][0].shape[1], own)),
        negative,
        cfg,
        latent,
        sampler,
        sigmas,
        seed,
        len(places),
    )
    return capture.mean()[:, :, 0], ends
