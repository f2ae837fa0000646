"""Model and samples as the pack's and core's own nodes make them, in this process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import interpolate

from ...demo.weights import WEIGHTS
from ...host.carrier import without_spans
from ...host.core_nodes import core_nodes, extension_nodes, run_node
from ...host.lora_training import TrainingSample
from ...mask_ops.drawn_regions import pixel_masks
from ...mask_ops.training_folder import Sample, SampleFiles
from ..demo.loaders import LOADERS, Loaders
from ..load_pack import load_pack

RunNode = Callable[..., tuple[Any, ...]]


def node_runner() -> RunNode:
    """``run("VAEEncode", pixels=.., vae=..)`` gives a node's outputs, without gradients."""
    table = core_nodes() | extension_nodes(load_pack().comfy_entrypoint)

    @torch.no_grad()
    def run(name: str, /, **inputs: Any) -> tuple[Any, ...]:
        return run_node(table[name], **inputs)

    return run


def load_weights(run: RunNode, loaders: Loaders) -> tuple[Any, Any, Any]:
    """MODEL, CLIP and VAE: the given files, or the miniature that comes with the pack."""
    if not loaders.nodes:
        model, clip, vae = run("InstanceEditDemoModelLoader")
        return model, clip, vae
    nodes = [loaders.nodes[name] for name in LOADERS]
    model, clip, vae = (run(node["class_type"], **node["inputs"])[0] for node in nodes)
    return model, clip, vae


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
