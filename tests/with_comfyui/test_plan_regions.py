"""One sentence through core's Generate Text: from the prompt to regions."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from instance_edit.prompts.plan import ANSWERS
from instance_edit.tests.test_plan_regions import EDITS, GOOD, answer
from instance_edit.tests.with_comfyui import tiny_clips
from instance_edit.tests.with_comfyui.core import run_core, run_node

PICTURE = torch.rand(1, 96, 128, 3, generator=torch.Generator().manual_seed(0))
LOOSE = {"strength": 1.0, "start": 0.0, "end": 1.0, "width": 1024, "height": 768}


@pytest.mark.parametrize("name", ["qwen3_vl_chatter", "gemma", "regions_json"])
def test_a_sentence_becomes_regions_through_generate_text(
    pack_nodes: dict[str, type], name: str
) -> None:
    form = GOOD[name]
    prompt, dialect = run_node(
        pack_nodes["InstanceEditPlanRegions"], sentence="fill the cup", answer=form
    )
    assert dialect == ANSWERS[form].dialect
    clip = tiny_clips.planner_clip(answer(name))
    [said] = run_core(
        "TextGenerate",
        clip=clip,
        prompt=prompt,
        image=PICTURE,
        max_length=2000,
        sampling_mode={"sampling_mode": "off"},
    )
    assert said == answer(name)
    regions, *_ = run_node(
        pack_nodes["InstanceEditRegionsFromBoxes"],
        **{"boxes": said, "dialect": dialect, "instructions": "", **LOOSE},
    )
    found = {region.instruction: region.box for region in regions}
    assert found.keys() == EDITS.keys()
    assert all(found[text] == pytest.approx(EDITS[text]) for text in EDITS)


def planned(pack_nodes: dict[str, type], name: str) -> Any:
    """The regions of a recorded answer."""
    dialect = ANSWERS[GOOD[name]].dialect
    given = {"boxes": answer(name), "dialect": dialect, "instructions": "", **LOOSE}
    regions, *_ = run_node(pack_nodes["InstanceEditRegionsFromBoxes"], **given)
    return regions


def test_a_plan_comes_onto_the_canvas_where_a_person_corrects_it(
    pack_nodes: dict[str, type],
) -> None:
    canvas: Any = pack_nodes["InstanceEditCanvas"]
    regions = planned(pack_nodes, "qwen3_vl_chatter")
    empty = json.dumps({"version": 1, "instances": []})
    ran = canvas.EXECUTE_NORMALIZED(canvas=empty, image=PICTURE, regions=regions)
    [said] = ran.ui["instance_edit_canvas"]
    offered = said["imported"]
    assert {one["instruction"] for one in offered} == EDITS.keys()
    assert [one["shapes"][0]["kind"] for one in offered] == ["box"] * len(EDITS)
    assert [region.box for region in ran.args[0]] == [region.box for region in regions]

    moved = {**offered[0], "instruction": "fill it with tea"}
    moved["shapes"] = [{"kind": "box", "op": "add", "box": [0.1, 0.2, 0.3, 0.4]}]
    unwanted = {**offered[1], "muted": True}
    corrected = json.dumps({"version": 1, "instances": [moved, unwanted]})
    ran = canvas.EXECUTE_NORMALIZED(canvas=corrected, image=PICTURE, regions=regions)
    first, *others = ran.args[0]
    assert (first.instruction, first.box) == ("fill it with tea", (0.1, 0.2, 0.3, 0.4))
    assert [one.instruction for one in others] == [one.instruction for one in regions[2:]]


def test_an_answer_whose_numbers_say_what_they_mean_needs_no_node_between(
    pack_nodes: dict[str, type],
) -> None:
    canvas: Any = pack_nodes["InstanceEditCanvas"]
    empty = json.dumps({"version": 1, "instances": []})
    ran = canvas.EXECUTE_NORMALIZED(canvas=empty, image=PICTURE, boxes=answer("regions_json"))
    assert {region.instruction for region in ran.args[0]} == EDITS.keys()
    with pytest.raises(ValueError, match="put Instance Regions from Boxes between"):
        canvas.EXECUTE_NORMALIZED(canvas=empty, image=PICTURE, boxes=answer("qwen3_vl"))


def test_the_prompt_tells_the_pictures_size_for_an_answer_in_pixels(
    pack_nodes: dict[str, type],
) -> None:
    node = pack_nodes["InstanceEditPlanRegions"]
    form = next(name for name, form in ANSWERS.items() if form.units == "pixels")
    prompt, _ = run_node(node, sentence="fill the cup", answer=form, image=PICTURE)
    assert "128 pixels wide and 96 pixels high" in prompt
    with pytest.raises(ValueError, match="connect the picture"):
        run_node(node, sentence="fill the cup", answer=form)


def test_an_answer_that_max_length_cuts_is_refused(pack_nodes: dict[str, type]) -> None:
    clip = tiny_clips.planner_clip(answer("qwen3_vl"))
    [said] = run_core(
        "TextGenerate",
        clip=clip,
        prompt="plan",
        max_length=40,
        sampling_mode={"sampling_mode": "off"},
    )
    with pytest.raises(ValueError, match="Raise 'max_length' of Generate Text"):
        run_node(
            pack_nodes["InstanceEditRegionsFromBoxes"],
            **{"boxes": said, "instructions": "", **LOOSE},
        )
