"""A FLUX nobody trained, as files that core's own loaders read: for a demo without any weights.

The text encoder has T5's base size: the smallest of its kind that a stock loader takes.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from ..tools.load_pack import add_comfyui_to_path
from ..tools.random_weights import seed_weights

HIDDEN = 256
FLUX = {
    "in_channels": 16,
    "out_channels": 16,
    "patch_size": 2,
    "vec_in_dim": 64,
    "context_in_dim": 768,
    "hidden_size": HIDDEN,
    "num_heads": HIDDEN // 128,
    "depth": 1,
    "depth_single_blocks": 2,
    "mlp_ratio": 4.0,
    "axes_dim": [16, 56, 56],
    "theta": 10000,
    "qkv_bias": True,
    "guidance_embed": True,
    "txt_ids_dims": [],
}
FILE = "stand_in.safetensors"


def write_stand_in(models: Path) -> None:
    """Write a model, a text encoder and a VAE, all random, into ComfyUI's `models` folder."""
    add_comfyui_to_path()
    import comfy.ldm.flux.model
    import comfy.ops
    import comfy.taesd.taesd
    import comfy.text_encoders.t5

    operations = comfy.ops.disable_weight_init
    config_file = Path(comfy.text_encoders.t5.__file__).with_name("t5_config_base.json")
    config = json.loads(config_file.read_text())
    flux = comfy.ldm.flux.model.Flux(**FLUX, operations=operations)
    text = comfy.text_encoders.t5.T5(config, torch.float32, "cpu", operations)
    vae = comfy.taesd.taesd.TAESD(latent_channels=16)
    _save(flux, models / "diffusion_models")
    _save(text, models / "text_encoders")
    _save(vae, models / "vae")


def _save(module: torch.nn.Module, folder: Path) -> None:
    seed_weights(module, seed=0)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in module.state_dict().items()}
    save_file(weights, folder / FILE)
