"""What stays of a sequence when the background is skipped."""

from __future__ import annotations

import pytest
import torch

from instance_edit.attention.skip_background import (
    Skipping,
    kept_references,
    near,
    without,
    work_share,
)
from instance_edit.attention.tokens import TokenLayout


def one_token(row: int, column: int) -> torch.Tensor:
    masks = torch.zeros(2, 5, 6, dtype=torch.bool)
    masks[0, row, column] = True
    return masks


@pytest.mark.parametrize("margin", [0, 1, 2])
def test_near_is_at_most_so_many_rows_and_columns_away(margin: int) -> None:
    found = near(one_token(2, 3), margin)
    wanted = [
        [abs(row - 2) <= margin and abs(column - 3) <= margin for column in range(6)]
        for row in range(5)
    ]
    assert found.tolist() == wanted


def test_references_stay_whole_unless_they_show_the_scene_near_regions() -> None:
    masks, owners = [one_token(0, 0)] * 2, [None, 1]
    scene, owned = kept_references(masks, owners, Skipping(0, "near regions"))
    assert scene.sum() == 1 and bool(scene[0, 0])
    assert bool(owned.all())
    for one in kept_references(masks, owners, Skipping(0)):
        assert bool(one.all())


def test_all_text_stays_in_its_place_and_image_tokens_by_their_flag() -> None:
    layout = TokenLayout((2, 1), (1, 2), ((1, 3),))
    kept = torch.tensor([True, False, False, True, True])
    assert without(range(8), layout, kept) == (0, 1, 2, 3, 6, 7)
    pictures_first = (3, 4, 5, 6, 7, 0, 1, 2)
    assert without(pictures_first, layout, kept) == (3, 6, 7, 0, 1, 2)


def test_work_is_that_of_linear_layers_and_attention() -> None:
    """Per block 24 n d^2 and 4 n^2 d multiplications."""
    width, kept, total = 3072, 1740, 8312

    def work(tokens: int) -> int:
        return 24 * tokens * width**2 + 4 * tokens**2 * width

    assert work_share(kept, total, width) == pytest.approx(work(kept) / work(total))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"margin": -1}, "margin must be 0 tokens or more, got -1"),
        ({"full_steps": -2}, "full_steps must be 0 or more, got -2"),
        ({"context": "near"}, r"context must be one of \['whole', 'near regions'\], got 'near'"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Skipping(**settings)  # type: ignore[arg-type]
