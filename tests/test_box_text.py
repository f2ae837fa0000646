"""Boxes out of text: JSON with words, fences and marks around it."""

from __future__ import annotations

import json

import pytest

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.read_boxes import LabelledBox, parse_boxes

WANTED = Box(0.25, 0.125, 0.5, 0.625)
BOXES = json.dumps([{"box_2d": [125, 250, 625, 500], "label": "cup"}])
TEXTS = {
    "a byte order mark": "\ufeff" + BOXES,
    "markdown": f"```json\n{BOXES}\n```",
    "words and markdown": f"Here are [2] boxes:\n\n```json\n{BOXES}\n```\nDo you need more?",
    "words": f"Sure! The cup [seen left] is at {BOXES}. (x, y)",
    "Python's quotes": "[{'box_2d': [125, 250, 625, 500], 'label': 'cup',}]",
    "an object alone": BOXES[1:-1],
    "a trailing comma": BOXES[:-1] + ",]",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_text_around_the_boxes_is_left_out(text: str) -> None:
    assert parse_boxes(text, 1024, 768) == [LabelledBox(WANTED, "cup", None)]


def test_objects_one_per_line_are_a_list() -> None:
    lines = "\n".join(f'{{"box_2d": [0, {n}, 900, {n + 50}]}}' for n in (0, 100, 200))
    assert [round(box.x1, 3) for box, *_ in parse_boxes(lines, 10, 10)] == [0, 0.1, 0.2]


@pytest.mark.parametrize("bracket", ["[", "{", '{"a":', "("])
def test_deep_or_endless_nesting_is_refused_in_words(bracket: str) -> None:
    for text in (bracket * 3000, bracket * 100_000, bracket * 3000 + "]" * 3000):
        with pytest.raises(ValueError, match="nested too deep|must hold boxes in JSON"):
            parse_boxes(text, 10, 10)


def test_very_many_boxes_are_refused() -> None:
    with pytest.raises(ValueError, match="2001 boxes came in"):
        parse_boxes([[0, 0, 5, 5]] * 2001, 10, 10)
    with pytest.raises(ValueError, match="may have 2000000 letters"):
        parse_boxes("[[0, 0, 5, 5]" + "," * 2_000_000, 10, 10)


def test_pythons_tuples_and_none_are_read() -> None:
    text = "[{'box_2d': (125, 250, 625, 500), 'label': 'cup', 'mask': None}]"
    assert parse_boxes(text, 1024, 768) == [LabelledBox(WANTED, "cup", None)]
