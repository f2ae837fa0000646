"""Interleaved timings, and the files in which they are kept."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import torch

RESULTS = Path(__file__).resolve().parent / "results"


def median_seconds(
    calls: Mapping[str, Callable[[], object]], device: torch.device, repeats: int
) -> dict[str, float]:
    """Median seconds of each call, taken in turns, so that a busy machine slows all alike.

    Every call runs once before, unmeasured.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            synchronize(device)
            start = time.perf_counter()
            call()
            synchronize(device)
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def synchronize(device: torch.device) -> None:
    """Wait until the device has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def device_name(device: torch.device) -> str:
    """What measured: the GPU's name, or the CPU's threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu, {torch.get_num_threads()} threads"


def write_results(name: str, device: torch.device, figures: Mapping[str, object]) -> Path:
    """Write ``results/<name>.json`` with the date, torch's version and the device."""
    about = {
        "date": date.today().isoformat(),
        "torch": torch.__version__,
        "device": device_name(device),
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({**figures, "about": about}, indent=2) + "\n")
    return path
