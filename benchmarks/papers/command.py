"""What the command line of `make papers` asks for, checked before a worker starts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ...demo.scenes import CANVAS
from ...tools.edit_folder.options import number, required_folder, whole_number
from ..cache import BUILD, EDITORS, cache_folder
from .benches import BENCHES, Bench
from .item import Items
from .judge import OF_ALL, PER_PICTURE
from .weights import Weights

AREA = 1024 * 1024
CODE = (*EDITORS, "benchmarks/leak", "benchmarks/papers", "benchmarks/turns", "tools/fleet")
"""What the figures come of, beside what judges them."""
NETS = ("alex", "squeeze")


@dataclass(frozen=True)
class Run:
    """One run of a benchmark.

    Attributes:
        settings: what workers are told.
        items: what loads each item.
        folder: of its results.
    """

    bench: Bench
    settings: dict[str, Any]
    items: Items
    folder: Path

    @property
    def weights(self) -> Weights:
        """Of the metrics."""
        return Weights(Path(self.settings["weights"]), self.settings["net"])

    @property
    def identity(self) -> dict[str, Any]:
        """What makes other results when it changes; more methods only add some."""
        return {key: value for key, value in self.settings.items() if key != "methods"}

    def names(self) -> list[tuple[str, str]]:
        """(method, item) of every row."""
        return [(method, item) for method in self.settings["methods"] for item in self.items]


def prepare(asked: Mapping[str, str]) -> Run:
    """Read the command line and the benchmark's index; no picture is opened.

    Raises:
        ValueError: something of it is missing or wrong; says which, and what to do.
    """
    key = asked.get("BENCH") or ""
    if key not in BENCHES:
        raise ValueError(f"BENCH must be one of {', '.join(BENCHES)}, got {key!r}.")
    bench, data = BENCHES[key], required_folder(asked, "DATA")
    metrics = read_metrics(asked, bench)
    weights = read_weights(asked, metrics)
    pixels = (number(asked, "MEGAPIXELS") or 0) * 1e6
    area = pixels or (AREA if asked.get("UNET") else CANVAS**2)
    items = dict(islice(bench.items(data, area).items(), whole_number(asked, "LIMIT")))
    number(asked, "STEPS")
    settings = {
        "bench": key,
        "data": str(data.resolve()),
        "area": area,
        "metrics": list(metrics),
        "weights": str(weights.folder.resolve()),
        "net": weights.net,
        "measured with": weights.about(metrics),
        "seed": whole_number(asked, "SEED") or 0,
        "guidance": float(number(asked, "GUIDANCE") or 0),
        **{key: asked.get(key) or "" for key in ("UNET", "CLIP", "VAE", "STEPS")},
    }
    kept = cache_folder(f"papers/{key}", CODE, json.dumps(settings))
    settings |= {"code": kept.name, "methods": list(listed(asked, "METHODS", bench.methods))}
    out = asked.get("OUT")
    return Run(bench, settings, items, Path(out).expanduser() if out else kept)


def read_metrics(asked: Mapping[str, str], bench: Bench) -> tuple[str, ...]:
    """What is measured.

    Raises:
        ValueError: a metric that there is none of.
    """
    metrics, every = listed(asked, "METRICS", bench.metrics), (*PER_PICTURE, *OF_ALL)
    unknown = [name for name in metrics if name not in every]
    if unknown:
        raise ValueError(f"METRICS must be some of {', '.join(every)}, got {', '.join(unknown)}.")
    return metrics


def read_weights(asked: Mapping[str, str], metrics: tuple[str, ...]) -> Weights:
    """The metrics' own weights, which are there.

    Raises:
        ValueError: they are not; says which, and where they go.
    """
    net = asked.get("LPIPS_NET") or NETS[0]
    if net not in NETS:
        raise ValueError(f"LPIPS_NET must be {' or '.join(NETS)}, got {net!r}.")
    folder = asked.get("WEIGHTS") or BUILD / "papers" / "weights"
    weights = Weights(Path(folder).expanduser(), net)
    weights.require(metrics)
    return weights


def listed(asked: Mapping[str, str], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Names with commas in between."""
    names = (name.strip() for name in (asked.get(key) or "").split(","))
    return tuple(filter(None, names)) or default
