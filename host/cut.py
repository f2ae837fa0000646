"""A model call on some of its tokens: the cells of its latents that stay, as a picture one wide."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from comfy.ldm.common_dit import pad_to_patch_size
from einops import rearrange
from torch import Tensor

REFERENCES, MASK = "ref_latents", "attention_mask"


@dataclass(frozen=True)
class Cut:
    """Which tokens of a call stay, and what stands in place of the others.

    Attributes:
        kept: places of the latent's tokens that stay, then those of every reference, (k,) int64
            each, rising.
        tokens: number of tokens of the latent, and of every reference.
        source: (B or 1, C, .., H, W), what the result is everywhere else.
        patch: side of a token in latent pixels.
    """

    kept: tuple[Tensor, ...]
    tokens: tuple[int, ...]
    source: Tensor
    patch: int

    @cached_property
    def places(self) -> Tensor:
        """Places in ``[latent | references]`` of the tokens that stay."""
        starts = torch.tensor((0, *self.tokens[:-1])).cumsum(0).tolist()
        return torch.cat([k + start for k, start in zip(self.kept, starts, strict=True)])

    @cached_property
    def flags(self) -> Tensor:
        """(image tokens,) bool, whether each stays."""
        flags = torch.zeros(sum(self.tokens), dtype=torch.bool)
        flags[self.places] = True
        return flags

    def picture(self, latent: Tensor, number: int = 0) -> Tensor:
        """(B, C, .., H, W) -> (B, C, .., k * patch, patch): the cells that stay, one below the
        other.

        Args:
            number: 0 for the latent and what lies on its grid, then the references.
        """
        flat, as_it_was = flattened(latent)
        cells = to_cells(flat, self.patch)[:, self.kept[number].to(latent.device)]
        return as_it_was(rearrange(cells, "b k c p q -> b c (k p) q"))

    def inputs(
        self, x: Tensor, c_concat: Tensor | None, control: Any, extras: Mapping[str, Any]
    ) -> tuple[tuple[Tensor, Tensor | None, Any], dict[str, Any]]:
        """What a call gets, (x, c_concat, control) and the extras, for the tokens that stay."""
        kept = dict(extras)
        if kept.get(REFERENCES):
            pictures = [self.picture(one, n) for n, one in enumerate(kept[REFERENCES], start=1)]
            kept[REFERENCES] = [picture for picture in pictures if picture.shape[-2]]
        if kept.get(MASK) is not None:
            raise ValueError(
                "the conditioning has an attention mask for the whole picture (Apply Style Model "
                "with attn_bias), which Skip Background cannot cut. Set its strength_type to "
                "'multiply', or remove Skip Background."
            )
        concat = None if c_concat is None else self.picture(c_concat)
        return (self.picture(x), concat, self.residuals(control)), kept

    def residuals(self, control: Any) -> Any:
        """A ControlNet's residuals, (B, tokens, width) each, for the tokens that stay."""
        if control is None:
            return None
        places = self.places

        def cut(one: Tensor | None) -> Tensor | None:
            if one is None:
                return None
            return one[:, places[places < one.shape[1]].to(one.device)]

        return {name: [cut(one) for one in several] for name, several in control.items()}

    def result(self, out: Tensor) -> Tensor:
        """The whole picture: what the model made of the cells that stay, else the source."""
        flat, as_it_was = flattened(out)
        cells = rearrange(flat, "b c (k p) q -> b k c p q", p=self.patch)
        whole = to_cells(flattened(self.source.to(out))[0], self.patch)
        whole = whole.repeat(len(out) // len(whole), 1, 1, 1, 1)
        whole[:, self.kept[0].to(out.device)] = cells
        return as_it_was(from_cells(whole, self.patch, self.source.shape[-2:]))


def flattened(latent: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """A latent of one layer, (B, C, 1, H, W), as (B, C, H, W), and what makes the layer again.

    Raises:
        ValueError: several layers.
    """
    if latent.ndim == 4:
        return latent, lambda picture: picture
    if latent.shape[2] > 1:
        raise ValueError(
            f"Skip Background takes pictures of one layer, got {latent.shape[2]} layers. Remove it "
            "from this model."
        )
    return latent[:, :, 0], lambda picture: picture[:, :, None]


def to_cells(latent: Tensor, patch: int) -> Tensor:
    """(B, C, H, W) -> (B, tokens, C, patch, patch), odd sides filled up as the model does."""
    padded = pad_to_patch_size(latent, (patch, patch))
    return rearrange(padded, "b c (h p) (w q) -> b (h w) c p q", p=patch, q=patch)


def from_cells(cells: Tensor, patch: int, size: Sequence[int]) -> Tensor:
    """(B, tokens, C, patch, patch) -> (B, C, H, W), the inverse of ``to_cells``."""
    height, width = size
    rows = -(-height // patch)
    picture = rearrange(cells, "b (h w) c p q -> b c (h p) (w q)", h=rows)
    return picture[..., :height, :width]
