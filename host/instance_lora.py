"""LoRAs of single instances: while the model runs, their layers' rows of those tokens alone change.

Nothing is merged into weights and no layer is replaced: hooks stand around one forward.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from torch import Tensor

from ..attention.instance_lora import Rows, lora_rows, members
from ..attention.recipe import BiasRecipe
from ..mask_ops.instance_lora import RegionLora
from ..prompts.spans import Added, PromptSpans
from .call import ModelCall
from .families import Family, Stream
from .lora_files import LoadedLora
from .lora_forward import Adapter, adapted, added
from .lora_shelf import Shelf
from .run import RUN, RunNote, say_once
from .sequence import call_layout, call_streams


@dataclass(frozen=True)
class Act:
    """One LoRA of one instance in one call.

    Attributes:
        items: of the batch.
        rows: per stream of layers the places it acts on.
    """

    loaded: LoadedLora
    items: slice
    rows: Sequence[Sequence[Rows]]


def acting_loras(recipe: BiasRecipe, active: Sequence[bool]) -> list[tuple[int, RegionLora]]:
    """The LoRAs that act in a call, each with its 0-based instance."""
    return [
        (number, lora)
        for number, region in enumerate(recipe.instances)
        if active[number]
        for lora in region.loras
        if lora.acts
    ]


Acting = tuple[BiasRecipe, PromptSpans, slice, tuple[bool, ...] | None]
"""The recipe of a conditioning, its spans, its items of the batch, the instances active in it."""


def find_gates(
    family: Family,
    call: ModelCall,
    recipes: Sequence[Acting],
    added: Callable[[], Added],
    kept: Tensor | None,
) -> "Gates | None":
    """The gates of a call; None where no LoRA of an instance acts in it.

    Args:
        added: what other patches added to the text, once that is known.
        kept: see ``token_sequence``.

    Raises:
        ValueError: a LoRA that does not fit the model.
    """
    acting = [
        (recipe, spans, items, active)
        for recipe, spans, items, active in recipes
        if active is not None and acting_loras(recipe, active)
    ]
    if not acting:
        return None
    note: RunNote | None = call.options.get(RUN)
    gates = Gates(family, call, acting, Shelf() if note is None else note.loras, added, kept)
    for line in said_of_loras(gates):
        say_once(call.options, line)
    return gates


class Gates:
    """Which layer's rows which LoRA changes in one forward; see ``find_gates``.

    Attributes:
        layers: those that any of the files changes and that act on tokens, by name, each with the
            number of its stream.
    """

    def __init__(
        self,
        family: Family,
        call: ModelCall,
        recipes: Sequence[tuple[BiasRecipe, PromptSpans, slice, tuple[bool, ...]]],
        shelf: Shelf,
        added: Callable[[], Added],
        kept: Tensor | None,
    ) -> None:
        self.family, self.call, self.recipes = family, call, recipes
        self.shelf, self.added, self.kept = shelf, added, kept
        self.loaded = {
            lora: shelf.take(lora, call.base)
            for recipe, _, _, active in recipes
            for _, lora in acting_loras(recipe, active)
        }
        self.plans: dict[Added, tuple[list[Stream], list[Act]]] = {}
        patterns = tuple(stream.layers for stream in self.plan(Added())[0])
        names = sorted({name for loaded in self.loaded.values() for name in loaded.layers})
        found = {name: stream_of(name, patterns) for name in names}
        self.layers = {name: number for name, number in found.items() if number is not None}

    def plan(self, added: Added) -> tuple[list[Stream], list[Act]]:
        """The streams of layers, and what acts in them, with these tokens added to the text."""
        if added not in self.plans:
            self.plans[added] = self._plan(added)
        return self.plans[added]

    def _plan(self, added: Added) -> tuple[list[Stream], list[Act]]:
        streams: list[Stream] = []
        acts: list[Act] = []
        for recipe, spans, items, active in self.recipes:
            layout, extents, beside = call_layout(self.family, self.call, spans, added)
            streams = call_streams(self.family, self.call, layout, beside, self.kept)
            for number, lora in acting_loras(recipe, active):
                who = members(recipe, layout, active, extents)
                found = [lora_rows(layout, who, number, lora, one.tokens) for one in streams]
                rows = [[one.on(self.call.x.device) for one in several] for several in found]
                acts.append(Act(self.loaded[lora], items, rows))
        return streams, acts

    def changed(self, name: str, layer: Any, x: Tensor, y: Tensor) -> Tensor:
        """What a layer gives, with the rows of the instances' tokens changed in place.

        Raises:
            ValueError: other tokens than the family says.
        """
        (streams, acts), number = self.plan(self.added()), self.layers[name]
        wanted = (len(self.call.x), len(streams[number].tokens))
        seen, given = (one.view(len(one), -1, one.shape[-1]) for one in (x.contiguous(), y))
        if tuple(seen.shape[:2]) != wanted:
            raise ValueError(
                f"Instance LoRA cannot tell the tokens of layer {name}: {wanted[1]} for each of "
                f"{wanted[0]} picture(s) were expected, a tensor {tuple(x.shape)} came. Remove the "
                "LoRA from its instance, or the node that changes the model's tokens."
            )
        for act in acts:
            for adapter in act.loaded.layers.get(name, ()):
                own = self.shelf.on(adapter, x.device, x.dtype)
                for rows in act.rows[number]:
                    change_rows(layer, own, rows, seen[act.items], given[act.items])
        return y


def change_rows(layer: Any, adapter: Adapter, rows: Rows, x: Tensor, y: Tensor) -> None:
    """Change some rows of a layer's result (b, L, out) in place."""
    seen = x.index_select(1, rows.places)
    if adapter.rewrites:
        before = y.index_select(1, rows.places)
        change = adapted(layer, adapter, rows.strength, seen, before) - before
    else:
        change = added(adapter, rows.strength, seen, y)
    if rows.share is not None:
        change = change * rows.share[:, None].to(change.dtype)
    first, length = adapter.part or (0, y.shape[-1])
    for picture, more in zip(y[..., first : first + length], change, strict=True):
        picture.index_add_(0, rows.places, more)


