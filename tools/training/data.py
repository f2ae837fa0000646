"""Model and samples as the pack's and core's own nodes make them, in this process."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch.nn.functional import interpolate

from ...demo.weights import WEIGHTS
from ...host.carrier import without_spans
from ...host.lora_training import TrainingSample
from ...mask_ops.drawn_regions import pixel_masks
from ...mask_ops.training_folder import Sample, SampleFiles
from ..demo.loaders import Loaders
from ..in_process import RunNode


def biased(run: RunNode, model: Any, method: Mapping[str, Any]) -> Any:
    """The model with a method's bias for the regions of each conditioning."""
    (bias,) = run(
        "InstanceEditBuildBias",
        method=dict(method),
        overlap="shared",
        start=0.0,
        end=1.0,
        blocks="",
    )
    return run("InstanceEditApplyAttention", model=model, bias=bias)[0]


def encode_sample(
    run: RunNode, sample: Sample, clip: Any, vae: Any, settings: Mapping[str, Any]
) -> TrainingSample:
    """What a sample is for the model: every instruction encoded alone, both pictures by the VAE."""
    conditioning, *_ = run(
        "InstanceEditMultiPromptEncode",
        clip=clip,
        regions=sample.regions,
        global_prompt=settings["prompt"],
        text_length={"text_length": "real tokens"},
        guidance=settings["guidance"],
        fit="off",
        vae=vae,
        image=sample.picture,
    )
    if settings["without_masks"]:
        conditioning = without_spans(conditioning)
    latent = run("VAEEncode", pixels=sample.edited, vae=vae)[0]["samples"]
    weight = None
    if settings["mask_weight"] != 1:
        covered = pixel_masks(sample.regions, sample.size).amax(0)[None, None]
        share = interpolate(covered, latent.shape[-2:], mode="area")
        weight = 1 + (settings["mask_weight"] - 1) * share
    return TrainingSample(conditioning, latent, weight)


def data_digest(samples: Sequence[SampleFiles]) -> str:
    """What the files of all samples come to."""
    content = hashlib.sha256()
    for sample in samples:
        for path in sample[1:]:
            content.update(f"{path.name} {path.stat().st_size}\n".encode())
            content.update(path.read_bytes())
    return content.hexdigest()


def weights_digest(loaders: Loaders, base: Path) -> str:
    """Names and sizes of the weights, which are too large to read for it."""
    files = sorted((base / "models").rglob("*")) if loaders.nodes else [WEIGHTS]
    told = [f"{path.name} {path.stat().st_size}" for path in files if path.is_file()]
    return ", ".join(told)
