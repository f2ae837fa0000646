"""One set-up at a time, on Linux, macOS and Windows, with the standard library alone."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

RETRY_S = 0.5


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on `path`, waiting for whoever holds it; it is given up with the process."""
    with open(path, "ab") as file:
        if sys.platform == "win32":
            _lock_on_windows(file)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lock_on_windows(file: BinaryIO) -> None:
    """Ask again until the first byte is ours: Windows' own waiting gives up after ten seconds."""
    import msvcrt

    while True:
        try:
            return msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            time.sleep(RETRY_S)
