"""The orders that the papers publish, each with a paired interval: holds, or does not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..summary import bootstrap_interval

Rows = Sequence[Mapping[str, float]]
Results = Mapping[tuple[str, str], Rows]


@dataclass(frozen=True)
class Order:
    """In every one of ``sets`` the metric of ``more`` is larger than that of ``less``."""

    claim: str
    metric: str
    more: str
    less: str
    sets: tuple[str, ...]


CONFLICTS = ("5", "9")
ORDERS = (
    Order("full dis edits more than full har (AR)", "changed",
          "idattn_dis_dis_dis", "idattn_har_har_har", CONFLICTS),
    Order("full dis succeeds more often than full har", "success",
          "idattn_dis_dis_dis", "idattn_har_har_har", CONFLICTS),
    Order("har in the first and last third keeps the background better than full dis", "mae_b",
          "idattn_dis_dis_dis", "idattn_har_dis_har", CONFLICTS),
    Order("masks beat boxes where instances touch or are nested", "success",
          "mice", "mice_boxes", ("touching 4", "nested 4")),
    Order("masks beat loose boxes", "success", "mice", "mice_loose", ("5", "touching 4")),
    Order("smooth beats hard at the seams", "seam", "mice_hard", "mice", ("5", "touching 4")),
    Order("turns drift", "mae_b", "turns_places", "mice", CONFLICTS),
    Order("a bias beats a list with places", "success", "mice", "text_location", ("3", *CONFLICTS)),
    Order("a bias beats turns with places", "success", "mice", "turns_places", ("3", *CONFLICTS)),
    Order("a bias keeps the background better than a list", "mae_b",
          "vanilla", "mice", CONFLICTS),
)  # fmt: skip


def difference(more: Rows, less: Rows, metric: str) -> tuple[float, float, float]:
    """Mean of (more - less) over the scenes that both have, and its 95 % interval.

    Raises:
        ValueError: results of unequal numbers of scenes, or none with the metric.
    """
    if len(more) != len(less):
        raise ValueError(f"paired results need the same scenes, got {len(more)} and {len(less)}.")
    pairs = [(a[metric], b[metric]) for a, b in zip(more, less, strict=True)]
    values = [a - b for a, b in pairs if not math.isnan(a - b)]
    low, high = bootstrap_interval(values)
    return sum(values) / len(values), low, high


def verdict(low: float, high: float) -> str:
    """What an interval of (more - less) says about an order."""
    if low > 0:
        return "holds"
    return "does not hold" if high < 0 else "undecided"


def compare_orders(results: Results) -> list[dict[str, Any]]:
    """Every order on each of its sets whose results are there: its fields, "set", "difference",
    "ci" [low, high] and "verdict"."""
    found: list[dict[str, Any]] = []
    for order in ORDERS:
        for name in order.sets:
            more, less = (results.get((method, name)) for method in (order.more, order.less))
            if more is None or less is None:
                continue
            mean, low, high = (round(v, 4) for v in difference(more, less, order.metric))
            fields = {key: value for key, value in asdict(order).items() if key != "sets"}
            outcome = {"difference": mean, "ci": [low, high], "verdict": verdict(low, high)}
            found.append({**fields, "set": name, **outcome})
    return found


def orders_table(orders: Sequence[Mapping[str, Any]]) -> str:
    """`compare_orders` as a Markdown table."""
    lines = [
        "| published order | scenes | metric | more | less | difference | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for order in orders:
        low, high = order["ci"]
        cells = [order[key] for key in ("claim", "set", "metric", "more", "less")]
        cells += [f"{order['difference']:.3f} [{low:.3f}, {high:.3f}]", order["verdict"]]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
