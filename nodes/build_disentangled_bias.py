"""Build Disentangled Bias: regions and a method become a bias."""

from typing import Any

from comfy_api.latest import io

from ..attention.recipe import BiasRecipe
from ..attention.schedule import parse_stages
from ..attention.window import WindowBy
from ..mask_ops.overlap import OverlapPolicy
from ..mask_ops.regions import InstanceRegion
from .inputs.bias import blocks_input, overlap_input, window_inputs
from .inputs.regions import require_regions
from .inputs.sockets import CATEGORY, Bias, Regions
from .inputs.window import window_by_input
from .methods import METHODS


class BuildDisentangledBias(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditBuildBias",
            display_name="Build Disentangled Bias",
            category=f"{CATEGORY}/methods",
            description="Says who may attend to whom, so that every instruction stays at home. "
            "Connect it to Apply Instance Attention.",
            search_aliases=[*METHODS, "attention mask", "regional attention"],
            inputs=[
                Regions.Input(
                    "regions",
                    optional=True,
                    tooltip="The instances, as in Multi-Prompt Encode. Not connected (neutral): "
                    "those that each conditioning brings along, so that one model serves many "
                    "pictures.",
                ),
                io.DynamicCombo.Input(
                    "method",
                    options=[
                        io.DynamicCombo.Option(method.name, list(method.inputs))
                        for method in METHODS.values()
                    ],
                    tooltip=" ".join(method.says for method in METHODS.values()),
                ),
                overlap_input(),
                *window_inputs(),
                blocks_input(),
                window_by_input(
                    "What start and end, here and of the regions, are fractions of: 'steps' the "
                    "steps of the sampling node at hand, 'noise level' the whole sampling as Set "
                    "Timestep Range counts it, so that a window means the same where the sampling "
                    "is split or denoise is below 1. Without windows both are neutral."
                ),
                io.Boolean.Input(
                    "share_padding",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip="Lets everybody look at the padding behind the global prompt's words, "
                    "which a model may know as a resting place; nothing passes from one instance "
                    "to another through it. Off is neutral. Chroma's text has no padding.",
                ),
            ],
            outputs=[Bias.Output(display_name="bias")],
        )

    @classmethod
    def execute(
        cls,
        method: dict[str, Any],
        overlap: OverlapPolicy,
        start: float,
        end: float,
        blocks: str,
        regions: tuple[InstanceRegion, ...] | None = None,
        window_by: WindowBy = "steps",
        share_padding: bool = False,
    ) -> io.NodeOutput:
        regions = None if regions is None else require_regions(regions)
        options = dict(method)
        name = options.pop("method")
        builders, stages = METHODS[name].recipe(options)
        if blocks.strip():
            stages = parse_stages(blocks, list(builders))
        return io.NodeOutput(
            BiasRecipe(
                *(name, regions, builders, stages, start, end, overlap, window_by, share_padding)
            )
        )
