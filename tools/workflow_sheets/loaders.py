"""Loader nodes of the models that the workflows are for, with where their files come from."""

from __future__ import annotations

from typing import Any, NamedTuple

from .sheet import Json, Node, Output, Sheet

HUB = "https://huggingface.co"
FILES = {
    "flux1-dev-kontext_fp8_scaled.safetensors": (
        "diffusion_models",
        "Comfy-Org/flux1-kontext-dev_ComfyUI/resolve/main/split_files/diffusion_models",
    ),
    "clip_l.safetensors": (
        "text_encoders",
        "comfyanonymous/flux_text_encoders/resolve/main",
    ),
    "t5xxl_fp8_e4m3fn_scaled.safetensors": (
        "text_encoders",
        "comfyanonymous/flux_text_encoders/resolve/main",
    ),
    "ae.safetensors": (
        "vae",
        "Comfy-Org/Lumina_Image_2.0_Repackaged/resolve/main/split_files/vae",
    ),
    "flux-2-klein-4b-fp8.safetensors": (
        "diffusion_models",
        "black-forest-labs/FLUX.2-klein-4b-fp8/resolve/main",
    ),
    "qwen_3_4b.safetensors": (
        "text_encoders",
        "Comfy-Org/z_image_turbo/resolve/main/split_files/text_encoders",
    ),
    "flux2-vae.safetensors": ("vae", "Comfy-Org/flux2-dev/resolve/main/split_files/vae"),
    "sam3.1_multiplex_fp16.safetensors": (
        "checkpoints",
        "Comfy-Org/sam3.1/resolve/main/checkpoints",
    ),
    "qwen3vl_4b_fp8_scaled.safetensors": (
        "text_encoders",
        "Comfy-Org/Qwen3-VL/resolve/main/text_encoders",
    ),
    "qwen_image_edit_2511_bf16.safetensors": (
        "diffusion_models",
        "Comfy-Org/Qwen-Image-Edit_ComfyUI/resolve/main/split_files/diffusion_models",
    ),
    "qwen_2.5_vl_7b_fp8_scaled.safetensors": (
        "text_encoders",
        "Comfy-Org/HunyuanVideo_1.5_repackaged/resolve/main/split_files/text_encoders",
    ),
    "qwen_image_vae.safetensors": (
        "vae",
        "Comfy-Org/Qwen-Image_ComfyUI/resolve/main/split_files/vae",
    ),
    "flux1-dev.safetensors": ("diffusion_models", "Comfy-Org/flux1-dev/resolve/main"),
    "krea2_turbo_fp8_scaled.safetensors": (
        "diffusion_models",
        "Comfy-Org/Krea-2/resolve/main/diffusion_models",
    ),
    "krea2_style_reference.safetensors": (
        "loras",
        "Comfy-Org/Krea-2/resolve/main/loras",
    ),
    "omnigen2_fp16.safetensors": (
        "diffusion_models",
        "Comfy-Org/Omnigen2_ComfyUI_repackaged/resolve/main/split_files/diffusion_models",
    ),
    "qwen_2.5_vl_fp16.safetensors": (
        "text_encoders",
        "Comfy-Org/Omnigen2_ComfyUI_repackaged/resolve/main/split_files/text_encoders",
    ),
    "boogu_image_edit_fp8_scaled.safetensors": (
        "diffusion_models",
        "Comfy-Org/Boogu-Image/resolve/main/diffusion_models",
    ),
    "qwen3vl_8b_fp8_scaled.safetensors": (
        "text_encoders",
        "Comfy-Org/Qwen3-VL/resolve/main/text_encoders",
    ),
    "mage_flow_edit_int8_convrot.safetensors": (
        "diffusion_models",
        "Comfy-Org/Mage-Flow/resolve/main/diffusion_models",
    ),
    "qwen3vl_4b_bf16.safetensors": (
        "text_encoders",
        "Comfy-Org/Mage-Flow/resolve/main/text_encoders",
    ),
    "mage_flow_vae_bf16.safetensors": (
        "vae",
        "Comfy-Org/Mage-Flow/resolve/main/vae",
    ),
    "longcat_image_edit_bf16.safetensors": (
        "diffusion_models",
        "TalmajM/LongCat-Image-Edit_ComfyUI_repackaged/resolve/main/split_files/diffusion_models",
    ),
    "joyai_image_edit_int8_convrot.safetensors": (
        "diffusion_models",
        "Comfy-Org/JoyAI-Image-Edit/resolve/main/diffusion_models",
    ),
    "qwen3vl_8b_joyimage_edit_int8_convrot.safetensors": (
        "text_encoders",
        "Comfy-Org/JoyAI-Image-Edit/resolve/main/text_encoders",
    ),
    "wan_2.1_vae.safetensors": (
        "vae",
        "Comfy-Org/JoyAI-Image-Edit/resolve/main/vae",
    ),
    "wan2.2_bernini_r_high_noise_fp8_scaled.safetensors": (
        "diffusion_models",
        "Comfy-Org/Bernini-R/resolve/main/diffusion_models",
    ),
    "wan2.2_bernini_r_low_noise_fp8_scaled.safetensors": (
        "diffusion_models",
        "Comfy-Org/Bernini-R/resolve/main/diffusion_models",
    ),
    "umt5_xxl_fp8_e4m3fn_scaled.safetensors": (
        "text_encoders",
        "Comfy-Org/Wan_2.1_ComfyUI_repackaged/resolve/main/split_files/text_encoders",
    ),
    "Wan2_1_VAE_bf16.safetensors": (
        "vae",
        "Kijai/WanVideo_comfy/resolve/main",
    ),
    "lightx2v_T2V_14B_cfg_step_distill_v2_lora_rank64_bf16.safetensors": (
        "loras",
        "Kijai/WanVideo_comfy/resolve/main/Lightx2v",
    ),
}


