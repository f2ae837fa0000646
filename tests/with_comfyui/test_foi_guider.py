"""FoI Guider: when its regions take part, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instance_edit.attention.window import inside_steps
from instance_edit.host import foi_attention as foi_seam
from instance_edit.host.foi_attention import FoISettings, cached_masks
from instance_edit.tests.with_comfyui.core import random_latent
from instance_edit.tests.with_comfyui.editing import Editor
from instance_edit.tests.with_comfyui.test_foi import TWO, guide, run


def test_regions_of_other_instructions_are_refused(pack_nodes, flux1_deep):
    regions = Editor(pack_nodes).regions(("a", "b"))
    with pytest.raises(ValueError, match="the regions are for"):
        guide(pack_nodes, flux1_deep, regions)


def test_a_model_with_instance_attention_is_refused(pack_nodes, flux1_deep):
    editor = Editor(pack_nodes)
    regions = editor.regions(TWO)
    biased = editor.apply(flux1_deep, editor.bias(regions))
    with pytest.raises(ValueError, match="from before Apply Instance Attention"):
        guide(pack_nodes, biased, regions)


def test_a_regions_window_ends_for_foi_where_it_ends_for_every_other_method(pack_nodes):
    """Just before the end of the window it is over, and an end of 1 includes the last call."""
    regions = Editor(pack_nodes).regions(TWO)
    early, late = replace(regions[0], end=0.5), replace(regions[1], start=0.5)
    masks_for = cached_masks(FoISettings((early, late), 1.0, 1, 1.0))

    def taking_part(progress):
        inside = inside_steps(progress)
        masks = masks_for((4.0, 4.0), inside)
        assert [inside(r.start, r.end) for r in (early, late)] == [
            bool(mask.any()) for mask in masks
        ]
        return [bool(mask.any()) for mask in masks]

    assert taking_part(0.25) == [True, False]
    assert taking_part(0.4999999) == [False, True]
    assert taking_part(0.5) == [False, True]
    assert taking_part(1.0) == [False, True]


def test_region_masks_are_made_once_per_set_that_takes_part(pack_nodes, flux1_deep, monkeypatch):
    made = []
    real = foi_seam.region_masks

    def spy(regions, grid, extent, **options):
        made.append((grid, options["active"]))
        return real(regions, grid, extent, **options)

    monkeypatch.setattr(foi_seam, "region_masks", spy)
    first, second = Editor(pack_nodes).regions(TWO)
    regions = (replace(first, end=0.5), second)
    run(guide(pack_nodes, flux1_deep, regions), random_latent(flux1_deep))
    assert sorted(made) == [((4, 4), (False, True)), ((4, 4), (True, True))]
