"""The face of a method: what users choose and set, and the biases that come of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from comfy_api.latest import io

from ...attention.bias import AttentionBias
from ...attention.recipe import BiasBuilder
from ...attention.schedule import Stage, equal_stages

Options = Mapping[str, Any]
Builders = Mapping[str, BiasBuilder]
Recipe = Callable[[Options], tuple[Builders, tuple[Stage, ...]]]


@dataclass(frozen=True)
class BiasMethod:
    """One method of Build Disentangled Bias.

    Attributes:
        key: its name in every room: of its files, and of its rows in tables of results.
        name: what users choose it by; saved workflows hold it, so it is for ever.
        says: a sentence or two for the tooltip: what it does and when to take it.
        inputs: its parameters, in the order in which saved workflows hold them.
        recipe: values of the inputs by id -> per kind of bias what builds it, and in which blocks
            each kind acts unless the user says otherwise.
    """

    key: str
    name: str
    says: str
    inputs: tuple[io.WidgetInput, ...]
    recipe: Recipe

    @property
    def defaults(self) -> dict[str, Any]:
        """What the inputs hold before anybody touches them."""
        return {item.id: item.default for item in self.inputs}


def everywhere(kind: str, bias: Callable[..., AttentionBias]) -> Recipe:
    """The recipe of a method with one kind of bias, which acts in all blocks.

    Args:
        bias: takes the inputs by their ids.
    """
    return lambda options: ({kind: partial(bias, **options)}, equal_stages((kind,)))
