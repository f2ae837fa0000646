"""What runs on each device or machine: a process of its own that works picture by picture."""

from __future__ import annotations

from typing import Any


def worker_class() -> type:
    """The class of Ray's actors.

    It is made here, and names nothing of this module, so that Ray sends all of it: on another
    machine the pack can be imported only after ``open``.
    """

    class Worker:
        def open(self, root: str, opener: str, settings: dict[str, Any]) -> str:
            """Load what the work needs, once; returns the machine and the process.

            Args:
                root: the repository's folder, the same on every machine.
                opener: "module:function" of the pack; called with the settings it returns a
                    function of one payload.
            """
            import importlib
            import os
            import socket
            import sys

            if not os.path.isfile(os.path.join(root, "tools", "load_pack.py")):
                raise ValueError(
                    f"the machine {socket.gethostname()} has no Instance Edit in {root}: every "
                    "machine of the cluster needs the repository there, set up."
                )
            sys.path.insert(0, os.path.join(root, "tools"))
            importlib.import_module("load_pack").load_pack()
            sys.path.remove(os.path.join(root, "tools"))
            module, _, function = opener.partition(":")
            opened = importlib.import_module(f"instance_edit.{module}")
            self.work_on = getattr(opened, function)(settings)
            return f"{socket.gethostname()}:{os.getpid()}"

        def work(self, payload: Any) -> Any:
            """A picture's row, and its files by their names."""
            return self.work_on(payload)

    return Worker
