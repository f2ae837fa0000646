"""Nodes that show something of their own in the middle of a workflow."""

from dataclasses import fields
from typing import Any

from comfy_api.latest import io

NAME = "has_intermediate_output"


def intermediate_output() -> dict[str, Any]:
    """What says so in a schema; nothing before ComfyUI 0.24, which knows no such nodes."""
    return {NAME: True} if NAME in {field.name for field in fields(io.Schema)} else {}
