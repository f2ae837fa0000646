"""Demo Model Loader: the trained miniature FLUX as MODEL, CLIP and VAE."""

import comfy.sd
import torch
from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io

from ..demo.weights import load_weights
from ..host.demo_clip import demo_clip
from .inputs.sockets import CATEGORY


class DemoModelLoader(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditDemoModelLoader",
            display_name="Demo Model Loader",
            category=CATEGORY,
            description="A miniature FLUX.1 Kontext that comes with the pack: it edits pictures of "
            "nine shapes at most, 144 x 144 pixels, in a second on a CPU. It understands "
            "'replace the [colour] shape [at place] with a colour shape', joined by 'and'.",
            search_aliases=["tiny flux", "miniature", "example model"],
            inputs=[],
            outputs=[
                io.Model.Output(tooltip="FLUX.1 Kontext in miniature: 4 to 8 Euler steps."),
                io.Clip.Output(tooltip="Its text encoder: 6 shapes, 8 colours, 9 places."),
                io.Vae.Output(tooltip="Its codec: 8 pixels per latent, 16 channels."),
            ],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        weights = load_weights()
        vae = comfy.sd.VAE(sd=weights.vae_state())
        vae.throw_exception_if_invalid()
        return io.NodeOutput(load_demo_model(), demo_clip(weights.text), vae)


def load_demo_model(disable_dynamic: bool = False) -> ModelPatcher:
    """The miniature as core loads a checkpoint; core calls this again where it needs a second one
    (torch.compile with dynamic memory, training, several GPUs)."""
    model = comfy.sd.load_diffusion_model_state_dict(
        dict(load_weights().model),
        model_options={"dtype": torch.float32},
        disable_dynamic=disable_dynamic,
    )
    model.cached_patcher_init = (load_demo_model, ())
    return model
