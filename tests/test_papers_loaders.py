"""The loaders of Crello Edit, InfoEdit and PIE-Bench on benchmarks made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from instance_edit.benchmarks.leak.conflicts import bounding_box
from instance_edit.benchmarks.papers.benches import BENCHES
from instance_edit.benchmarks.papers.crello import crello_items
from instance_edit.benchmarks.papers.infoedit import infoedit_items
from instance_edit.benchmarks.papers.item import BenchmarkItem, box_masks
from instance_edit.benchmarks.papers.pie import SIDE, decode_runs, pie_items

AREA = 96 * 64


def write_picture(path: Path, colour: str = "blue") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (60, 40), colour).save(path)


def write_crello(folder: Path, **changes: Any) -> Path:
    write_picture(folder / "images" / "s.png")
    write_picture(folder / "images" / "t.png", "red")
    sample = {
        "id": "a",
        "image_source": "s.png",
        "image_target": "t.png",
        "global_prompt": "a poster",
        "bboxes_xyxy_normalized": [[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1], [0, 0.5, 0.5, 1]],
        "text_source": ["one", "two", "three"],
        "text_target": ["un", "deux", "trois"],
        "valid_bboxes": [True, False, True],
        "language1": "English",
        **changes,
    }
    (folder / "test_dataset.json").write_text(json.dumps([sample]))
    return folder


def write_infoedit(folder: Path, **changes: Any) -> Path:
    write_picture(folder / "images" / "i.png")
    paragraphs = [
        {"text": "one", "bbox": [0, 0, 30, 20], "text_french": "un"},
        {"text": "two", "bbox": [30, 20, 30, 20], "text_french": ""},
    ]
    entry = {"file_name": "i.png", "image_id": 3, "paragraphs": paragraphs, **changes}
    (folder / "paragraph_level_fr_merged.json").write_text(json.dumps([entry]))
    german = [{"text": "one", "bbox": [0, 0, 30, 20], "translation": "eins"}]
    whole = json.dumps([{**entry, "paragraphs": german}])
    (folder / "paragraph_level_de.json").write_text(whole)
    return folder


def write_pie(folder: Path, **changes: Any) -> Path:
    write_picture(folder / "annotation_images" / "0_random_140" / "0.jpg")
    entry = {
        "image_path": "0_random_140/0.jpg",
        "original_prompt": "a [cat] on a mat",
        "editing_prompt": "a [dog] on a mat",
        "editing_instruction": "make the cat a dog",
        "editing_type_id": "0",
        "blended_word": "cat dog",
        "mask": [SIDE * 256, SIDE * 128],
        **changes,
    }
    (folder / "mapping_file.json").write_text(json.dumps({"000000000000": entry}))
    return folder


Write = Callable[..., Path]
KINDS: dict[str, tuple[Write, Callable[..., Any], str]] = {
    "crello": (write_crello, crello_items, "image_source"),
    "infoedit": (write_infoedit, infoedit_items, "file_name"),
    "pie": (write_pie, pie_items, "image_path"),
}


def loaded(kind: str, folder: Path, **changes: Any) -> list[BenchmarkItem]:
    write, items, _ = KINDS[kind]
    return [load() for load in items(write(folder, **changes), AREA).values()]


def test_a_design_comes_with_its_texts_and_the_picture_as_it_should_become(tmp_path: Path) -> None:
    (item,) = loaded("crello", tmp_path)
    assert item.instructions == ('Change "one" to "un".', 'Change "three" to "trois".')
    assert item.targets == ("un", "trois") and item.caption == "a poster"
    assert item.boxes == ((0, 0, 48, 32), (0, 32, 48, 64))
    assert item.wanted is not None and item.wanted.shape == item.picture.shape == (1, 64, 96, 3)
    assert torch.equal(item.wanted[0, 0, 0], torch.tensor([1.0, 0, 0]))


def test_an_infographic_is_read_once_per_language_with_what_is_translated(tmp_path: Path) -> None:
    german, french = loaded("infoedit", tmp_path)
    assert (german.name, french.name) == ("de/0", "fr/0")
    assert german.instructions == ('Change "one" to "eins".',)
    assert french.instructions == ('Change "one" to "un".',)
    assert french.boxes == ((0, 0, 48, 32),)


def test_an_edit_of_pie_bench_has_its_mask_and_both_prompts(tmp_path: Path) -> None:
    (item,) = loaded("pie", tmp_path)
    assert item.instructions == item.turns == ("make the cat a dog",)
    assert item.caption == "a dog on a mat" and item.sources == ("a cat on a mat",)
    inside = item.masks[0, 1:-1, 1:-1].bool()
    assert inside[34:46].all() and not inside[:30].any() and not inside[50:].any()
    (item,) = loaded("pie", tmp_path, editing_instructions=["a", "b", "c", "d", "e"])
    assert item.turns == ("a", "b", "c", "d", "e")


def test_runs_of_a_mask_are_those_of_the_published_evaluation() -> None:
    mask = decode_runs([SIDE * 3 + 5, 10, SIDE * SIDE - 2, 50], (SIDE, SIDE), "x")[0]
    expected = torch.zeros(SIDE, SIDE)
    expected[3, 5:15] = 1
    expected[[0, -1]], expected[:, [0, -1]] = 1, 1
    assert torch.equal(mask, expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["../outside.png", "none.png", "a\0b", "/etc/hostname"])
def test_no_picture_is_opened_that_is_not_the_benchmarks(
    kind: str, path: str, tmp_path: Path
) -> None:
    write_picture(tmp_path / "outside.png")
    write, items, key = KINDS[kind]
    (tmp_path / "data").mkdir()
    found = items(write(tmp_path / "data", **{key: path}), AREA)
    with pytest.raises(ValueError, match="item .*(must lie in|is missing)"):
        list(found.values())[-1]()


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("crello", {"text_target": ["un"]}, r"3 box\(es\), 3 and 1 text"),
        ("crello", {"text_target": "un"}, "'text_target' must be a list, got 'un'"),
        ("crello", {"bboxes_xyxy_normalized": [[0, 0, 1]] * 3}, "a box must be four numbers"),
        ("crello", {"valid_bboxes": [False] * 3}, "has no text to change"),
        ("infoedit", {"paragraphs": [{"text": "a"}]}, "no paragraph with a translation"),
        ("infoedit", {"paragraphs": 3}, "'paragraphs' must be a list, got 3"),
        ("pie", {"mask": [1, 2, 3]}, "'mask' must be pairs of start and length"),
        ("pie", {"mask": [SIDE * SIDE, 1]}, "'mask' starts at 262144"),
        ("pie", {"editing_prompt": 4}, "'editing_prompt' must be text, got 4"),
    ],
)
def test_what_is_wrong_in_an_item_is_said(
    kind: str, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        loaded(kind, tmp_path, **changes)


@pytest.mark.parametrize("kind", BENCHES)
def test_a_folder_without_the_benchmark_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must hold .*\.json"):
        BENCHES[kind].items(tmp_path, AREA)


def test_boxes_become_masks_by_floor_and_ceil_and_back() -> None:
    masks = box_masks([[0.11, 0.11, 0.19, 0.19], [-0.5, 0.5, 1.0, 1.5]], 100, 200)
    assert bounding_box(masks[0]) == [22, 11, 38, 19]
    assert bounding_box(masks[1]) == [0, 50, 200, 100]
