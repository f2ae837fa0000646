"""A loaded model and the few steps that every method shares, each a node of core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

Conditioning = list[list[Any]]
Latent = dict[str, Tensor]


class RunNode(Protocol):
    """Runs a node by its id and returns its outputs."""

    def __call__(self, name: str, /, **inputs: Any) -> tuple[Any, ...]: ...


@dataclass(frozen=True)
class EditTask:
    """One picture and what its N instances shall become.

    Attributes:
        picture: (1, H, W, 3) float in [0, 1].
        reference: its latent.
        instructions: one per instance.
        joined, joined_with_locations: all instructions in one prompt.
        masks: (N, H, W) float in [0, 1], with a little room around each instance.
        silhouettes: the same without room.
        boxes: [x1, y1, x2, y2] in pixels, one per instance.
        seed: of the start noise.
        instructions_with_locations: one per instance, where they are needed.
    """

    picture: Tensor
    reference: Latent
    instructions: tuple[str, ...]
    joined: str
    joined_with_locations: str
    masks: Tensor
    silhouettes: Tensor
    boxes: tuple[tuple[int, ...], ...]
    seed: int
    instructions_with_locations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Studio:
    """Model, text encoder and VAE behind ComfyUI's nodes; ``steps`` of Euler at cfg 1.

    ``guidance`` is FLUX.1's and FLUX.2 dev's; 0 leaves it as it is.
    """

    run: RunNode
    model: Any
    clip: Any
    vae: Any
    steps: int = 4
    guidance: float = 0.0

    def prompt(self, text: str, reference: Latent | None) -> Conditioning:
        """One plain prompt, with the picture to edit if there is one."""
        (conditioning,) = self.run("CLIPTextEncode", clip=self.clip, text=text)
        return self.refer(conditioning, reference)

    def refer(self, conditioning: Conditioning, reference: Latent | None) -> Conditioning:
        """The conditioning with the picture to edit, if there is one, and the guidance."""
        if reference is not None:
            given = {"conditioning": conditioning, "latent": reference}
            (conditioning,) = self.run("ReferenceLatent", **given)
        if not self.guidance:
            return conditioning
        return self.run("FluxGuidance", conditioning=conditioning, guidance=self.guidance)[0]

    def sample(self, model: Any, conditioning: Conditioning, task: EditTask) -> Latent:
        """The edited latent, from noise; at cfg 1 the negative conditioning is never run."""
        (latent,) = self.run(
            "KSampler",
            model=model,
            seed=task.seed,
            steps=self.steps,
            cfg=1.0,
            sampler_name="euler",
            scheduler="simple",
            positive=conditioning,
            negative=conditioning,
            latent_image={"samples": torch.zeros_like(task.reference["samples"])},
            denoise=1.0,
        )
        return latent

    def sample_along(
        self, guider: Any, sampler: Any, sigmas: Tensor, latent: Latent, seed: int | None
    ) -> Latent:
        """Core's SamplerCustomAdvanced; without a seed the latent is not noised."""
        if seed is None:
            (noise,) = self.run("DisableNoise")
        else:
            (noise,) = self.run("RandomNoise", noise_seed=seed)
        sampled = self.run(
            "SamplerCustomAdvanced",
            noise=noise,
            guider=guider,
            sampler=sampler,
            sigmas=sigmas,
            latent_image=latent,
        )
        return sampled[0]

    def guider(self, conditioning: Conditioning, model: Any = None) -> Any:
        """Plain guidance by one conditioning, of the studio's model if no other is given."""
        chosen = self.model if model is None else model
        return self.run("BasicGuider", model=chosen, conditioning=conditioning)[0]

    def schedule(self) -> Tensor:
        """The sigmas of its steps, FLUX's "simple" ones."""
        inputs = {"scheduler": "simple", "steps": self.steps, "denoise": 1.0}
        return self.run("BasicScheduler", model=self.model, **inputs)[0]

    def euler(self) -> Any:
        """Euler's method, as a SAMPLER."""
        return self.run("KSamplerSelect", sampler_name="euler")[0]

    def encode(self, picture: Tensor) -> Latent:
        """(1, H, W, 3) -> its latent."""
        return self.run("VAEEncode", pixels=picture, vae=self.vae)[0]

    def decode(self, latents: list[Latent]) -> Tensor:
        """Latents of one size -> (B, 3, H, W) float in [0, 1]."""
        samples = torch.cat([latent["samples"] for latent in latents])
        (pictures,) = self.run("VAEDecode", samples={"samples": samples}, vae=self.vae)
        return pictures.movedim(-1, 1).float().clamp(0, 1).clone()
