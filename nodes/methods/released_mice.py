"""MICE as the authors' released code computes it."""

from comfy_api.latest import io

from ...attention.released_mice import released_mice_bias
from ..inputs.damping import epsilon_input, kernel_size_input, temperature_input
from .face import BiasMethod, everywhere

METHOD = BiasMethod(
    key="released_mice",
    name="MICE (released code)",
    says="MICE (released code): what the authors' program does, which shuts instances off from "
    "each other where the paper damps; to repeat their results.",
    inputs=(
        kernel_size_input(11),
        temperature_input(3.0),
        epsilon_input(1e-6),
        io.Boolean.Input(
            "smooth_P_L",
            default=False,
            tooltip="On: prompts and latents see each other smoothly. Off: only inside the mask.",
        ),
        io.Boolean.Input(
            "free_context",
            default=False,
            tooltip="On: reference tokens see the whole picture. Off: they are bound to their "
            "instance like the latents.",
        ),
    ),
    recipe=everywhere("mice", released_mice_bias),
)
