"""Files that are there whole or not at all, however a run ends."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

BEGUN, PART = ".instance-edit-", ".part"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees a half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(PART, BEGUN, path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(part, 0o644)  # mkstemp makes files that only their owner reads
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)


def remove_begun(folder: Path) -> None:
    """Take away what a killed run had begun to write in the folder or below."""
    for part in folder.rglob(f"{BEGUN}*{PART}"):
        part.unlink()
