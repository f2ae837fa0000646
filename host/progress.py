"""A line of text at a node, while the workflow runs."""

import sys
from typing import Any


def show_on_node(node: str | None, text: str) -> None:
    """Show a text at a node in the browser; nothing happens where no server runs."""
    server: Any = sys.modules.get("server")
    instance = getattr(getattr(server, "PromptServer", None), "instance", None)
    if node is not None and instance is not None:
        instance.send_progress_text(text, node)
