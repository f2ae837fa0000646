"""BiasRecipe: which regions, which method, where and when. The value of the "bias" sockets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..mask_ops.naming import instance_name
from ..mask_ops.overlap import AS_RELEASED, OverlapPolicy
from ..mask_ops.regions import InstanceRegion, region_masks
from .bias import AttentionBias
from .schedule import OFF, Stage, block_kinds
from .shared_padding import share_padding
from .tokens import Grid, TokenLayout
from .window import Inside, WindowBy

Extent = tuple[float, float]


class BiasBuilder(Protocol):
    """Makes the bias of one kind, once per layout: a method's function, its parameters bound.

    ``layout`` and ``masks`` ((N, h, w) bool on the latent grid) come from the picture at hand, as
    do the rest: see ``assign_tokens``; ``strengths`` are >= 0, one per instance, 1 is neutral.
    """

    def __call__(
        self,
        layout: TokenLayout,
        masks: Tensor,
        *,
        reference_masks: Sequence[Tensor] | None,
        reference_owners: Sequence[int | None] | None,
        strengths: Sequence[float] | None,
        active: Sequence[bool] | None,
        last_view: bool,
    ) -> AttentionBias: ...


@dataclass(frozen=True, eq=False)
class BiasRecipe:
    """Everything needed to build an attention bias once the token layout is known.

    Attributes:
        method: the name under which users know the method, for titles and messages only.
        regions: the instances, in the order of their prompts; None: those of each conditioning.
        builders: what makes each kind of bias that the stages name.
        stages: which kind acts in which blocks.
        start, end: window as fractions of the sampling; outside it the model is unbiased.
        overlap: who owns a token that several regions claim.
        window_by: what the fractions of this window and of the regions' are of.
        share_padding: everybody may look at the global prompt's padding.
    """

    method: str
    regions: tuple[InstanceRegion, ...] | None
    builders: Mapping[str, BiasBuilder]
    stages: tuple[Stage, ...]
    start: float = 0.0
    end: float = 1.0
    overlap: OverlapPolicy = "shared"
    window_by: WindowBy = "steps"
    share_padding: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= 1:
            raise ValueError(
                "the steps window must satisfy 0 <= start < end <= 1, got "
                f"{self.start} to {self.end}."
            )
        unknown = {stage.kind for stage in self.stages} - {*self.builders, OFF}
        if unknown:
            raise ValueError(f"stages name {sorted(unknown)}, known are {sorted(self.builders)}.")
        if all(stage.kind == OFF for stage in self.stages):
            raise ValueError("every stage is off: switch at least one part of the blocks on.")

    @property
    def instances(self) -> tuple[InstanceRegion, ...]:
        """The regions; they must be known by now."""
        assert self.regions is not None
        return self.regions

    @property
    def timed(self) -> bool:
        """True if anything has a window, so that the noise level must be looked at."""
        windows = [(self.start, self.end), *((r.start, r.end) for r in self.instances)]
        return any(window != (0.0, 1.0) for window in windows)

    def active(self, inside: Inside) -> tuple[bool, ...]:
        """Per instance whether it takes part in the call of which ``inside`` tells."""
        return tuple(inside(r.start, r.end) for r in self.instances)

    def kinds(self, total_blocks: int) -> tuple[str, ...]:
        """Kind of bias of every block.

        Raises:
            ValueError: in a model this deep two runs overlap, one ends past the last block, or no
                block is ever biased.
        """
        kinds = block_kinds(self.stages, total_blocks)
        if all(kind == OFF for kind in kinds):
            raise ValueError(
                f"the block schedule reaches none of the model's {total_blocks} blocks "
                f"(0 .. {total_blocks - 1}). Change the block numbers in Build Disentangled Bias."
            )
        return kinds

    def build(
        self,
        kind: str,
        layout: TokenLayout,
        active: Sequence[bool],
        extents: Sequence[Extent] | None = None,
        padding: Sequence[tuple[int, int]] = (),
    ) -> AttentionBias:
        """The bias of one kind for one layout.

        A layout with one prompt more than there are regions ends in a filling, which nobody sees:
        a prompt of an instance that takes no part and is nowhere.

        Args:
            active: per region whether it takes part.
            extents: (rows, columns) of tokens that the picture really spans, for the latent and
                then every reference; default: the whole grids.
            padding: tokens of the global prompt's padding, as runs (first, last + 1).
        """
        masks, references, owners = self.place(layout, active, extents)
        filling = layout.instances - len(self.instances)
        bias = self.builders[kind](
            layout,
            with_nowhere(masks, filling),
            reference_masks=[with_nowhere(one, filling) for one in references],
            reference_owners=owners,
            strengths=[region.strength for region in self.instances] + [1.0] * filling,
            active=[*active, *[False] * filling],
            last_view=self.overlap == AS_RELEASED,
        )
        if not (self.share_padding and padding):
            return bias
        tokens = torch.zeros(layout.total, dtype=torch.bool)
        for start, stop in padding:
            tokens[start:stop] = True
        return share_padding(bias, tokens)

    def place(
        self,
        layout: TokenLayout,
        active: Sequence[bool],
        extents: Sequence[Extent] | None = None,
    ) -> tuple[Tensor, list[Tensor], tuple[int | None, ...]]:
        """Where the instances are: (N, h, w) bool masks on the latent grid and on every reference
        grid, and per reference its owner. Arguments as for ``build``."""
        spans: Sequence[Extent | None] = extents or [None] * (1 + len(layout.reference_grids))
        masks = self.place_latent(layout.latent_grid, active, spans[0])
        references = [
            region_masks(
                self.instances, grid, spans[1 + r], overlap=self.overlap, active=active, reference=r
            )
            for r, grid in enumerate(layout.reference_grids)
        ]
        return masks, references, self.reference_owners(len(layout.reference_grids))

    def place_latent(
        self, grid: Grid, active: Sequence[bool], extent: Extent | None = None
    ) -> Tensor:
        """(N, h, w) bool: where the instances are on the latent grid. Arguments as for ``build``,
        ``extent`` that of the latent."""
        return region_masks(self.instances, grid, extent, overlap=self.overlap, active=active)

    def reference_owners(self, references: int) -> tuple[int | None, ...]:
        """Per reference image the 0-based instance that owns it, or None for the scene.

        Raises:
            ValueError: a region owns a reference that is not there, or two own the same.
        """
        owners: list[int | None] = [None] * references
        for n, region in enumerate(self.instances):
            if region.reference is None:
                continue
            if region.reference >= references:
                name = instance_name(n + 1, region.label)
                raise ValueError(
                    f"{name} owns reference image {region.reference + 1}, but the "
                    f"conditioning holds {references}. Add a Reference Latent node for it, or set "
                    "the instance's reference to 0."
                )
            taken = owners[region.reference]
            if taken is not None:
                raise ValueError(
                    f"reference image {region.reference + 1} is owned by instances {taken + 1} and "
                    f"{n + 1}; a reference image belongs to one instance or to the scene."
                )
            owners[region.reference] = n
        return tuple(owners)


def with_nowhere(masks: Tensor, count: int) -> Tensor:
    """(N + count, h, w): the masks, and those of instances that are nowhere."""
    return torch.cat([masks, masks.new_zeros(count, *masks.shape[1:])])
