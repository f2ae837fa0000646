"""BiasRecipe: regions, method and schedule become biases once the layout is known."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from instance_edit.attention import TokenLayout, idattn_bias, mice_bias
from instance_edit.attention.recipe import BiasRecipe
from instance_edit.attention.schedule import equal_stages, parse_stages
from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.regions import InstanceRegion

REGIONS = (
    InstanceRegion("a", box=Box(0.0, 0.0, 0.5, 0.5)),
    InstanceRegion("b", box=Box(0.5, 0.5, 1.0, 1.0), strength=2.0, start=0.5),
)
KINDS = {kind: partial(idattn_bias, kind=kind) for kind in ("dis", "har")}
RECIPE = BiasRecipe("IDAttn", REGIONS, KINDS, equal_stages(("har", "dis", "har")))
LAYOUT = TokenLayout((1, 1, 1), (2, 2), ((2, 2),))


def test_it_builds_what_the_method_builds_from_the_same_masks():
    masks = torch.tensor([[[1, 0], [0, 0]], [[0, 0], [0, 1]]], dtype=torch.bool)
    wanted = idattn_bias(LAYOUT, masks, kind="dis", strengths=[1.0, 2.0])
    found = RECIPE.build("dis", LAYOUT, (True, True))
    assert torch.equal(found.dense(), wanted.dense())


def test_an_instance_is_active_inside_its_steps_window():
    assert RECIPE.active(0.0) == (True, False)
    assert RECIPE.active(0.75) == (True, True)


def test_only_a_recipe_with_a_window_needs_to_know_the_step():
    assert RECIPE.timed
    assert not replace(RECIPE, regions=REGIONS[:1]).timed
    assert replace(RECIPE, regions=REGIONS[:1], end=0.5).timed


def test_a_schedule_of_a_deeper_model_is_refused_with_the_depth_of_this_one():
    recipe = replace(RECIPE, stages=parse_stages("har 0-18, dis 19-37, har 38-56", list(KINDS)))
    assert recipe.kinds(57) == RECIPE.kinds(57)
    with pytest.raises(ValueError, match="19-37 ends past the last of the model's 25 blocks"):
        recipe.kinds(25)


def test_a_share_too_small_for_the_model_is_refused():
    recipe = replace(RECIPE, stages=parse_stages("dis 0%-1%", list(KINDS)))
    assert recipe.kinds(57)[:2] == ("dis", "off")
    with pytest.raises(ValueError, match="none of the model's 25 blocks"):
        recipe.kinds(25)


def test_runs_that_overlap_in_this_model_are_refused():
    recipe = replace(RECIPE, stages=parse_stages("har 0-18, dis 0%-100%", list(KINDS)))
    with pytest.raises(ValueError, match="'har 0-18' and 'dis 0%-100%' .* 57 blocks"):
        recipe.kinds(57)


def test_a_reference_belongs_to_its_instance():
    recipe = replace(RECIPE, regions=(REGIONS[0], replace(REGIONS[1], reference=1)))
    assert recipe.reference_owners(3) == (None, 1, None)


def test_a_reference_that_is_not_there_is_refused():
    recipe = replace(RECIPE, regions=(replace(REGIONS[0], reference=2),))
    with pytest.raises(ValueError, match="owns reference image 3, but the conditioning holds 1"):
        recipe.reference_owners(1)


def test_a_reference_owned_twice_is_refused():
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
def test_a_recipe_without_effect_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(RECIPE, **changes)


def test_mice_takes_masks_of_every_reference_grid():
    layout = TokenLayout((1, 1, 1), (4, 4), ((2, 2), (8, 8)))
    recipe = BiasRecipe("MICE", REGIONS, {"mice": mice_bias}, equal_stages(("mice",)))
    dense = recipe.build("mice", layout, (True, True)).dense()
    seen = dense[layout.reference_span(1), layout.text_span(1)][:, 0] == 0
    assert seen.reshape(8, 8)[:4, :4].all()
    assert seen.sum() == 16
