"""The LoRAs of one sampling run: read when it is prepared, dropped when it ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from ..mask_ops.instance_lora import RegionLora
from ..mask_ops.naming import instance_name
from ..mask_ops.regions import InstanceRegion
from .carrier import carried_spans, every_cond
from .lora_files import LoadedLora, load_lora
from .lora_forward import Adapter


@dataclass
class Shelf:
    """LoRAs, each read once, and their weights where they are used."""

    files: dict[tuple[str, str], LoadedLora] = field(default_factory=dict)
    moved: dict[tuple[int, torch.device, torch.dtype], Adapter] = field(default_factory=dict)

    def take(self, lora: RegionLora, base: Any) -> LoadedLora:
        """What a file holds for a model.

        Raises:
            ValueError: see ``load_lora``.
        """
        key = (lora.file, lora.sha256)
        if key not in self.files:
            self.files[key] = load_lora(lora, base)
        return self.files[key]

    def on(self, adapter: Adapter, device: torch.device, dtype: torch.dtype) -> Adapter:
        """An adapter of a file of this shelf where it is used."""
        key = (id(adapter), device, dtype)
        if key not in self.moved:
            self.moved[key] = adapter.on(device, dtype)
        return self.moved[key]

    @property
    def nbytes(self) -> int:
        """Bytes of all files' weights."""
        return sum(one.nbytes for one in self.files.values())


def refuse_loras(regions: Sequence[InstanceRegion], node: str) -> None:
    """Refuse regions with LoRAs where none can act.

    Raises:
        ValueError: with the instance and its file.
    """
    for number, region in enumerate(regions, start=1):
        for lora in region.loras:
            raise ValueError(
                f"{instance_name(number, region.label)} has the LoRA {lora.file!r}, and LoRAs of "
                f"single instances act with Apply Instance Attention alone, not with {node}. "
                "Remove Instance LoRA, or load the file for the whole picture with "
                "LoraLoaderModelOnly."
            )


def shelf_for(
    model: Any,
    regions: Sequence[InstanceRegion],
    conds: Mapping[str, Sequence[dict[str, Any]]],
) -> Shelf:
    """The LoRAs of a run's instances, read.

    Args:
        regions: the bias's own, beside those of the conditionings.

    Raises:
        ValueError: a LoRA that does not fit the model.
    """
    carried = [one for cond in every_cond(conds) if (one := carried_spans(cond)) is not None]
    named = [region for one in carried for spans in one.items for region in spans.regions]
    shelf = Shelf()
    for region in (*named, *regions):
        for lora in region.loras:
            if lora.acts:
                shelf.take(lora, model.model)
    return shelf
