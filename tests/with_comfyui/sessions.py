"""An editing session as a user builds it from the pack's nodes and core's."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from instance_edit.sampling.lqr import TurnMemory
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    random_conditioning,
    run_core,
    run_node,
)

Latent = dict[str, Tensor]
OFF = {"adaptive_attention": "off"}
ON = {
    "adaptive_attention": "on",
    "inside": 2.0,
    "outside": 0.8,
    "threshold": 0.3,
    "first_step": 2,
    "keywords": "",
}


class Session:
    """An editing session: the pack's nodes between core's, on one model."""

    def __init__(self, nodes: dict[str, type], model: ModelPatcher, steps: int = 4) -> None:
        self.nodes = nodes
        self.model = model
        (self.sigmas,) = run_core(
            "BasicScheduler", model=model, scheduler="simple", steps=steps, denoise=1.0
        )

    def run(
        self,
        sampler: Any,
        conditioning: Conditioning,
        latent: Latent,
        seed: int | None = None,
        negative: Conditioning | None = None,
        model: ModelPatcher | None = None,
    ) -> Latent:
        """SamplerCustomAdvanced's first output; no seed: Disable Noise."""
        patched = model or self.model
        if negative is None:
            (guider,) = run_core("BasicGuider", model=patched, conditioning=conditioning)
        else:
            prompts = {"positive": conditioning, "negative": negative}
            (guider,) = run_core("CFGGuider", model=patched, cfg=2.0, **prompts)
        noise = "DisableNoise" if seed is None else "RandomNoise"
        options = {} if seed is None else {"noise_seed": seed}
        return run_core(
            "SamplerCustomAdvanced",
            noise=run_core(noise, **options)[0],
            guider=guider,
            sampler=sampler,
            sigmas=self.sigmas,
            latent_image=latent,
        )[0]

    def inversion(self, gamma: float = 0.5) -> Any:
        return run_node(self.nodes["InstanceEditFlowInversion"], gamma=gamma)[0]

    def memory(self, latent: Latent, turn: TurnMemory | None = None) -> TurnMemory:
        options = {} if turn is None else {"turn": turn}
        return run_node(self.nodes["InstanceEditTurnMemory"], latent=latent, **options)[0]

    def lqr(self, turn: TurnMemory, adaptive: dict[str, Any] = OFF, **options: Any) -> Any:
        inputs = {"eta": 0.9, "lqr_steps": 2, "previous_weight": 0.7, **options}
        node = self.nodes["InstanceEditDualLQRSampler"]
        return run_node(node, turn=turn, adaptive_attention=adaptive, **inputs)[0]

    def turn(
        self,
        latent: Latent,
        edit: Conditioning,
        memory: TurnMemory | None = None,
        seed: int = 0,
        model: ModelPatcher | None = None,
        **options: Any,
    ) -> tuple[Latent, TurnMemory]:
        """One whole turn, as the group of nodes that a user copies."""
        memory = self.memory(latent, memory)
        start = self.run(self.inversion(), random_conditioning(self.model, seed=9), latent, seed)
        return self.run(self.lqr(memory, **options), edit, start, model=model), memory
