"""A table of old texts, new texts and boxes, in CSV and in JSON, and room for longer texts."""

from __future__ import annotations

import json

import pytest

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.dialects import Change
from instance_edit.mask_ops.longer_texts import (
    TEMPLATE,
    Room,
    make_room,
    missing_room,
    text_width,
    told,
)
from instance_edit.mask_ops.read_boxes import LabelledBox, parse_boxes
from instance_edit.prompts.keywords import read_marks

WANTED = [
    LabelledBox(
        Box(0.1, 0.2, 0.5, 0.4),
        'Change "Hello, you" to "Bonjour".',
        (100, 200),
        Change("Hello, you", "Bonjour"),
    ),
    LabelledBox(
        Box(0.5, 0.5, 1.0, 1.0), 'Change "End" to "Fin".', (100, 200), Change("End", "Fin")
    ),
]
TABLES = {
    "corners": 'old,new,x1,y1,x2,y2\n"Hello, you",Bonjour,20,20,100,40\nEnd,Fin,100,50,200,100\n',
    "corner and size": "x;y;width;height;old;new\n20;20;80;20;Hello, you;Bonjour\n"
    "100;50;100;50;End;Fin",
    "tabs, other names": "Source\tTarget\txmin\tymin\txmax\tymax\n"
    "Hello, you\tBonjour\t20\t20\t100\t40\n\nEnd\tFin\t100\t50\t200\t100",
    "a mark at the start": "\ufeffold | new | left | top | right | bottom\n"
    "Hello, you | Bonjour | 20 | 20 | 100 | 40\r\nEnd | Fin | 100 | 50 | 200 | 100",
    "one column with the box": 'old;new;xyxy\nHello, you;Bonjour;"[20, 20, 100, 40]"\n'
    "End;Fin;100 50 200 100",
    "JSON": json.dumps(
        [
            {"old": "Hello, you", "new": "Bonjour", "x1": 20, "y1": 20, "x2": 100, "y2": 40},
            {"source": "End", "target": "Fin", "xyxy": [100, 50, 200, 100]},
        ]
    ),
}


@pytest.mark.parametrize("text", TABLES.values(), ids=list(TABLES))
def test_a_table_is_one_box_per_row_with_what_its_text_shall_become(text: str) -> None:
    assert parse_boxes(text, 200, 100) == WANTED


def test_a_table_of_fractions_needs_the_dialect() -> None:
    text = "old,new,x1,y1,x2,y2\na,b,0.1,0.2,0.5,0.4"
    with pytest.raises(ValueError, match="choose 'xyxy 0..1' as dialect"):
        parse_boxes(text, 200, 100)
    [found] = parse_boxes(text, 200, 100, "xyxy 0..1")
    assert found.box == Box(0.1, 0.2, 0.5, 0.4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("old,new,x1,y1,x2,y2\nHello, you,Bonjour,20,20,100,40", "row 1 .* has 7 cells, .* 6"),
        ("old,new,old,x1\na,b,c,1", "name each column once"),
        ("old,new,x1,y1,x2,y2\na,,20,20,100,40", "box 1 must have a text in 'old' and in 'new'"),
        ("old,new,x1,y1,x2,y2\na,b,20,twenty,100,40", "box 1 must have four numbers"),
        ("old,new\na,b", "box 1 must be"),
        ("old,new,x1,y1,x2,y2\n", "no boxes came in"),
    ],
)
def test_what_is_wrong_in_a_table_is_said(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_boxes(text, 200, 100)


def test_an_instruction_that_a_row_brings_along_counts_more() -> None:
    box = {"old": "a", "new": "b", "instruction": "paint it red", "xyxy": [0, 0, 9, 9]}
    [found] = parse_boxes([box], 10, 10)
    assert (found.text, found.change) == ("paint it red", None)


def test_a_template_gets_both_texts_and_their_brackets_mark_nothing() -> None:
    change = Change("see [1] {new}", "siehe [1]")
    text = told('Write "{new}" for "{old}".', change)
    assert read_marks(text) == ('Write "siehe [1]" for "see [1] {new}".', ())
    assert told(TEMPLATE, Change("a", "b")) == 'Change "a" to "b".'
    with pytest.raises(ValueError, match=r"must hold \{new\}"):
        told("Change {old}.", change)


def test_a_text_is_as_wide_as_its_longest_line_and_wide_letters_count_twice() -> None:
    assert [text_width(text) for text in ("abc", "a\nabcd ", "文字a", " ")] == [3, 4, 5, 0]


BOX = Box(0.4, 0.4, 0.5, 0.5)
DOUBLE = Change("abcd", "abcdefgh")


@pytest.mark.parametrize(
    ("room", "wanted"),
    [
        ("keep", BOX),
        ("centred", Box(0.35, 0.4, 0.55, 0.5)),
        ("to the right", Box(0.4, 0.4, 0.6, 0.5)),
    ],
)
def test_a_box_becomes_as_many_times_wider_as_its_text(room: Room, wanted: Box) -> None:
    [found] = make_room([BOX], [DOUBLE], room)
    assert found == pytest.approx(wanted)
    assert missing_room([BOX], [found], [DOUBLE]) == ([1] if room == "keep" else [])
    shorter = Change("abcdefgh", "abcd")
    assert make_room([BOX, BOX], [shorter, None], room) == [BOX, BOX]


def test_boxes_stop_halfway_to_the_next_one_beside_them_and_at_the_pictures_edge() -> None:
    beside, above = Box(0.56, 0.45, 0.9, 0.6), Box(0.52, 0.1, 0.9, 0.4)
    last = Box(0.9, 0.8, 0.98, 0.9)
    boxes, changes = [BOX, beside, above, last], [DOUBLE, None, None, DOUBLE]
    found = make_room(boxes, changes, "to the right")
    assert found[0] == pytest.approx(Box(0.4, 0.4, 0.53, 0.5))
    assert found[1:3] == [beside, above]
    assert found[3] == pytest.approx(Box(0.9, 0.8, 1.0, 0.9))
    assert missing_room(boxes, found, changes) == [1, 4]


def test_on_both_sides_a_box_stops_halfway_to_the_one_on_its_left_too() -> None:
    left = Box(0.1, 0.4, 0.38, 0.5)
    found, _ = make_room([BOX, left], [DOUBLE, None], "centred")
    assert found == pytest.approx(Box(0.39, 0.4, 0.55, 0.5))
