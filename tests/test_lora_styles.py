"""The styles that the miniature's LoRAs learn, and who judges them."""

from __future__ import annotations

import pytest
import torch

from instance_edit.demo.scenes import render, sample_scenes
from instance_edit.demo.training.styles import STYLES, render_styled, shown_styles


@pytest.fixture
def scenes():
    return sample_scenes(8, torch.Generator().manual_seed(3), 9, 9)


def test_what_is_in_no_style_is_drawn_as_ever(scenes) -> None:
    none = torch.zeros(8, 9, dtype=torch.bool)
    for style in STYLES:
        assert torch.equal(render_styled(scenes, none, style), render(scenes))


def test_every_thing_is_seen_in_the_style_it_was_drawn_in(scenes) -> None:
    every = torch.ones(8, 9, dtype=torch.bool)
    assert not shown_styles(render(scenes), scenes).any()
    for number, style in enumerate(STYLES, start=1):
        shown = shown_styles(render_styled(scenes, every, style), scenes)
        assert bool((shown == number).all())


def test_a_style_that_is_none_is_refused(scenes) -> None:
    with pytest.raises(ValueError, match="must be one of hollow, half, got 'round'"):
        render_styled(scenes, torch.ones(8, 9, dtype=torch.bool), "round")
