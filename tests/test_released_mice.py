"""MICE's released code against its oracle, the golden vectors and its own sentences."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.attention import TokenLayout, idattn_bias, mice_bias, released_mice_bias
from instance_edit.tests.bias_cases import assert_same_bias, image_tokens, scenes, squares, told
from instance_edit.tests.naive_bias import Scene, naive_released

GOLDEN = sorted(Path(__file__).parent.glob("golden/*.npz"))
SWITCHES = {"": False, "smoothPL_freeC_": True}


@settings(max_examples=80, deadline=None)
@given(
    scenes(),
    st.sampled_from([1, 3, 5]),
    st.sampled_from([1.0, 3.0]),
    st.sampled_from([1e-6, 1e-3]),
    st.booleans(),
    st.booleans(),
)
def test_it_equals_the_naive_loops(
    case: tuple[TokenLayout, Scene],
    size: int,
    tau: float,
    epsilon: float,
    smooth: bool,
    free: bool,
) -> None:
    layout, scene = case
    found = released_mice_bias(
        layout,
        scene.masks,
        kernel_size=size,
        temperature=tau,
        epsilon=epsilon,
        smooth_P_L=smooth,
        free_context=free,
        **told(scene),
    )
    assert_same_bias(found.dense(), naive_released(scene, size, tau, epsilon, smooth, free))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
@pytest.mark.parametrize(("kernel", "tau"), [(3, 1), (11, 3)])
@pytest.mark.parametrize("switch", SWITCHES)
def test_it_equals_the_golden_vectors(path: Path, kernel: int, tau: int, switch: str) -> None:
    data = np.load(path)
    masks = torch.from_numpy(data["masks"]).bool()
    grid = tuple(masks.shape[1:])
    found = released_mice_bias(
        TokenLayout(tuple(data["text_lengths"]), grid, (grid,)),
        masks,
        kernel_size=kernel,
        temperature=tau,
        smooth_P_L=SWITCHES[switch],
        free_context=SWITCHES[switch],
    )
    wanted = torch.from_numpy(data[f"mice_code_{switch}k{kernel}_t{tau}"])
    assert_same_bias(found.dense(), wanted, tolerance=1e-5)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_its_defaults_are_those_of_the_released_code(path: Path) -> None:
    data = np.load(path)
    masks = torch.from_numpy(data["masks"]).bool()
    grid = tuple(masks.shape[1:])
    found = released_mice_bias(TokenLayout(tuple(data["text_lengths"]), grid, (grid,)), masks)
    wanted = torch.from_numpy(data["mice_code_k11_t3"])
    assert_same_bias(found.dense(), wanted, tolerance=1e-5)


def test_the_golden_vectors_are_there() -> None:
    assert len(GOLDEN) == 4


def test_the_default_floor_is_a_millionth() -> None:
    layout, masks = squares(1, grid=(30, 1), reference=False)
    row = released_mice_bias(layout, masks).dense()[layout.latent_span.start]
    assert row.min() == -math.inf  # the global prompt
    assert row[layout.latent_span][-1] == pytest.approx(math.log(1e-6) / 3)


def test_an_instance_is_shut_out_of_another_where_the_paper_damps() -> None:
    layout, masks = squares()
    first, second = (image_tokens(layout, mask) for mask in masks)
    between = (first[:, None], second[None])
    assert (released_mice_bias(layout, masks).dense()[between] == -math.inf).all()
    damped = mice_bias(layout, masks).dense()[between]
    assert ((damped < 0) & (damped > -math.inf)).all()


def test_every_query_sees_at_least_one_key() -> None:
    layout, masks = squares(3)
    masks[1] |= masks[0]
    for strengths in (None, [0.0, 0.0, 0.0]):
        dense = released_mice_bias(layout, masks, strengths=strengths).dense()
        assert (dense > -math.inf).any(1).all()


def test_the_papers_switch_is_not_taken() -> None:
    layout, masks = squares()
    with pytest.raises(TypeError, match="instances_see_global"):
        released_mice_bias(layout, masks, instances_see_global=True)


@pytest.mark.parametrize("parameter", ["temperature", "epsilon"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_a_parameter_out_of_range_is_refused(parameter: str, value: float) -> None:
    layout, masks = squares()
    with pytest.raises(ValueError, match=f"{parameter} must be finite and > 0"):
        released_mice_bias(layout, masks, **{parameter: value})


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("free", [False, True])
def test_as_released_the_last_instance_has_a_shared_tokens_row_and_both_prompts_are_open(
    smooth: bool, free: bool
) -> None:
    """Three masks in a row, the middle one over both others; the references as the latent."""
    masks = torch.zeros(3, 1, 9, dtype=torch.bool)
    masks[0, 0, 0:3], masks[1, 0, 2:6], masks[2, 0, 5:8] = True, True, True
    layout = TokenLayout((1, 1, 1, 1), (1, 9), ((1, 9),))
    options = {"smooth_P_L": smooth, "free_context": free}
    shared, last = (
        released_mice_bias(layout, masks, last_view=view, **options).dense()
        for view in (False, True)
    )
    for start in (layout.latent_span.start, layout.reference_span(0).start):
        hard = start == layout.latent_span.start or not free
        images = slice(layout.text_total, None)
        for cell, members in ((2, (0, 1)), (5, (1, 2))):
            row = last[start + cell]
            assert torch.equal(row[: layout.text_total], shared[start + cell, : layout.text_total])
            prompts = [float(row[layout.text_span(n + 1)]) for n in members]
            assert all(value > -math.inf for value in prompts)
            lone = start + {1: 4, 2: 7}[members[-1]]
            assert torch.equal(row[images], last[lone, images])
            assert torch.equal(row[images], shared[start + cell, images]) != hard
        others = [start + cell for cell in range(9) if cell not in (2, 5)]
        assert torch.equal(last[others], shared[others])


def test_as_released_idattn_dis_keeps_the_last_instances_tokens_only() -> None:
    masks = torch.zeros(2, 1, 5, dtype=torch.bool)
    masks[0, 0, 0:3], masks[1, 0, 2:4] = True, True
    layout = TokenLayout((1, 1, 1), (1, 5))
    dense = idattn_bias(layout, masks, kind="dis", last_view=True).dense()
    seen = (dense[layout.latent_span.start + 2] == 0).tolist()
    assert seen == [False, True, True, False, False, True, True, False]
    har = [idattn_bias(layout, masks, kind="har", last_view=view).dense() for view in (False, True)]
    assert torch.equal(*har)
