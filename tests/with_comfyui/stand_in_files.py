"""A server's folders for the shipped workflows: random weights under the workflows' file names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file

from instance_edit.tests.training_data import write_sample
from instance_edit.tests.with_comfyui import tiny_models
from instance_edit.tests.with_comfyui.comfyui import taesd, wan_vae
from instance_edit.tests.with_comfyui.tiny_controlnets import controlnet_weights
from instance_edit.tools.comfy_server import make_base_directory
from instance_edit.tools.random_weights import seed_weights
from instance_edit.tools.workflow_sheets import instance_loras, months, training
from instance_edit.tools.workflow_sheets.instructions import CAT, COFFEE
from instance_edit.tools.workflow_sheets.loaders import FILES

EXAMPLE = "example.png"
"""ComfyUI's own picture, which workflows that were saved with earlier releases load."""
SIDE = 128
NODES = Path(__file__).with_name("stand_in_nodes.py")
Weights = dict[str, torch.Tensor]


def make_workflow_server(
    folder: Path, side: int = SIDE, photographs: Sequence[str] = (COFFEE, CAT, months.FILE)
) -> Path:
    """A base directory with every file that a shipped workflow names, and the stand-in nodes.

    Args:
        side: of the picture that stands in for ComfyUI's own.
        photographs: of the pack, for which the same picture stands in.
    """
    base = make_base_directory(folder)
    kontext, _, _, ae, klein, *_ = FILES
    flux1 = tiny_models.flux1_state_dict()
    files = {
        kontext: flux1,
        ae: _codec(),
        klein: tiny_models.flux2_state_dict(),
        "flux1-dev.safetensors": flux1,
        "qwen_image_vae.safetensors": _layered_codec(),
        "wan_2.1_vae.safetensors": _layered_codec(),
        "Wan2_1_VAE_bf16.safetensors": _layered_codec(),
    }
    for name, weights in files.items():
        _save(weights, base / "models" / FILES[name][0] / name)
    for name in set(FILES) - set(files):  # never loaded, but the front end wants to see them
        _save({"none": torch.zeros(1)}, base / "models" / FILES[name][0] / name)
    for name in instance_loras.FILES:
        _save(_lora(flux1), base / "models" / "loras" / name)
    _save(controlnet_weights(), base / "models" / "controlnet" / "your_flux_controlnet.safetensors")
    _write_pictures(base / "input", side, (EXAMPLE, *photographs))
    for name in ("cat", "dog"):
        write_sample(base / "input" / training.FOLDER, name, (side, side))
    (base / "custom_nodes" / NODES.name).symlink_to(NODES)
    return base


def _save(weights: Weights, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in weights.items()}, path)


def _codec() -> Weights:
    """A TAESD of FLUX.1's latents."""
    codec = taesd.TAESD(latent_channels=16)
    seed_weights(codec, seed=0)
    return dict(codec.state_dict())


def _layered_codec() -> Weights:
    """A narrow VAE of Wan's, which is Qwen-Image's: a latent has layers."""
    codec = wan_vae.WanVAE(dim=8, z_dim=16, temperal_downsample=[False, True, True])
    seed_weights(codec, seed=0)
    return dict(codec.state_dict())


def _lora(flux: Weights) -> Weights:
    """Rank 2 on one projection of the joint attention."""
    name = "double_blocks.0.img_attn.qkv"
    rows, columns = flux[f"{name}.weight"].shape
    generator = torch.Generator().manual_seed(0)
    down, up = torch.randn(2, columns, generator=generator), torch.randn(rows, 2)
    return {
        f"diffusion_model.{name}.lora_A.weight": down / columns**0.5,
        f"diffusion_model.{name}.lora_B.weight": up,
    }


def _write_pictures(folder: Path, side: int, names: Sequence[str]) -> None:
    """A picture with a hole in its alpha channel, as the mask editor leaves one, and masks."""
    picture = Image.effect_mandelbrot((side, side), (-2, -1.5, 1, 1.5), 60).convert("RGBA")
    alpha = Image.new("L", picture.size, 255)
    ImageDraw.Draw(alpha).ellipse((20, 30, 70, 80), fill=0)
    picture.putalpha(alpha)
    for name in names:
        picture.save(folder / name, format="PNG")  # whatever it is called: JPEG has no alpha
    masks = torch.zeros(2, side, side)
    masks[0, 10:50, 10:60] = 1
    masks[1, 70:120, 60:120] = 1
    torch.save(masks, folder / "masks.pt")
