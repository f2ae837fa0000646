"""MICE with a plain Gaussian: the paper's ablation."""

from ...attention.naive_mice import naive_mice_bias
from .face import BiasMethod, everywhere
from .mice import damping_inputs

METHOD = BiasMethod(
    key="naive_mice",
    name="MICE (naive smoothing)",
    says="MICE (naive smoothing): the paper's ablation, whose soft edges reach into neighbours; to "
    "compare.",
    inputs=damping_inputs(1.0),
    recipe=everywhere("mice", naive_mice_bias),
)
