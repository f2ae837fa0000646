"""The shipped weights: one safetensors file with the flow model, the text encoder and the codec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from .codec import Decoder, LinearEncoder
from .flux import Flux
from .taesd import taesd_state
from .text import TextEncoder

WEIGHTS = Path(__file__).parent / "weights" / "demo.safetensors"
State = dict[str, Tensor]


@dataclass(frozen=True)
class DemoWeights:
    """State dicts: ``model`` with FLUX.1's names, ``text`` and ``decoder`` (bfloat16), the
    encoder in float32.
    """

    model: State
    text: State
    decoder: State
    encoder: LinearEncoder

    def vae_state(self) -> State:
        """The codec as a TAESD state dict for ``comfy.sd.VAE``."""
        return taesd_state(self.encoder, self.decoder)

    def flow(self) -> Flux:
        """The flow model in float32."""
        model = Flux()
        model.load_state_dict(self.model)
        return model.eval().requires_grad_(False)

    def text_encoder(self) -> TextEncoder:
        """The text encoder in float32."""
        encoder = TextEncoder()
        encoder.load_state_dict(self.text)
        return encoder.eval().requires_grad_(False)

    def codec(self) -> tuple[LinearEncoder, Decoder]:
        """The linear encoder and the decoder in float32."""
        decoder = Decoder()
        decoder.load_state_dict(self.decoder)
        return self.encoder, decoder.eval().requires_grad_(False)


def save_weights(weights: DemoWeights, path: Path = WEIGHTS) -> None:
    """Write the file; everything but the linear encoder is rounded to bfloat16."""
    parts = {"model": weights.model, "text": weights.text, "decoder": weights.decoder}
    tensors = {
        f"{part}.{key}": value.detach().cpu().to(torch.bfloat16).contiguous()
        for part, state in parts.items()
        for key, value in state.items()
    }
    tensors |= {
        "encoder.mean": weights.encoder.mean,
        "encoder.projection": weights.encoder.projection,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    path.chmod(0o644)  # safetensors keeps its files private


def load_weights(path: Path = WEIGHTS) -> DemoWeights:
    """Read the file that save_weights wrote."""
    tensors = load_file(path)

    def part(name: str) -> State:
        return {
            key[len(name) + 1 :]: value
            for key, value in tensors.items()
            if key.startswith(f"{name}.")
        }

    return DemoWeights(
        part("model"), part("text"), part("decoder"), LinearEncoder(**part("encoder"))
    )
