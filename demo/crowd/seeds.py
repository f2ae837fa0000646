"""Which seeds are for what: nothing that is reported was trained on or chosen by."""

from __future__ import annotations

TRAINING = range(0, 1_000_000)
CHOOSING = range(1_000_000, 2_000_000)
REPORT = range(2_000_000, 3_000_000)
