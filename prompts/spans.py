"""PromptSpans: where each prompt stands in the text, as it travels with the conditioning."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..attention.tokens import Grid, TokenLayout
from ..mask_ops.regions import InstanceRegion


@dataclass(frozen=True)
class AdapterTokens:
    """What a text adapter inside the model (Anima's) makes a prompt's text of.

    Attributes:
        features: number of the encoder's features; padding follows.
        ids: T5's tokens, each of which becomes a token of the text.
        weights: by which each is multiplied.
    """

    features: int
    ids: tuple[int, ...]
    weights: tuple[float, ...]

    @property
    def places(self) -> int:
        """Number of tokens that have to be kept."""
        return max(self.features, len(self.ids))


@dataclass(frozen=True)
class PromptSpans:
    """The prompts of a conditioning: the global one, then one per instance.

    It is what a conditioning carries to the model, for one picture. Masks in it are shared.

    Attributes:
        lengths: tokens of each prompt, (1 + N,).
        instructions: what each instance is told, (N,); in a negative conditioning the positive's.
        cropped: True if the model is called on a part of the picture only.
        regions: the instances, (N,); empty where none are known.
        filling: zeros behind the prompts that nobody sees, up to the length of another text.
        starts: text position of each prompt's first token, (1 + N,), as it has it alone; empty:
            the positions run on from prompt to prompt.
        words: first and last + 1 of the global prompt's tokens that are no padding; None: all.
        notes: sentences about the prompts for people to read.
        appended: tokens that other nodes put behind all that, before the host pads the text.
        adapters: of each prompt what the model's text adapter makes its text of, (1 + N,); empty
            where the model has none.
    """

    lengths: tuple[int, ...]
    instructions: tuple[str, ...]
    cropped: bool = False
    regions: tuple[InstanceRegion, ...] = ()
    filling: int = 0
    starts: tuple[int, ...] = ()
    words: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    appended: int = 0
    adapters: tuple[AdapterTokens, ...] = ()

    def __post_init__(self) -> None:
        if self.regions and tuple(r.instruction for r in self.regions) != self.instructions:
            raise ValueError(
                f"regions must be those of the instructions {list(self.instructions)}, got "
                f"{[region.instruction for region in self.regions]}."
            )

    @property
    def total(self) -> int:
        """Number of tokens, all prompts and the filling together."""
        return sum(self.lengths) + self.filling

    def place(self, prompt: int) -> slice:
        """Where a prompt (0 is the global one) stands in the text as it was encoded."""
        start = sum(self.lengths[:prompt])
        return slice(start, start + self.lengths[prompt])

    def padding(self, front: int = 0) -> tuple[tuple[int, int], ...]:
        """Where the global prompt's padding stands behind ``front`` tokens, as runs (first, last +
        1)."""
        start, stop = self.words or (0, self.lengths[0])
        runs = ((front, front + start), (front + stop, front + self.lengths[0]))
        return tuple(run for run in runs if run[0] < run[1])

    def positions(self, text_tokens: int) -> tuple[int, ...]:
        """The position of every token of a text that begins with these prompts.

        What other nodes appended goes on behind the global prompt, as it would without instances.
        """
        if not self.starts:
            return tuple(range(text_tokens))
        own = [
            start + i for start, n in zip(self.starts, self.lengths, strict=True) for i in range(n)
        ]
        filling = range(len(own), self.total)
        behind = range(self.starts[0] + self.lengths[0], text_tokens)
        return (*own, *filling, *behind)[:text_tokens]


@dataclass(frozen=True)
class Added:
    """Text tokens that are none of the prompts', in front of and behind them: the host's padding,
    and what other nodes and patches added. They belong to the global prompt."""

    front: int = 0
    behind: int = 0

    def __add__(self, other: "Added") -> "Added":
        return Added(self.front + other.front, self.behind + other.behind)


def find_appended(spans: PromptSpans, text_tokens: int, padded_to: int = 0) -> Added:
    """What the text of a model call holds beside its prompts.

    Args:
        text_tokens: how many the model really got.
        padded_to: length up to which the host pads short text on its left (FLUX.2: 512).

    Raises:
        ValueError: a text that is too short for its prompts.
    """
    front = max(0, padded_to - spans.total - spans.appended)
    if text_tokens < spans.total + front:
        raise ValueError(
            f"the conditioning holds {text_tokens} text tokens, but its prompts account for "
            f"{spans.total + front}: another node cut the text after Multi-Prompt Encode. Connect "
            "Multi-Prompt Encode's output without it."
        )
    return Added(front, text_tokens - spans.total - front)


def text_layout(
    spans: PromptSpans, latent_grid: Grid, reference_grids: Sequence[Grid], added: Added
) -> TokenLayout:
    """The token layout of a model call; hidden filling is one more prompt, behind all others."""
    first, *others = spans.lengths
    filling = [spans.filling] if spans.filling else []
    lengths = (first + added.front + added.behind, *others, *filling)
    return TokenLayout(lengths, latent_grid, tuple(reference_grids))


def text_order(layout: TokenLayout, added: Added) -> tuple[int, ...]:
    """The canonical token at each place of a model's text.

    Args:
        added: tokens of the layout's global prompt that stand before and behind all prompts.
    """
    span = layout.text_span(0)
    words = (*range(span.stop - added.behind), *range(span.stop, layout.text_total))
    return (*words, *range(span.stop - added.behind, span.stop))
