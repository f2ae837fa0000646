"""The LoMOE loader on a benchmark made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from instance_edit.benchmarks.papers.files import quoted
from instance_edit.benchmarks.papers.item import BenchmarkItem
from instance_edit.benchmarks.papers.lomoe import lomoe_items
from instance_edit.tools.fleet.sizes import fitted_size

AREA = 1024 * 1024


def load_benchmark(folder: Path, area: float = 96 * 64) -> list[BenchmarkItem]:
    return [load() for load in lomoe_items(folder, area).values()]


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
    (item,) = load_benchmark(write_benchmark(tmp_path))
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


@pytest.mark.posix
@pytest.mark.parametrize("key", ["image_path", "mask_path"])
@pytest.mark.parametrize("way", ["../outside.png", "images/../../outside.png", "absolute", "link"])
def test_nothing_outside_the_folder_is_opened(tmp_path: Path, key: str, way: str) -> None:
    folder = tmp_path / "benchmark"
    folder.mkdir()
    outside = tmp_path / "outside.png"
    Image.new("RGB", (60, 40), "white").save(outside)
    (folder / "link.png").symlink_to(outside)
    path = {"absolute": str(outside), "link": "link.png"}.get(way, way)
    changes = {key: path, "fg_prompt": "a", "source_prompt": ""}
    if key == "image_path":
        changes["mask_path"] = "masks/0_0.png"
    with pytest.raises(ValueError, match="item 7: .*must lie in .*leads out of it"):
        load_benchmark(write_benchmark(folder, **changes))


def test_a_benchmark_in_a_folder_that_is_a_link_is_read(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    write_benchmark(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert len(load_benchmark(tmp_path / "link")) == 1


@pytest.mark.parametrize("key", ["image_path", "mask_path", "fg_prompt"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    write_benchmark(tmp_path)
    entries = json.loads((tmp_path / "LoMOE.json").read_text())
    del entries["7"][key]
    (tmp_path / "LoMOE.json").write_text(json.dumps(entries))
    with pytest.raises(ValueError, match=f"item 7: '{key}' must be text, it is missing"):
        load_benchmark(tmp_path)


@pytest.mark.parametrize("value", [5, None, ["a"], {"a": 1}, True])
@pytest.mark.parametrize(
    "key",
    [
        *("image_path", "mask_path", "fg_prompt"),
        *("source_prompt", "edit_inst_single", "edit_inst_multi"),
    ],
)
def test_a_value_of_a_wrong_type_is_named(tmp_path: Path, key: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"item 7: '{key}' must be text, got"):
        load_benchmark(write_benchmark(tmp_path, **{key: value}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "must be JSON"),
        ("[" * 100_000, "must be JSON"),
        ("[]", "LoMOE.json must map names to values, got a list"),
        ('"x"', "must map names to values, got a str"),
        ('{"7": []}', "item 7 must map names to values, got a list"),
        ('{"7": null}', "item 7 must map names to values, got a NoneType"),
    ],
    ids=range(6),
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "LoMOE.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_benchmark(tmp_path)


@pytest.mark.parametrize("path", ["LoMOE.json", "", "images", "a\0b"])
def test_a_path_that_is_no_picture_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="item 7: .*(must be a picture|is missing|must lie in)"):
        load_benchmark(write_benchmark(tmp_path, image_path=path))


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
    assert fitted_size(*size, AREA) == fitted


def test_quoted_lists_are_split_and_bare_text_is_one_entry() -> None:
    assert quoted('"a b" "c"') == ("a b", "c")
    assert quoted(" a b ") == ("a b",)
    assert quoted("") == ()


def write_lines(folder: Path, **files: str) -> None:
    (folder / "utils").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "utils" / f"{name}.txt").write_text(text)


def write_three(folder: Path) -> Path:
    """Items 10, 2 and 0, in this order in the file."""
    write_benchmark(folder, source_prompt="", fg_prompt="")
    entry = json.loads((folder / "LoMOE.json").read_text())["7"]
    (folder / "LoMOE.json").write_text(json.dumps({name: entry for name in ("10", "2", "0")}))
    return folder


def test_lomoes_own_words_stand_in_its_text_files_in_the_order_of_the_ids(tmp_path: Path) -> None:
    write_three(tmp_path)
    write_lines(
        tmp_path,
        mask_orig_prompts="".join(f'"a cat {n}" "a sheep"\n' for n in (0, 2, 10)),
        text_prompts="".join(f'"a dog {n}" "a cow"\n' for n in (0, 2, 10)),
        target_prompts="".join(f"a dog {n} and a cow\n" for n in (0, 2, 10)),
    )
    items = load_benchmark(tmp_path)
    assert [item.name for item in items] == ["10", "2", "0"]
    assert items[0].instructions == (
        "Replace a cat 10 with a dog 10",
        "Replace a sheep with a cow",
    )
    assert items[1].targets == ("a dog 2", "a cow") and items[2].sources[0] == "a cat 0"
    assert [item.caption for item in items] == [f"a dog {n} and a cow" for n in (10, 2, 0)]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"text_prompts": "a\nb\nc\n"}, "mask_orig_prompts.txt is missing"),
        (
            {"mask_orig_prompts": "a\nb\nc\n", "text_prompts": "a\nb\n"},
            "text_prompts.txt must have a line for each of the 3 items of LoMOE.json, got 2",
        ),
    ],
)
def test_text_files_that_do_not_fit_are_refused(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    write_lines(write_three(tmp_path), **files)
    with pytest.raises(ValueError, match=message):
        lomoe_items(tmp_path, AREA)


def test_the_index_is_read_without_opening_a_picture(tmp_path: Path) -> None:
    write_benchmark(tmp_path, image_path="images/9.png")
    items = lomoe_items(tmp_path, AREA)
    assert list(items) == ["7"]
    with pytest.raises(ValueError, match="images/9.png is missing"):
        items["7"]()
