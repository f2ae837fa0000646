"""Every way to sample with the pack does without float64 on a device."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from instance_edit.attention.lqr_highlight import highlight_region
from instance_edit.mask_ops.otsu import otsu_threshold
from instance_edit.mask_ops.smoothing import smooth_masks
from instance_edit.mask_ops.token_grid import grid_coverage
from instance_edit.tests.with_comfyui import on_device as device
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher
from instance_edit.tests.with_comfyui.core import random_conditioning, random_latent, sample
from instance_edit.tests.with_comfyui.editing import MICE, Editor, idattn
from instance_edit.tests.with_comfyui.locating import locate_by_contrast, locate_instances
from instance_edit.tests.with_comfyui.on_device import OnDevice, on_device
from instance_edit.tests.with_comfyui.sessions import ON, Session
from instance_edit.tests.with_comfyui.test_foi import TWO, guide, run
from instance_edit.tests.with_comfyui.test_window_by import two_spans

Nodes = dict[str, type]


def instance_attention(nodes: Nodes, model: ModelPatcher) -> Tensor:
    editor, positive, latent = Editor(nodes), two_spans(model), random_latent(model)
    for method in (MICE, idattn("har", "dis", "har")):
        bias = editor.bias(editor.regions(TWO, end=0.7), method, window_by="noise level")
        out = sample(editor.apply(model, bias), positive, positive, latent)
    return out


def inversion(nodes: Nodes, model: ModelPatcher) -> Tensor:
    session, edit = Session(nodes, model), random_conditioning(model)
    return session.run(session.inversion(), edit, random_latent(model), seed=1)["samples"]


def lqr(nodes: Nodes, model: ModelPatcher) -> Tensor:
    session, edit = Session(nodes, model), random_conditioning(model)
    sampler = session.lqr(session.memory(random_latent(model, seed=3)), ON, tolerance=0.1)
    return session.run(sampler, edit, random_latent(model))["samples"]


def foi(nodes: Nodes, model: ModelPatcher) -> Tensor:
    return run(guide(nodes, model, Editor(nodes).regions(TWO)), random_latent(model))


def iid(nodes: Nodes, model: ModelPatcher) -> Tensor:
    return locate_instances(nodes, model)[3]["samples"]


def contrast(nodes: Nodes, model: ModelPatcher) -> Tensor:
    return locate_by_contrast(nodes, model)[0]


@pytest.mark.parametrize("name", ["flux1_deep", "flux2"])
@pytest.mark.parametrize("way", [instance_attention, inversion, lqr, foi, iid, contrast])
def test_it_samples_the_same_on_a_device_without_float64(
    pack_nodes, request, name: str, way: Callable[[Nodes, ModelPatcher], Tensor]
) -> None:
    model = request.getfixturevalue(name)
    torch.testing.assert_close(way(pack_nodes, on_device(model)), way(pack_nodes, model))


def test_the_masks_own_functions_do_without_it(monkeypatch) -> None:
    monkeypatch.setattr(device, "in_the_pack", lambda: True)
    masks = torch.rand(2, 24, 24, generator=torch.Generator().manual_seed(0))
    placed = masks.as_subclass(OnDevice)
    assert torch.equal(otsu_threshold(placed.flatten(1)), otsu_threshold(masks.flatten(1)))
    assert torch.equal(smooth_masks(placed, 3), smooth_masks(masks, 3))
    assert torch.equal(grid_coverage(placed, (5, 5)), grid_coverage(masks, (5, 5)))
    assert highlight_region(placed.flatten(1)[None]).any()


@pytest.mark.parametrize("widen", [Tensor.double, lambda x: x.to(torch.float64)])
def test_such_a_device_refuses_float64(monkeypatch, widen: Callable[[Tensor], Tensor]) -> None:
    monkeypatch.setattr(device, "in_the_pack", lambda: True)
    with pytest.raises(TypeError, match="float64"):
        widen(torch.ones(2).as_subclass(OnDevice))
