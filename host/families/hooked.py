"""What families share whose attention calls core does not name, or not all of them."""

from collections.abc import Sequence
from typing import Any

from ..call import Options
from ..here import call_here
from .family import JointAttention, Norms


class HookedAttention(JointAttention):
    """``JointAttention`` whose calls are told apart by hooks around their modules."""

    hooked = True
    text_first = False  # refiners attend to parts of the sequence

    def norms(self, model: Any) -> Sequence[Norms]:
        return ()

    def picture_positions(self, model: Any) -> bool:
        return False

    def where(self, model: Any, options: Options) -> int | None:
        return call_here(options)
