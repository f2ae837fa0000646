"""BiasRecipe: regions, method and schedule become biases once the layout is known."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.attention import TokenLayout, idattn_bias, mice_bias
from instance_edit.attention.recipe import BiasRecipe
from instance_edit.attention.schedule import equal_stages, parse_stages
from instance_edit.attention.window import inside_steps
from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.tests.naive_bias import Scene, naive_idattn

REGIONS = (
    InstanceRegion("a", box=Box(0.0, 0.0, 0.5, 0.5)),
    InstanceRegion("b", box=Box(0.5, 0.5, 1.0, 1.0), strength=2.0, start=0.5),
)
KINDS = {kind: partial(idattn_bias, kind=kind) for kind in ("dis", "har")}
RECIPE = BiasRecipe("IDAttn", REGIONS, KINDS, equal_stages(("har", "dis", "har")))
LAYOUT = TokenLayout((1, 1, 1), (2, 2), ((2, 2),))


def test_it_builds_what_the_method_builds_from_the_same_masks() -> None:
    masks = torch.tensor([[[1, 0], [0, 0]], [[0, 0], [0, 1]]], dtype=torch.bool)
    wanted = idattn_bias(LAYOUT, masks, kind="dis", strengths=[1.0, 2.0])
    found = RECIPE.build("dis", LAYOUT, (True, True))
    assert torch.equal(found.dense(), wanted.dense())


def test_an_instance_is_active_inside_its_steps_window() -> None:
    assert RECIPE.active(inside_steps(0.0)) == (True, False)
    assert RECIPE.active(inside_steps(0.75)) == (True, True)


def test_only_a_recipe_with_a_window_needs_to_know_the_step() -> None:
    assert RECIPE.timed
    assert not replace(RECIPE, regions=REGIONS[:1]).timed
    assert replace(RECIPE, regions=REGIONS[:1], end=0.5).timed


def test_a_schedule_of_a_deeper_model_is_refused_with_the_depth_of_this_one() -> None:
    recipe = replace(RECIPE, stages=parse_stages("har 0-18, dis 19-37, har 38-56", list(KINDS)))
    assert recipe.kinds(57) == RECIPE.kinds(57)
    with pytest.raises(ValueError, match="19-37 ends past the last of the model's 25 blocks"):
        recipe.kinds(25)


def test_a_share_too_small_for_the_model_is_refused() -> None:
    recipe = replace(RECIPE, stages=parse_stages("dis 0%-1%", list(KINDS)))
    assert recipe.kinds(57)[:2] == ("dis", "off")
    with pytest.raises(ValueError, match="none of the model's 25 blocks"):
        recipe.kinds(25)


def test_runs_that_overlap_in_this_model_are_refused() -> None:
    recipe = replace(RECIPE, stages=parse_stages("har 0-18, dis 0%-100%", list(KINDS)))
    with pytest.raises(ValueError, match="'har 0-18' and 'dis 0%-100%' .* 57 blocks"):
        recipe.kinds(57)


def test_a_reference_belongs_to_its_instance() -> None:
    recipe = replace(RECIPE, regions=(REGIONS[0], replace(REGIONS[1], reference=1)))
    assert recipe.reference_owners(3) == (None, 1, None)


def test_a_reference_that_is_not_there_is_refused() -> None:
    recipe = replace(RECIPE, regions=(replace(REGIONS[0], reference=2),))
    with pytest.raises(ValueError, match="owns reference image 3, but the conditioning holds 1"):
        recipe.reference_owners(1)


def test_the_last_reference_there_is_can_be_owned_and_the_next_one_cannot() -> None:
    recipe = replace(RECIPE, regions=(replace(REGIONS[0], reference=1),))
    assert recipe.reference_owners(2) == (None, 0)
    with pytest.raises(ValueError, match="owns reference image 2, but the conditioning holds 1"):
        recipe.reference_owners(1)


SHORT = st.sampled_from([0.0, 0.25, 0.5, 0.75])


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5), SHORT, SHORT), min_size=1))
def test_every_picture_is_rasterised_on_the_part_of_its_grid_that_it_spans(
    pictures: list[tuple[int, int, float, float]],
) -> None:
    """Latent and references miss quarters of a token at the bottom and at the right, each its own;
    a box takes every token that it touches."""
    grids = [(h, w) for h, w, _, _ in pictures]
    extents = [(h - rows, w - columns) for h, w, rows, columns in pictures]
    layout = TokenLayout((1, 1, 1), grids[0], tuple(grids[1:]))
    recipe = replace(RECIPE, regions=(REGIONS[0], InstanceRegion("b", box=Box(0.5, 0.5, 1, 1))))
    masks, references, _ = recipe.place(layout, (True, True), extents)
    for found, (h, w), (rows, columns) in zip([masks, *references], grids, extents, strict=True):
        for y in range(h):
            for x in range(w):
                assert bool(found[0, y, x]) == (y < rows / 2 and x < columns / 2)
                assert bool(found[1, y, x]) == (y + 1 > rows / 2 and x + 1 > columns / 2)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.booleans(), min_size=2, max_size=2), SHORT, SHORT, st.sampled_from(["dis", "har"])
)
def test_windows_strengths_and_extents_reach_the_method_as_the_naive_loops_have_them(
    active: tuple[bool, bool], rows: float, columns: float, kind: str
) -> None:
    layout = TokenLayout((2, 1, 2), (3, 4), ((4, 3), (2, 2)))
    extents = [(3 - rows, 4 - columns), (4 - columns, 3 - rows), (2.0, 2.0)]
    regions = (REGIONS[0], replace(REGIONS[1], reference=1))
    recipe = replace(RECIPE, regions=regions)
    grids = [layout.latent_grid, *layout.reference_grids]
    masks = [
        torch.stack([region.on_grid(grid, extent) for region in regions])
        for grid, extent in zip(grids, extents, strict=True)
    ]
    scene = Scene(layout.text_lengths, masks[0], masks[1:], (None, 1), [1.0, 2.0], active)
    found = recipe.build(kind, layout, active, extents)
    assert torch.equal(found.dense(), naive_idattn(scene, kind))


def test_a_reference_owned_twice_is_refused() -> None:
    recipe = replace(RECIPE, regions=tuple(replace(r, reference=0) for r in REGIONS))
    with pytest.raises(ValueError, match="owned by instances 1 and 2"):
        recipe.reference_owners(1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": 0.5, "end": 0.5}, "start < end"),
        ({"stages": equal_stages(("soft",))}, "soft"),
        ({"stages": equal_stages(("off", "off"))}, "every stage is off"),
    ],
)
def test_a_recipe_without_effect_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(RECIPE, **changes)


def test_mice_takes_masks_of_every_reference_grid() -> None:
    layout = TokenLayout((1, 1, 1), (4, 4), ((2, 2), (8, 8)))
    recipe = BiasRecipe("MICE", REGIONS, {"mice": mice_bias}, equal_stages(("mice",)))
    dense = recipe.build("mice", layout, (True, True)).dense()
    seen = dense[layout.reference_span(1), layout.text_span(1)][:, 0] == 0
    assert seen.reshape(8, 8)[:4, :4].all()
    assert seen.sum() == 16
