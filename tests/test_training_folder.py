"""Training folders: samples are found, read and cropped; what cannot be right is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from instance_edit.mask_ops.training_folder import Sample, find_samples, read_sample
from instance_edit.tests.training_data import write_regions, write_sample


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_sample(tmp_path / "data", "cat")
    return tmp_path / "data"


def read(folder: Path) -> list[Sample]:
    return [read_sample(files) for files in find_samples(folder)]


def test_samples_come_in_the_order_of_their_names_each_with_its_own_files(folder: Path) -> None:
    write_sample(folder, "ant", (64, 32), "make it blue")
    (folder / "notes.txt").write_text("left alone")
    ant, cat = read(folder)
    assert (ant.name, cat.name) == ("ant", "cat")
    assert (ant.size, cat.size) == ((32, 64), (32, 48))
    assert [one.instruction for one in (*ant.regions, *cat.regions)] == [
        "make it blue",
        "make it red",
    ]
    assert float(cat.picture.max()) == pytest.approx(128 / 255) and float(cat.edited.min()) == 1


def test_a_sample_is_cropped_in_its_middle_to_whole_tokens_with_its_regions(folder: Path) -> None:
    write_sample(folder, "cat", (56, 40))
    [cat] = read(folder)
    assert cat.size == (32, 48)
    (region,) = cat.regions
    assert region.box is not None
    assert region.box.x1 == pytest.approx((0.25 * 56 - 4) / 48)
    assert region.box.y1 == pytest.approx((0.25 * 40 - 4) / 32)


def test_a_picture_lies_as_its_exif_says(folder: Path) -> None:
    for name in ("cat.png", "cat.edited.png"):
        picture = Image.open(folder / name)
        exif = picture.getexif()
        exif[0x0112] = 6  # a quarter turn
        picture.save(folder / name.replace(".png", ".jpg"), exif=exif)
        (folder / name).unlink()
    [cat] = read(folder)
    assert cat.size == (48, 32)


Spoil = Callable[[Path], object]
WRONG: dict[str, tuple[Spoil, str]] = {
    "no folder": (lambda f: f.rename(f.with_name("other")), "must be a folder, got .*data'"),
    "nothing in it": (
        lambda f: [path.unlink() for path in f.iterdir()],
        r"no sample: each needs NAME\.png, NAME\.edited\.png and NAME\.json",
    ),
    "no edited picture": (
        lambda f: (f / "cat.edited.png").unlink(),
        r"'cat' of the training folder lacks cat\.edited\.png: .* remove the sample",
    ),
    "no picture and no regions": (
        lambda f: [(f / f"cat{end}").unlink() for end in (".png", ".json")],
        r"lacks cat\.png and cat\.json",
    ),
    "two pictures": (
        lambda f: (f / "cat.jpg").write_bytes((f / "cat.png").read_bytes()),
        r"two pictures for one, cat\.jpg and cat\.png",
    ),
    "another size": (
        lambda f: Image.new("RGB", (48, 48)).save(f / "cat.edited.png"),
        r"cat\.edited\.png must be as large as cat\.png \(48 x 32 pixels\), got 48 x 48",
    ),
    "too small": (lambda f: write_sample(f, "cat", (48, 15)), "at least 16 x 16 pixels"),
    "no picture in the file": (
        lambda f: (f / "cat.png").write_text("none"),
        r"cat\.png cannot be read as a picture",
    ),
    "no JSON": (lambda f: (f / "cat.json").write_text("cat"), "must hold JSON such as"),
    "no text": (
        lambda f: (f / "cat.json").write_bytes(b"\xff\xfe"),
        r"cat\.json must be a text in UTF-8",
    ),
    "another JSON": (
        lambda f: (f / "cat.json").write_text(json.dumps({"version": 1})),
        r"cat\.json.*instances",
    ),
    "no instance": (lambda f: write_regions(f, "cat"), "holds no instance: draw at least one"),
    "no instruction": (
        lambda f: write_regions(f, "cat", "make it red", " "),
        r"cat\.json, instance 2 has no instruction: write what happens there",
    ),
    "a second reference": (
        lambda f: write_regions(f, "cat", "make it red", reference=2),
        "reference image of its own, number 2, but a training sample has one picture",
    ),
    "wholly in the border": (
        lambda f: (
            write_sample(f, "cat", (56, 40)),
            write_regions(f, "cat", "make it red", box=(0.0, 0.0, 0.05, 1.0)),
        ),
        r"nothing of instance 1 \('make it red'\) is left in the picture of 48 x 32 pixels",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_folder_is_refused_with_a_remedy(folder: Path, what: str) -> None:
    spoil, said = WRONG[what]
    spoil(folder)
    with pytest.raises(ValueError, match=said):
        read(folder)


@pytest.mark.posix
def test_a_link_out_of_the_folder_is_refused(folder: Path) -> None:
    inside = folder / "cat.png"
    inside.rename(folder.parent / "cat.png")
    inside.symlink_to(folder.parent / "cat.png")
    with pytest.raises(ValueError, match=r"cat\.png .* is a link to a place outside of it: copy"):
        find_samples(folder)


def test_a_picture_that_would_fill_the_memory_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(ValueError, match=r"cannot be read as a picture \(Image size"):
        read(folder)
