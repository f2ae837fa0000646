"""The pack on the oldest ComfyUI it claims to support, 0.18.2: seam, methods, turns, decoding."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OLD = ROOT / ".comfyui-0.18.2"
SEAM = [
    "test_zero_instances_are_bit_identical_to_the_unpatched_model",
    "test_the_applied_bias_agrees_with_a_hand_written_attention",
    "test_idattn_dis_makes_an_instance_bit_independent",
]
RUNS = {
    "test_instance_attention.py": f"flux1_deep and ({' or '.join(SEAM)})",
    "test_methods.py": "",
    "test_decode_regions_batches.py": "",
    "test_turns.py": "flux1_deep",
    "test_turn_samplers.py": "flux1_deep",
}


@pytest.mark.parametrize("name", RUNS)
def test_the_oldest_supported_comfyui_runs_the_same_tests(name: str) -> None:
    assert OLD.is_dir(), f"{OLD.name} is missing: run `python -m tools.setup_comfyui --oldest`"
    pytest_program = str(Path(sys.executable).parent / "pytest")
    done = subprocess.run(
        [pytest_program, "--quiet", f"tests/with_comfyui/{name}", "-k", RUNS[name]],
        cwd=ROOT,
        env={**os.environ, "COMFYUI_PATH": str(OLD)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
