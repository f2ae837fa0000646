"""The table of a benchmark: means over pictures with intervals, as JSON and from that in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch

from ...evaluation.metrics import CHANGE_THRESHOLD
from ...tools.fleet.runner import ERROR
from ...tools.fleet.store import Row, write_json
from ...tools.whole_file import write_whole
from ..summary import bootstrap_interval
from .judge import PER_PICTURE

REPORT = "report"
SAYS = {
    "tgt_clip": "Tgt C: CLIP score of the whole picture and its description, more is better",
    "loc_clip": "Loc C: CLIP score of each instance's box and its target, more is better",
    "clip_i": "CLIP-I: CLIP score of the result and its source",
    "clip_d": "CLIP-D: cosine of how pictures and how their descriptions differ, more is better",
    "pick_score": "PickScore of the result and its description, more is better",
    "dino_i": "DINO-I: cosine of the result's and its source's class tokens",
    "lpips_b": "LPIPS_B: over the background, less is better",
    "mae_b": "MAE_B: over the background, 0 to 255, less is better",
    "ssim_b": "SSIM_B: over the background, more is better",
    "ar": f"AR: share of instances that change by more than {CHANGE_THRESHOLD:g} of 255 on average",
    "cer": "CER: character error rate of the texts read in their boxes, less is better",
    "fid": "FID of the results and the pictures as wanted, or else the sources, less is better",
}


def summary(
    rows: Sequence[Row], metrics: Sequence[str], fid: Mapping[str, float | None]
) -> dict[str, Any]:
    """Per method, a mean with its interval for each metric, over the pictures that have it."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    return {
        method: {
            "pictures": sum(row["method"] == method and ERROR not in row for row in rows),
            "failed": sum(row["method"] == method and ERROR in row for row in rows),
            "figures": {
                metric: cell([row.get(metric) for row in rows if row["method"] == method])
                for metric in metrics
                if metric in PER_PICTURE
            }
            | ({"fid": {"value": fid[method]}} if method in fid else {}),
        }
        for method in methods
    }


def cell(values: Sequence[float | None]) -> dict[str, Any] | None:
    """Mean, 95 % interval (bootstrap over pictures) and number of values; None without any."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    interval = [round(bound, 5) for bound in bootstrap_interval(known)]
    return {"value": round(sum(known) / len(known), 5), "ci": interval, "of": len(known)}


def write_report(folder: Path, title: str, about: Mapping[str, Any], methods: Any) -> None:
    """``report.json`` and ``report.md``, which says what the JSON holds."""
    when = {"date": date.today().isoformat(), "torch": torch.__version__}
    whole = {"title": title, "about": {**about, **when}, "methods": methods}
    write_json(folder / f"{REPORT}.json", whole)
    write_whole(folder / f"{REPORT}.md", in_words(whole).encode())


def in_words(report: Mapping[str, Any]) -> str:
    """The report as a page."""
    methods, about = report["methods"], report["about"]
    metrics = list(dict.fromkeys(m for one in methods.values() for m in one["figures"]))
    lines = [f"# {report['title']}", "", f"Edited by {about['model']}, {about['steps']} steps."]
    measured = ", ".join(f"{name} {digest}" for name, digest in about["measured with"].items())
    lines += [f"Measured with {measured}." if measured else "No network measures here.", ""]
    lines.append(" | ".join(["| method", "pictures", *metrics]) + " |")
    lines.append("|---" * (len(metrics) + 2) + "|")
    for name, one in methods.items():
        failed = f" ({one['failed']} failed)" if one["failed"] else ""
        cells = [shown(one["figures"].get(metric)) for metric in metrics]
        lines.append(" | ".join([f"| {name}", f"{one['pictures']}{failed}", *cells]) + " |")
    lines += ["", "Means over pictures, with 95 % intervals by bootstrap; FID has none.", ""]
    lines += [f"- {SAYS[metric]}." for metric in metrics]
    return "\n".join(lines) + "\n"


def shown(figure: Mapping[str, Any] | None) -> str:
    """A figure as a cell of the table."""
    if figure is None or figure["value"] is None:
        return "-"
    if "ci" not in figure:
        return f"{figure['value']:.2f}"
    low, high = figure["ci"]
    return f"{figure['value']:.3f} [{low:.3f}, {high:.3f}]"
