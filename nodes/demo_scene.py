"""Demo Scene: a picture of three shapes with their masks, to try the pack without any file."""

from comfy_api.latest import io

from ..demo.example import SCENES, first_scene, instance_masks
from ..demo.scenes import CANVAS, render
from ..mask_ops.composite import stretch
from .inputs.sockets import CATEGORY


class DemoScene(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditDemoScene",
            display_name="Demo Scene",
            category=f"{CATEGORY}/demo",
            description="A picture of three shapes and a mask for each. For the Demo Model "
            "Loader's miniature FLUX.",
            search_aliases=["example image", "test picture", "shapes"],
            inputs=[
                io.Int.Input(
                    "side",
                    default=CANVAS,
                    min=CANVAS,
                    max=4096,
                    step=16,
                    tooltip="Side of the square picture in pixels. 144 is neutral: a size that "
                    "the demo model knows.",
                ),
                io.Combo.Input(
                    "scene",
                    options=list(SCENES),
                    default="three shapes",
                    optional=True,
                    tooltip="'three shapes' (neutral): a red circle, a blue square and a yellow "
                    "triangle. 'three circles': all red, so that only their place tells which "
                    "is which.",
                ),
            ],
            outputs=[
                io.Image.Output(),
                io.Mask.Output(display_name="masks", tooltip="One mask per shape."),
            ],
        )

    @classmethod
    def execute(cls, side: int, scene: str = "three shapes") -> io.NodeOutput:
        drawn = first_scene(SCENES[scene])
        image = render(drawn).movedim(1, -1)
        masks = instance_masks(drawn)
        if side != CANVAS:
            image, masks = (
                stretch(image, (side, side)),
                stretch(masks[..., None], (side, side))[..., 0],
            )
        return io.NodeOutput(image, masks)
