"""Everything that a workflow may hold beside Apply Instance Attention, each with its verdict.

``right``: an instance does not notice another's words, by one bit. ``whole picture``: the patch
mixes the whole picture by what it is. README, *Beside other nodes*, says the same.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from instance_edit.tests.with_comfyui import foreign_forwards as foreign
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, hooks
from instance_edit.tests.with_comfyui.composed import (
    Latent,
    Patch,
    Sampled,
    by_ksampler,
    no_instance,
    through,
)
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    random_conditioning,
    run_core,
    sample,
)
from instance_edit.tests.with_comfyui.newer_core import block_sparse, deaf_backend, model_backend
from instance_edit.tests.with_comfyui.test_composition import with_lora
from instance_edit.tests.with_comfyui.test_parts import calling, tiles
from instance_edit.tests.with_comfyui.tiny_controlnets import controlled
from instance_edit.tools.model_shapes import TEXT_WIDTH

BOTH_WHOLE = ("whole picture", "whole picture")
REFUSED = ("refused", "refused")
GUIDED = by_ksampler(cfg=2.0)


def schedule(model: ModelPatcher, steps: int) -> Tensor:
    inputs = {"scheduler": "simple", "steps": steps, "denoise": 1.0}
    return run_core("BasicScheduler", model=model, **inputs)[0]


def advanced(guider: str, prompts: dict[str, str], split: bool = False, **inputs: Any) -> Sampled:
    """Core's SamplerCustomAdvanced under one of core's guiders.

    Args:
        prompts: inputs of the guider, each the positive or the negative.
        split: in two parts, as Split Sigmas makes them.
    """

    def run(
        model: ModelPatcher, positive: Conditioning, negative: Conditioning, latent: Latent, n: int
    ) -> Tensor:
        texts = {"positive": positive, "negative": negative}
        given = {name: texts[which] for name, which in prompts.items()}
        sigmas = schedule(model, n)
        parts = run_core("SplitSigmas", sigmas=sigmas, step=1) if split else (sigmas,)
        noise = run_core("RandomNoise", noise_seed=3)[0]
        for part in parts:
            latent = run_core(
                "SamplerCustomAdvanced",
                noise=noise,
                guider=run_core(guider, model=model, **given, **inputs)[0],
                sampler=run_core("KSamplerSelect", sampler_name="euler")[0],
                sigmas=part,
                latent_image=latent,
            )[0]
            noise = run_core("DisableNoise")[0]
        return latent["samples"]

    return run


def sampler_custom(
    model: ModelPatcher, positive: Conditioning, negative: Conditioning, latent: Latent, n: int
) -> Tensor:
    return run_core(
        "SamplerCustom",
        model=model,
        add_noise=True,
        noise_seed=3,
        cfg=1.0,
        positive=positive,
        negative=negative,
        sampler=run_core("KSamplerSelect", sampler_name="euler")[0],
        sigmas=schedule(model, n),
        latent_image=latent,
    )[0]["samples"]


def in_two_samplers(
    model: ModelPatcher, positive: Conditioning, negative: Conditioning, latent: Latent, n: int
) -> Tensor:
    """Core's KSampler (Advanced), from 0 to 1 and from 1 on."""
    for start, end in ((0, 1), (1, 10000)):
        [latent] = run_core(
            "KSamplerAdvanced",
            model=model,
            add_noise="enable" if start == 0 else "disable",
            noise_seed=3,
            steps=n,
            cfg=1.0,
            sampler_name="euler",
            scheduler="simple",
            positive=positive,
            negative=negative,
            latent_image=latent,
            start_at_step=start,
            end_at_step=end,
            return_with_leftover_noise="enable" if start == 0 else "disable",
        )
    return latent["samples"]


def masked(latent: Latent) -> Latent:
    return run_core("SetLatentNoiseMask", samples=latent, mask=no_instance())[0]


def inpainting(conditioning: Conditioning) -> Conditioning:
    flux1 = conditioning[0][0].shape[-1] == TEXT_WIDTH
    encoded = torch.zeros(1, 16 if flux1 else 128, 8, 8)
    return run_core(
        "InpaintModelConditioning",
        positive=conditioning,
        negative=conditioning,
        pixels=torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(1)),
        vae=SimpleNamespace(encode=lambda _: encoded.clone()),
        mask=no_instance(),
        noise_mask=True,
    )[0]


def redux(conditioning: Conditioning, **how: Any) -> Conditioning:
    width = conditioning[0][0].shape[-1]
    tokens = torch.randn(1, 5, width, generator=torch.Generator().manual_seed(4))
    return run_core(
        "StyleModelApply",
        conditioning=conditioning,
        style_model=SimpleNamespace(get_cond=lambda _: tokens.clone()),
        clip_vision_output=None,
        **{"strength": 1.0, "strength_type": "multiply", **how},
    )[0]


def plain_negative(
    model: ModelPatcher, positive: Conditioning, _: Conditioning, latent: Latent, n: int
) -> Tensor:
    """CFG with a prompt of CLIP Text Encode as negative, which has no instances."""
    negative = random_conditioning(model, tokens=10, seed=9)
    return sample(model, positive, negative, latent, cfg=2.0, steps=n)


def lora_hooks(conditioning: Conditioning) -> Conditioning:
    """Create Hook LoRA and Cond Set Props, on a weight that both families have alike."""
    generator = torch.Generator().manual_seed(3)
    up, down = torch.randn(768, 4, generator=generator), torch.randn(4, 256, generator=generator)
    key = "diffusion_model.double_blocks.0.img_attn.qkv"
    lora = {f"{key}.lora_up.weight": up * 0.1, f"{key}.lora_down.weight": down}
    made = hooks.create_hook_lora(lora=lora, strength_model=1.0, strength_clip=0.0)
    how = {"strength": 1.0, "set_cond_area": "default", "hooks": made}
    return run_core("ConditioningSetProperties", cond_NEW=conditioning, **how)[0]


