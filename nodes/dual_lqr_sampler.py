"""Dual-LQR Sampler: a SAMPLER that keeps the first picture in view over many turns."""

from dataclasses import replace
from typing import Any, get_args

from comfy_api.latest import io
from torch import Tensor

from ..attention.lqr_highlight import Highlight
from ..attention.window import WindowBy
from ..host.sampling import Counted, FlowRun, FlowSampler
from ..sampling.lqr import LQRGuidance, TimeBy, TurnMemory, sample_lqr
from .inputs.highlight import edit_words, highlight_inputs
from .inputs.sockets import CATEGORY, Turn
from .inputs.window import window_by_input

OFF, ON, PUBLISHED = "off", "on", "on, as published"


class DualLQRSampler(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditDualLQRSampler",
            display_name="Dual-LQR Sampler",
            category=f"{CATEGORY}/turns",
            description="A sampler for SamplerCustomAdvanced that edits an inverted picture. Its "
            "first steps are drawn to the first picture and the previous turn's result; later, "
            "what only drifts from these is put back.",
            search_aliases=["multi-turn", "iterative edit", "LQR", "consistent edit"],
            inputs=[
                Turn.Input("turn", tooltip="From Turn Memory: what to stay close to."),
                io.Float.Input(
                    "eta",
                    default=0.9,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="The pull of the first steps. 0 (neutral) leaves the model alone, 1 "
                    "ignores it in those steps.",
                ),
                io.Int.Input(
                    "lqr_steps",
                    default=4,
                    min=0,
                    max=10000,
                    tooltip="How many steps are pulled. 0 is neutral; the paper takes 4 of 15. "
                    "More keeps more of the picture, and of what should have changed.",
                ),
                io.Float.Input(
                    "previous_weight",
                    default=0.7,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="lambda: where the pull goes. 0 to the first picture, which undoes "
                    "earlier edits; 1 to the previous result, which drifts. In the first turn both "
                    "are one, and it is neutral.",
                ),
                io.DynamicCombo.Input(
                    "adaptive_attention",
                    options=[
                        io.DynamicCombo.Option(OFF, []),
                        io.DynamicCombo.Option(ON, highlight_inputs()),
                        io.DynamicCombo.Option(PUBLISHED, highlight_inputs()),
                    ],
                    tooltip="Lets the edit's words count more where they already act, and less "
                    "elsewhere. 'on' keeps the sum of all attention, 'on, as published' multiplies "
                    "the words' alone, as the paper does. off is neutral.",
                ),
                io.Float.Input(
                    "tolerance",
                    default=0.1,
                    min=0.0,
                    max=2.0,
                    step=0.01,
                    optional=True,
                    tooltip="Where the steps after the pulled ones come this close to the first "
                    "picture, or else to the previous result, that comes back exactly: it was "
                    "drift. In standard deviations of the latent. 0 (neutral) is the paper's "
                    "method; lower it when an edit is faint, raise it when the rest still drifts.",
                ),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    advanced=True,
                    tooltip="FLUX's text encoder, for keywords of Multi-Prompt Encode's prompts. "
                    "Not connected (neutral): the whole instructions count.",
                ),
                window_by_input(
                    "What lqr_steps and first_step count: 'steps' those of the sampling node at "
                    "hand, 'noise level' those of an even sampling in 15 steps, the paper's, so "
                    "that a sampling that is split pulls where the whole one does."
                ),
                io.Combo.Input(
                    "time_by",
                    display_name="time by",
                    options=list(get_args(TimeBy)),
                    default="noise level",
                    optional=True,
                    advanced=True,
                    tooltip="What the regulator's time is: the 'noise level' that is left, or the "
                    "share of 'steps' that are left, as published, which pulls harder in the first "
                    "steps of a shifted schedule. On an even schedule both are one (neutral).",
                ),
            ],
            outputs=[io.Sampler.Output()],
        )

    @classmethod
    def execute(
        cls,
        turn: TurnMemory,
        eta: float,
        lqr_steps: int,
        previous_weight: float,
        adaptive_attention: dict[str, Any],
        tolerance: float = 0.1,
        clip: Any = None,
        window_by: WindowBy = "steps",
        time_by: TimeBy = "noise level",
    ) -> io.NodeOutput:
        whole = LQRGuidance(eta, lqr_steps, previous_weight, tolerance, time_by)

        def solve(run: FlowRun) -> Tensor:
            guidance = replace(whole, lqr_steps=run.counted(lqr_steps))
            return sample_lqr(
                run.velocity,
                run.latent,
                run.sigmas,
                run.to_model(turn.first),
                run.to_model(turn.previous),
                guidance,
                free=run.free,
                report=run.report,
            )

        options = dict(adaptive_attention)
        choice, pulls = options.pop("adaptive_attention"), bool(lqr_steps and eta)
        counts = "first_step" if choice != OFF else "lqr_steps" if pulls else ""
        counted = Counted(window_by, counts, pulls and time_by == "steps")
        if choice == OFF:
            return io.NodeOutput(FlowSampler(solve, counted=counted))
        words = edit_words(clip, options.pop("keywords"))
        highlight = Highlight(**options, normalised=choice == ON)
        return io.NodeOutput(FlowSampler(solve, highlight, words, counted))
