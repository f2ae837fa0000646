"""No query may ever see nothing, whatever the method, the windows and the owners."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.attention import (
    TokenLayout,
    idattn_bias,
    mice_bias,
    released_mice_bias,
)
from instance_edit.attention.dense_mice import dense_mice_bias
from instance_edit.attention.execute.plan import BiasPlan
from instance_edit.attention.iid import iid_bias
from instance_edit.attention.naive_mice import naive_mice_bias
from instance_edit.attention.recipe import BiasBuilder, BiasRecipe
from instance_edit.attention.schedule import equal_stages
from instance_edit.attention.window import inside_steps
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.tests.bias_cases import scenes, told
from instance_edit.tests.naive_bias import Scene

BUILDERS: dict[str, BiasBuilder] = {
    "mice": mice_bias,
    "mice that sees global": partial(mice_bias, instances_see_global=True),
    "naive mice": naive_mice_bias,
    "dense mice": dense_mice_bias,
    "released mice": released_mice_bias,
    "released mice, smooth": partial(released_mice_bias, smooth_P_L=True),
    "released mice, free": partial(released_mice_bias, free_context=True),
    "idattn dis": partial(idattn_bias, kind="dis"),
    "idattn har": partial(idattn_bias, kind="har"),
    "iid": iid_bias,
}
EVERY = pytest.mark.parametrize("name", BUILDERS)
WINDOWS = ((0.0, 1.0), (0.0, 0.5), (0.5, 1.0), (0.25, 0.75))


@EVERY
@given(case=scenes())
def test_every_token_sees_itself(name: str, case: tuple[TokenLayout, Scene]) -> None:
    layout, scene = case
    bias = BUILDERS[name](layout, scene.masks, **told(scene))
    itself = bias.dense().diagonal()
    assert bool((itself == 0).all()) or "smooth" in name
    assert bool(itself.isfinite().all())
    assert BiasPlan(bias).blind is None


@EVERY
@settings(max_examples=20)
@given(data=st.data(), progress=st.sampled_from([0.0, 0.3, 0.6, 0.9]))
def test_outside_its_window_a_reference_sees_itself_and_nobody_sees_it(
    name: str, data: st.DataObject, progress: float
) -> None:
    masks = torch.zeros(2, 1, 32, 32, dtype=torch.bool)
    masks[0, 0, :16], masks[1, 0, 8:] = True, True
    owned = data.draw(st.permutations([0, 1, None]))[:2]
    windows = [data.draw(st.sampled_from(WINDOWS)) for _ in owned]
    regions = tuple(
        InstanceRegion("a", mask=mask, reference=reference, start=start, end=end)
        for mask, reference, (start, end) in zip(masks, owned, windows, strict=True)
    )
    recipe = BiasRecipe("any", regions, {"kind": BUILDERS[name]}, equal_stages(("kind",)))
    layout = TokenLayout((2, 1, 1), (4, 4), ((3, 3), (2, 4)))
    active = recipe.active(inside_steps(progress))
    dense = recipe.build("kind", layout, active).dense()
    assert bool((dense > -math.inf).any(1).all())
    for takes_part, reference in zip(active, owned, strict=True):
        if reference is None or takes_part:
            continue
        own = torch.zeros(layout.total, dtype=torch.bool)
        own[layout.reference_span(reference)] = True
        assert bool((dense[own][:, own] == 0).all())
        assert bool((dense[own][:, ~own] == -math.inf).all())
        assert bool((dense[~own][:, own] == -math.inf).all())
