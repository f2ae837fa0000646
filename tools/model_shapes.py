"""How FLUX models are built: miniatures for a CPU, and the published ones at their real widths.

Each is a configuration as core's detection finds it in a checkpoint; ``host.loading.empty_model``
builds the model of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

HEAD_WIDTH = 128
POOLED_WIDTH = 64
TEXT_WIDTH = 64
Config = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """How large a model is: `hidden` channels, 128 per head, double and single blocks."""

    hidden: int
    double: int
    single: int


SHALLOW = Shape(hidden=256, double=1, single=2)
DEEP = Shape(hidden=128, double=3, single=6)
KLEIN_4B = Shape(hidden=3072, double=5, single=20)
KONTEXT_12B = Shape(hidden=3072, double=19, single=38)

FLUX1: Config = {
    "image_model": "flux",
    "in_channels": 16,
    "out_channels": 16,
    "patch_size": 2,
    "mlp_ratio": 4.0,
    "axes_dim": [16, 56, 56],
    "theta": 10000,
    "qkv_bias": True,
    "txt_ids_dims": [],
}
FLUX2: Config = {
    "image_model": "flux2",
    "in_channels": 128,
    "out_channels": 128,
    "patch_size": 1,
    "vec_in_dim": None,
    "mlp_ratio": 3.0,
    "axes_dim": [32, 32, 32, 32],
    "theta": 2000,
    "qkv_bias": False,
    "txt_ids_dims": [3],
    "global_modulation": True,
    "mlp_silu_act": True,
    "ops_bias": False,
    "default_ref_method": "index",
    "ref_index_scale": 10.0,
}


def flux1(
    shape: Shape, guidance: bool = True, text: int = TEXT_WIDTH, pooled: int = POOLED_WIDTH
) -> Config:
    """FLUX.1: 16 latent channels in 2 x 2 patches, a pooled vector; ``guidance`` as dev has it."""
    widths = {"context_in_dim": text, "vec_in_dim": pooled}
    return {**FLUX1, **widths, **_blocks(shape), "guidance_embed": guidance}


def flux2(shape: Shape, guidance: bool = False, text: int = 3 * TEXT_WIDTH) -> Config:
    """FLUX.2: 128 latent channels without patches; klein has no ``guidance``, dev has."""
    return {**FLUX2, "context_in_dim": text, **_blocks(shape), "guidance_embed": guidance}


def klein_4b(shape: Shape = KLEIN_4B) -> Config:
    """FLUX.2 klein 4B's real widths, by default with all its blocks."""
    return flux2(shape, text=7680)


def kontext_12b(shape: Shape = KONTEXT_12B) -> Config:
    """FLUX.1 Kontext 12B's real widths, by default with all its blocks."""
    return flux1(shape, text=4096, pooled=768)


def _blocks(shape: Shape) -> Config:
    return {
        "hidden_size": shape.hidden,
        "num_heads": shape.hidden // HEAD_WIDTH,
        "depth": shape.double,
        "depth_single_blocks": shape.single,
    }


def autoencoder(packed: bool = False, width: int = 128) -> Config:
    """FLUX.1's autoencoder, or FLUX.2's, which packs 2 x 2 cells of 32 channels.

    Args:
        width: channels at the picture's resolution, a multiple of 32; the published ones have 128.
    """
    channels = 32 if packed else 16
    sizes = {"resolution": 256, "in_channels": 3, "out_ch": 3, "z_channels": channels}
    layers = {"ch": width, "ch_mult": [1, 2, 4, 4], "num_res_blocks": 2, "attn_resolutions": []}
    packing = {"batch_norm_latent": True} if packed else {}
    return {"ddconfig": {"double_z": True, **sizes, **layers, **packing}, "embed_dim": channels}
