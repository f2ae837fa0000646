"""`make demo` edits its picture from end to end, on a server of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from instance_edit.tools.demo.loaders import WeightsError, choose_loaders
from instance_edit.tools.demo.run_demo import run_demo


def test_the_demo_saves_its_pictures_and_a_sheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("UNET", "CLIP", "VAE", "STEPS"):
        monkeypatch.delenv(name, raising=False)
    out = tmp_path / "out"
    run_demo(tmp_path / "base", out)
    names = ("source", "single_prompt", "mice", "idattn")
    pictures = {name: Image.open(out / f"{name}.png").convert("RGB") for name in names}
    assert len({picture.size for picture in pictures.values()}) == 1
    assert len({picture.tobytes() for picture in pictures.values()}) == len(names)
    assert Image.open(out / "sheet.png").height > Image.open(out / "bias.png").height


def test_weights_are_given_all_together(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="CLIP, VAE is missing"):
        choose_loaders(tmp_path, {"UNET": "flux.safetensors"})


def test_weights_that_are_nowhere_are_named_with_the_places_looked_at(tmp_path: Path) -> None:
    asked = {"UNET": "no.safetensors", "CLIP": "no.safetensors", "VAE": "no.safetensors"}
    with pytest.raises(WeightsError, match=r"UNET=no.safetensors .*diffusion_models"):
        choose_loaders(tmp_path, asked)


def test_given_weights_are_linked_and_loaded_by_cores_loaders(tmp_path: Path) -> None:
    for name in ("flux", "clip_l", "t5", "ae"):
        (tmp_path / f"{name}.safetensors").touch()
    asked = {
        "UNET": str(tmp_path / "flux.safetensors"),
        "CLIP": f"{tmp_path / 'clip_l.safetensors'},{tmp_path / 't5.safetensors'}",
        "VAE": str(tmp_path / "ae.safetensors"),
        "STEPS": "4",
    }
    base = tmp_path / "base"
    loaders = choose_loaders(base, asked)
    kinds = [node["class_type"] for node in loaders.nodes.values()]
    assert kinds == ["UNETLoader", "DualCLIPLoader", "VAELoader"]
    assert loaders.steps == 4
    assert (base / "models" / "text_encoders" / "t5.safetensors").is_symlink()
