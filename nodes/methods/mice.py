"""MICE as the paper defines it."""

from comfy_api.latest import io

from ...attention.mice import mice_bias
from ..inputs.damping import epsilon_input, kernel_size_input, temperature_input
from .face import BiasMethod, everywhere


def damping_inputs(temperature: float) -> tuple[io.WidgetInput, ...]:
    """The inputs of MICE and its variants, with the default of one of them."""
    return (
        kernel_size_input(3),
        temperature_input(temperature),
        epsilon_input(1e-30),
        io.Boolean.Input(
            "instances_see_global",
            default=False,
            tooltip="On: instances also read the global prompt, for style changes of the whole "
            "picture. Off is neutral.",
        ),
    )


METHOD = BiasMethod(
    key="mice",
    name="MICE",
    says="MICE: smooth, one bias for all blocks; a good start.",
    inputs=damping_inputs(1.0),
    recipe=everywhere("mice", mice_bias),
)
