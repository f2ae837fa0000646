"""Start a real headless ComfyUI with this pack among its custom nodes, and stop it again."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from .comfy_client import ComfyClient, Workflow, WorkflowError
from .load_pack import ROOT, find_comfyui

PACK_FOLDER = "instance-edit"
START_LIMIT_S = 300.0
LOG_TAIL = 40
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_FOLDERS = ("custom_nodes", "input", "output", "temp", "user", "models")


class ServerError(RuntimeError):
    """The server did not start or died; the message carries the end of its log."""


def make_base_directory(folder: Path) -> Path:
    """The folders a ComfyUI works in, with the pack linked into `custom_nodes`."""
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    link = folder / "custom_nodes" / PACK_FOLDER
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT, target_is_directory=True)
    return folder


def free_port() -> int:
    """A port that nothing on this machine's loopback listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ComfyServer:
    """A ComfyUI process on the loopback, as a context manager; its log is in the base directory."""

    def __init__(
        self,
        base_directory: Path,
        arguments: Sequence[str] = ("--cpu",),
        comfyui: Path | None = None,
    ) -> None:
        self.base_directory = base_directory
        self.log = base_directory / "server.log"
        self.port = free_port()
        self.client = ComfyClient(f"http://127.0.0.1:{self.port}")
        self._command = [
            sys.executable,
            str((comfyui or find_comfyui()) / "main.py"),
            *("--listen", "127.0.0.1", "--port", str(self.port), "--disable-auto-launch"),
            *("--base-directory", str(base_directory)),
            *("--database-url", "sqlite:///:memory:", "--disable-api-nodes"),
            *arguments,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ComfyServer:
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def run(self, workflow: Workflow, show_progress: bool = True) -> dict[str, Any]:
        """Run a workflow in API format; an error carries the end of the server's log."""
        try:
            return self.client.run(workflow, show_progress)
        except (WorkflowError, OSError) as error:
            raise ServerError(f"{error}\n{self.log_tail()}") from error

    def require_nodes(self, *node_ids: str) -> None:
        """Refuse to go on when the pack did not bring these nodes."""
        missing = [node_id for node_id in node_ids if not self.client.has_node(node_id)]
        if missing:
            raise ServerError(f"ComfyUI has no {', '.join(missing)}\n{self.log_tail()}")

    def log_tail(self) -> str:
        """The last lines of the server's log, under its path."""
        text = _COLOUR.sub("", self.log.read_text(errors="replace"))
        lines = text.splitlines()[-LOG_TAIL:]
        return "\n".join([f"--- the end of {self.log}", *lines])

    def stop(self) -> None:
        """End the process and whatever it started."""
        if self._process is None:
            return
        for request in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, request)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=10)
                break
        self._process = None

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                code = self._process.returncode
                raise ServerError(f"ComfyUI ended with status {code}\n{self.log_tail()}")
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                self.client.get("/system_stats")
                return
            time.sleep(0.2)
        raise ServerError(f"ComfyUI was not ready after {START_LIMIT_S:.0f} s\n{self.log_tail()}")
