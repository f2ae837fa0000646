"""PromptSpans: where each prompt stands in the text, as it travels with the conditioning."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..attention.bias import AttentionBias
from ..attention.tokens import Grid, TokenLayout


@dataclass(frozen=True)
class PromptSpans:
    """The prompts of a conditioning: the global one, then one per instance.

    Attributes:
        lengths: tokens of each prompt, (1 + N,).
        instructions: text of each instance's prompt, (N,).
        cropped: True if the model is called on a part of the picture only.
    """

    lengths: tuple[int, ...]
    instructions: tuple[str, ...]
    cropped: bool = False

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
            The layout, and how often the host repeated the text (usually once).

        Raises:
            ValueError: text of another length than the prompts account for.
        """
        padding = max(0, padded_to - sum(self.lengths))
        lengths = (self.lengths[0] + padding, *self.lengths[1:])
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


def repeat_text(bias: AttentionBias, layout: TokenLayout, repeats: int) -> AttentionBias:
    """The bias of a sequence whose text stands ``repeats`` times before the image tokens."""
    if repeats == 1:
        return bias
    text = torch.arange(layout.text_total).repeat(repeats)
    return bias.take(torch.cat([text, torch.arange(layout.text_total, layout.total)]))
