"""Every compared method runs through core's sampler, and costs the predictions it states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from instance_edit.benchmarks.leak.methods import METHODS, VARIATIONS
from instance_edit.benchmarks.studio import EditTask, Studio
from instance_edit.nodes.methods import METHODS as OFFERED
from instance_edit.tests.with_comfyui.comfyui import CLIP, ModelPatcher, WrappersMP
from instance_edit.tools.in_process import node_runner

STEPS = 2
RUN = node_runner()


def two_instances() -> EditTask:
    masks = torch.zeros(2, 64, 64)
    masks[0, :32, :32] = masks[1, 32:, 32:] = 1
    generator = torch.Generator().manual_seed(0)
    return EditTask(
        picture=torch.rand(1, 64, 64, 3, generator=generator),
        reference={"samples": torch.randn(1, 16, 8, 8, generator=generator)},
        instructions=("a red cat", "a big dog"),
        joined="a red cat and a big dog",
        joined_with_locations="a red cat at top left and a big dog at bottom right",
        masks=masks,
        silhouettes=masks * (torch.arange(64) % 32 < 16),
        boxes=((4, 4, 12, 12), (32, 32, 60, 60)),
        seed=0,
        instructions_with_locations=("a red cat at top left", "a big dog at bottom right"),
    )


@pytest.fixture
def predictions(flux1: ModelPatcher) -> Iterator[list[int]]:
    """Pictures predicted in every forward of ``flux1`` so far."""
    counts: list[int] = []

    def count(executor: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        counts.append(x.shape[0])
        return executor(x, *args, **kwargs)

    flux1.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "count", count)
    yield counts


@pytest.mark.parametrize("name", list(METHODS))
def test_a_method_edits_and_costs_what_it_says(
    name: str, flux1: ModelPatcher, tiny_clip_flux1: CLIP, predictions: list[int]
) -> None:
    studio, task = Studio(RUN, flux1, tiny_clip_flux1, None, STEPS), two_instances()
    samples = METHODS[name].edit(studio, task)["samples"]
    assert samples.shape == task.reference["samples"].shape
    assert samples.isfinite().all()
    assert sum(predictions) == STEPS * METHODS[name].forwards(2)
    again = METHODS[name].edit(studio, task)["samples"]
    assert torch.equal(samples, again)


def test_methods_differ(flux1: ModelPatcher, tiny_clip_flux1: CLIP) -> None:
    studio, task = Studio(RUN, flux1, tiny_clip_flux1, None, STEPS), two_instances()
    results = {name: method.edit(studio, task)["samples"] for name, method in METHODS.items()}
    names = list(results)
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            assert not torch.equal(results[name], results[other]), (name, other)


def test_every_method_of_the_node_is_compared() -> None:
    for method in OFFERED.values():
        labels = VARIATIONS.get(method.key, {method.key: None})
        assert labels and labels.keys() <= METHODS.keys(), method.name
    assert {"mice", "mice_tau8", "mice_boxes", "iid", "released_mice"} < METHODS.keys()
    regions = ("exact", "boxes", "loose")
    schedules = {n for n in METHODS if n.startswith("idattn_") and not n.endswith(regions)}
    assert len(schedules) == 8
    assert VARIATIONS.keys() <= {method.key for method in OFFERED.values()}
