"""Locate by Velocity Contrast: masks from how much each instruction changes the prediction."""

from typing import Any

import torch
from comfy_api.latest import io

from ..host.contrast import locate_by_contrast
from ..host.sampling_run import SamplingRun
from ..mask_ops.regions import InstanceRegion
from ..sampling.iid import default_steps
from .inputs.locate import found_outputs, found_values, result_inputs, sampling_inputs
from .inputs.sockets import CATEGORY


class LocateByVelocityContrast(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditLocateByContrast",
            display_name="Locate by Velocity Contrast",
            category=f"{CATEGORY}/find",
            description="Finds where each instruction acts by how much it changes the model's "
            "prediction, compared with the global prompt alone. Reads no attention.",
            search_aliases=["DiffEdit", "automatic mask", "find regions"],
            inputs=[
                *sampling_inputs(),
                io.Sampler.Input("sampler", tooltip="The sampler that walks the first steps."),
                io.Int.Input(
                    "steps",
                    default=0,
                    min=0,
                    max=1000,
                    tooltip="First steps over which the contrast is averaged. "
                    "0 (neutral): about 30 % of the schedule (28 -> 8, 4 -> 1).",
                ),
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
        sampler: Any,
        steps: int,
        regions: tuple[InstanceRegion, ...] = (),
        image: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        run = SamplingRun(latent, sampler, sigmas, noise_seed)
        steps = steps or default_steps(run.steps)
        if not 1 <= steps <= run.steps:
            raise ValueError(f"steps must be 1 .. {run.steps}, the schedule's; got {steps}.")
        found = locate_by_contrast(model, conditioning, run.first(steps))
        return io.NodeOutput(*found_values(found, conditioning, latent, model, regions, image))
