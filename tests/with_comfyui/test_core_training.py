"""Core's Train LoRA over samples with regions of their own: what it may do, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch.autograd.graph import saved_tensors_hooks

from instance_edit.host import core_training, run
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, comfyui_version, sd
from instance_edit.tests.with_comfyui.core import random_latent, reference
from instance_edit.tests.with_comfyui.core_training import train_lora
from instance_edit.tests.with_comfyui.editing import Editor, corner_masks, idattn
from instance_edit.tests.with_comfyui.test_carried_regions import bias_without_regions
from instance_edit.tests.with_comfyui.test_lora_gradients import copied
from instance_edit.tests.with_comfyui.tiny_models import flux1_state_dict, flux2_state_dict
from instance_edit.tools.workflow_sheets.since import version_numbers

FILES = {"flux1": flux1_state_dict, "flux2": flux2_state_dict}
BYPASSES = (0, 26, 0)
"""The first tried ComfyUI that trains in bypass mode without casting weights to another type."""
BOTH = pytest.mark.parametrize("trainer", FILES, indirect=True)


class Trainer:
    """A model from a file, as core's node loads it again, and two samples with own regions."""

    def __init__(self, nodes: dict[str, type], clip: Any, path: Path, name: str) -> None:
        safetensors.torch.save_file(FILES[name](), path)
        self.editor, self.clip = Editor(nodes), clip
        self.model = sd.load_diffusion_model(str(path), model_options={"dtype": torch.float32})
        masks = (corner_masks(), corner_masks().flip(2))
        self.regions = [self.editor.regions(masks=mask) for mask in masks]
        self.latents = [random_latent(self.model, 8, 8, seed=n) for n in (11, 12)]

    def biased(self, **options: Any) -> ModelPatcher:
        bias = bias_without_regions(self.editor, idattn(), **options)
        return self.editor.apply(self.model, bias)

    def conditionings(self, *numbers: int) -> list[Any]:
        """Of the sets of these numbers, each with a reference of its own."""
        return [
            reference(self.editor.encode(self.clip, self.regions[number]), one)
            for number, one in zip(numbers, self.latents, strict=False)
        ]

    def train(self, latents: Any = None, model: Any = None, sets: Any = (0, 1), **more: Any) -> Any:
        torch.manual_seed(0)  # core draws levels and first weights from torch's own generator
        given = self.latents if latents is None else latents
        settings = {"learning_rate": 0.01, **more}
        return train_lora(model or self.biased(), given, self.conditionings(*sets), **settings)


@pytest.fixture
def trainer(request: Any, pack_nodes: dict[str, type], tmp_path: Path) -> Iterator[Trainer]:
    name = getattr(request, "param", "flux1")
    clip = request.getfixturevalue("tiny_clip_flux1" if name == "flux1" else "tiny_clip_klein")
    yield Trainer(pack_nodes, clip, tmp_path / "model.safetensors", name)


@BOTH
@pytest.mark.parametrize(("depth", "bypass"), [(0, False), (1, False), (3, True)])
def test_its_steps_are_those_of_exact_gradients(trainer: Trainer, depth: int, bypass: bool) -> None:
    """Depth 0 keeps all activations. FLUX changes its tokens in place, which core's trainer alone
    takes for what they were."""
    kept = {"gradient_checkpointing": depth > 0, "checkpoint_depth": max(depth, 1)}
    plain = {"gradient_checkpointing": False, "bypass_mode": bypass}
    if bypass and version_numbers(comfyui_version) < BYPASSES:
        with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
            trainer.train(**plain)
        return
    with saved_tensors_hooks(copied, lambda tensor: tensor):
        wanted = trainer.train(**plain)
    found = trainer.train(bypass_mode=bypass, **kept)
    assert any(bool(value.any()) for key, value in wanted.items() if "lora_up" in key)
    for key, value in wanted.items():
        torch.testing.assert_close(found[key], value, rtol=1e-3, atol=1e-7, msg=key)


def test_without_copies_a_step_of_cores_trainer_is_wrong_by_more_than_a_tenth(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which docs/training.md says, and why norms read copies."""

    def step(**settings: Any) -> torch.Tensor:
        made = trainer.train(steps=1, **settings)
        return torch.cat([made[key].flatten() for key in sorted(made)])

    with saved_tensors_hooks(copied, lambda tensor: tensor):
        before, wanted = (
            step(gradient_checkpointing=False, learning_rate=rate) for rate in (1e-12, 0.01)
        )
    moved = (wanted - before).norm()
    assert (step() - wanted).norm() < 1e-3 * moved
    monkeypatch.setattr(core_training, "copied_norm_inputs", lambda model: nullcontext())
    assert (step() - wanted).norm() > 0.1 * moved


def test_a_large_data_set_needs_the_memory_of_one_picture(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def note(bytes_needed: int, *_: Any) -> None:
        asked.append(bytes_needed)
        raise MemoryError

    monkeypatch.setattr(run, "check_fits", note)
    trainer.latents = [random_latent(trainer.model, 66, 66)] * 20
    for number in (1, 20):
        with pytest.raises(MemoryError):
            trainer.train(trainer.latents[:number], sets=(0,) * number)
    assert asked[0] == asked[1] > 0


@BOTH
def test_pictures_of_several_sizes_are_refused_unless_the_model_takes_them_as_they_are(
    trainer: Trainer,
) -> None:
    """Core scales the latents of pictures of one size alone."""
    sizes = [random_latent(trainer.model, 8, 8), random_latent(trainer.model, 8, 12)]
    scaled = not torch.equal(
        trainer.model.model.process_latent_in(sizes[0]["samples"]), sizes[0]["samples"]
    )
    for more in ({"latents": sizes}, {"bucket_mode": True}):
        if scaled:
            with pytest.raises(ValueError, match="not scaled as the model knows them.*one size"):
                trainer.train(**more)
        else:
            assert trainer.train(**more)


def test_a_batch_of_like_regions_with_other_references_is_refused(trainer: Trainer) -> None:
    with pytest.raises(ValueError, match="texts or references.*Set batch_size to 1"):
        trainer.train(sets=(0, 0), batch_size=2)


def test_a_steps_window_is_refused_and_one_by_noise_level_taken(trainer: Trainer) -> None:
    with pytest.raises(ValueError, match="Train LoRA has none.*'noise level'"):
        trainer.train(model=trainer.biased(end=0.5))
    windowed = trainer.train(model=trainer.biased(end=0.5, window_by="noise level"), steps=6)
    whole = trainer.train(steps=6)
    assert any(not torch.equal(windowed[key], whole[key]) for key in whole)


def test_nothing_of_a_training_stays_on_the_model(trainer: Trainer) -> None:
    trainer.train()
    for module in trainer.model.model.diffusion_model.modules():
        assert not module._forward_pre_hooks and not module._forward_hooks
