"""Boxes as text mean in Python what they mean in the canvas' JavaScript: one table for both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instance_edit.mask_ops.read_boxes import parse_boxes

CASES = json.loads(Path(__file__).with_name("box_cases.json").read_text(encoding="utf-8"))
WIDTH, HEIGHT = 1024, 768
FAULTS = {
    "ambiguous": "does not say how its numbers",
    "fractions": "has numbers of at most 1",
    "empty box": "is empty, read as",
    "outside": "lies outside the picture",
    "percent": "not percent",
    "outline": "is an outline",
    "four numbers": "must have four numbers",
    "frames": "boxes for one picture are needed",
    "marks": "a vision model's own marks",
    "unreadable": "must hold boxes in JSON",
    "no boxes": "no boxes came in",
    "labels": "as many labels as boxes",
}
"""What each fault of the table is called in Python's words."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_boxes_mean_in_python_what_they_mean_in_the_browser(case: dict[str, Any]) -> None:
    dialect = case.get("dialect", "as labelled")
    if "fault" in case:
        with pytest.raises(ValueError, match=FAULTS[case["fault"]]):
            parse_boxes(case["text"], WIDTH, HEIGHT, dialect)
        return
    found = parse_boxes(case["text"], WIDTH, HEIGHT, dialect)
    assert [one.text for one in found] == case["texts"]
    for one, wanted in zip(found, case["boxes"], strict=True):
        assert one.box == pytest.approx(wanted, abs=1e-9)
