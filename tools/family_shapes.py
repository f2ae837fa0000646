"""Miniatures of the families beside FLUX: configurations as core's detection finds them.

Two heads and unequal sizes wherever something could be mixed up; text is ``TEXT_WIDTH`` wide.
"""

from __future__ import annotations

from .model_shapes import TEXT_WIDTH, Config

QWEN: Config = {
    "image_model": "qwen_image",
    "in_channels": 64,
    "out_channels": 16,
    "num_layers": 3,
    "attention_head_dim": 32,
    "num_attention_heads": 2,
    "joint_attention_dim": TEXT_WIDTH,
    "axes_dims_rope": (8, 12, 12),
}
QWEN_2511: Config = {**QWEN, "default_ref_method": "index_timestep_zero"}
QWEN_LAYERED: Config = {
    **QWEN,
    "default_ref_method": "negative_index",
    "use_additional_t_cond": True,
}
MAGE_FLOW: Config = {
    **QWEN,
    "image_model": "mage_flow",
    "in_channels": 128,
    "out_channels": 128,
}
KREA2: Config = {
    "image_model": "krea2",
    "features": 128,
    "tdim": 32,
    "txtdim": TEXT_WIDTH,
    "heads": 2,
    "kvheads": 1,
    "multiplier": 4,
    "layers": 3,
    "patch": 2,
    "channels": 16,
    "txtlayers": 3,
    "txtheads": 2,
    "txtkvheads": 1,
}
LUMINA2: Config = {
    "image_model": "lumina2",
    "patch_size": 2,
    "in_channels": 16,
    "dim": 96,
    "cap_feat_dim": TEXT_WIDTH,
    "n_layers": 3,
    "n_refiner_layers": 2,
    "qk_norm": True,
    "n_heads": 2,
    "n_kv_heads": 1,
    "axes_dims": [16, 16, 16],
    "axes_lens": [300, 512, 512],
    "rope_theta": 10000.0,
    "ffn_dim_multiplier": 1.0,
}
Z_IMAGE: Config = {
    **LUMINA2,
    "dim": 256,
    "n_heads": 4,
    "n_kv_heads": 4,
    "axes_dims": [16, 24, 24],
    "axes_lens": [1536, 512, 512],
    "rope_theta": 256.0,
    "z_image_modulation": True,
    "time_scale": 1000.0,
    "pad_tokens_multiple": 32,
}
Z_IMAGE_OMNI: Config = {**Z_IMAGE, "siglip_feat_dim": 32}
OMNIGEN2: Config = {
    "image_model": "omnigen2",
    "axes_dim_rope": [16, 16, 16],
    "axes_lens": [1024, 1664, 1664],
    "ffn_dim_multiplier": None,
    "hidden_size": 144,
    "in_channels": 16,
    "multiple_of": 64,
    "norm_eps": 1e-5,
    "num_attention_heads": 3,
    "num_kv_heads": 1,
    "num_layers": 3,
    "num_refiner_layers": 2,
    "out_channels": None,
    "patch_size": 2,
    "text_feat_dim": TEXT_WIDTH,
    "timestep_scale": 1000.0,
}
BOOGU: Config = {
    "image_model": "boogu",
    "hidden_size": 192,
    "num_attention_heads": 4,
    "num_kv_heads": 1,
    "num_layers": 2,
    "num_double_stream_layers": 2,
    "num_refiner_layers": 2,
    "instruction_feat_dim": TEXT_WIDTH,
    "axes_dim_rope": (16, 16, 16),
}
JOYIMAGE: Config = {
    "image_model": "joyimage",
    "in_channels": 16,
    "hidden_size": 256,
    "num_attention_heads": 2,
    "text_dim": TEXT_WIDTH,
    "num_layers": 3,
    "patch_size": [1, 2, 2],
    "rope_dim_list": [16, 56, 56],
    "theta": 10000,
}
WAN: Config = {
    "image_model": "wan2.1",
    "model_type": "t2v",
    "dim": 96,
    "out_dim": 16,
    "num_heads": 2,
    "ffn_dim": 192,
    "num_layers": 2,
    "patch_size": (1, 2, 2),
    "freq_dim": 64,
    "window_size": (-1, -1),
    "qk_norm": True,
    "cross_attn_norm": True,
    "eps": 1e-6,
    "in_dim": 16,
    "text_dim": TEXT_WIDTH,
}
ANIMA: Config = {
    "image_model": "anima",
    "max_img_h": 240,
    "max_img_w": 240,
    "max_frames": 128,
    "in_channels": 16,
    "out_channels": 16,
    "patch_spatial": 2,
    "patch_temporal": 1,
    "concat_padding_mask": True,
    "model_channels": 128,
    "num_blocks": 2,
    "num_heads": 2,
    "crossattn_emb_channels": TEXT_WIDTH,
    "pos_emb_cls": "rope3d",
    "pos_emb_learnable": True,
    "use_adaln_lora": True,
    "adaln_lora_dim": 32,
    "rope_h_extrapolation_ratio": 4.0,
    "rope_w_extrapolation_ratio": 4.0,
    "rope_enable_fps_modulation": False,
}
MODULES = {
    "qwen": "qwen_image",
    "qwen2511": "qwen_image",
    "qwenlayered": "qwen_image",
    "mageflow": "mage_flow",
    "krea2": "krea2",
    "lumina2": "lumina",
    "zimage": "lumina",
    "zimageomni": "lumina",
    "omnigen2": "omnigen",
    "boogu": "boogu",
    "joyimage": "joyimage",
    "wan": "wan",
    "anima": "anima",
}
"""Where in ``comfy.ldm`` the class of each is; an older ComfyUI lacks some."""
SHAPES: dict[str, Config] = {
    "qwen": QWEN,
    "qwen2511": QWEN_2511,
    "qwenlayered": QWEN_LAYERED,
    "mageflow": MAGE_FLOW,
    "krea2": KREA2,
    "lumina2": LUMINA2,
    "zimage": Z_IMAGE,
    "zimageomni": Z_IMAGE_OMNI,
    "omnigen2": OMNIGEN2,
    "boogu": BOOGU,
    "joyimage": JOYIMAGE,
    "wan": WAN,
    "anima": ANIMA,
}
"""By the name of the miniature."""
