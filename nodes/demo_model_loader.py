"""Demo Model Loader: the trained miniature FLUX as MODEL, CLIP and VAE."""

from comfy_api.latest import io

from ..demo.weights import load_weights
from ..host.demo_clip import demo_clip
from ..host.demo_model import demo_model, demo_vae
from .inputs.sockets import CATEGORY


class DemoModelLoader(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditDemoModelLoader",
            display_name="Demo Model Loader",
            category=f"{CATEGORY}/demo",
            description="A miniature FLUX.1 Kontext that comes with the pack: it edits pictures of "
            "nine shapes at most, up to 192 x 192 pixels, in a second on a CPU. It understands "
            "'replace the [colour] shape [at place] with a colour shape', one per prompt.",
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
        return io.NodeOutput(demo_model(), demo_clip(load_weights().text), demo_vae())
