"""IDAttn against its oracle, the golden vectors and its own sentences."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.attention import TokenLayout, idattn_bias
from instance_edit.tests.bias_cases import image_tokens, scenes, squares, told
from instance_edit.tests.naive_bias import Scene, naive_idattn

GOLDEN = sorted(Path(__file__).parent.glob("golden/*.npz"))
KINDS = ("dis", "har")


@settings(max_examples=80, deadline=None)
@given(scenes(), st.sampled_from(KINDS))
def test_it_equals_the_naive_loops(case: tuple[TokenLayout, Scene], kind: str) -> None:
    layout, scene = case
    found = idattn_bias(layout, scene.masks, kind=kind, **told(scene))
    assert torch.equal(found.dense(), naive_idattn(scene, kind))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
@pytest.mark.parametrize("kind", KINDS)
def test_it_equals_the_golden_vectors(path: Path, kind: str) -> None:
    data = np.load(path)
    masks = torch.from_numpy(data["masks"]).bool()
    grid = tuple(masks.shape[1:])
    layout = TokenLayout(tuple(data["text_lengths"]), grid, (grid,))
    dense = idattn_bias(layout, masks, kind=kind).dense()
    wanted = torch.from_numpy(data[f"idattn_{kind}"])
    assert torch.equal(dense, torch.where(wanted, 0.0, -math.inf))


def test_in_dis_an_instance_is_a_closed_world() -> None:
    layout, masks = squares(3)
    dense = idattn_bias(layout, masks, kind="dis").dense()
    own = torch.zeros(layout.total, dtype=torch.bool)
    own[layout.text_span(2)] = True
    for image in ("latent", 0):
        own[image_tokens(layout, masks[1], image)] = True
    assert (dense[own][:, own] == 0).all()
    assert (dense[own][:, ~own] == -math.inf).all()


def test_in_har_an_instances_image_tokens_see_everything_but_other_instructions() -> None:
    layout, masks = squares()
    rows = idattn_bias(layout, masks, kind="har").dense()[image_tokens(layout, masks[0])]
    shut = rows == -math.inf
    wanted = torch.zeros(layout.total, dtype=torch.bool)
    wanted[layout.text_span(2)] = True
    assert torch.equal(shut, wanted.expand_as(shut))


@pytest.mark.parametrize("kind", KINDS)
def test_the_background_never_reads_an_instruction(kind: str) -> None:
    layout, masks = squares()
    dense = idattn_bias(layout, masks, kind=kind).dense()
    background = image_tokens(layout, ~masks.any(0))
    assert (dense[background][:, layout.text_span(1)] == -math.inf).all()
    assert (dense[background][:, layout.text_span(0)] == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_query_sees_at_least_one_key(kind: str) -> None:
    layout, masks = squares(3)
    masks[2] = masks[0]
    assert (idattn_bias(layout, masks, kind=kind).dense() > -math.inf).any(1).all()


def test_an_unknown_kind_is_refused() -> None:
    layout, masks = squares()
    with pytest.raises(ValueError, match="kind"):
        idattn_bias(layout, masks, kind="soft")
