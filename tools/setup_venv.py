"""The virtual environment `.venv`: made, mended, and filled with what is pinned."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
DEV_REQUIREMENTS = ROOT / "tools" / "requirements-dev.txt"
PAPERS_REQUIREMENTS = ROOT / "benchmarks" / "papers" / "requirements.txt"
PINNED = (DEV_REQUIREMENTS, PAPERS_REQUIREMENTS)
CONSTRAINTS = ROOT / "tools" / "constraints.txt"
TORCH_TRIO = ("torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0")
STAMP = "instance-edit-setup"
UNFINISHED = "unfinished"
OLDEST_PYTHON = (3, 10)
USABLE = f"import sys, pip; sys.exit(sys.version_info < {OLDEST_PYTHON})"

log = logging.getLogger("setup")


class SetupError(RuntimeError):
    """Set-up cannot go on; the message says what to do."""


def venv_python(venv: Path, system: str = os.name) -> Path:
    """The interpreter of a virtual environment; `system` as in `os.name`."""
    return venv / "Scripts" / "python.exe" if system == "nt" else venv / "bin" / "python"


def check_python() -> None:
    """Refuse a Python older than the pack supports."""
    if sys.version_info[:2] < OLDEST_PYTHON:
        raise SetupError(
            f"this is Python {sys.version.split()[0]}, set-up needs 3.10 or newer: install one "
            "and name it, as in `make PYTHON=python3.12 setup`."
        )


def run_python(*arguments: str) -> bool:
    """Whether the environment's Python starts and ends well; what it prints is thrown away."""
    command = [str(venv_python(VENV)), *arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


def pip(*arguments: str) -> None:
    """Run the environment's pip, quietly unless something is worth knowing."""
    command = [str(venv_python(VENV)), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    if subprocess.run([*command, *arguments], stdin=subprocess.DEVNULL).returncode != 0:
        raise SetupError(
            f"`pip {' '.join(arguments)}` failed: see its message above, then run this again."
        )


def make_venv() -> None:
    """Create `.venv`, or mend what an interrupted set-up or another tool left there.

    An environment without pip, as uv makes it, gets one. One whose Python does not start or is too
    old, or whose packages were only half installed, is made anew.
    """
    if not _half_installed():
        if run_python("-c", USABLE):
            return
        if run_python("-m", "ensurepip") and run_python("-c", USABLE):
            return
    _create_venv()


def install_requirements(comfyui: Path) -> None:
    """Install the torch trio, ComfyUI's requirements and the test tools, once per set of pins."""
    requirements = comfyui / "requirements.txt"
    files = (requirements, *PINNED, CONSTRAINTS)
    pins = b"\n".join([*map(str.encode, TORCH_TRIO), *(file.read_bytes() for file in files)])
    wanted = hashlib.sha256(pins).hexdigest()
    stamp = VENV / STAMP
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    log.info("installing torch, ComfyUI's requirements and the test tools (minutes, once)")
    stamp.write_text(UNFINISHED)
    try:
        wanted_files = [argument for file in files[:-1] for argument in ("-r", str(file))]
        pip("install", *TORCH_TRIO, *wanted_files, "-c", str(CONSTRAINTS))
    except SetupError:
        stamp.unlink()  # pip ended by itself: every package is whole or absent
        raise
    stamp.write_text(wanted)


def _half_installed() -> bool:
    stamp = VENV / STAMP
    return stamp.is_file() and stamp.read_text() == UNFINISHED


def _create_venv() -> None:
    """A new `.venv` in place of an unusable one; what is not ours to clear is refused."""
    if VENV.is_symlink():
        raise SetupError(
            f"{VENV.name} links to {VENV.resolve()}, which holds no usable environment: remove "
            "the link, or mend what it leads to."
        )
    if VENV.exists() and not VENV.is_dir():
        raise SetupError(f"{VENV} is a file where the environment goes: move it away.")
    log.info("creating %s", VENV.name)
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
        raise SetupError(
            f"`{' '.join(command)}` failed: install Python's venv module first (Debian, Ubuntu: "
            "`apt install python3-venv`)."
        )
