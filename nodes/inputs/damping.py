"""Parameters of MICE's damping, for the paper's form and the released code's."""

from comfy_api.latest import io


def kernel_size_input(default: int) -> io.WidgetInput:
    """Side of the Gaussian."""
    return io.Int.Input(
        "kernel_size",
        default=default,
        min=1,
        max=63,
        step=2,
        tooltip="Side of the Gaussian that smooths the masks, in tokens (16 pixels each); odd. "
        "1 is neutral: hard edges.",
    )


def temperature_input(default: float) -> io.WidgetInput:
    """Tau."""
    return io.Float.Input(
        "temperature",
        default=default,
        min=0.01,
        max=100.0,
        step=0.1,
        tooltip="Softness of the damping outside the mask: higher lets more through. 1 for few "
        "instances, 8 for dense scenes.",
    )


def epsilon_input(default: float) -> io.WidgetInput:
    """Floor of the smoothed mask."""
    return io.Float.Input(
        "epsilon",
        default=default,
        min=1e-37,
        max=1.0,
        step=1e-30,
        advanced=True,
        tooltip="Floor of the smoothed mask: log(epsilon) / temperature is the damping far away. "
        "1 is neutral there: no damping.",
    )
