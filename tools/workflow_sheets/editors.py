"""The families that edit beside FLUX and Qwen-Image, each as core's own template runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Encode(NamedTuple):
    """Core's node that encodes the global prompt together with the picture.

    Attributes:
        image: its input for the picture.
        refers: it makes the picture a reference too.
        reads: instructions may be encoded with the picture too.
    """

    kind: str
    image: str
    refers: bool = False
    reads: bool = False


class Editor(NamedTuple):
    """What core's official template of a model says.

    Attributes:
        model: its name for people.
        files: model, text encoder and VAE, of ``loaders.FILES``.
        kind: CLIPLoader's type.
        words: what the note says of it.
        encode: None where the picture is a reference alone.
        method: how it is told to look at references.
        guidance: FluxGuidance, on both prompts.
        second_cfg: CFG of the picture, where that has one of its own.
        changes: nodes on the model, with their inputs, in their order.
    """

    model: str
    files: tuple[str, str, str]
    kind: str
    words: str
    steps: int
    cfg: float
    sampler: str = "euler"
    scheduler: str = "simple"
    encode: Encode | None = None
    method: str | None = None
    guidance: float | None = None
    second_cfg: float | None = None
    changes: tuple[tuple[str, Mapping[str, Any]], ...] = ()


EDITORS: Mapping[str, Editor] = {
    "mice_krea2_edit": Editor(
        "Krea 2",
        (
            "krea2_turbo_fp8_scaled.safetensors",
            "qwen3vl_4b_fp8_scaled.safetensors",
            "qwen_image_vae.safetensors",
        ),
        "krea2",
        "Krea 2 edits by a LoRA: core's own takes the style of the picture; choose another in "
        "*Load LoRA*. *FluxKontextMultiReferenceLatentMethod* must stand behind the prompt, or "
        "Krea 2 does not look at the picture.",
        8,
        1.0,
        encode=Encode("TextEncodeQwenImageEditPlus", "image1"),
        method="index_timestep_zero",
        changes=(
            ("LoraLoaderModelOnly", {"lora_name": "krea2_style_reference.safetensors"}),
            ("ModelSamplingFlux", {"max_shift": 1.15, "base_shift": 0.5}),
        ),
    ),
    "mice_omnigen2_edit": Editor(
        "OmniGen2",
        ("omnigen2_fp16.safetensors", "qwen_2.5_vl_fp16.safetensors", "ae.safetensors"),
        "omnigen2",
        "OmniGen2 has two guidances, one for the words and one for the picture: *DualCFGGuider* "
        "gets the prompt, the negative with the picture, and the negative without it.",
        20,
        5.0,
        second_cfg=2.0,
    ),
    "mice_boogu_edit": Editor(
        "Boogu",
        (
            "boogu_image_edit_fp8_scaled.safetensors",
            "qwen3vl_8b_fp8_scaled.safetensors",
            "ae.safetensors",
        ),
        "boogu",
        "The text encoder reads the picture with the whole picture's prompt. The negative has the "
        "picture as a reference alone.",
        25,
        3.5,
        "dpmpp_2m",
        encode=Encode("TextEncodeBooguEdit", "images.image_1", refers=True),
        changes=(("ModelSamplingAuraFlow", {"shift": 3.16}),),
    ),
    "mice_mage_flow_edit": Editor(
        "Mage-Flow-Edit",
        (
            "mage_flow_edit_int8_convrot.safetensors",
            "qwen3vl_4b_bf16.safetensors",
            "mage_flow_vae_bf16.safetensors",
        ),
        "mage",
        "The text encoder reads the picture with every instruction (*grounded*).",
        30,
        5.0,
        encode=Encode("TextEncodeMageFlowEdit", "images.image_1", refers=True, reads=True),
    ),
    "mice_longcat_edit": Editor(
        "LongCat-Image-Edit",
        (
            "longcat_image_edit_bf16.safetensors",
            "qwen_2.5_vl_7b_fp8_scaled.safetensors",
            "ae.safetensors",
        ),
        "longcat_image",
        "The text encoder reads the picture with the whole picture's prompt.",
        50,
        4.5,
        encode=Encode("TextEncodeQwenImageEdit", "image"),
        method="index",
        guidance=4.5,
    ),
    "mice_joyimage_edit": Editor(
        "JoyAI-Image-Edit",
        (
            "joyai_image_edit_int8_convrot.safetensors",
            "qwen3vl_8b_joyimage_edit_int8_convrot.safetensors",
            "wan_2.1_vae.safetensors",
        ),
        "joyimage",
        "The text encoder reads the picture with the whole picture's prompt.",
        40,
        4.0,
        scheduler="normal",
        encode=Encode("TextEncodeJoyImageEdit", "images.image0"),
        changes=(("CFGNorm", {"strength": 1.0, "pre_cfg": True}),),
    ),
}
"""By the name of the workflow."""