class Loaded(NamedTuple):
    """A model with its text encoder and VAE, and the nodes that load them."""

    model: Output
    clip: Output
    vae: Output
    nodes: list[Node]


def sources(*names: str) -> list[Json]:
    """What the front end needs to offer the download of a missing file."""
    return [
        {"name": name, "url": f"{HUB}/{FILES[name][1]}/{name}", "directory": FILES[name][0]}
        for name in names
    ]


def demo(sheet: Sheet) -> Loaded:
    """The miniature FLUX that comes with the pack."""
    node = sheet.add("InstanceEditDemoModelLoader")
    return Loaded(node[0], node[1], node[2], [node])


def load(sheet: Sheet, kind: str, title: str = "", /, **inputs: Any) -> Node:
    """A loader whose files, those of its inputs that FILES names, can be downloaded."""
    node = sheet.add(kind, title, **inputs)
    node.models += sources(
        *(name for name in inputs.values() if isinstance(name, str) and name in FILES)
    )
    return node


def kontext(sheet: Sheet) -> Loaded:
    """FLUX.1 Kontext dev."""
    return flux1(sheet, next(iter(FILES)))


def flux1_dev(sheet: Sheet) -> Loaded:
    """FLUX.1 dev, which makes pictures from text and knows no reference."""
    return flux1(sheet, "flux1-dev.safetensors")


def flux1(sheet: Sheet, flux: str) -> Loaded:
    """A model of FLUX.1's with its encoders and its VAE."""
    clip, t5, vae = list(FILES)[1:4]
    model = load(sheet, "UNETLoader", unet_name=flux)
    text = load(sheet, "DualCLIPLoader", clip_name1=clip, clip_name2=t5, type="flux")
    codec = load(sheet, "VAELoader", vae_name=vae)
    return Loaded(model[0], text[0], codec[0], [model, text, codec])


def single(sheet: Sheet, unet: str, clip: str, vae: str, kind: str) -> Loaded:
    """A model with one text encoder of this type of CLIPLoader's."""
    model = load(sheet, "UNETLoader", unet_name=unet)
    text = load(sheet, "CLIPLoader", clip_name=clip, type=kind)
    codec = load(sheet, "VAELoader", vae_name=vae)
    return Loaded(model[0], text[0], codec[0], [model, text, codec])


def klein(sheet: Sheet) -> Loaded:
    """FLUX.2 klein 4B."""
    return single(sheet, *list(FILES)[4:7], kind="flux2")


def qwen_edit(sheet: Sheet) -> Loaded:
    """Qwen-Image-Edit 2511."""
    names = (
        "qwen_image_edit_2511_bf16.safetensors",
        "qwen_2.5_vl_7b_fp8_scaled.safetensors",
        "qwen_image_vae.safetensors",
    )
    return single(sheet, *names, kind="qwen_image")
