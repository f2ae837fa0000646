"""The papers' metrics: tiny untrained networks of the real classes, and a real reader of texts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torchvision.transforms.functional import to_tensor

from instance_edit.benchmarks.papers.item import BenchmarkItem
from instance_edit.benchmarks.papers.judge import PER_PICTURE, edited, judge, load_metrics
from instance_edit.benchmarks.papers.learned import Clip
from instance_edit.benchmarks.papers.reading import character_errors, load_reader, texts_in
from instance_edit.benchmarks.papers.sets import frechet_distance
from instance_edit.benchmarks.papers.weights import INCEPTION, Weights
from instance_edit.tests.tiny_metrics import write_inception, write_tiny_weights
from instance_edit.tools.fleet.store import FleetError

SIDE = 96


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return write_tiny_weights(tmp_path_factory.mktemp("weights"))


def item(picture: Tensor) -> BenchmarkItem:
    """Two instances in the upper corners of (1, 3, SIDE, SIDE)."""
    masks = torch.zeros(2, SIDE, SIDE)
    masks[0, :32, :32] = masks[1, :32, 64:] = 1
    words, before = ("a dog", "a cow"), ("a hat", "a pot")
    return BenchmarkItem("x", picture.movedim(1, -1), masks, words, before, words)


def test_each_metric_sees_what_it_is_about(weights: Weights) -> None:
    names = tuple(name for name in PER_PICTURE if name != "cer")
    metrics = load_metrics(names, weights)
    assert set(metrics) == set(names)
    source = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    inside, outside = source.clone(), source.clone()
    inside[:, :, :32, :32] = 1 - inside[:, :, :32, :32]
    outside[:, :, 64:] = 1 - outside[:, :, 64:]
    same, within, without = (
        judge(metrics, edited(item(source), result)) for result in (source, inside, outside)
    )
    for name in ("clip_i", "dino_i"):
        assert same[name] == pytest.approx(100 if name == "clip_i" else 1, abs=1e-3)
        assert without[name] != same[name]
    assert (same["ar"], within["ar"], without["ar"]) == (0, 0.5, 0)
    for name in ("lpips_b", "mae_b"):
        assert same[name] == within[name] == 0 and (without[name] or 0) > 0, name
    assert same["ssim_b"] == within["ssim_b"] == pytest.approx(1) and without["ssim_b"] < 1
    assert within["loc_clip"] != same["loc_clip"] and without["loc_clip"] == same["loc_clip"]
    for name in ("tgt_clip", "pick_score"):
        assert without[name] != same[name], name
    assert same["tgt_clip"] != same["pick_score"]
    assert same["clip_d"] == 0 and 0 < abs(without["clip_d"] or 0) <= 1


def test_clip_d_is_the_cosine_of_how_pictures_and_texts_differ(weights: Weights) -> None:
    clip = Clip.load(weights)
    model, processor = clip.pair
    generator = torch.Generator().manual_seed(3)
    pictures = [torch.rand(1, 3, SIDE, SIDE, generator=generator) for _ in range(2)]
    texts = ("a hat", "a dog and a cow")
    features = []
    with torch.inference_mode():
        for picture, text in zip(pictures, texts, strict=True):
            shown = (picture[0] * 255).round().byte()
            given = processor(images=[shown], text=[text], return_tensors="pt")
            seen = model.get_image_features(given["pixel_values"])[0]
            read = model.get_text_features(given["input_ids"], given["attention_mask"])[0]
            features.append((seen / seen.norm(), read / read.norm()))
    (before, old), (after, new) = features
    wanted = torch.dot(after - before, new - old) / (after - before).norm() / (new - old).norm()
    assert clip.direction_score(pictures, texts) == pytest.approx(wanted.item(), abs=1e-4)
    backwards = clip.direction_score(pictures[::-1], texts)
    assert backwards == pytest.approx(-wanted.item(), abs=1e-4)
    assert isinstance(clip.direction_score(pictures, ("x" * 500, "y")), float)


def test_clip_d_needs_words_for_the_source(weights: Weights) -> None:
    metrics = load_metrics(("clip_d",), weights)
    picture = torch.rand(1, 3, SIDE, SIDE)
    bare = BenchmarkItem("x", picture.movedim(1, -1), torch.ones(1, SIDE, SIDE), ("a",))
    assert judge(metrics, edited(bare, picture)) == {"clip_d": None}


def test_a_picture_without_background_has_no_figures_of_it(weights: Weights) -> None:
    metrics = load_metrics(("lpips_b", "mae_b", "ssim_b"), weights)
    picture = torch.rand(1, 3, SIDE, SIDE)
    whole = BenchmarkItem("x", picture.movedim(1, -1), torch.ones(1, SIDE, SIDE), ("a",))
    values = judge(metrics, edited(whole, picture))
    assert values == {"lpips_b": None, "mae_b": None, "ssim_b": None}


def poster(*texts: str) -> Tensor:
    """(1, 3, 400, 640): lines of black text on white, 120 pixels apart."""
    picture = Image.new("RGB", (640, 400), "white")
    for line, text in enumerate(texts):
        face = ImageFont.load_default(36)
        ImageDraw.Draw(picture).text((40, 40 + 120 * line), text, "black", face)
    return to_tensor(picture)[None]


def test_texts_are_read_in_their_boxes_and_wrong_letters_are_counted() -> None:
    read = load_reader(threads=1)
    boxes = [(20, 20, 620, 130), (20, 140, 620, 250), (20, 260, 620, 380)]
    found = texts_in(read(poster("Price list", "Open today")), boxes)
    assert found == ["Price list", "Open today", ""]
    assert character_errors(found, ("Price list", "Open today", "")) == 0
    assert character_errors(found, ("Price  lost", "Open today", "")) == pytest.approx(1 / 20)
    assert read(torch.ones(1, 3, 64, 64)) == []


def test_fid_is_none_for_equal_pictures_and_some_for_others(tmp_path: Path) -> None:
    write_inception(tmp_path / INCEPTION)
    weights = Weights(tmp_path)
    generator = torch.Generator().manual_seed(2)
    first = [torch.rand(1, 3, 32, 32, generator=generator) for _ in range(3)]
    same = frechet_distance(zip(first, first, strict=True), weights, features=64)
    darker = frechet_distance(((one, one / 4) for one in first), weights, features=64)
    assert same == pytest.approx(0, abs=1e-3) and darker is not None and darker > 0.01
    assert frechet_distance(iter([(first[0], first[0])]), weights, features=64) is None


def test_weights_that_would_run_code_are_refused(tmp_path: Path) -> None:
    torch.save({"a": Path}, tmp_path / INCEPTION)
    with pytest.raises(FleetError, match="must be plain weights of Inception"):
        frechet_distance(iter([]), Weights(tmp_path))


def test_missing_weights_are_named_with_their_place_and_a_way_around(tmp_path: Path) -> None:
    weights = Weights(tmp_path)
    with pytest.raises(FleetError) as refused:
        weights.require(("tgt_clip", "loc_clip", "mae_b", "lpips_b", "ar"))
    said = str(refused.value)
    assert said.startswith("tgt_clip, loc_clip, lpips_b need weights that are not there: ")
    assert f"{tmp_path / 'clip'} (a CLIP as Hugging Face has it" in said
    assert str(tmp_path / "checkpoints" / "alexnet-owt-7be5be79.pth") in said
    assert said.endswith("do without: METRICS=mae_b,ar.")
    weights.require(("mae_b", "cer"))


def test_the_report_can_say_which_weights_measured(weights: Weights) -> None:
    about = weights.about(("tgt_clip", "clip_i", "dino_i", "mae_b"))
    assert about.keys() == {"clip", "dino"}
    assert all(len(digest) == 12 for digest in about.values()) and about["clip"] != about["dino"]
