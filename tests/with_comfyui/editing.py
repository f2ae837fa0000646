"""What a user builds with the pack's nodes, each as one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from instance_edit.nodes.methods import METHODS
from instance_edit.tests.with_comfyui.core import Conditioning, run_node

Method = Mapping[str, object]


def method_inputs(name: str, **changes: object) -> Method:
    """What the method's input holds: the choice and its inputs, at their defaults but for some."""
    return {"method": name, **METHODS[name].defaults, **changes}


MICE = method_inputs("MICE")
OPEN_MICE = method_inputs("MICE", epsilon=1.0, instances_see_global=True)


def idattn(early: str = "dis", middle: str = "dis", late: str = "dis") -> Method:
    return method_inputs("IDAttn", early=early, middle=middle, late=late)


def corner_masks(size: int = 64) -> torch.Tensor:
    """(2, size, size): top left and bottom right quarters."""
    masks = torch.zeros(2, size, size)
    masks[0, : size // 2, : size // 2] = 1
    masks[1, size // 2 :, size // 2 :] = 1
    return masks


class Editor:
    """The pack's nodes by what they do."""

    def __init__(self, nodes: Mapping[str, type]) -> None:
        self.nodes = nodes

    def regions(
        self,
        instructions: Sequence[str] = ("a red cat", "a big dog"),
        masks: torch.Tensor | None = None,
        **options: Any,
    ) -> tuple[Any, ...]:
        masks = corner_masks() if masks is None else masks
        inputs = {"strength": 1.0, "start": 0.0, "end": 1.0, **options}
        node = self.nodes["InstanceEditRegionsFromMasks"]
        return run_node(node, masks=masks, instructions="\n".join(instructions), **inputs)[0]

    def encode(
        self, clip: Any, regions: Sequence[Any], prompt: str = "a room", length: int | None = None
    ) -> Conditioning:
        return self.encode_all(clip, regions, prompt, length)[0]

    def encode_all(
        self,
        clip: Any,
        regions: Sequence[Any],
        prompt: str = "a room",
        length: int | None = None,
        kind: str = "real tokens",
        **options: Any,
    ) -> tuple[Any, ...]:
        """All outputs of Multi-Prompt Encode; a length stands for text_length 'fixed'."""
        text_length: dict[str, object] = {"text_length": kind}
        if length is not None:
            text_length = {"text_length": "fixed", "length": length}
        node = self.nodes["InstanceEditMultiPromptEncode"]
        inputs = {"regions": tuple(regions), "global_prompt": prompt, "text_length": text_length}
        return run_node(node, clip=clip, **inputs, **options)

    def bias(self, regions: Sequence[Any], method: Method = MICE, **options: Any) -> Any:
        inputs = {"overlap": "shared", "start": 0.0, "end": 1.0, "blocks": "", **options}
        node = self.nodes["InstanceEditBuildBias"]
        return run_node(node, regions=tuple(regions), method=dict(method), **inputs)[0]

    def apply(self, model: Any, bias: Any, **options: Any) -> Any:
        return run_node(
            self.nodes["InstanceEditApplyAttention"], model=model, bias=bias, **options
        )[0]
