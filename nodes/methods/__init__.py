"""The methods of Build Disentangled Bias: one face each, in the order in which they are offered.

To add one: docs/add_a_method.md.
"""

from . import dense_mice, idattn, iid, mice, naive_mice, released_mice
from .face import BiasMethod

METHODS: dict[str, BiasMethod] = {
    method.name: method
    for method in (
        mice.METHOD,
        idattn.METHOD,
        released_mice.METHOD,
        iid.METHOD,
        dense_mice.METHOD,
        naive_mice.METHOD,
    )
}
