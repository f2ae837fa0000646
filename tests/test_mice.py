"""MICE against its oracle, the golden vectors and its own sentences."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.attention import TokenLayout, mice_bias
from instance_edit.tests.bias_cases import bias_cases, image_tokens, squares
from instance_edit.tests.naive_bias import naive_mice

GOLDEN = sorted(Path(__file__).parent.glob("golden/*.npz"))
SWITCHES = {"": False, "smoothPL_freeC_": True}


def assert_same_bias(found, wanted, tolerance=1e-4):
    assert torch.equal(found == -math.inf, wanted == -math.inf)
    finite = wanted > -math.inf
    assert torch.allclose(found[finite], wanted[finite], atol=tolerance, rtol=0)


@settings(max_examples=60, deadline=None)
@given(
    bias_cases(),
    st.sampled_from([1, 3, 5]),
    st.sampled_from([1.0, 8.0]),
    st.sampled_from([1e-30, 1e-6]),
    st.booleans(),
    st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=4, max_size=4),
)
def test_the_paper_variant_equals_the_naive_loops(case, size, tau, epsilon, see_global, strengths):
    layout, masks, references, owners = case
    strengths = strengths[: layout.instances]
    found = mice_bias(
        layout,
        masks,
        kernel_size=size,
        temperature=tau,
        epsilon=epsilon,
        instances_see_global=see_global,
        reference_masks=references,
        reference_owners=owners,
        strengths=strengths,
    )
    wanted = naive_mice(
        layout.text_lengths, masks, size, tau, epsilon, references, owners, strengths, see_global
    )
    assert_same_bias(found.dense(), wanted)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
@pytest.mark.parametrize(("kernel", "tau"), [(3, 1), (11, 3)])
@pytest.mark.parametrize("switch", SWITCHES)
def test_the_released_code_variant_equals_the_golden_vectors(path, kernel, tau, switch):
    data = np.load(path)
    masks = torch.from_numpy(data["masks"]).bool()
    grid = tuple(masks.shape[1:])
    found = mice_bias(
        TokenLayout(tuple(data["text_lengths"]), grid, (grid,)),
        masks,
        kernel_size=kernel,
        temperature=tau,
        variant="released-code",
        smooth_P_L=SWITCHES[switch],
        free_context=SWITCHES[switch],
    )
    wanted = torch.from_numpy(data[f"mice_code_{switch}k{kernel}_t{tau}"])
    assert_same_bias(found.dense(), wanted, tolerance=1e-5)


def test_the_golden_vectors_are_there():
    assert len(GOLDEN) == 4


def test_an_instances_text_does_not_see_another_instances_text():
    layout, masks = squares(3)
    dense = mice_bias(layout, masks).dense()
    for n in range(1, 4):
        for m in range(4):
            if m != n:
                assert (dense[layout.text_span(n), layout.text_span(m)] == -math.inf).all()


def test_an_instances_latents_do_not_see_the_global_prompt():
    layout, masks = squares()
    dense = mice_bias(layout, masks).dense()
    rows = dense[image_tokens(layout, masks[0])]
    assert (rows[:, layout.text_span(0)] == -math.inf).all()
    free = mice_bias(layout, masks, instances_see_global=True).dense()
    assert (free[image_tokens(layout, masks[0])][:, layout.text_span(0)] == 0).all()
    assert (free[layout.text_span(1), layout.text_span(0)] == -math.inf).all()


def test_references_see_the_whole_picture_and_only_their_own_instances_text():
    layout, masks = squares()
    dense = mice_bias(layout, masks).dense()
    rows = dense[image_tokens(layout, masks[0], 0)]
    assert (rows[:, layout.latent_span] == 0).all()
    assert (rows[:, layout.text_span(1)] == 0).all()
    assert (rows[:, layout.text_span(2)] == -math.inf).all()


def test_a_higher_temperature_damps_less():
    layout, masks = squares()
    sharp = mice_bias(layout, masks, temperature=1.0).dense()
    soft = mice_bias(layout, masks, temperature=8.0).dense()
    damped = (sharp < 0) & (sharp > -math.inf)
    assert damped.any()
    assert (soft[damped] > sharp[damped]).all()


def test_strength_multiplies_the_attention_to_the_own_instruction_only():
    layout, masks = squares()
    neutral = mice_bias(layout, masks).dense()
    strong = mice_bias(layout, masks, strengths=[2.0, 1.0]).dense()
    changed = (neutral != strong) & ~(neutral.isinf() & strong.isinf())
    expected = torch.zeros_like(changed)
    queries = torch.cat([image_tokens(layout, masks[0], i) for i in ("latent", 0)])
    expected[queries, layout.text_span(1)] = True
    assert torch.equal(changed, expected)
    assert torch.allclose(strong[changed], torch.tensor(math.log(2.0)))


def test_strength_zero_hides_the_instruction_from_every_picture_token():
    layout, masks = squares()
    dense = mice_bias(layout, masks, strengths=[0.0, 1.0]).dense()
    assert (dense[layout.text_total :, layout.text_span(1)] == -math.inf).all()


def test_an_inactive_instance_behaves_as_background():
    layout, masks = squares()
    dense = mice_bias(layout, masks, active=[False, True]).dense()
    rows = dense[image_tokens(layout, masks[0])]
    assert (rows[:, layout.text_span(0)] == 0).all()
    assert (rows[:, layout.latent_span] == 0).all()
    others = torch.ones(layout.total, dtype=torch.bool)
    others[layout.text_span(1)] = False
    assert (dense[others][:, layout.text_span(1)] == -math.inf).all()


@pytest.mark.parametrize("variant", ["paper", "released-code"])
def test_every_query_sees_at_least_one_key(variant):
    layout, masks = squares(3)
    masks[1] |= masks[0]
    for strengths in (None, [0.0, 0.0, 0.0]):
        dense = mice_bias(layout, masks, variant=variant, strengths=strengths).dense()
        assert (dense > -math.inf).any(1).all()


def test_an_owned_reference_is_seen_by_its_instance_alone():
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
        ({"variant": "draft"}, "variant"),
        ({"temperature": 0.0}, "temperature"),
        ({"epsilon": -1.0}, "epsilon"),
        ({"epsilon": math.nan}, "epsilon"),
        ({"kernel_size": 4}, "odd"),
        ({"strengths": [1.0]}, "strengths"),
        ({"strengths": [1.0, -2.0]}, "strengths"),
        ({"active": [True]}, "active"),
        ({"reference_owners": [2]}, "owner"),
        ({"reference_owners": []}, "reference_owners"),
        ({"reference_masks": []}, "reference_masks"),
    ],
)
def test_a_parameter_out_of_range_is_refused(arguments, message):
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
def test_masks_that_do_not_fit_are_refused(masks, message):
    layout, _ = squares()
    with pytest.raises(ValueError, match=message):
        mice_bias(layout, masks)
