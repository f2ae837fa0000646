"""The shipped miniature in this process (`add_comfyui_to_path` comes first)."""

from __future__ import annotations

from ..tools.in_process import node_runner
from .studio import Studio


def demo_studio(steps: int = 4) -> Studio:
    """The shipped miniature behind the pack's and core's nodes."""
    run = node_runner()
    model, clip, vae = run("InstanceEditDemoModelLoader")
    return Studio(run, model, clip, vae, steps)
