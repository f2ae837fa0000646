"""Random layouts and masks for hypothesis, and small helpers to read a dense bias."""

import math
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from instance_edit.attention import TokenLayout

from .naive_bias import Scene

Case = tuple[TokenLayout, Tensor, list[Tensor], tuple[int | None, ...]]


@st.composite
def bias_cases(draw: st.DrawFn, max_instances: int = 4, owned: bool = True) -> Case:
    """(layout, masks, reference masks, owners): small, overlaps and empty masks included."""
    instances = draw(st.integers(1, max_instances))
    lengths = tuple(draw(st.integers(1, 3)) for _ in range(instances + 1))
    grid = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    references = [
        (draw(st.integers(1, 3)), draw(st.integers(1, 3))) for _ in range(draw(st.integers(0, 2)))
    ]
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**16)))
    density = draw(st.sampled_from([0.1, 0.4, 0.8]))
    masks, *reference_masks = [
        torch.rand(instances, *g, generator=generator) < density for g in (grid, *references)
    ]
    choices = st.none() | st.integers(0, instances - 1) if owned else st.none()
    owners = tuple(draw(choices) for _ in references)
    return TokenLayout(lengths, grid, tuple(references)), masks, reference_masks, owners


@st.composite
def scenes(draw: st.DrawFn) -> tuple[TokenLayout, Scene]:
    """A layout, and all that a method is told: owners, strengths and who is active included."""
    layout, masks, references, owners = draw(bias_cases())
    per_instance = {"min_size": layout.instances, "max_size": layout.instances}
    strength = st.sampled_from([0.0, 0.5, 1.0, 2.0])
    strengths = draw(st.none() | st.lists(strength, **per_instance))
    active = draw(st.none() | st.lists(st.booleans(), **per_instance))
    last = draw(st.booleans())
    return layout, Scene(layout.text_lengths, masks, references, owners, strengths, active, last)


def told(scene: Scene) -> dict[str, Any]:
    """The scene as the keyword arguments of a method."""
    return {
        "reference_masks": scene.references,
        "reference_owners": scene.owners,
        "strengths": scene.strengths,
        "active": scene.active,
        "last_view": scene.last,
    }


def squares(
    instances: int = 2, grid: tuple[int, int] = (4, 4), reference: bool = True
) -> tuple[TokenLayout, Tensor]:
    """Disjoint single-row masks on a grid: (layout with 2 tokens a prompt, masks)."""
    masks = torch.zeros(instances, *grid, dtype=torch.bool)
    for n in range(instances):
        masks[n, n, :2] = True
    return TokenLayout((2,) * (instances + 1), grid, (grid,) if reference else ()), masks


def image_tokens(layout: TokenLayout, masks: Tensor, image: int | str = "latent") -> Tensor:
    """Positions in the joint sequence of the tokens in a (h, w) mask."""
    span = layout.latent_span if image == "latent" else layout.reference_span(int(image))
    return masks.reshape(-1).nonzero()[:, 0] + span.start


def assert_same_bias(found: Tensor, wanted: Tensor, tolerance: float = 1e-4) -> None:
    """Two dense biases are shut in the same places and agree elsewhere."""
    assert torch.equal(found == -math.inf, wanted == -math.inf)
    finite = wanted > -math.inf
    assert torch.allclose(found[finite], wanted[finite], atol=tolerance, rtol=0)
