"""MICE against its oracle and its own sentences; the golden vectors are the released code's."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.attention import TokenLayout, mice_bias
from instance_edit.tests.bias_cases import assert_same_bias, image_tokens, scenes, squares, told
from instance_edit.tests.naive_bias import Scene, naive_mice

FIELDS = st.tuples(
    st.sampled_from([1, 3, 5]), st.sampled_from([1.0, 8.0]), st.sampled_from([1e-30, 1e-6])
)


@settings(max_examples=80, deadline=None)
@given(scenes(), FIELDS, st.booleans())
def test_it_equals_the_naive_loops(
    case: tuple[TokenLayout, Scene], field: tuple[int, float, float], see_global: bool
) -> None:
    layout, scene = case
    found = mice_bias(
        layout,
        scene.masks,
        kernel_size=field[0],
        temperature=field[1],
        epsilon=field[2],
        instances_see_global=see_global,
        **told(scene),
    )
    assert_same_bias(found.dense(), naive_mice(scene, *field, see_global))


def test_its_defaults_are_the_papers() -> None:
    layout, masks = squares(reference=False)
    wanted = naive_mice(Scene(layout.text_lengths, masks), size=3, tau=1.0, epsilon=1e-30)
    assert_same_bias(mice_bias(layout, masks).dense(), wanted)


def test_the_released_codes_switches_are_not_taken() -> None:
    layout, masks = squares()
    for name in ("smooth_P_L", "free_context", "variant"):
        with pytest.raises(TypeError, match=name):
            mice_bias(layout, masks, **{name: True})


def test_an_instances_text_does_not_see_another_instances_text() -> None:
    layout, masks = squares(3)
    dense = mice_bias(layout, masks).dense()
    for n in range(1, 4):
        for m in range(4):
            if m != n:
                assert (dense[layout.text_span(n), layout.text_span(m)] == -math.inf).all()


def test_an_instances_latents_do_not_see_the_global_prompt() -> None:
    layout, masks = squares()
    dense = mice_bias(layout, masks).dense()
    rows = dense[image_tokens(layout, masks[0])]
    assert (rows[:, layout.text_span(0)] == -math.inf).all()
    free = mice_bias(layout, masks, instances_see_global=True).dense()
    assert (free[image_tokens(layout, masks[0])][:, layout.text_span(0)] == 0).all()
    assert (free[layout.text_span(1), layout.text_span(0)] == -math.inf).all()


def test_references_see_the_whole_picture_and_only_their_own_instances_text() -> None:
    layout, masks = squares()
    dense = mice_bias(layout, masks).dense()
    rows = dense[image_tokens(layout, masks[0], 0)]
    assert (rows[:, layout.latent_span] == 0).all()
    assert (rows[:, layout.text_span(1)] == 0).all()
    assert (rows[:, layout.text_span(2)] == -math.inf).all()


def test_a_higher_temperature_damps_less() -> None:
    layout, masks = squares()
    sharp = mice_bias(layout, masks, temperature=1.0).dense()
    soft = mice_bias(layout, masks, temperature=8.0).dense()
    damped = (sharp < 0) & (sharp > -math.inf)
    assert damped.any()
    assert (soft[damped] > sharp[damped]).all()


def test_strength_multiplies_the_attention_to_the_own_instruction_only() -> None:
    layout, masks = squares()
    neutral = mice_bias(layout, masks).dense()
    strong = mice_bias(layout, masks, strengths=[2.0, 1.0]).dense()
    changed = (neutral != strong) & ~(neutral.isinf() & strong.isinf())
    expected = torch.zeros_like(changed)
    queries = torch.cat([image_tokens(layout, masks[0], i) for i in ("latent", 0)])
    expected[queries, layout.text_span(1)] = True
    assert torch.equal(changed, expected)
    assert torch.allclose(strong[changed], torch.tensor(math.log(2.0)))


def test_strength_zero_hides_the_instruction_from_every_picture_token() -> None:
    layout, masks = squares()
    dense = mice_bias(layout, masks, strengths=[0.0, 1.0]).dense()
    assert (dense[layout.text_total :, layout.text_span(1)] == -math.inf).all()


def test_an_inactive_instance_behaves_as_background() -> None:
    layout, masks = squares()
    dense = mice_bias(layout, masks, active=[False, True]).dense()
    rows = dense[image_tokens(layout, masks[0])]
    assert (rows[:, layout.text_span(0)] == 0).all()
    assert (rows[:, layout.latent_span] == 0).all()
    others = torch.ones(layout.total, dtype=torch.bool)
    others[layout.text_span(1)] = False
    assert (dense[others][:, layout.text_span(1)] == -math.inf).all()


def test_every_query_sees_at_least_one_key() -> None:
    layout, masks = squares(3)
    masks[1] |= masks[0]
    for strengths in (None, [0.0, 0.0, 0.0]):
        dense = mice_bias(layout, masks, strengths=strengths).dense()
        assert (dense > -math.inf).any(1).all()


def test_an_owned_reference_is_seen_by_its_instance_alone() -> None:
    layout = TokenLayout((2, 2, 2), (4, 4), ((4, 4), (2, 2)))
    _, masks = squares()
    dense = mice_bias(layout, masks, reference_owners=[None, 1]).dense()
    seers = (dense[:, layout.reference_span(1)] > -math.inf).all(1)
    wanted = torch.zeros(layout.total, dtype=torch.bool)
    wanted[layout.text_span(2)] = True
    wanted[layout.reference_span(1)] = True
    for image in ("latent", 0):
        wanted[image_tokens(layout, masks[1], image)] = True
    assert torch.equal(seers, wanted)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0.0}, "temperature must be finite and > 0, got 0.0"),
        ({"temperature": math.inf}, "temperature must be finite and > 0, got inf"),
        ({"epsilon": -1.0}, "epsilon must be finite and > 0"),
        ({"epsilon": math.inf}, "epsilon must be finite and > 0"),
        ({"epsilon": math.nan}, "epsilon must be finite and > 0"),
        ({"kernel_size": 4}, "odd"),
        ({"strengths": [1.0]}, "strengths"),
        ({"strengths": [1.0, -2.0]}, "strengths"),
        ({"strengths": [1.0, math.inf]}, "strengths must be 2 finite numbers"),
        ({"active": [True]}, "active"),
        ({"reference_owners": [2]}, "owner"),
        ({"reference_owners": []}, "reference_owners"),
        ({"reference_masks": []}, "reference_masks"),
    ],
)
def test_a_parameter_out_of_range_is_refused(arguments: dict[str, object], message: str) -> None:
    layout, masks = squares()
    with pytest.raises(ValueError, match=message):
        mice_bias(layout, masks, **arguments)


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (torch.ones(3, 4, 4, dtype=torch.bool), r"\(2, 4, 4\)"),
        (torch.ones(2, 4, 5, dtype=torch.bool), r"\(2, 4, 4\)"),
        (torch.ones(2, 4, 4), "bool"),
    ],
)
def test_masks_that_do_not_fit_are_refused(masks: torch.Tensor, message: str) -> None:
    layout, _ = squares()
    with pytest.raises(ValueError, match=message):
        mice_bias(layout, masks)
