"""Which attention call is being made, for models whose core forward does not name it.

Hooks around the module that makes a call note its number; the note travels in the
transformer_options to the attention, which is asked there (``Family.where``).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

HERE = "instance_edit_here"


@dataclass
class Here:
    """A note for one forward.

    Attributes:
        number: of the attention call whose module runs; None: no module of the family's does.
    """

    number: int | None = None


def call_here(options: Mapping[str, Any]) -> int | None:
    """Number of the attention call that is being made, by the options that it has."""
    here: Here | None = options.get(HERE)
    return None if here is None else here.number


@contextmanager
def noting_calls(modules: Sequence[Any], here: Here) -> Iterator[None]:
    """Note which of these modules runs; they do not contain each other."""

    def enter(number: int) -> Any:
        def note(*_: Any) -> None:
            here.number = number

        return note

    def leave(*_: Any) -> None:
        here.number = None

    handles = [
        module.register_forward_pre_hook(enter(number)) for number, module in enumerate(modules)
    ]
    handles += [module.register_forward_hook(leave) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
