"""Locate by Contrast: masks from how much each instruction changes the prediction."""

from typing import Any

import torch
from comfy_api.latest import io

from ..host.capture import check_flux
from ..host.contrast import ContrastGuider, sample_guided
from ..host.iid import latent_samples, split_branches
from ..host.layout import conditioning_spans
from ..mask_ops.contrast import contrast_masks, velocity_contrast
from ..mask_ops.regions import InstanceRegion
from ..sampling.iid import default_steps
from .inputs.locate import found_outputs, found_values, result_inputs, sampling_inputs
from .inputs.sockets import CATEGORY


class LocateByContrast(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditLocateByContrast",
            display_name="Locate by Velocity Contrast",
            category=CATEGORY,
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
        flux = check_flux(model, "Locate by Velocity Contrast")
        total = len(sigmas) - 1
        steps = steps or default_steps(total)
        if not 1 <= steps <= total:
            raise ValueError(f"steps must be 1 .. {total}, the schedule's; got {steps}.")
        branches = split_branches(conditioning)
        empty = conditioning[0][0][:, : conditioning_spans(conditioning).lengths[0]]
        maps: list[torch.Tensor] = []
        guider = ContrastGuider(
            model,
            [[empty, branches.extras]],
            branches,
            lambda instructed, plain: maps.append(velocity_contrast(instructed, plain).cpu()),
        )
        sample_guided(guider, latent, sampler, sigmas[: steps + 1], noise_seed)
        found = contrast_masks(torch.stack(maps).mean(0), flux.patch_size)
        samples = latent_samples(model, latent)
        return io.NodeOutput(
            *found_values(found, branches.instructions, samples, model, regions, image)
        )
