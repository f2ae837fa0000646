"""The benchmarks by name: how each is read, what is measured, what is compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .crello import crello_items
from .infoedit import infoedit_items
from .item import Items
from .lomoe import lomoe_items
from .pie import pie_items

OBJECTS = ("tgt_clip", "loc_clip", "mae_b", "lpips_b", "ssim_b", "ar")
TEXTS = ("cer", "mae_b", "lpips_b", "ssim_b", "ar")
MASKS, BOXES = "idattn_har_dis_har", "idattn_boxes"
"""IDAttn on masks, as in MICE's tables, and on boxes, as in its own."""


@dataclass(frozen=True)
class Bench:
    """A benchmark.

    Attributes:
        title: for reports.
        items: reads its folder; the second argument is the pixels of each picture, about.
        metrics, methods: what a run without METRICS or METHODS takes.
    """

    title: str
    items: Callable[[Path, float], Items]
    metrics: tuple[str, ...]
    methods: tuple[str, ...]


BENCHES = {
    "lomoe": Bench(
        "LoMOE-Bench", lomoe_items, OBJECTS, ("vanilla", "multidiffusion", MASKS, BOXES, "mice")
    ),
    "mice": Bench(
        "MICE-Bench", lomoe_items, OBJECTS, ("vanilla", "multidiffusion", MASKS, "mice_tau8")
    ),
    "infoedit": Bench("InfoEdit", infoedit_items, TEXTS, ("vanilla", BOXES)),
    "crello": Bench("Crello Edit", crello_items, (*TEXTS, "fid"), ("vanilla", "turns", BOXES)),
    "pie": Bench(
        "PIE-Bench",
        pie_items,
        ("tgt_clip", "clip_i", "dino_i", "mae_b", "lpips_b", "ssim_b", "fid"),
        ("vanilla", "turns", "mice"),
    ),
}
