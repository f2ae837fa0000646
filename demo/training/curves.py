"""The training log as a picture: loss above, edit success below, over the steps."""

from __future__ import annotations

import math
import re
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Points = list[tuple[float, float]]
WIDTH, HEIGHT, MARGIN = 900, 300, 56
INK, GRID_INK = (40, 40, 40), (222, 222, 222)
PALETTE = ((31, 110, 190), (214, 90, 30), (40, 140, 70), (140, 60, 160))
FLOW = re.compile(r"flow step (\d+) .*loss ([\d.]+) auxiliary ([\d.]+)")
CHECK = re.compile(r"check (\d+) (\w+): success ([\d.]+)")


def read_log(log: str) -> tuple[dict[str, Points], dict[str, Points]]:
    """Loss curves (log10) and success curves; steps repeated after a resume are overwritten."""
    losses: dict[str, dict[float, float]] = {"flow": {}, "auxiliary": {}}
    checks: dict[str, dict[float, float]] = {}
    for line in log.splitlines():
        if found := FLOW.search(line):
            step, flow, auxiliary = (float(value) for value in found.groups())
            losses["flow"][step], losses["auxiliary"][step] = flow, auxiliary
        elif found := CHECK.search(line):
            checks.setdefault(f"{found[2]} success", {})[float(found[1])] = float(found[3])
    logs = {
        name: [(s, math.log10(max(v, 1e-4))) for s, v in sorted(c.items())]
        for name, c in losses.items()
    }
    return logs, {name: sorted(c.items()) for name, c in checks.items()}


def _panel(
    draw: ImageDraw.ImageDraw,
    top: int,
    curves: dict[str, Points],
    ticks: dict[float, str],
    last: float,
) -> None:
    """One set of axes with its curves."""
    low, high, font = min(ticks), max(ticks), ImageFont.load_default()

    def place(step: float, value: float) -> tuple[float, float]:
        x = MARGIN + (WIDTH - 2 * MARGIN) * step / max(last, 1)
        return x, top + HEIGHT - MARGIN - (HEIGHT - 1.5 * MARGIN) * (
            min(max(value, low), high) - low
        ) / (high - low)

    for value, text in ticks.items():
        draw.line([place(0, value), place(last, value)], fill=GRID_INK)
        draw.text((8, place(0, value)[1] - 6), text, fill=INK, font=font)
    for part in range(5):
        x, y = place(last * part / 4, low)
        draw.text((x - 12, y + 6), f"{last * part / 4:.0f}", fill=INK, font=font)
    for number, (name, points) in enumerate(curves.items()):
        colour = PALETTE[number % len(PALETTE)]
        draw.text(
            (MARGIN + 16, top + HEIGHT - MARGIN - 44 + 14 * number), name, fill=colour, font=font
        )
        if len(points) > 1:
            draw.line([place(*point) for point in points], fill=colour, width=2)


def draw_curves(log: str, path: Path) -> None:
    """Write the picture; an empty log gives empty axes."""
    losses, checks = read_log(log)
    last = max((points[-1][0] for points in losses.values() if points), default=1.0)
    image = Image.new("RGB", (WIDTH, 2 * HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    _panel(draw, 0, losses, {-2.0: "0.01", -1.0: "0.1", 0.0: "1", 1.0: "10", 1.5: "32"}, last)
    _panel(draw, HEIGHT, checks, {0.0: "0 %", 0.5: "50 %", 0.9: "90 %", 1.0: "100 %"}, last)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
