"""PromptSpans: where each prompt stands in the text, as it travels with the conditioning."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..attention.tokens import Grid, TokenLayout
from ..mask_ops.regions import InstanceRegion


@dataclass(frozen=True)
class PromptSpans:
    """The prompts of a conditioning: the global one, then one per instance.

    It is what a conditioning carries to the model, for one picture. Masks in it are shared.

    Attributes:
        lengths: tokens of each prompt, (1 + N,).
        instructions: text of each instance's prompt, (N,).
        cropped: True if the model is called on a part of the picture only.
        regions: the instances, (N,); empty where none are known.
        filling: zeros behind the prompts, where other pictures of a batch have longer text.
    """

    lengths: tuple[int, ...]
    instructions: tuple[str, ...]
    cropped: bool = False
    regions: tuple[InstanceRegion, ...] = ()
    filling: int = 0

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

    def hidden(self, padded_to: int = 0) -> int:
        """How many tokens of the filling nobody sees; the rest is padding that it had alone."""
        return max(padded_to, self.total) - max(padded_to, sum(self.lengths))

    def layout(
        self,
        context_length: int,
        latent_grid: Grid,
        reference_grids: Sequence[Grid],
        padded_to: int = 0,
    ) -> tuple[TokenLayout, int]:
        """The token layout of a model call.

        Args:
            context_length: text tokens that the model really got.
            padded_to: length up to which the host pads short text on its left (FLUX.2: 512);
                padding belongs to the global prompt.

        Returns:
            The layout (hidden filling is one more prompt, behind all others), and how often the
            host repeated the text (usually once).

        Raises:
            ValueError: text of another length than the prompts account for.
        """
        padding, hidden = max(0, padded_to - sum(self.lengths)), self.hidden(padded_to)
        lengths = (self.lengths[0] + padding, *self.lengths[1:], *([hidden] if hidden else []))
        layout = TokenLayout(lengths, latent_grid, tuple(reference_grids))
        repeats, rest = divmod(context_length, layout.text_total)
        if rest or not repeats:
            raise ValueError(
                f"the conditioning holds {context_length} text tokens, but its prompts account for "
                f"{layout.text_total}: another node changed the text after Multi-Prompt Encode "
                "(such as Conditioning Concat or Average). Connect Multi-Prompt Encode's output "
                "without it, or put those words into the global prompt."
            )
        return layout, repeats


def text_order(
    layout: TokenLayout, repeats: int = 1, front: int = 0, behind: int = 0, first: int = 0
) -> tuple[int, ...]:
    """The canonical token at each place of a model's text.

    Args:
        repeats: how often the host repeated the text.
        first: how many of the layout's last text tokens (a filling) stand first.
        front, behind: tokens of the layout's global prompt that another patch put before and
            behind the (repeated) text.
    """
    span = layout.text_span(0)
    added = range(span.stop - behind, span.stop)
    filling = range(layout.text_total - first, layout.text_total)
    words = [*range(front, span.stop - behind), *range(span.stop, layout.text_total - first)]
    return (*range(front), *[*filling, *words] * repeats, *added)
