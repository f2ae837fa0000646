"""Interleaved timings, peak memory, and the files in which they are kept."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

RESULTS = Path(__file__).resolve().parent / "results"
Calls = Mapping[str, Callable[[], object]]


def median_seconds(
    calls: Calls, device: torch.device, repeats: int, *, twice: bool = False
) -> dict[str, float]:
    """Median seconds of each call; see ``seconds_by_round``."""
    rounds = seconds_by_round(calls, device, repeats, twice=twice)
    return {name: statistics.median(values) for name, values in rounds.items()}


def median_ratio(seconds: Sequence[float], beside: Sequence[float]) -> float:
    """Median of the ratios within a round.

    A machine whose pace changes from minute to minute changes both sides of such a ratio.

    Args:
        seconds, beside: of two calls in the same rounds, see ``seconds_by_round``.
    """
    return statistics.median(one / other for one, other in zip(seconds, beside, strict=True))


def seconds_by_round(
    calls: Calls, device: torch.device, repeats: int, *, twice: bool = False
) -> dict[str, list[float]]:
    """Seconds of each call in each round, taken in turns after one unmeasured round.

    A CPU is measured by the time this process had it, which other programs do not disturb as long
    as it runs on one thread; an accelerator by the clock on the wall.

    Args:
        twice: each is called once more before it, unmeasured, and so stands in the midst of a run.
    """
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            if twice:
                call()
            synchronize(device)
            start = clock()
            call()
            synchronize(device)
            if turn:
                seconds[name].append(clock() - start)
    return seconds


def synchronize(device: torch.device) -> None:
    """Wait until the device has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_bytes(call: Callable[[], object], device: torch.device) -> int:
    """Most bytes that a call holds at a time, its result included."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        call()
    assert profiler.profiler is not None and profiler.profiler.kineto_results is not None
    events: list[Any] = profiler.profiler.kineto_results.events()
    held = peak = 0
    for _, change in sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]"):
        held += change
        peak = max(peak, held)
    return peak


def device_name(device: torch.device) -> str:
    """What measured: the GPU's name, or the CPU's threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu, {torch.get_num_threads()} thread(s), processor time"


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
