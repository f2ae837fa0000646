"""What the locator tests share: a conditioning with spans and the nodes as calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from instance_edit.host.carrier import attach_spans
from instance_edit.prompts.spans import PromptSpans
from instance_edit.tests.with_comfyui.comfyui import samplers
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    random_conditioning,
    random_latent,
    reference,
    run_node,
)

INSTRUCTIONS = ("a red cat", "a big dog", "a blue hat")
LENGTHS = (4, 3, 4, 3)
SIGMAS = torch.tensor([1.0, 0.8, 0.6, 0.4, 0.2, 0.0])


def spans_for(
    model: Any,
    lengths: Sequence[int] = LENGTHS,
    instructions: Sequence[str] = INSTRUCTIONS,
    seed: int = 1,
    references: int = 0,
) -> Conditioning:
    """Random text of the right width with spans in it: no text encoder needed."""
    conditioning = random_conditioning(model, tokens=sum(lengths), seed=seed)
    latents = [random_latent(model, seed=10 + r) for r in range(references)]
    spans = PromptSpans(tuple(lengths), tuple(instructions))
    return reference(attach_spans(conditioning, spans), *latents)


def locate_instances(nodes: Mapping[str, type], model: Any, **changes: Any) -> tuple[Any, ...]:
    inputs = {
        "conditioning": spans_for(model),
        "latent": random_latent(model),
        "sigmas": SIGMAS,
        "noise_seed": 3,
        "sampler": samplers.sampler_object("euler"),
        "steps": 2,
        "cfg": 1.0,
        "blocks": "",
        "branches_at_once": 0,
        **changes,
    }
    return run_node(nodes["InstanceEditLocateInstances"], model=model, **inputs)


def locate_instruction(
    nodes: Mapping[str, type], model: Any, clip: Any, **changes: Any
) -> tuple[Any, ...]:
    inputs = {
        "conditioning": spans_for(model),
        "latent": random_latent(model),
        "sigmas": SIGMAS,
        "noise_seed": 3,
        "keywords": "",
        "threshold": 0.5,
        "read_from": "latent",
        "step": 1,
        "blocks": "",
        **changes,
    }
    return run_node(nodes["InstanceEditLocateInstruction"], model=model, clip=clip, **inputs)


def locate_by_contrast(nodes: Mapping[str, type], model: Any, **changes: Any) -> tuple[Any, ...]:
    inputs = {
        "conditioning": spans_for(model),
        "latent": random_latent(model),
        "sigmas": SIGMAS,
        "noise_seed": 3,
        "sampler": samplers.sampler_object("euler"),
        "steps": 2,
        **changes,
    }
    return run_node(nodes["InstanceEditLocateByContrast"], model=model, **inputs)
