"""Build Disentangled Bias: regions and a method become a bias."""

from functools import partial
from typing import Any

from comfy_api.latest import io

from ..attention.idattn import idattn_bias
from ..attention.iid import iid_bias
from ..attention.mice import mice_bias
from ..attention.recipe import BiasRecipe
from ..attention.schedule import equal_stages, parse_stages
from ..mask_ops.regions import InstanceRegion
from .inputs.bias import METHODS, blocks_input, overlap_input, window_inputs
from .inputs.sockets import CATEGORY, Bias, Regions


class BuildDisentangledBias(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditBuildBias",
            display_name="Build Disentangled Bias",
            category=CATEGORY,
            description="Says who may attend to whom, so that every instruction stays at home. "
            "Connect it to Apply Instance Attention.",
            search_aliases=["MICE", "IDAttn", "attention mask", "regional attention"],
            inputs=[
                Regions.Input("regions", tooltip="The instances, as in Multi-Prompt Encode."),
                io.DynamicCombo.Input(
                    "method",
                    options=[
                        io.DynamicCombo.Option(name, inputs()) for name, inputs in METHODS.items()
                    ],
                    tooltip="MICE: smooth, one bias for all blocks; a good start. IDAttn: hard "
                    "masks that change with depth; many instances, text edits. IID: phase B after "
                    "Locate Instances; prompts bound to their latents, all else open.",
                ),
                overlap_input(),
                *window_inputs(),
                blocks_input(),
            ],
            outputs=[Bias.Output(display_name="bias")],
        )

    @classmethod
    def execute(
        cls,
        regions: tuple[InstanceRegion, ...],
        method: dict[str, Any],
        overlap: str,
        start: float,
        end: float,
        blocks: str,
    ) -> io.NodeOutput:
        if not regions:
            raise ValueError("no regions came in: add at least one Instance Region.")
        options = dict(method)
        name = options.pop("method")
        if name == "IDAttn":
            thirds = [options.pop(part) for part in ("early", "middle", "late")]
            builders = {kind: partial(idattn_bias, kind=kind) for kind in ("dis", "har")}
            stages = equal_stages(thirds)
        elif name == "IID":
            builders, stages = {"iid": iid_bias}, equal_stages(("iid",))
        else:
            variant = "released-code" if "released" in name else "paper"
            builders = {"mice": partial(mice_bias, variant=variant, **options)}
            stages = equal_stages(("mice",))
        if blocks.strip():
            stages = parse_stages(blocks, list(builders))
        return io.NodeOutput(
            BiasRecipe(name, tuple(regions), builders, stages, start, end, overlap)
        )
