"""Flow Inversion: a SAMPLER that turns a picture into the noise it would come from."""

from comfy_api.latest import io
from torch import Tensor

from ..host.sampling import FlowRun, FlowSampler
from ..sampling.flow import invert_flow
from .inputs.sockets import CATEGORY


class FlowInversion(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditFlowInversion",
            display_name="Flow Inversion",
            category=f"{CATEGORY}/turns",
            description="A sampler for SamplerCustomAdvanced that walks a picture's latent back to "
            "noise. Sample that noise with Dual-LQR Sampler to edit the picture.",
            search_aliases=["RF inversion", "unsample", "FireFlow", "multi-turn"],
            inputs=[
                io.Float.Input(
                    "gamma",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How far the result is drawn to SamplerCustomAdvanced's noise. 0 "
                    "(neutral) follows the model alone: the picture comes back best, edits come "
                    "hardest. 1 gives that noise itself. The paper takes 0.5.",
                ),
            ],
            outputs=[io.Sampler.Output()],
        )

    @classmethod
    def execute(cls, gamma: float) -> io.NodeOutput:
        def solve(run: FlowRun) -> Tensor:
            if gamma > 0 and not run.noise.any():
                raise ValueError(
                    "Flow Inversion draws the picture to noise, but the noise is zero. Connect "
                    "Random Noise to the sampling node, or set gamma to 0."
                )
            return invert_flow(
                run.velocity, run.latent, run.sigmas, run.noise, gamma, report=run.report
            )

        return io.NodeOutput(FlowSampler(solve, inverts=True))
