"""Edit Metrics on the pack's own regions."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from instance_edit.tests.with_comfyui.core import run_node


def measure(
    nodes: dict[str, type], source: torch.Tensor, result: torch.Tensor, **inputs: Any
) -> tuple[Any, ...]:
    masks = torch.zeros(2, 8, 8)
    masks[0, :4, :4] = masks[1, 4:, 4:] = 1
    (regions,) = run_node(
        nodes["InstanceEditRegionsFromMasks"],
        masks=masks,
        instructions="replace the cat\nreplace the dog",
        strength=1.0,
        start=0.0,
        end=1.0,
    )
    return run_node(
        nodes["InstanceEditMetrics"],
        source=source,
        result=result,
        regions=regions,
        **{"threshold": 10.0, "margin": 0, **inputs},
    )


def test_numbers_and_report_follow_the_regions(pack_nodes: dict[str, type]) -> None:
    source = torch.zeros(1, 32, 48, 3)
    result = source.repeat(2, 1, 1, 1)
    result[:, :16, :24] = 1.0
    result[1, 16:, :24] = 30 / 255
    report, mae, ssim, changed = measure(pack_nodes, source, result)
    assert "1. edited, change 255.0: replace the cat" in report
    assert "2. not edited, change 0.0: replace the dog" in report
    assert mae == pytest.approx((0 + 15) / 2)
    assert ssim < 1
    assert changed == 0.5


def test_an_alpha_channel_is_left_out(pack_nodes: dict[str, type]) -> None:
    source, result = torch.zeros(1, 32, 32, 4), torch.zeros(1, 32, 32, 3)
    source[..., 3] = 1.0
    _, mae, ssim, changed = measure(pack_nodes, source, result)
    assert (mae, changed) == (0.0, 0.0)
    assert ssim == pytest.approx(1.0, abs=1e-4)


def test_pictures_of_different_sizes_are_refused(pack_nodes: dict[str, type]) -> None:
    with pytest.raises(ValueError, match="same size, got 48 x 32 and 32 x 32"):
        measure(pack_nodes, torch.zeros(1, 32, 48, 3), torch.zeros(1, 32, 32, 3))


def test_without_regions_it_says_what_to_add(pack_nodes: dict[str, type]) -> None:
    picture = torch.zeros(1, 8, 8, 3)
    with pytest.raises(ValueError, match="add at least one Instance Region"):
        run_node(
            pack_nodes["InstanceEditMetrics"],
            source=picture,
            result=picture,
            regions=(),
            threshold=10.0,
            margin=0,
        )
