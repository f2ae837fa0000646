"""`make papers` on the miniature, on benchmarks of its own scenes in the published formats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from instance_edit.benchmarks.in_process import demo_studio
from instance_edit.benchmarks.papers.benches import BENCHES, Bench
from instance_edit.benchmarks.papers.edit import OFFERED, chosen_methods, edit_item
from instance_edit.benchmarks.papers.item import BenchmarkItem
from instance_edit.benchmarks.papers.judge import edited, judge, load_metrics
from instance_edit.benchmarks.papers.lomoe import lomoe_items
from instance_edit.benchmarks.papers.papers import run_bench
from instance_edit.benchmarks.papers.weights import Weights
from instance_edit.benchmarks.studio import Studio
from instance_edit.demo.example import INSTANCES, first_scene, instance_masks, write_scene
from instance_edit.demo.scenes import CANVAS
from instance_edit.tests.tiny_metrics import write_tiny_weights


def write_lomoe(folder: Path) -> Path:
    """The demo's scene twice, as LoMOE-Bench has it; the second's mask is missing."""
    for name in ("images", "masks", "utils"):
        (folder / name).mkdir(parents=True)
    write_scene(folder / "images", CANVAS, INSTANCES)
    for number, mask in enumerate(instance_masks(first_scene())):
        picture = Image.fromarray((mask * 255).byte().numpy())
        picture.save(folder / "masks" / f"{number}.png")
    entry = {
        "image_path": "images/source.png",
        "mask_path": " ".join(f'"masks/{n}.png"' for n in range(3)),
        "fg_prompt": "",
        "edit_inst_single": " and ".join(instance.instruction for instance in INSTANCES),
        "edit_inst_multi": " ".join(f'"{instance.instruction}"' for instance in INSTANCES),
    }
    broken = {**entry, "mask_path": entry["mask_path"].replace("2.png", "9.png")}
    (folder / "LoMOE.json").write_text(json.dumps({"0": entry, "1": broken}))
    words = [
        instance.instruction.removeprefix("replace ").split(" with ") for instance in INSTANCES
    ]
    sources, targets = (" ".join(f'"{pair[side]}"' for pair in words) for side in (0, 1))
    (folder / "utils" / "mask_orig_prompts.txt").write_text(f"{sources}\n{sources}\n")
    (folder / "utils" / "text_prompts.txt").write_text(f"{targets}\n{targets}\n")
    caption = "a green star, an orange ring and a purple cross"
    (folder / "utils" / "target_prompts.txt").write_text(f"{caption}\n{caption}\n")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lomoe(tmp_path_factory.mktemp("data") / "LoMOE-Bench")


@pytest.fixture(scope="module")
def scene(data: Path) -> BenchmarkItem:
    return lomoe_items(data, CANVAS**2)["0"]()


@pytest.fixture(scope="module")
def studio() -> Studio:
    return demo_studio(steps=4)


def test_a_table_is_made_from_a_row_per_picture_and_goes_on_where_it_stopped(
    data: Path, tmp_path: Path
) -> None:
    write_tiny_weights(tmp_path / "weights")
    asked = {
        "BENCH": "lomoe",
        "DATA": str(data),
        "OUT": str(tmp_path / "out"),
        "WEIGHTS": str(tmp_path / "weights"),
        "LPIPS_NET": "squeeze",
        "METHODS": "vanilla,mice",
        "STEPS": "4",
        "WORKERS": "1",
    }
    out = run_bench(asked)
    report = json.loads((out / "report.json").read_text())
    for method in ("vanilla", "mice"):
        row = json.loads((out / "rows" / method / "0.json").read_text())
        assert {"tgt_clip", "loc_clip", "mae_b", "lpips_b", "ssim_b", "ar"} < row.keys()
        assert Image.open(out / row["result"]).size == (CANVAS, CANVAS)
        failed = json.loads((out / "rows" / method / "1.json").read_text())
        assert "masks/9.png is missing" in failed["error"]
        one = report["methods"][method]
        assert (one["pictures"], one["failed"]) == (1, 1)
        assert one["figures"]["mae_b"]["value"] == row["mae_b"]
    assert report["about"]["model"] == "the miniature"
    kept = (out / "rows" / "mice" / "0.json").stat().st_mtime_ns
    assert run_bench({**asked, "LIMIT": "1"}) == out
    assert (out / "rows" / "mice" / "0.json").stat().st_mtime_ns == kept


@pytest.mark.parametrize("name", ["mice", "idattn_boxes"])
def test_an_instance_method_edits_the_instances_of_a_benchmark(
    name: str, studio: Studio, scene: BenchmarkItem
) -> None:
    metrics = load_metrics(("ar", "mae_b"), Weights(Path()))
    result = edit_item(studio, OFFERED[name], name, scene, seed=0)
    figures = judge(metrics, edited(scene, result))
    assert scene.instructions[0] == "Replace the red circle with a green star"
    assert figures["ar"] == 1 and (figures["mae_b"] or 99) < 10


@pytest.mark.parametrize("bench", BENCHES.values(), ids=BENCHES)
def test_every_benchmark_compares_methods_that_are_there(bench: Bench) -> None:
    assert tuple(chosen_methods(bench.methods)) == bench.methods


@pytest.mark.parametrize("name", ["turns", "lqr_published"])
def test_methods_in_turns_take_the_benchmarks_turns(
    name: str, studio: Studio, scene: BenchmarkItem
) -> None:
    first = BenchmarkItem(
        **{**vars(scene), "turns": scene.turns[:1], "instructions": scene.instructions}
    )
    whole, one = (edit_item(studio, OFFERED[name], name, item, 0) for item in (scene, first))
    assert whole.shape == one.shape == (1, 3, CANVAS, CANVAS)
    assert not torch.equal(whole, one) and bool(whole.isfinite().all())


def test_a_method_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="METHODS must be some of unedited, vanilla, .*got mouse"):
        chosen_methods(["mice", "mouse"])


def test_a_method_may_be_mice_at_any_kernel_and_temperature(
    studio: Studio, scene: BenchmarkItem
) -> None:
    names = ("mice", "mice_k3_tau1", "mice_k7_tau2.5")
    chosen = chosen_methods(names)
    usual, same, other = (edit_item(studio, chosen[name], name, scene, 0) for name in names)
    assert torch.equal(usual, same) and not torch.equal(usual, other)
    for wrong in ("mice_k4_tau1", "mice_k3_tau0", "mice_k3"):
        with pytest.raises(ValueError, match="any odd kernel and temperature, got mice_k"):
            chosen_methods([wrong])


def test_stitched_boxes_are_edited_alone_and_the_rest_is_the_source(
    studio: Studio, scene: BenchmarkItem
) -> None:
    result = edit_item(studio, OFFERED["stitch"], "stitch", scene, 0)
    (source,) = studio.decode([studio.encode(scene.picture)])
    (changed,) = (result - source).abs().amax(1) > 0.1
    inside = torch.zeros_like(changed)
    for x1, y1, x2, y2 in scene.boxes:
        inside[y1:y2, x1:x2] = True
        assert changed[y1:y2, x1:x2].any()
    assert not changed[~inside].any()


def test_guidance_reaches_the_conditioning(studio: Studio, scene: BenchmarkItem) -> None:
    guided = Studio(studio.run, studio.model, studio.clip, studio.vae, 4, guidance=4.0)
    latent = studio.encode(scene.picture)
    (_, extras), *_ = guided.prompt("a cat", latent)
    assert extras["guidance"] == 4.0 and len(extras["reference_latents"]) == 1
    (_, extras), *_ = studio.prompt("a cat", latent)
    assert "guidance" not in extras
