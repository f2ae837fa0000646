"""Undo Drift: puts back what an edit moved only a little, in the latent and without a mask."""

from typing import Any

import torch
from comfy_api.latest import io, ui
from torch import Tensor

from ..sampling.drift import channel_rms, undo_drift
from ..sampling.lqr import TurnMemory
from .inputs.sockets import CATEGORY, Turn


class UndoDrift(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditUndoDrift",
            display_name="Undo Drift",
            category=f"{CATEGORY}/turns",
            description="Puts back what an edit moved only a little: where the new latent comes "
            "close to the first picture, or else to the one that this turn started from, that "
            "returns. Needs no mask, and works after any sampler.",
            search_aliases=["multi-turn", "keep background", "difference mask", "consistent edit"],
            inputs=[
                io.Model.Input("model", tooltip="The model that edited; it sets the scale."),
                io.Latent.Input("latent", tooltip="The edited picture."),
                Turn.Input(
                    "turn",
                    tooltip="Turn Memory of this turn: the first picture and the one that was "
                    "edited.",
                ),
                io.Float.Input(
                    "tolerance",
                    default=0.1,
                    min=0.0,
                    max=2.0,
                    step=0.01,
                    tooltip="How far drift goes, in standard deviations of the model's latents. "
                    "0 (neutral) puts nothing back; lower it when an edit is faint, raise it when "
                    "the rest still drifts. 0.4 and more after saving and loading a picture.",
                ),
            ],
            outputs=[
                io.Latent.Output(),
                io.Mask.Output(
                    display_name="changed",
                    tooltip="1 where the edit was kept, 0 where the earlier picture came back; one "
                    "value per place of the latent.",
                ),
                io.String.Output(display_name="report", tooltip="What was put back, in words."),
            ],
        )

    @classmethod
    def execute(
        cls, model: Any, latent: dict[str, Any], turn: TurnMemory, tolerance: float
    ) -> io.NodeOutput:
        device = latent["samples"].device
        edited, first, previous = (
            model.model.process_latent_in(samples.to(device, torch.float32))
            for samples in (latent["samples"], turn.first, turn.previous)
        )
        kept, drifts = undo_drift(edited, first, previous, tolerance)
        report = describe_drift(edited, kept, drifts)
        samples = model.model.process_latent_out(kept).to(latent["samples"])
        changed = (~drifts).float().flatten(0, -3)
        return io.NodeOutput(
            {**latent, "samples": samples}, changed, report, ui=ui.PreviewText(report)
        )


def describe_drift(edited: Tensor, kept: Tensor, drifts: Tensor) -> str:
    """How much was put back, and how far it had drifted."""
    if not drifts.any():
        return (
            "Nothing was put back: the edit changed the whole picture by more than the tolerance."
        )
    distance = channel_rms(edited - kept)[drifts]
    return (
        f"{drifts.float().mean():.0%} of the picture was put back: it had drifted by "
        f"{distance.mean():.3f} standard deviations on average, {distance.max():.3f} at most."
    )
