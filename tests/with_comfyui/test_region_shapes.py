"""Regions of a picture of another shape than the one that is sampled: said, never guessed."""

from __future__ import annotations

import logging

import pytest
import torch

from instance_edit.host.regions import said_of_shapes
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.tests.with_comfyui.core import random_latent, sample
from instance_edit.tests.with_comfyui.editing import Editor, corner_masks
from instance_edit.tests.with_comfyui.test_fit_regions import fit


@pytest.fixture
def editor(pack_nodes: dict[str, type]) -> Editor:
    return Editor(pack_nodes)


def test_a_run_on_another_shape_says_so_once_and_one_with_fitted_regions_does_not(
    editor, flux1, tiny_clip_flux1, caplog
) -> None:
    wide = torch.nn.functional.pad(corner_masks(), (32, 32))
    drawn = editor.regions(masks=wide)
    fitted = fit(editor.nodes, drawn, "centre crop", width=64, height=64)[0]
    said = []
    for regions in (drawn, fitted):
        conditioning = editor.encode(tiny_clip_flux1, regions)
        patched = editor.apply(flux1, editor.bias(regions))
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="instance_edit"):
            sample(patched, conditioning, conditioning, random_latent(flux1), steps=2)
        said.append([r.getMessage() for r in caplog.records if "another shape" in r.getMessage()])
    assert len(said[0]) == 1 and not said[1]
    assert "instance 1 (128 x 64), 2 (128 x 64)" in said[0][0]
    assert "Put Fit Regions between them" in said[0][0]


def test_fitted_regions_sample_as_regions_of_the_cropped_picture(
    editor, flux1, tiny_clip_flux1
) -> None:
    wide = torch.nn.functional.pad(corner_masks(), (32, 32))
    fitted = fit(editor.nodes, editor.regions(masks=wide), "centre crop", width=64, height=64)[0]
    results = []
    for regions in (fitted, editor.regions()):
        conditioning = editor.encode(tiny_clip_flux1, regions)
        patched = editor.apply(flux1, editor.bias(regions))
        results.append(sample(patched, conditioning, conditioning, random_latent(flux1)))
    assert torch.equal(*results)


def test_what_vae_encode_cuts_off_is_no_other_shape() -> None:
    region = InstanceRegion("a", mask=torch.ones(743, 1000))
    assert said_of_shapes((region,), (46.0, 62.5)) is None
    assert "992 x 752 pixels" in str(said_of_shapes((region,), (47.0, 62.0)))
