"""Every method that is compared, built from nodes as a workflow would.

ComfyUI is imported: `add_comfyui_to_path` comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

from ...nodes.methods import METHODS as OFFERED
from ...nodes.methods import dense_mice, idattn, mice
from ...nodes.methods.face import BiasMethod
from ..studio import EditTask, Latent, Studio
from .baselines import BASELINES, Method, one_forward

Regions = Callable[[Studio, EditTask], Any]
Variation = tuple[Mapping[str, Any], Regions]
LOOSE = 14  # pixels on every side of a box that somebody drew in a hurry
REAL_TOKENS: Mapping[str, Any] = {"text_length": "real tokens"}
PADDED: Mapping[str, Any] = {"text_length": "fixed", "length": 24}  # no instruction is longer


def masked_regions(studio: Studio, task: EditTask, exact: bool = False) -> Any:
    """Regions from the task's masks, or from its silhouettes."""
    return studio.run(
        "InstanceEditRegionsFromMasks",
        masks=task.silhouettes if exact else task.masks,
        instructions="\n".join(task.instructions),
        strength=1.0,
        start=0.0,
        end=1.0,
    )[0]


def boxed_regions(studio: Studio, task: EditTask) -> Any:
    """Regions from the task's boxes."""
    height, width = task.picture.shape[1:3]
    return studio.run(
        "InstanceEditRegionsFromBoxes",
        boxes=[list(box) for box in task.boxes],
        width=width,
        height=height,
        instructions="\n".join(task.instructions),
        strength=1.0,
        start=0.0,
        end=1.0,
    )[0]


def loose_regions(studio: Studio, task: EditTask) -> Any:
    """Regions from boxes that are LOOSE pixels larger on every side, within the picture."""
    height, width = task.picture.shape[1:3]
    loose = tuple(
        (max(0, x1 - LOOSE), max(0, y1 - LOOSE), min(width, x2 + LOOSE), min(height, y2 + LOOSE))
        for x1, y1, x2, y2 in task.boxes
    )
    return boxed_regions(studio, replace(task, boxes=loose))


exact_regions = partial(masked_regions, exact=True)


def compared(
    method: BiasMethod,
    changes: Mapping[str, Any] | None = None,
    regions: Regions = masked_regions,
    patch: Callable[[Studio, Any], Any] | None = None,
    text_length: Mapping[str, Any] = REAL_TOKENS,
) -> Method:
    """The pack's own chain with one method, as its node offers it but for ``changes``.

    Args:
        regions: makes the instances' regions from a task.
        text_length: what Multi-Prompt Encode keeps of every instruction.
        patch: what else is done to the model, behind Apply Instance Attention.
    """

    def edit(studio: Studio, task: EditTask) -> Latent:
        found = regions(studio, task)
        conditioning, *_ = studio.run(
            "InstanceEditMultiPromptEncode",
            clip=studio.clip,
            regions=found,
            global_prompt="",
            text_length=dict(text_length),
        )
        model = biased_model(studio, found, method, changes)
        model = patch(studio, model) if patch else model
        return studio.sample(model, studio.refer(conditioning, task.reference), task)

    return Method(edit, one_forward)


def biased_model(
    studio: Studio, regions: Any, method: BiasMethod, changes: Mapping[str, Any] | None = None
) -> Any:
    """The model with a method's bias for these regions; ``changes`` of its inputs by their ids."""
    (recipe,) = studio.run(
        "InstanceEditBuildBias",
        regions=regions,
        method={"method": method.name, **method.defaults, **(changes or {})},
        overlap="shared",
        start=0.0,
        end=1.0,
        blocks="",
    )
    return studio.run("InstanceEditApplyAttention", model=studio.model, bias=recipe)[0]


VARIATIONS: dict[str, dict[str, Variation]] = {
    mice.METHOD.key: {
        "mice": ({}, masked_regions),
        "mice_boxes": ({}, boxed_regions),
        "mice_loose": ({}, loose_regions),
        "mice_hard": ({"kernel_size": 1}, masked_regions),
        "mice_exact": ({}, exact_regions),
    },
    dense_mice.METHOD.key: {
        "mice_tau8": ({}, masked_regions),
        "mice_tau8_exact": ({}, exact_regions),
    },
    idattn.METHOD.key: {
        **{
            f"idattn_{'_'.join(kinds)}": (
                dict(zip(idattn.THIRDS, kinds, strict=True)),
                masked_regions,
            )
            for kinds in product(("har", "dis"), repeat=3)
        },
        "idattn_har_dis_har_boxes": ({}, boxed_regions),
        "idattn_har_dis_har_loose": ({}, loose_regions),
        "idattn_har_dis_har_exact": ({}, exact_regions),
    },
}


def offered_methods() -> dict[str, Method]:
    """Every method of Build Disentangled Bias: its variations, or else its defaults."""
    return {
        label: compared(method, *variation)
        for method in OFFERED.values()
        for label, variation in VARIATIONS.get(
            method.key, {method.key: ({}, masked_regions)}
        ).items()
    }


ENCODINGS: dict[str, Method] = {
    "mice_padded": compared(mice.METHOD, text_length=PADDED),
}
METHODS: dict[str, Method] = {**BASELINES, **offered_methods(), **ENCODINGS}
