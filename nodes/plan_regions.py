"""Plan Regions: one wish as the prompt that lets a vision-language model place its edits."""

from typing import Any

from comfy_api.latest import io

from ..mask_ops.dialects import DIALECTS
from ..prompts.plan import ANSWERS, plan_prompt
from .inputs.sockets import CATEGORY


class PlanRegions(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditPlanRegions",
            display_name="Plan Regions",
            category=f"{CATEGORY}/regions",
            description="One sentence becomes the prompt for Generate Text: a vision-language "
            "model divides the wish into instructions with a box each. Instance Regions from Boxes "
            "reads its answer.",
            search_aliases=["vlm", "llm", "qwen vl", "auto regions", "grounding", "magic prompt"],
            inputs=[
                io.String.Input(
                    "sentence",
                    multiline=True,
                    dynamic_prompts=True,
                    default="",
                    tooltip="All that shall change in the picture, in your own words and language. "
                    "The instructions come in English.",
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="The picture that Generate Text is shown. Needed only for an answer in "
                    "pixels. Not connected (neutral): its size is not told.",
                ),
                io.Combo.Input(
                    "answer",
                    options=list(ANSWERS),
                    tooltip="The form that the model answers in: best the one that it was trained "
                    "to write.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="prompt", tooltip="For 'prompt' of Generate Text."),
                io.Combo.Output(
                    display_name="dialect",
                    options=list(DIALECTS),
                    tooltip="For 'dialect' of Instance Regions from Boxes: how its numbers are "
                    "meant.",
                ),
            ],
        )

    @classmethod
    def execute(cls, sentence: str, answer: str, image: Any = None) -> io.NodeOutput:
        size = None if image is None else (image.shape[1], image.shape[2])
        return io.NodeOutput(plan_prompt(sentence, answer, size), ANSWERS[answer].dialect)
