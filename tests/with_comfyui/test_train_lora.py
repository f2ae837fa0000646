"""`make train-lora`: a real run, killed and resumed; its file in core's loader; what is refused."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from instance_edit.host.carrier import conditioning_spans
from instance_edit.host.lora_layers import (
    IMAGE_PROJECTIONS,
    adapters_acting,
    lora_tensors,
    new_adapters,
    put_back,
    trained_layers,
)
from instance_edit.mask_ops.training_folder import find_samples, read_sample
from instance_edit.tests.training_data import write_sample
from instance_edit.tests.with_comfyui.comfyui import folder_paths
from instance_edit.tests.with_comfyui.core import random_latent, reference, run_core, sample
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.test_foi import TWO
from instance_edit.tests.with_comfyui.test_instance_attention import spans_for
from instance_edit.tools.in_process import node_runner
from instance_edit.tools.load_pack import ROOT
from instance_edit.tools.training.data import encode_sample
from instance_edit.tools.training.state import (
    CURVE,
    PICTURE,
    STATE,
    State,
    folder_of,
    save_state,
)
from instance_edit.tools.training.train_lora import (
    check,
    method_of,
    parsed,
    train_lora,
)

COMMAND = (sys.executable, "-m", "tools.run", "tools.training.train_lora")
STEPS = 12
SETTINGS = ("--every", "1", "--rank", "2", "--rate", "0.01", "--batch", "2", "--mask-weight", "2")


def command(data: Path, out: Path, *more: str, steps: int = STEPS) -> list[str]:
    given = ("--data", str(data), "--out", str(out), "--steps", str(steps))
    return [*COMMAND, *given, *SETTINGS, *more]


def run(*arguments: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    weights = {name: "" for name in ("UNET", "CLIP", "VAE")}
    return subprocess.run(
        command(*arguments, **options),
        cwd=ROOT, env={**os.environ, **weights}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name, size in (("a", (48, 48)), ("b", (64, 48)), ("c", (48, 64))):
        write_sample(folder, name, size, "replace the circle with a red square")
    return folder


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run that nobody stops has written."""
    out = tmp_path_factory.mktemp("whole") / "lora.safetensors"
    done = run(data, out)
    assert done.returncode == 0, done.stderr
    assert f"train: 100%|██████████| {STEPS}/{STEPS}" in done.stderr
    return out


def losses(out: Path) -> list[tuple[str, str]]:
    with (folder_of(out) / CURVE).open() as file:
        head, *rows = csv.reader(file)
    assert head == ["step", "loss"]
    return [(step, loss) for step, loss in rows]


