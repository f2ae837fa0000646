"""Work for the fleet's tests: no ComfyUI, and what goes wrong goes wrong as asked."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answer = tuple[dict[str, Any], dict[str, bytes]]


def open_work(settings: dict[str, Any]) -> Callable[[dict[str, Any]], Answer]:
    """Writes the payload's text back, after what its "do" says."""
    if "refuse" in settings and not _first(settings.get("mark", "/")):
        raise ValueError(settings["refuse"])

    def work(payload: dict[str, Any]) -> Answer:
        if payload["do"] == "die" or (payload["do"] == "die once" and _first(payload["mark"])):
            os.kill(os.getpid(), signal.SIGKILL)
        if payload["do"] == "fail":
            raise ValueError("this picture\nis broken.")
        if payload["do"] == "fault":
            raise KeyError("a bug")
        time.sleep(payload.get("seconds", 0))
        row = {"pid": os.getpid(), "machine": socket.gethostname(), "node": _node()}
        return row, {f"{payload['name']}.txt": payload["text"].encode()}

    return work


def _first(mark: str) -> bool:
    """True once: the first who asks leaves its number in the mark."""
    if Path(mark).exists():
        return False
    Path(mark).write_text(str(os.getpid()))
    return True


def _node() -> str:
    import ray

    return ray.get_runtime_context().get_node_id()
