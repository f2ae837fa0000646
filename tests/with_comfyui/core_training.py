"""Core's Train LoRA as one call, on every ComfyUI that has the node."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, core_node
from instance_edit.tests.with_comfyui.core import run_core

TRAINING = {
    "batch_size": 1,
    "steps": 2,
    "grad_accumulation_steps": 1,
    "learning_rate": 0.1,
    "rank": 2,
    "optimizer": "SGD",
    "loss_function": "MSE",
    "seed": 1,
    "training_dtype": "fp32",
    "lora_dtype": "fp32",
    "quantized_backward": False,
    "algorithm": "LoRA",
    "gradient_checkpointing": True,
    "checkpoint_depth": 1,
    "offloading": False,
    "existing_lora": "[None]",
    "bucket_mode": False,
    "bypass_mode": False,
}
"""Its settings in float32."""


def train_lora(
    model: ModelPatcher, latents: list[Any], positive: list[Any], **settings: Any
) -> dict[str, Tensor]:
    """The LoRA that it trains, by key.

    Args:
        latents, positive: one of each per picture.
        settings: other than TRAINING; what an older ComfyUI has no input for is left out.
    """
    known = {one.id for one in core_node("TrainLoraNode").GET_SCHEMA().inputs}
    given = {**TRAINING, **settings}
    wrapped = {name: [value] for name, value in given.items() if name in known}
    made, *_ = run_core(
        "TrainLoraNode", model=[model], latents=latents, positive=positive, **wrapped
    )
    return made
