"""What a vision-language model is asked, and how its good and bad answers are read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from instance_edit.mask_ops.dialects import DIALECTS
from instance_edit.mask_ops.read_boxes import LabelledBox, parse_boxes
from instance_edit.prompts.plan import ANSWERS, plan_prompt

FOLDER = Path(__file__).parent / "answers"
EDITS = {
    "replace the red cup with a glass of water": (0.25, 0.125, 0.5, 0.625),
    "turn the spoon into a fork": (0.6, 0.2, 0.9, 0.5),
}
QWEN3, GEMMA, QWEN25, REGIONS = ANSWERS
GOOD = {
    "qwen3_vl": QWEN3,
    "qwen3_vl_chatter": QWEN3,
    "qwen3_vl_lines": QWEN3,
    "qwen3_5_thinking": QWEN3,
    "qwen2_5_vl": QWEN25,
    "gemma": GEMMA,
    "regions_json": REGIONS,
}
BAD = {
    "bad_cut_off": r"cut off. Raise 'max_length' of Generate Text",
    "bad_one_object": r"'bbox_2d' 2 times: each box needs an object of its own",
    "bad_marks": r"vision model's own marks",
    "bad_digits": r"box 1 must have finite numbers",
    "bad_comma": r"cannot be read as JSON: Expecting ',' delimiter in line 2, at '{\"bbox_2d\"",
    "bad_no_instruction": r"box 2 has no 'instruction', others have one",
    "bad_pattern": r"cannot be read as JSON: Expecting value in line 1, at 'x1, y1",
    "bad_pixels": r"box 2 lies outside the picture .* read as 'xyxy 0..1000'",
    "bad_corners": r"box 1 is empty, read as 'xyxy 0..1000'.*\nbox 2 is empty",
    "bad_thoughts": r"end in the middle, while the model still thinks",
    "bad_refusal": r"must hold boxes in JSON.*got 'I am sorry",
    "bad_nothing": r"A model that answers with none found nothing to change",
}


def answer(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def read(name: str, form: str) -> list[LabelledBox]:
    return parse_boxes(answer(name), 1024, 768, ANSWERS[form].dialect)


@pytest.mark.parametrize("name", GOOD)
def test_an_answer_in_its_models_form_is_read_as_the_edits_that_it_plans(name: str) -> None:
    found = read(name, GOOD[name])
    assert [each.text for each in found] == list(EDITS)
    for each in found:
        assert each.box == pytest.approx(EDITS[each.text])


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_an_answer_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"(?s){BAD[name]}"):
        read(name, QWEN3)


def test_every_answer_in_the_folder_is_read_by_a_test() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == GOOD.keys() | BAD.keys()


@pytest.mark.parametrize("name", GOOD)
def test_no_answer_loses_a_word_unsaid_when_it_is_cut(name: str) -> None:
    """Cut anywhere behind its first bracket, an answer is refused or read up to a whole line."""
    text, whole = answer(name).rpartition("</think>")[2], read(name, GOOD[name])
    start = text.index("{") + 1
    for end in range(start, len(text.rstrip("`\n")), 7):
        try:
            found = parse_boxes(text[:end], 1024, 768, ANSWERS[GOOD[name]].dialect)
        except ValueError:
            continue
        assert found == whole[: len(found)]
        assert name.endswith("lines") or found == whole


def test_all_faults_of_an_answer_are_named_at_once_the_first_five_in_words() -> None:
    boxes = [{"bbox_2d": [9, 9, 5, 5]}] * 8
    with pytest.raises(ValueError, match="box 1 is empty") as caught:
        parse_boxes(json.dumps(boxes), 100, 100, "xyxy pixels")
    lines = str(caught.value).splitlines()
    assert [line[:14] for line in lines[:5]] == [f"box {n} is empty" for n in range(1, 6)]
    assert lines[5:] == ["3 more boxes cannot be read."]


def test_boxes_in_several_fences_are_all_read() -> None:
    parts = [f'```json\n{{"bbox_2d": [{n}, 0, 99, 99]}}\n```' for n in (1, 2, 3)]
    assert len(parse_boxes("then\n".join(parts), 100, 100, "xyxy pixels")) == 3


@pytest.mark.parametrize("form", ANSWERS)
def test_the_prompt_shows_a_pattern_that_is_read_as_soon_as_it_is_filled_in(form: str) -> None:
    prompt = plan_prompt("make the cup red", form, (768, 1024))
    assert "make the cup red" in prompt
    pattern = prompt.splitlines()[-1].replace(", ..]", "]")
    numbers = dict(x1="0.25", y1="0.125", x2="0.5", y2="0.625")
    across = {"0..1": (1, 1), "0..1000": (1000, 1000), "pixels": (1024, 768)}[ANSWERS[form].units]
    for name, value in numbers.items():
        pattern = pattern.replace(name, str(float(value) * across["xy".index(name[0])]))
    [found] = parse_boxes(pattern, 1024, 768, ANSWERS[form].dialect)
    assert found.box == pytest.approx((0.25, 0.125, 0.5, 0.625))
    assert ANSWERS[form].dialect in DIALECTS


@pytest.mark.parametrize(
    ("said", "form", "message"),
    [
        (" \n", QWEN3, "the sentence is empty: write what shall change"),
        ("a cup", QWEN25, "counts in pixels: connect the picture"),
        ("a cup", "xml", re.escape(f"answer must be one of {QWEN3}")),
    ],
)
def test_what_cannot_be_asked_is_refused(said: str, form: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan_prompt(said, form)


INSTANCE = json.loads(answer("regions_json").split("json")[1].rstrip("`"))["instances"][0]
WRONG_INSTANCES = {
    "must have one shape": {"shapes": INSTANCE["shapes"] * 2},
    "must have one shape.*": {"shapes": [{"kind": "polygon", "op": "add", "points": []}]},
    "must have an 'instruction'": {"instruction": " "},
    r"has strength = 2, not read here. Instance Canvas reads it": {"strength": 2},
    r"has \['size'\], which regions JSON does not know": {"size": 1},
}


@pytest.mark.parametrize("message", WRONG_INSTANCES)
def test_regions_json_that_is_more_than_boxes_is_refused_by_its_instance(message: str) -> None:
    regions = {"version": 1, "instances": [INSTANCE, {**INSTANCE, **WRONG_INSTANCES[message]}]}
    with pytest.raises(ValueError, match=f"box 2 {message}"):
        parse_boxes(json.dumps(regions), 10, 10)
    neutral = {"strength": 1.0, "color": None, "loras": [], "muted": False, "id": "a1"}
    regions = {"version": 1, "size": [9, 9], "instances": [{**INSTANCE, **neutral}]}
    assert parse_boxes(json.dumps(regions), 10, 10)[0].text == INSTANCE["instruction"]
    with pytest.raises(ValueError, match="must have version 1, got 2"):
        parse_boxes(json.dumps({**regions, "version": 2}), 10, 10)