@lru_cache(maxsize=4096)
def stream_of(layer: str, streams: tuple[tuple[str, ...], ...]) -> int | None:
    """Number of the first stream that names a layer; None if none does."""
    for number, patterns in enumerate(streams):
        if any(fnmatchcase(layer, pattern) for pattern in patterns):
            return number
    return None


@contextmanager
def gated(network: Any, gates: Gates | None) -> Iterator[None]:
    """Within it the layers of a network give what the gates say."""
    handles: list[Any] = []

    def changing(name: str) -> Callable[..., Tensor]:
        def change(layer: Any, args: tuple[Tensor, ...], out: Tensor) -> Tensor:
            assert gates is not None
            return gates.changed(name, layer, args[0], out)

        return change

    try:
        for name in () if gates is None else gates.layers:
            layer = network.get_submodule(name)
            handles.append(layer.register_forward_hook(changing(name)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def said_of_loras(gates: Gates) -> list[str]:
    """What the log says of each file: on how many layers it acts, and what of it is left out.

    Raises:
        ValueError: a file none of whose layers acts on single tokens.
    """
    layers, lines = gates.layers.keys(), list[str]()
    for lora, loaded in gates.loaded.items():
        own = layers & loaded.layers.keys()
        if not own:
            raise ValueError(
                f"the LoRA {lora.file!r} changes no layer of {gates.family.name} that acts on "
                f"single tokens (it has {', '.join(sorted(loaded.layers)[:3])} ..). Load it for "
                "the whole picture with LoraLoaderModelOnly."
            )
        rest = sorted(loaded.layers.keys() - own)
        others = [f"{len(rest)} layers that act on no token ({rest[0]} ..)"] if rest else []
        left = ", ".join((*others, *loaded.left_out)) or "nothing"
        lines.append(f"instance LoRA {lora.file}: {len(own)} layers; left out: {left}.")
    return lines
