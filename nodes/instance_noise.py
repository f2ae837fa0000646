"""Instance Noise: start noise in which each instance has its own, by its seed."""

from typing import Any

from comfy_api.latest import io

from ..host.carrier import conditioning_items
from ..host.instance_noise import instance_noise, with_own_noise
from .inputs.sockets import CATEGORY


class InstanceNoise(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditNoise",
            display_name="Instance Noise",
            category=f"{CATEGORY}/methods",
            description="Gives the tokens of every instance that has a seed noise of their own, so "
            "that one instance can be drawn anew while the others stay.",
            search_aliases=["seed per instance", "redo", "random noise", "variation"],
            inputs=[
                io.Model.Input(
                    "model",
                    tooltip="The model that is sampled; patched with instance attention or not.",
                ),
                io.Conditioning.Input(
                    "conditioning",
                    tooltip="From Multi-Prompt Encode: its regions, with the seeds that Instance "
                    "Canvas gave them. A region without a seed is neutral: it keeps the picture's "
                    "noise.",
                ),
                io.Int.Input(
                    "noise_seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Seed of everything else, for the output 'noise', as in Random Noise. "
                    "The output 'model' takes the sampler's own seed.",
                ),
            ],
            outputs=[
                io.Noise.Output(
                    display_name="noise", tooltip="For SamplerCustomAdvanced, as Random Noise."
                ),
                io.Model.Output(
                    display_name="model",
                    tooltip="For KSampler and all that make their noise themselves: the model, in "
                    "whose runs the instances' noise is their own.",
                ),
            ],
        )

    @classmethod
    def execute(cls, model: Any, conditioning: Any, noise_seed: int) -> io.NodeOutput:
        noise = instance_noise(model, conditioning_items(conditioning), noise_seed)
        return io.NodeOutput(noise, with_own_noise(model, noise))
