"""Apply Instance Attention without a bias: MICE as it is set, for the regions that come along."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from instance_edit.tests.with_comfyui.core import random_latent, run_core, run_node, sample
from instance_edit.tests.with_comfyui.editing import MICE, Editor, corner_masks


class Both:
    """A model by the short graph, and by the one that says everything."""

    def __init__(self, nodes: dict[str, type], model: Any) -> None:
        self.editor, self.model = Editor(nodes), model
        apply = nodes["InstanceEditApplyAttention"]
        self.short = run_node(apply, model=model)[0]

    def said(self, regions: Any, **options: Any) -> Any:
        return self.editor.apply(self.model, self.editor.bias(regions, MICE, **options))


@pytest.fixture(params=["flux1", "flux2"])
def both(request: pytest.FixtureRequest, pack_nodes: dict[str, type]) -> Both:
    return Both(pack_nodes, request.getfixturevalue(request.param))


@pytest.fixture
def clip(both: Both, tiny_clip_flux1: Any, tiny_clip_klein: Any) -> Any:
    flux1 = both.model.model.diffusion_model.params.context_in_dim == 64
    return tiny_clip_flux1 if flux1 else tiny_clip_klein


def test_it_is_the_explicit_graph_bit_for_bit(both: Both, clip: Any) -> None:
    regions = both.editor.regions(start=0.0, end=0.5, strength=0.5)
    positive, negative = both.editor.encode_all(clip, regions, negative="blurry")[:2]
    latent = random_latent(both.model)
    for cfg in (1.0, 3.0):
        short, said = (
            sample(model, positive, negative, latent, cfg=cfg)
            for model in (both.short, both.said(regions))
        )
        assert torch.equal(short, said)
    plain = sample(both.model, positive, negative, latent)
    assert not torch.equal(sample(both.short, positive, negative, latent), plain)


def test_every_conditioning_of_a_run_has_its_own_regions(both: Both, clip: Any) -> None:
    """Two prompts combined: each is biased by what it brought, as in two runs of one step."""
    first = both.editor.regions()
    second = both.editor.regions(["a blue bird"], masks=corner_masks()[1:])
    one, other = (both.editor.encode(clip, regions) for regions in (first, second))
    (joined,) = run_core("ConditioningCombine", conditioning_1=one, conditioning_2=other)
    latent = random_latent(both.model)
    found = sample(both.short, joined, joined, latent, steps=1)
    alone = [
        sample(both.said(regions), prompt, prompt, latent, steps=1)
        for regions, prompt in ((first, one), (second, other))
    ]
    torch.testing.assert_close(found, (alone[0] + alone[1]) / 2, atol=1e-4, rtol=1e-4)


def test_every_picture_of_a_batch_has_its_own_regions(both: Both, clip: Any) -> None:
    masks = torch.stack([corner_masks()[0], corner_masks()[1]])
    node = both.editor.nodes["InstanceEditRegion"]
    region = run_node(
        node, mask=masks, instruction="a cat", strength=1.0, start=0.0, end=1.0, reference=0
    )[0]
    conditioning = both.editor.encode(clip, region)
    latent = random_latent(both.model, batch=2)
    short, said = (
        sample(model, conditioning, conditioning, latent)
        for model in (both.short, both.said(region))
    )
    assert torch.equal(short, said)


def test_regions_without_a_place_are_refused(both: Both, clip: Any) -> None:
    node = both.editor.nodes["InstanceEditRegionsFromInstructions"]
    (regions,) = run_node(node, instructions="a cat", strength=1.0, start=0.0, end=1.0)
    conditioning = both.editor.encode(clip, regions)
    with pytest.raises(ValueError, match="instance 1 has no place yet"):
        sample(both.short, conditioning, conditioning, random_latent(both.model))


def test_a_prompt_without_instances_is_said(
    both: Both, clip: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (plain,) = run_core("CLIPTextEncode", clip=clip, text="a cat")
    with caplog.at_level("INFO", logger="instance_edit"):
        sample(both.short, plain, plain, random_latent(both.model))
    assert "without instances runs without instance attention" in caplog.text
