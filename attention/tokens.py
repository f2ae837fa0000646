"""Where every token of FLUX's joint sequence ``Z = [text | latent | references]`` stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

Grid = tuple[int, int]


@dataclass(frozen=True)
class TokenLayout:
    """Lengths and offsets of the joint sequence ``[T_g, T_1 .. T_N | L | C_1 .. C_R]``.

    Args:
        text_lengths: tokens of the global prompt, then of every instance's prompt (each >= 0).
        latent_grid: (h, w) of the noisy latent's token grid.
        reference_grids: (h, w) of each reference image's token grid, in the order of the sequence.

    All spans are ``slice`` objects over the joint sequence.
    """

    text_lengths: tuple[int, ...]
    latent_grid: Grid
    reference_grids: tuple[Grid, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "text_lengths", tuple(int(n) for n in self.text_lengths))
        object.__setattr__(self, "latent_grid", _grid(self.latent_grid))
        object.__setattr__(self, "reference_grids", tuple(_grid(g) for g in self.reference_grids))
        if not self.text_lengths or min(self.text_lengths) < 0:
            raise ValueError(
                "text_lengths must hold the global prompt's length and one length >= 0 per "
                f"instance, got {self.text_lengths}."
            )

    @property
    def instances(self) -> int:
        """N, the number of instances."""
        return len(self.text_lengths) - 1

    @property
    def text_total(self) -> int:
        """Number of text tokens, all prompts together."""
        return sum(self.text_lengths)

    @property
    def latent_tokens(self) -> int:
        """Number of latent tokens, h * w."""
        return self.latent_grid[0] * self.latent_grid[1]

    @property
    def reference_tokens(self) -> tuple[int, ...]:
        """Number of tokens of each reference image."""
        return tuple(h * w for h, w in self.reference_grids)

    @property
    def image_tokens(self) -> int:
        """Number of latent and reference tokens together."""
        return self.latent_tokens + sum(self.reference_tokens)

    @property
    def total(self) -> int:
        """Z, the length of the joint sequence."""
        return self.text_total + self.image_tokens

    def text_span(self, n: int) -> slice:
        """Span of prompt ``n``: 0 is the global prompt, 1 .. N are the instances."""
        if not 0 <= n <= self.instances:
            raise ValueError(f"prompt number must be in 0 .. {self.instances}, got {n}.")
        start = sum(self.text_lengths[:n])
        return slice(start, start + self.text_lengths[n])

    @property
    def latent_span(self) -> slice:
        """Span of the noisy latent's tokens, row by row."""
        return slice(self.text_total, self.text_total + self.latent_tokens)

    def reference_span(self, r: int) -> slice:
        """Span of reference image ``r`` (0-based)."""
        if not 0 <= r < len(self.reference_grids):
            raise ValueError(
                f"reference number must be in 0 .. {len(self.reference_grids) - 1}, got {r}."
            )
        starts = list(accumulate(self.reference_tokens, initial=self.latent_span.stop))
        return slice(starts[r], starts[r + 1])


def _grid(grid: Sequence[int]) -> Grid:
    h, w = (int(side) for side in grid)
    if h < 1 or w < 1:
        raise ValueError(f"a token grid must be (h, w) with both sides >= 1, got {(h, w)}.")
    return h, w
