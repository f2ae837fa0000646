"""Files of the folder ``loras``: what is in them for one model, layer by layer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import comfy.lora
import comfy.lora_convert
import comfy.utils
import comfyui_version
import folder_paths
from comfy.weight_adapter.base import WeightAdapterBase

from ..mask_ops.instance_lora import RegionLora
from ..mask_ops.json_fields import shown
from .folders import digest
from .lora_forward import DORA, Adapter

FOLDER = "loras"
INSIDE = "diffusion_model."
TEXT_ENCODER = ("lora_te", "text_encoder", "te_", "te1_", "te2_", "clip_")
"""How keys of text encoders begin."""


@dataclass(frozen=True)
class LoadedLora:
    """What a file holds for one model.

    Attributes:
        layers: name of a layer in the diffusion model -> its adapters.
        left_out: what of it cannot act on single tokens, in words.
    """

    layers: Mapping[str, tuple[Adapter, ...]]
    left_out: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of all adapters' weights."""
        return sum(one.nbytes for several in self.layers.values() for one in several)


def lora_names() -> list[str]:
    """The files that ComfyUI lists."""
    return folder_paths.get_filename_list(FOLDER)


def lora_path(name: str) -> Path:
    """Where a file is.

    Raises:
        ValueError: no such file.
    """
    path = folder_paths.get_full_path(FOLDER, name)
    if path is None:
        known = ", ".join(lora_names()[:5]) or "none"
        raise ValueError(
            f"a LoRA must be a file of ComfyUI's folder '{FOLDER}', got {shown(name)}, which is "
            f"not there (there are: {known}). Put it there, or choose another."
        )
    return Path(path)


def file_hash(name: str) -> str:
    """sha256 of a file of the folder, in hexadecimal digits."""
    path = lora_path(name)
    state = path.stat()
    return _hash(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _hash(path: Path, *_: int) -> str:
    return digest(path)


def require_forward_form() -> None:
    """Refuse a ComfyUI whose weight adapters can only be merged into weights.

    Raises:
        ValueError: with its version.
    """
    if not hasattr(WeightAdapterBase, "h"):
        raise ValueError(
            "Instance LoRA needs weight adapters that act in the forward, which ComfyUI "
            f"{comfyui_version.__version__} does not have. Update ComfyUI, or load the LoRA for "
            "the whole picture with LoraLoaderModelOnly."
        )


def read_lora(lora: RegionLora) -> dict[str, Any]:
    """The tensors of a file by their keys.

    Raises:
        ValueError: no such file, another one than was chosen, or no file of tensors.
    """
    path = lora_path(lora.file)
    if lora.sha256 and file_hash(lora.file) != lora.sha256:
        raise ValueError(
            f"the LoRA {shown(lora.file)} is another file than when its region was made. Run the "
            "node again that chose it (change any of its inputs), or put the old file back."
        )
    try:
        read: Any = comfy.utils.load_torch_file(str(path), safe_load=True)
    except Exception as broken:
        raise ValueError(
            f"the LoRA {shown(lora.file)} cannot be read ({broken}). It must be a safetensors file "
            "of a LoRA: download it again, or choose another."
        ) from broken
    return read


def load_lora(lora: RegionLora, base: Any) -> LoadedLora:
    """What a file holds for a model.

    Args:
        base: ComfyUI's ``BaseModel``.

    Raises:
        ValueError: a ComfyUI that is too old, no such file, or none that fits the model.
    """
    require_forward_form()
    tensors = read_lora(lora)
    converted = comfy.lora_convert.convert_lora(tensors)
    keys = comfy.lora.model_lora_keys_unet(base, {})
    found = comfy.lora.load_lora(converted, keys, log_missing=False)
    layers: dict[str, list[Adapter]] = {}
    changes = 0
    for key, value in found.items():
        name, adapter = _adapter_of(key, value)
        if adapter is None:
            changes += 1
        else:
            layers.setdefault(name, []).append(adapter)
    if not layers:
        like = shown(next(iter(tensors), ""))
        raise ValueError(
            f"the LoRA {shown(lora.file)} fits no layer of {type(base.diffusion_model).__name__} "
            f"that it could act on token by token; its keys are like {like}. Choose one that was "
            "trained for this model."
        )
    told = [*_text_encoder(tensors), *_changes(changes)]
    return LoadedLora({name: tuple(several) for name, several in layers.items()}, tuple(told))


def _adapter_of(key: Any, value: Any) -> tuple[str, Adapter | None]:
    """Name of a layer, and what core read for it; None where that cannot act on single tokens."""
    whole, part, reorders = (
        (key, None, False) if isinstance(key, str) else (key[0], key[1], key[2:])
    )
    name = str(whole).removeprefix(INSIDE).removesuffix(".weight")
    if not isinstance(value, WeightAdapterBase) or reorders:
        return name, None
    outputs = None if part is None else (part[1], part[2])
    if part is not None and part[0] != 0:
        return name, None
    adapter = Adapter(value, outputs)
    return name, None if _is_beyond(adapter) else adapter


def _is_beyond(adapter: Adapter) -> bool:
    """Forms that core's forward leaves out: a new shape, DoRA elsewhere, a part of a rewriting."""
    core = adapter.core
    if core.calculate_shape("") is not None or (adapter.part is not None and adapter.rewrites):
        return True
    elsewhere = {"glora": 5, "oft": 3, "boft": 3}.get(core.name)
    if core.name not in DORA and elsewhere is None:
        return True
    return elsewhere is not None and core.weights[elsewhere] is not None


def _text_encoder(keys: Iterable[str]) -> list[str]:
    theirs = [key for key in keys if key.startswith(TEXT_ENCODER)]
    return [f"{len(theirs)} keys of the text encoder ({theirs[0]} ..)"] if theirs else []


def _changes(count: int) -> list[str]:
    """Norms, biases, whole weights and other changes that are no adapters."""
    return [f"{count} changes that core can only merge (biases, norms, new shapes)"] * bool(count)