def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been_killed(
    data: Path, trained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "lora.safetensors"
    with subprocess.Popen(
        command(data, out), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        while not (folder_of(out) / STATE).exists() and running.poll() is None:
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
    done = len(losses(out))
    assert 0 < done < STEPS
    assert load_file(out)  # whole, whenever it was killed
    again = run(data, out)
    assert again.returncode == 0, again.stderr
    assert f" {STEPS}/{STEPS}" in again.stderr and f" 0/{STEPS}" not in again.stderr
    assert out.read_bytes() == trained.read_bytes()
    assert losses(out) == losses(trained)


def test_a_run_leaves_a_curve_as_table_and_picture_and_nothing_half_written(trained: Path) -> None:
    rows = losses(trained)
    assert [step for step, _ in rows] == [str(n) for n in range(1, STEPS + 1)]
    assert all(float(loss) > 0 for _, loss in rows)
    curve = Image.open(folder_of(trained) / PICTURE)
    assert curve.format == "PNG" and curve.width > 500
    assert {path.name for path in folder_of(trained).iterdir()} == {CURVE, PICTURE, STATE}
    assert {path.name for path in trained.parent.iterdir()} == {trained.name, "lora.training"}


def test_a_run_with_all_its_steps_trains_no_more(data: Path, trained: Path) -> None:
    before = trained.read_bytes()
    done = run(data, trained, steps=STEPS - 1)
    assert done.returncode == 0 and f"has had its {STEPS} steps" in done.stderr
    assert trained.read_bytes() == before


WRONG = {
    "other settings": (("--seed", "5"), r"begun with other settings \(seed 0 then, 5 now\)"),
    "no samples": (("--data", "docs"), "no sample: each needs NAME.png"),
    "no folder": (("--data", "nowhere"), "must be a folder, got 'nowhere'"),
    "no layer": (("--layers", "foo.*"), "no linear layer of Flux is called 'foo"),
    "no method": (("--method", "foo"), "--method must be one of MICE"),
    "no input": (("--set", "foo=dis"), "--set must be NAME=VALUE, NAME one of early, middle, late"),
    "no choice": (("--set", "early=foo"), "'method.early' must be one of har, dis, off"),
    "another file": (("--out", "lora.pt"), "--out must end in .safetensors"),
    "no steps": (("--steps", "0"), "--steps must be at least 1, got 0"),
    "no rate": (("--rate", "0"), "--rate must be above 0, got 0.0"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_call_is_refused_in_a_sentence(
    data: Path, trained: Path, tmp_path: Path, what: str
) -> None:
    more, said = WRONG[what]
    out = trained if what == "other settings" else tmp_path / "lora.safetensors"
    with pytest.raises(ValueError, match=said):
        options = parsed([*command(data, out)[len(COMMAND) :], *more])
        check(options)
        train_lora(options, tmp_path)


def test_a_file_of_another_origin_is_not_overwritten(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "lora.safetensors"
    out.write_bytes(b"mine")
    done = run(data, out)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "is there already and no training of it can go on" in done.stderr
    assert out.read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["flux1", "flux2"])
def test_cores_loader_makes_of_the_file_what_was_trained(
    name: str, pack_nodes: dict[str, type], tmp_path: Path, monkeypatch: Any, request: Any
) -> None:
    """The model with the file that core merges, and with the LoRAs as they act in a training."""
    model, editor = request.getfixturevalue(name), Editor(pack_nodes)
    layers = trained_layers(model, IMAGE_PROJECTIONS)
    adapters = new_adapters(layers, 4, seed=0)
    tensors = lora_tensors(adapters)
    for number, (key, tensor) in enumerate(tensors.items()):
        if key.endswith("up.weight"):
            generator = torch.Generator().manual_seed(number)
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.05)
    put_back(adapters, tensors)
    save_state(tmp_path / "it.safetensors", State({}, tensors, {}, (1.0,)))
    monkeypatch.setitem(
        folder_paths.folder_names_and_paths, "loras", ([str(tmp_path)], {".safetensors"})
    )
    regions = editor.regions(TWO)
    conditioning = reference(spans_for(model, regions), random_latent(model, seed=5))

    def edit(model: Any) -> torch.Tensor:
        applied = editor.apply(model, editor.bias(regions, idattn()))
        return sample(applied, conditioning, conditioning, random_latent(model))

    (loaded,) = run_core(
        "LoraLoaderModelOnly", model=model, lora_name="it.safetensors", strength_model=1.0
    )
    merged, plain = edit(loaded), edit(model)
    with adapters_acting(layers, adapters):
        wanted = edit(model)
    assert float((wanted - plain).abs().max()) > 0.01
    torch.testing.assert_close(merged, wanted, rtol=1e-3, atol=1e-4)


def test_a_method_is_set_by_its_inputs_in_their_own_kinds() -> None:
    assert method_of("IDAttn", ["early=off"]) == {
        "method": "IDAttn", "early": "off", "middle": "dis", "late": "har",
    }  # fmt: skip
    mice = method_of("MICE", ["kernel_size=5", "temperature=8", "instances_see_global=true"])
    assert (mice["kernel_size"], mice["temperature"]) == (5, 8.0)
    assert mice["instances_see_global"] is True


def test_without_masks_a_sample_is_a_plain_prompt_of_the_same_text(data: Path) -> None:
    runner, one = node_runner(torch.no_grad), read_sample(find_samples(data)[0])
    _, clip, vae = runner("InstanceEditDemoModelLoader")
    plain = {"prompt": "", "guidance": 0.0, "mask_weight": 1.0}
    masked, bare = (
        encode_sample(runner, one, clip, vae, {**plain, "without_masks": without})
        for without in (False, True)
    )
    assert conditioning_spans(masked.conditioning).regions == one.regions
    with pytest.raises(ValueError, match="holds no instances"):
        conditioning_spans(bare.conditioning)
    assert torch.equal(masked.conditioning[0][0], bare.conditioning[0][0])
