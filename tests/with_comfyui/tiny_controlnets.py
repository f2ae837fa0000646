"""A FLUX.1 ControlNet small enough for a CPU, through core's own loader."""

from __future__ import annotations

import torch

from instance_edit.tests.with_comfyui.comfyui import controlnet, flux_controlnet, ops
from instance_edit.tests.with_comfyui.core import Conditioning, run_core
from instance_edit.tools.model_shapes import Shape, flux1
from instance_edit.tools.random_weights import seed_weights


def controlnet_weights() -> dict[str, torch.Tensor]:
    """A ControlNet in XLabs' form, as wide as the miniature FLUX.1, with one double block."""
    net = flux_controlnet.ControlNetFlux(
        **flux1(Shape(hidden=256, double=1, single=0)), operations=ops.disable_weight_init
    )
    seed_weights(net, seed=0)
    return {
        name.replace("_norm.weight", "_norm.scale"): value
        for name, value in net.state_dict().items()
    }


def controlled(conditioning: Conditioning, strength: float = 1.0) -> Conditioning:
    """The conditioning under core's Apply ControlNet (Advanced)."""
    picture = torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(2))
    return run_core(
        "ControlNetApplyAdvanced",
        positive=conditioning,
        negative=conditioning,
        control_net=controlnet.load_controlnet_flux_xlabs_mistoline(controlnet_weights()),
        image=picture,
        strength=strength,
        start_percent=0.0,
        end_percent=1.0,
    )[0]
