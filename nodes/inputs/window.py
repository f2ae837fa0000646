"""What a window's fractions are of: an input that every node with windows shares."""

from typing import get_args

from comfy_api.latest import io

from ...attention.window import WindowBy


def window_by_input(tooltip: str) -> io.Input:
    """Steps of the run, or noise levels; "steps" is what workflows saved before mean."""
    return io.Combo.Input(
        "window_by",
        display_name="window by",
        options=list(get_args(WindowBy)),
        default="steps",
        optional=True,
        tooltip=tooltip,
    )
