"""Skip Background: a model that computes what the edit touches alone."""

from collections.abc import Mapping
from typing import Any, get_args

from comfy_api.latest import io

from ..attention.skip_background import Context, Skipping
from ..host.progress import show_on_node
from ..host.skip_background import skip_background
from .inputs.sockets import CATEGORY


class SkipBackground(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditSkipBackground",
            display_name="Skip Background",
            category=f"{CATEGORY}/methods",
            description="Makes an edit of few regions several times faster: picture tokens far "
            "from every region are not computed, and the picture stays there exactly as it was.",
            search_aliases=["faster", "speed up", "region only", "crop and stitch", "inpaint"],
            inputs=[
                io.Model.Input("model", tooltip="From Apply Instance Attention."),
                io.Int.Input(
                    "margin",
                    default=1,
                    min=0,
                    max=64,
                    tooltip="Tokens (16 pixels) around every region that are computed too, so that "
                    "edits may reach over their region's edge a little.",
                ),
                io.Combo.Input(
                    "context",
                    options=list(get_args(Context)),
                    default="whole",
                    tooltip="whole: regions see all of the reference picture. near regions: they "
                    "see what lies near them, which is faster still.",
                ),
                io.Int.Input(
                    "full_steps",
                    default=0,
                    min=0,
                    max=10000,
                    optional=True,
                    advanced=True,
                    tooltip="First steps that are computed whole. 0 (neutral): none.",
                ),
                io.Latent.Input(
                    "latent",
                    optional=True,
                    tooltip="The picture that is edited, where it is no Reference Latent.",
                ),
                io.Boolean.Input(
                    "skip",
                    default=True,
                    optional=True,
                    tooltip="Off (neutral): the model as it came, which computes everything.",
                ),
            ],
            outputs=[io.Model.Output(tooltip="The patched model; the input is untouched.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        margin: int,
        context: Context,
        full_steps: int = 0,
        latent: Mapping[str, Any] | None = None,
        skip: bool = True,
    ) -> io.NodeOutput:
        if not skip:
            return io.NodeOutput(model)
        node: str | None = cls.hidden.unique_id if cls.hidden else None

        def say(text: str) -> None:
            show_on_node(node, text)

        source = None if latent is None else latent["samples"]
        return io.NodeOutput(
            skip_background(model, Skipping(margin, context, full_steps), source, say)
        )