def merged_first(model: ModelPatcher) -> ModelPatcher:
    return run_core("ModelMergeSimple", model1=model, model2=with_lora(model), ratio=0.5)[0]


def merged_second(model: ModelPatcher) -> ModelPatcher:
    """Beside the model from before our patch."""
    first = model.clone()
    first.wrappers.clear()
    return run_core("ModelMergeSimple", model1=first, model2=model, ratio=0.5)[0]


CACHE = {"reuse_threshold": 0.2, "start_percent": 0.15, "end_percent": 0.95, "verbose": False}
PATCHES: dict[str, Patch] = {
    "nothing": Patch(),
    "BasicGuider with RandomNoise": Patch(
        run=advanced("BasicGuider", {"conditioning": "positive"})
    ),
    "CFGGuider (negative of Multi-Prompt Encode)": Patch(
        run=advanced("CFGGuider", {"positive": "positive", "negative": "negative"}, cfg=2.0)
    ),
    "CFG with a plain negative": Patch(run=plain_negative, verdicts=BOTH_WHOLE, one_step=True),
    "DualCFGGuider (negative of Multi-Prompt Encode)": Patch(
        run=advanced(
            "DualCFGGuider",
            {"cond1": "positive", "cond2": "positive", "negative": "negative"},
            cfg_conds=2.0,
            cfg_cond2_negative=1.5,
            style="regular",
        )
    ),
    "SplitSigmas": Patch(run=advanced("BasicGuider", {"conditioning": "positive"}, split=True)),
    "SamplerCustom": Patch(run=sampler_custom),
    "KSampler (Advanced) in parts": Patch(run=in_two_samplers),
    "denoise < 1": Patch(run=by_ksampler(denoise=0.5)),
    "Set Latent Noise Mask": Patch(latent=masked),
    "Differential Diffusion": Patch(through("DifferentialDiffusion", strength=1.0), latent=masked),
    "InpaintModelConditioning": Patch(positive=inpainting),
    "Apply Style Model (Redux)": Patch(positive=redux),
    "ControlNet": Patch(
        positive=controlled, verdicts=("whole picture", "not in core"), one_step=True
    ),
    "EasyCache": Patch(through("EasyCache", **CACHE), verdicts=BOTH_WHOLE, one_step=True),
    "LazyCache": Patch(through("LazyCache", **CACHE), verdicts=BOTH_WHOLE, one_step=True),
    "FluxKVCache": Patch(through("FluxKVCache"), verdicts=("not in core", "right")),
    "LoRAs": Patch(with_lora),
    "LoRA hooks": Patch(positive=lora_hooks),
    "ModelSamplingFlux": Patch(
        through("ModelSamplingFlux", max_shift=1.15, base_shift=0.5, width=64, height=64)
    ),
    "TorchCompileModel": Patch(through("TorchCompileModel", backend="eager")),
    "RescaleCFG": Patch(through("RescaleCFG", multiplier=0.7), run=GUIDED, verdicts=BOTH_WHOLE),
    "APG": Patch(
        through("APG", eta=0.5, norm_threshold=5.0, momentum=0.0), run=GUIDED, verdicts=BOTH_WHOLE
    ),
    "TCFG": Patch(through("TCFG"), run=GUIDED, verdicts=BOTH_WHOLE),
    "CFGZeroStar": Patch(through("CFGZeroStar"), run=GUIDED, verdicts=BOTH_WHOLE),
    "Skip Layer Guidance (DiT)": Patch(
        through(
            "SkipLayerGuidanceDiT",
            double_layers="0",
            single_layers="0",
            scale=3.0,
            start_percent=0.0,
            end_percent=1.0,
            rescaling_scale=0.0,
        ),
        run=GUIDED,
    ),
    "ModelMergeSimple with the patched model first": Patch(merged_first),
    "ModelMergeSimple with the patched model second": Patch(
        merged_second,
        run=advanced("BasicGuider", {"conditioning": "positive"}),
        verdicts=REFUSED,
        message="nothing in this model reads them",
        orders=("after",),
    ),
    "BlockSparseAttention of newer ComfyUI": Patch(block_sparse, stand_in=True),
    "ModelAttentionBackend of newer ComfyUI": Patch(model_backend, stand_in=True),
    "a backend that drops masks": Patch(deaf_backend, stand_in=True),
    "context windows": Patch(
        through(
            "ContextWindowsManual",
            context_length=4,
            context_overlap=1,
            context_schedule="standard_static",
            context_stride=1,
            closed_loop=False,
            fuse_method="pyramid",
            dim=2,
            freenoise=False,
            cond_retain_index_list="",
            split_conds_to_windows=False,
        ),
        verdicts=REFUSED,
        message="sees a part of it",
    ),
    "tiled diffusion": Patch(
        lambda model: calling(model, tiles), verdicts=REFUSED, message="sees a part of it"
    ),
    "Conditioning Set Area": Patch(
        positive=lambda c: run_core(
            "ConditioningSetArea", conditioning=c, width=32, height=32, x=0, y=0, strength=1.0
        )[0],
        verdicts=REFUSED,
        message="part of",
    ),
    "packs with a class of their own (ReFlux)": Patch(
        foreign.swapped_class, verdicts=REFUSED, message="ReFlux"
    ),
    "packs with a forward of their own (TeaCache)": Patch(
        foreign.own_forward(), verdicts=REFUSED, message="without what Apply Instance Attention"
    ),
}
