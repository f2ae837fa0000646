"""The page about LoRAs of single instances says what its figures say."""

from __future__ import annotations

import json

from instance_edit.benchmarks.leak.instance_loras_report import PAGE, page
from instance_edit.benchmarks.record import RESULTS


def test_the_page_is_made_of_its_figures() -> None:
    read = [
        json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("instance_loras", "instance_loras_cpu")
    ]
    assert PAGE.read_text(encoding="utf-8") == page(*read)
