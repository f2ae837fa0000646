"""MICE for dense scenes: the paper's tau of 8."""

from ...attention.dense_mice import dense_mice_bias
from .face import BiasMethod, everywhere
from .mice import damping_inputs

METHOD = BiasMethod(
    key="dense_mice",
    name="MICE (many instances)",
    says="MICE (many instances): the same with the paper's temperature for dense scenes, 8.",
    inputs=damping_inputs(8.0),
    recipe=everywhere("mice", dense_mice_bias),
)
