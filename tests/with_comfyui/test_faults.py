"""An interrupt, or no memory left, anywhere in our code: the next run is as if nothing was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.tests.with_comfyui import locating
from instance_edit.tests.with_comfyui.comfyui import model_management
from instance_edit.tests.with_comfyui.core import ModelPatcher, random_latent, reference, sample
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.faults import Run, left_on, places_of, run_with_fault
from instance_edit.tests.with_comfyui.sessions import ON, Session
from instance_edit.tests.with_comfyui.test_foi import TWO, guide
from instance_edit.tests.with_comfyui.test_foi import run as run_guider
from instance_edit.tests.with_comfyui.test_instance_attention import spans_for

Nodes = Mapping[str, type]
Job = Callable[[Nodes, ModelPatcher], Run]


def biased(nodes: Nodes, model: ModelPatcher) -> Run:
    """Apply Instance Attention, with a reference and a steps window."""
    editor = Editor(nodes)
    regions = editor.regions(end=0.9)
    patched = editor.apply(model, editor.bias(regions, idattn("har", "dis", "har")))
    conditioning = reference(spans_for(model, regions), random_latent(model, seed=5))
    latent = random_latent(model)
    return lambda: (sample(patched, conditioning, conditioning, latent),)


def guided(nodes: Nodes, model: ModelPatcher) -> Run:
    """FoI Guider."""
    guider = guide(nodes, model, Editor(nodes).regions(TWO))
    return lambda: (run_guider(guider, random_latent(model)),)


def branches(nodes: Nodes, model: ModelPatcher) -> Run:
    """Locate Instances."""
    return lambda: tensors(
        locating.locate_instances(nodes, model, sigmas=torch.tensor([1.0, 0.5, 0.0]), steps=1)
    )


def contrast(nodes: Nodes, model: ModelPatcher) -> Run:
    """Locate by Velocity Contrast."""
    return lambda: tensors(locating.locate_by_contrast(nodes, model))


def turn(nodes: Nodes, model: ModelPatcher) -> Run:
    """Flow Inversion, then Dual-LQR Sampler with adaptive attention."""
    session = Session(dict(nodes), model, steps=3)
    edit = locating.spans_for(model)
    return lambda: (session.turn(random_latent(model), edit, adaptive=ON)[0]["samples"],)


def tensors(values: tuple[Any, ...]) -> tuple[Tensor, ...]:
    return tuple(value for value in values if isinstance(value, Tensor))


def interrupt() -> BaseException:
    return model_management.InterruptProcessingException()


def out_of_memory() -> BaseException:
    return torch.OutOfMemoryError("out of memory")


@pytest.mark.parametrize("job", [biased, guided, branches, contrast, turn])
def test_after_a_fault_at_any_call_of_the_seam_a_run_is_bit_equal(
    job: Job, pack_nodes: Nodes, flux1: ModelPatcher
) -> None:
    run = job(pack_nodes, flux1)
    wanted = run()
    places, before = places_of(run), left_on(flux1)
    assert len(places) > 5
    for number, where in enumerate(places):
        fault = (interrupt, out_of_memory)[number % 2]
        out = run_with_fault(run, where, fault())
        assert out is None, where
        assert left_on(flux1) == before, where
        assert same(run(), wanted), where


def same(found: tuple[Tensor, ...], wanted: tuple[Tensor, ...]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))
