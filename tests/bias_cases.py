"""Random layouts and masks for hypothesis, and small helpers to read a dense bias."""

import math

import torch
from hypothesis import strategies as st

from instance_edit.attention import TokenLayout


@st.composite
def bias_cases(draw, max_instances=4, owned=True):
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


def squares(instances=2, grid=(4, 4), reference=True):
    """Disjoint single-row masks on a grid: (layout with 2 tokens a prompt, masks)."""
    masks = torch.zeros(instances, *grid, dtype=torch.bool)
    for n in range(instances):
        masks[n, n, :2] = True
    return TokenLayout((2,) * (instances + 1), grid, (grid,) if reference else ()), masks


def image_tokens(layout, masks, image="latent"):
    """Positions in the joint sequence of the tokens in a (h, w) mask."""
    span = layout.latent_span if image == "latent" else layout.reference_span(image)
    return masks.reshape(-1).nonzero()[:, 0] + span.start


def assert_same_bias(found, wanted, tolerance=1e-4):
    """Two dense biases are shut in the same places and agree elsewhere."""
    assert torch.equal(found == -math.inf, wanted == -math.inf)
    finite = wanted > -math.inf
    assert torch.allclose(found[finite], wanted[finite], atol=tolerance, rtol=0)
