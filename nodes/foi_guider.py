"""FoI Guider: every instruction acts inside its mask only, whatever the prompt says elsewhere."""

from typing import Any

from comfy_api.latest import io

from ..attention.window import WindowBy
from ..host import foi
from ..host.foi_attention import FoISettings
from ..mask_ops.regions import InstanceRegion
from ..sampling.foi import SHARE
from .inputs.sockets import CATEGORY, Regions
from .inputs.window import window_by_input

DISTILLED, WITH_CFG = "guidance-distilled", "with CFG"


class FoIGuider(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditFoIGuider",
            display_name="FoI Guider",
            category=f"{CATEGORY}/find",
            description="A guider for Sampler Custom Advanced: outside its mask an instruction is "
            "read as an empty one, inside it is boosted, and for the first 75 % of the steps the "
            "picture moves inside the masks only.",
            search_aliases=["FoI", "focus on your instruction", "guider"],
            inputs=[
                io.Model.Input(
                    "model", tooltip="A FLUX.1 or FLUX.2 model without Apply Instance Attention."
                ),
                io.Conditioning.Input(
                    "positive", tooltip="From Multi-Prompt Encode, with its reference latents."
                ),
                io.Conditioning.Input(
                    "negative",
                    tooltip="An empty prompt from CLIP Text Encode: what is read outside the "
                    "masks. It is cut or repeated to the length of the instructions.",
                ),
                Regions.Input(
                    "regions",
                    tooltip="Masks and strengths, from Locate Instruction, any other locator, or "
                    "drawn; with the instructions of 'positive'.",
                ),
                io.Float.Input(
                    "boost",
                    default=1.0,
                    min=0.0,
                    max=1000.0,
                    step=0.1,
                    tooltip="How much an instruction is lifted inside its mask, times the region's "
                    "strength. 0 is neutral.",
                ),
                io.Int.Input(
                    "plain_steps",
                    default=1,
                    min=0,
                    max=1000,
                    advanced=True,
                    tooltip="First steps whose attention stays as it is. 1 as in the paper, whose "
                    "masks come from that step; 0 acts from the start. All steps is neutral.",
                ),
                io.DynamicCombo.Input(
                    "form",
                    tooltip="'guidance-distilled' for FLUX as it is released; 'with CFG' for "
                    "models that need a negative prompt (one more model call per step).",
                    options=[
                        io.DynamicCombo.Option(
                            DISTILLED,
                            [
                                io.Float.Input(
                                    "strength",
                                    default=1.0,
                                    min=0.0,
                                    max=100.0,
                                    step=0.05,
                                    tooltip="How far the instruction moves the picture. "
                                    "1 is neutral.",
                                )
                            ],
                        ),
                        io.DynamicCombo.Option(
                            WITH_CFG,
                            [
                                io.Float.Input(
                                    "image_scale",
                                    default=1.5,
                                    min=0.0,
                                    max=100.0,
                                    step=0.05,
                                    tooltip="Guidance towards the reference images. 1 is neutral.",
                                ),
                                io.Float.Input(
                                    "text_scale",
                                    default=7.5,
                                    min=0.0,
                                    max=100.0,
                                    step=0.05,
                                    tooltip="Guidance towards the instructions. 1 is neutral.",
                                ),
                            ],
                        ),
                    ],
                ),
                window_by_input(
                    "What the regions' windows, shares and plain_steps are counted in: 'steps' "
                    "the steps of the sampling node at hand, 'noise level' the whole sampling as "
                    "Set Timestep Range counts it (plain_steps in a sampling of 28 steps), so that "
                    "it means the same where the sampling is split or denoise is below 1."
                ),
                _share_input(
                    "disentangled_share",
                    SHARE,
                    "Share of the sampling, from its start, in which the picture moves inside the "
                    "masks only. 0.75 in the paper; 0 (neutral): it moves everywhere.",
                ),
                _share_input(
                    "modulated_share",
                    1.0,
                    "Behind this share of the sampling attention stays as it is. 1: it is changed "
                    "to the end; 0 is neutral.",
                ),
            ],
            outputs=[io.Guider.Output()],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        positive: Any,
        negative: Any,
        regions: tuple[InstanceRegion, ...],
        boost: float,
        plain_steps: int,
        form: dict[str, Any],
        window_by: WindowBy = "steps",
        disentangled_share: float = SHARE,
        modulated_share: float = 1.0,
    ) -> io.NodeOutput:
        if form["form"] == WITH_CFG:
            scales = (form["image_scale"], form["text_scale"])
        else:
            scales = form["strength"]
        how = FoISettings(
            *(tuple(regions), boost, plain_steps, scales, window_by),
            disentangled_share=disentangled_share,
            modulated_share=modulated_share,
        )
        return io.NodeOutput(foi.FoIGuider(model, positive, negative, how))


def _share_input(name: str, default: float, tooltip: str) -> io.Input:
    """A share of the sampling, 0 .. 1."""
    return io.Float.Input(
        name,
        default=default,
        min=0.0,
        max=1.0,
        step=0.01,
        optional=True,
        advanced=True,
        tooltip=tooltip,
    )
