"""A miniature in this process (`add_comfyui_to_path` comes first)."""

from __future__ import annotations

from pathlib import Path

import torch

from ..demo.weights import load_weights
from ..host.demo_clip import demo_clip
from ..host.demo_model import miniature_vae
from ..host.loading import load_model
from ..tools.in_process import node_runner
from .studio import Studio


def demo_studio(steps: int = 4) -> Studio:
    """The shipped miniature behind the pack's and core's nodes."""
    run = node_runner()
    model, clip, vae = run("InstanceEditDemoModelLoader")
    return Studio(run, model, clip, vae, steps)


def weights_studio(path: Path, steps: int = 4) -> Studio:
    """A miniature that is not shipped (yet), behind the same nodes."""
    weights = load_weights(path)
    model = load_model(weights.model, torch.float32)
    return Studio(node_runner(), model, demo_clip(weights.text), miniature_vae(weights), steps)
