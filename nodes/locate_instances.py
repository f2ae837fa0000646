"""Locate Instances (IID): masks from N branches, and the composed latent to go on from."""

from typing import Any

import torch
from comfy_api.latest import io

from ..host.iid import locate_instances
from ..host.sampling_run import SamplingRun, sampled_latent
from ..mask_ops.found_masks import Smoothing
from ..mask_ops.iid import SMOOTHING
from ..mask_ops.regions import InstanceRegion
from ..sampling.iid import default_steps
from .inputs.locate import (
    blocks_input,
    found_outputs,
    found_values,
    result_inputs,
    sampling_inputs,
    smoothing_inputs,
)
from .inputs.sockets import CATEGORY


class LocateInstances(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditLocateInstances",
            display_name="Locate Instances (IID)",
            category=f"{CATEGORY}/find",
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
                    "as many as memory allows. Samplers that draw noise run each branch alone, so "
                    "that a seed repeats.",
                ),
                *result_inputs(),
                *smoothing_inputs(SMOOTHING, "a token"),
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
        smoothing: int = SMOOTHING.size,
        smoothing_sigma: float = SMOOTHING.sigma,
    ) -> io.NodeOutput:
        run = SamplingRun(latent, sampler, sigmas, noise_seed, cfg, negative)
        steps = steps or default_steps(run.steps)
        if not 1 <= steps < run.steps:
            raise ValueError(
                f"the branches run {steps} of {run.steps} steps; at least one step must be left "
                "for the edit. Lower 'steps', or use a longer schedule."
            )
        if cfg != 1 and negative is None:
            raise ValueError(f"cfg {cfg} needs 'negative'. Connect one, or set cfg to 1.")
        located = locate_instances(
            model,
            conditioning,
            run.first(steps),
            blocks,
            branches_at_once,
            Smoothing(smoothing, smoothing_sigma),
        )
        values = found_values(located.found, conditioning, latent, model, regions, image)
        return io.NodeOutput(*values, sampled_latent(latent, located.composed), sigmas[steps:])
