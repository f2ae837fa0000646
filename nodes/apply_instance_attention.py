"""Apply Instance Attention: a model that attends with the bias."""

from typing import Any

from comfy_api.latest import io

from ..attention.recipe import BiasRecipe
from ..host.patch import apply_instance_attention
from .inputs.sockets import CATEGORY, Bias
from .methods import METHODS

DEFAULT = next(iter(METHODS.values()))
"""The method that Build Disentangled Bias offers first."""


class ApplyInstanceAttention(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditApplyAttention",
            display_name="Apply Instance Attention",
            category=f"{CATEGORY}/methods",
            description="Patches a model so that each instruction acts in its own region. "
            "Sample with the conditioning of Multi-Prompt Encode.",
            search_aliases=[
                "regional attention",
                "kontext",
                "klein",
                "flux",
                "qwen",
                "patch model",
            ],
            inputs=[
                io.Model.Input(
                    "model",
                    tooltip="FLUX.1, FLUX.2, LongCat-Image, Ovis-Image or Chroma, LoRAs and all.",
                ),
                Bias.Input(
                    "bias",
                    optional=True,
                    tooltip="From Build Disentangled Bias. Not connected (neutral): MICE as it is "
                    "set there, with the regions that each conditioning brings along.",
                ),
                io.Combo.Input(
                    "execution",
                    options=["auto", "dense"],
                    default="auto",
                    optional=True,
                    advanced=True,
                    tooltip="auto (neutral): never holds the whole bias, skips what is shut. "
                    "dense: the whole matrix at once, for comparison or for a patch that must see "
                    "whole attention calls.",
                ),
            ],
            outputs=[io.Model.Output(tooltip="The patched model; the input is untouched.")],
        )

    @classmethod
    def execute(
        cls, model: Any, bias: BiasRecipe | None = None, execution: str = "auto"
    ) -> io.NodeOutput:
        recipe = bias or default_recipe()
        return io.NodeOutput(apply_instance_attention(model, recipe, dense=execution == "dense"))


def default_recipe() -> BiasRecipe:
    """What Build Disentangled Bias gives as it is set, with no regions of its own."""
    return BiasRecipe(DEFAULT.name, None, *DEFAULT.recipe(DEFAULT.defaults))
