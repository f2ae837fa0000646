"""The LoMOE loader on a benchmark made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from instance_edit.benchmarks.papers.lomoe import fitted_size, load_benchmark, quoted


def write_benchmark(folder: Path, **changes: Any) -> Path:
    """A 60 x 40 picture, red on its left half, with a mask for each half."""
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    picture = Image.new("RGB", (60, 40), "blue")
    picture.paste("red", (0, 0, 30, 40))
    picture.save(folder / "images" / "0.png")
    for number, left in enumerate((0, 30)):
        mask = Image.new("L", (60, 40), 127)
        mask.paste(128, (left, 0, left + 30, 40))
        mask.save(folder / "masks" / f"0_{number}.png")
    entry = {
        "image_path": "images/0.png",
        "mask_path": '"masks/0_0.png" "masks/0_1.png"',
        "fg_prompt": '"a green cat" "a dog"',
        "source_prompt": '"cat" "sheep"',
        "edit_inst_single": "make the cat green and the sheep a dog",
        "edit_inst_multi": '"make the cat green" "turn the sheep into a dog"',
        **changes,
    }
    (folder / "LoMOE.json").write_text(json.dumps({"7": entry}))
    return folder


def test_an_item_comes_with_its_picture_masks_and_words(tmp_path: Path) -> None:
    (item,) = load_benchmark(write_benchmark(tmp_path), area=96 * 64)
    assert item.name == "7"
    assert item.picture.shape == (1, 64, 96, 3)
    assert item.masks.shape == (2, 64, 96)
    assert torch.equal(item.picture[0, 32, 8], torch.tensor([1.0, 0.0, 0.0]))
    assert torch.equal(item.masks.sum(0), torch.ones(64, 96))
    assert item.masks[0, :, :48].all() and item.masks[1, :, 48:].all()
    assert item.instructions == ("Replace the cat with a green cat", "Replace the sheep with a dog")
    assert item.joined == "make the cat green and the sheep a dog"
    assert item.turns == ("make the cat green", "turn the sheep into a dog")


def test_without_sources_an_instance_is_called_an_object(tmp_path: Path) -> None:
    (item,) = load_benchmark(write_benchmark(tmp_path, source_prompt=""))
    assert item.instructions[1] == "Replace the object with a dog"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fg_prompt": '"one"'}, r"2 mask\(s\), 1 target\(s\) and 2 source\(s\)"),
        ({"mask_path": '"masks/0_0.png" "masks/9.png"'}, "masks/9.png is missing"),
        ({"image_path": "images/9.png"}, "images/9.png is missing"),
    ],
)
def test_a_broken_item_is_named(tmp_path: Path, change: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=f"item 7.*{message}"):
        load_benchmark(write_benchmark(tmp_path, **change))


def test_an_empty_mask_is_refused(tmp_path: Path) -> None:
    write_benchmark(tmp_path)
    Image.new("L", (60, 40), 127).save(tmp_path / "masks" / "0_1.png")
    with pytest.raises(ValueError, match=r"0_1.png is empty"):
        load_benchmark(tmp_path)


def test_a_folder_without_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must hold LoMOE.json"):
        load_benchmark(tmp_path)


@pytest.mark.parametrize(
    ("size", "fitted"),
    [((512, 512), (1024, 1024)), ((1500, 1000), (1248, 832)), ((3000, 1), (56080, 16))],
)
def test_pictures_keep_their_proportion_on_sides_of_sixteen(
    size: tuple[int, int], fitted: tuple[int, int]
) -> None:
    assert fitted_size(*size) == fitted


def test_quoted_lists_are_split_and_bare_text_is_one_entry() -> None:
    assert quoted('"a b" "c"') == ("a b", "c")
    assert quoted(" a b ") == ("a b",)
    assert quoted("") == ()
