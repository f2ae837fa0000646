"""The shipped workflows, in the order of a first reading."""

from __future__ import annotations

from collections.abc import Callable

from . import (
    bernini,
    canvas,
    demo,
    edits,
    instance_loras,
    klein,
    kontext,
    kontext_canvas,
    located,
    published_turns,
    qwen,
    training,
    turns,
    turns_three,
    whole_picture,
)
from .sheet import Sheet

RECIPES: tuple[Callable[[Sheet], None], ...] = (
    demo.first_edit,
    canvas.canvas_first_edit,
    kontext.mice_kontext_boxes,
    kontext_canvas.mice_kontext_masks,
    klein.mice_klein_sam3,
    klein.plan_and_edit,
    kontext.idattn_infographic,
    kontext.idattn_text_table,
    klein.mice_two_references,
    klein.klein_decode_regions,
    whole_picture.klein_light_and_style,
    qwen.mice_qwen_edit,
    *edits.RECIPES,
    bernini.mice_bernini_edit,
    kontext.mice_lora_controlnet,
    instance_loras.instance_loras,
    training.train_kontext_lora,
    kontext_canvas.mice_strength_steps,
    located.iid_find_and_edit,
    located.iid_masks_for_mice,
    located.foi_find_and_edit,
    located.foi_from_the_picture,
    turns.turns_chained,
    turns_three.turns_three,
    published_turns.turns_as_published,
)
