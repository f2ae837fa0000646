"""Instance LoRA: a LoRA for the tokens of one instance alone."""

from typing import Any

from comfy_api.latest import io

from ..host.lora_files import file_hash, lora_names, require_forward_form
from ..mask_ops.instance_lora import LARGEST_RING, RegionLora
from ..mask_ops.json_fields import LARGEST_LORA
from ..mask_ops.naming import find_instance
from ..mask_ops.regions import InstanceRegion, with_lora
from .inputs.regions import require_regions
from .inputs.sockets import CATEGORY, Regions


class InstanceLoRA(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditLora",
            display_name="Instance LoRA",
            category=f"{CATEGORY}/regions",
            description="Gives one instance a LoRA of its own: it acts on that instance's tokens "
            "alone, in the same sampling pass. Chain several for several LoRAs.",
            search_aliases=["regional lora", "lora mask", "masked lora", "lora per region"],
            inputs=[
                Regions.Input("regions", tooltip="The instances. Encode them behind this node."),
                io.String.Input(
                    "instance",
                    default="1",
                    tooltip="Which instance gets the LoRA: its number (from 1), or its label.",
                ),
                io.Combo.Input(
                    "lora",
                    options=lora_names(),
                    tooltip="A file of the folder 'loras', trained for the model that samples. "
                    "Its text encoder's part is left out.",
                ),
                _strength(
                    "strength_image",
                    "the instance's tokens in the picture and in the reference images",
                ),
                _strength("strength_text", "the tokens of the instance's instruction"),
                io.Int.Input(
                    "ring",
                    default=0,
                    min=0,
                    max=LARGEST_RING,
                    advanced=True,
                    tooltip="Tokens (16 pixels) around the mask over which the LoRA falls off, "
                    "where no other instance is. 0 (neutral): it ends with the mask.",
                ),
            ],
            outputs=[Regions.Output(display_name="regions")],
        )

    @classmethod
    def fingerprint_inputs(cls, lora: str | None = None, **_: Any) -> str:
        return file_hash(lora) if lora in lora_names() else ""

    @classmethod
    def execute(
        cls,
        regions: tuple[InstanceRegion, ...],
        instance: str,
        lora: str,
        strength_image: float,
        strength_text: float,
        ring: int = 0,
    ) -> io.NodeOutput:
        require_forward_form()
        regions = require_regions(regions)
        number = find_instance(instance, [region.label for region in regions])
        own = RegionLora(lora, strength_image, strength_text, ring, file_hash(lora))
        return io.NodeOutput(with_lora(regions, number, own))


def _strength(name: str, where: str) -> io.Input:
    return io.Float.Input(
        name,
        default=1.0,
        min=-float(LARGEST_LORA),
        max=float(LARGEST_LORA),
        step=0.05,
        tooltip=f"How much the LoRA acts on {where}. 1: as the file says, 0 (neutral): not at all.",
    )
