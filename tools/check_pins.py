"""`make check-pins`: do the pins resolve on every Python the README names? Needs the registry.

uv resolves for a Python and a system other than its own, environment markers included, which pip
cannot; nothing is installed.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .load_pack import find_comfyui
from .setup_venv import CONSTRAINTS, PINNED, TORCH_TRIO

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
MACOS = "14.0"  # ComfyUI's own requirement `av` has no wheels for older ones
SYSTEMS = ("x86_64-manylinux_2_28", "x86_64-pc-windows-msvc", "aarch64-apple-darwin")
log = logging.getLogger("check_pins")


def resolves(python: str, system: str, requirements: list[Path]) -> bool:
    """Whether wheels can be had for all requirements; uv says what cannot."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--only-binary", ":all:"]
    command += ["--python-version", python, "--python-platform", system]
    command += ["--constraint", str(CONSTRAINTS), *map(str, requirements)]
    environment = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": MACOS}
    return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode == 0


def main() -> int:
    """Try every Python on every system; returns how many of them fail."""
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        trio = Path(folder) / "torch.txt"
        trio.write_text("\n".join(TORCH_TRIO))
        requirements = [find_comfyui() / "requirements.txt", *PINNED, trio]
        for python in PYTHONS:
            for system in SYSTEMS:
                sound = resolves(python, system, requirements)
                failures += not sound
                log.info("Python %s, %s: %s", python, system, "resolves" if sound else "FAILS")
    return failures


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    sys.exit(main())
