"""IID's attention of phase B."""

from ...attention.iid import iid_bias
from .face import BiasMethod, everywhere

METHOD = BiasMethod(
    key="iid",
    name="IID",
    says="IID: phase B after Locate Instances; prompts bound to their latents, all else open.",
    inputs=(),
    recipe=everywhere("iid", iid_bias),
)
