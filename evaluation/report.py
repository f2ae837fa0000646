"""An edit's metrics as text, for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from .metrics import change_rate, mae_background, mean_changes, outside, ssim_background


@dataclass(frozen=True)
class EditReport:
    """Means over the batch; NaN where there is no background."""

    text: str
    mae_b: float
    ssim_b: float
    changed: float


def edit_report(
    source: Tensor,
    result: Tensor,
    masks: Tensor,
    instructions: Sequence[str],
    threshold: float,
    margin: int = 0,
) -> EditReport:
    """Compare a result with its source.

    Args:
        source: (B, 3, H, W) float in [0, 1], or one picture for all results.
        result: (B, 3, H, W) float in [0, 1].
        masks: (N, H, W) bool, or (B, N, H, W) with some of their own for each picture.
        threshold: an instance counts as changed above this mean change, 0-255.
        margin: pixels around the masks that do not count as background.

    Raises:
        ValueError: pictures of different sizes, or batches that do not belong together.
    """
    check_pictures(source, result)
    stacked = masks.view(-1, *masks.shape[-3:])
    batch = max(len(result), len(stacked))
    source, result = source.expand(batch, -1, -1, -1), result.expand(batch, -1, -1, -1)
    stacked = stacked.expand(batch, -1, -1, -1)
    background = outside(stacked, margin)
    mae = mae_background(source, result, background)
    ssim = ssim_background(source, result, background)
    rate = change_rate(source, result, stacked, threshold)
    changes = mean_changes(source, result, stacked)
    lines = [f"AR counts an instance as edited above a mean change of {threshold:g} of 255."]
    lines += broken_pictures(source, result)
    if not bool(background.flatten(1).any(1).all()):
        lines.append("The regions leave no background: MAE_B and SSIM_B do not exist.")
    for number in range(batch):
        lines.append(
            f"picture {number + 1}: MAE_B {mae[number]:.2f}, SSIM_B {ssim[number]:.4f}, "
            f"AR {rate[number]:.0%}"
        )
        for n, (text, change) in enumerate(zip(instructions, changes[number], strict=True)):
            lines.append(f"  {n + 1}. {_state(change, stacked[number, n], threshold)}: {text}")
    return EditReport("\n".join(lines), *(value.mean().item() for value in (mae, ssim, rate)))


def _state(change: Tensor, mask: Tensor, threshold: float) -> str:
    if not bool(mask.any()):
        return "not in this picture"
    if bool(change.isnan()):
        return "unknown, its pixels are NaN"
    state = "edited" if change > threshold else "not edited"
    return f"{state}, change {change:.1f}"


def broken_pictures(source: Tensor, result: Tensor) -> list[str]:
    """A sentence for each picture with pixels that are no numbers."""
    lines: list[str] = []
    for name, images in (("source", source), ("result", result)):
        counts = (~images.isfinite().all(1)).flatten(1).sum(1)
        lines += [
            f"picture {number + 1}: {int(count)} pixel(s) of the {name} are NaN or infinite (the "
            "model or the VAE overflowed); what counts them is NaN."
            for number, count in enumerate(counts)
            if count
        ]
    return lines


def check_pictures(source: Tensor, result: Tensor) -> None:
    """Refuse pictures that cannot be compared; see ``edit_report``."""
    if source.shape[2:] != result.shape[2:]:
        sizes = [f"{image.shape[3]} x {image.shape[2]}" for image in (source, result)]
        raise ValueError(
            f"source and result must have the same size, got {' and '.join(sizes)}. Connect the "
            "picture as it went to the VAE, or scale one of them."
        )
    if source.shape[0] not in (1, result.shape[0]):
        raise ValueError(
            f"one source, or one per result, is needed: got {source.shape[0]} source(s) for "
            f"{result.shape[0]} result(s)."
        )
