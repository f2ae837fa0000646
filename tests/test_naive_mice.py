"""MICE with a plain Gaussian, and with the temperature for dense scenes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.attention import TokenLayout, mice_bias
from instance_edit.attention.dense_mice import dense_mice_bias
from instance_edit.attention.naive_mice import naive_mice_bias
from instance_edit.tests.bias_cases import assert_same_bias, scenes, told
from instance_edit.tests.naive_bias import Scene, naive_mice


@settings(max_examples=80, deadline=None)
@given(scenes(), st.sampled_from([1, 3, 5]), st.sampled_from([1.0, 8.0]), st.booleans())
def test_it_equals_the_naive_loops(
    case: tuple[TokenLayout, Scene], size: int, tau: float, see_global: bool
) -> None:
    layout, scene = case
    found = naive_mice_bias(
        layout,
        scene.masks,
        kernel_size=size,
        temperature=tau,
        instances_see_global=see_global,
        **told(scene),
    )
    wanted = naive_mice(scene, size, tau, see_global=see_global, aware=False)
    assert_same_bias(found.dense(), wanted)


def test_a_soft_edge_reaches_into_a_neighbour_and_only_there_it_differs_from_mice() -> None:
    masks = torch.zeros(2, 1, 6, dtype=torch.bool)
    masks[0, 0, 1:3], masks[1, 0, 3:5] = True, True
    layout = TokenLayout((1, 1, 1), (1, 6))
    naive, aware = (build(layout, masks).dense() for build in (naive_mice_bias, mice_bias))
    first = layout.latent_span.start
    inner, neighbour, beyond = first + 2, first + 3, first + 5
    assert naive[inner, neighbour] > -3 and aware[inner, neighbour] == math.log(1e-30)
    differs = (naive != aware).nonzero().tolist()
    assert [inner, neighbour] in differs and [neighbour, inner] in differs
    assert all(beyond not in pair and first not in pair for pair in differs)


@pytest.mark.parametrize("option", [{}, {"temperature": 2.0}, {"instances_see_global": True}])
def test_for_many_instances_mice_takes_a_temperature_of_8_unless_told_otherwise(
    option: dict[str, float],
) -> None:
    masks = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(0)) > 0.6
    layout = TokenLayout((2, 1, 1, 2), (4, 4), ((4, 4),))
    found = dense_mice_bias(layout, masks, **option)
    assert torch.equal(
        found.dense(), mice_bias(layout, masks, **{"temperature": 8.0, **option}).dense()
    )
