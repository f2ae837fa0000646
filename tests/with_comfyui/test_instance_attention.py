"""Apply Instance Attention on a real ComfyUI: what it computes."""

from __future__ import annotations

import math

import pytest
import torch

from instance_edit.attention.execute.plan import BiasPlan
from instance_edit.attention.recipe import BiasRecipe
from instance_edit.attention.schedule import equal_stages
from instance_edit.attention.tokens import TokenLayout
from instance_edit.host.attention_call import Heads
from instance_edit.host.call import KEY
from instance_edit.host.carrier import attach_spans
from instance_edit.host.override import Kernels, biased_attention
from instance_edit.host.patch import apply_instance_attention
from instance_edit.prompts.spans import PromptSpans
from instance_edit.tests.with_comfyui.comfyui import attention_pytorch
from instance_edit.tests.with_comfyui.core import (
    random_conditioning,
    random_latent,
    reference,
    sample,
)
from instance_edit.tests.with_comfyui.editing import MICE, OPEN_MICE, Editor, idattn

MODELS = ["flux1_deep", "flux1", "flux1_without_guidance", "flux2", "flux2_with_guidance"]


@pytest.fixture
def editor(pack_nodes):
    return Editor(pack_nodes)


@pytest.fixture(params=MODELS)
def model(request):
    return request.getfixturevalue(request.param)


def spans_for(model, regions, lengths=(4, 3, 3), seed=1):
    """Random text of the right width with spans in it: no text encoder needed."""
    conditioning = random_conditioning(model, tokens=sum(lengths), seed=seed)
    spans = PromptSpans(lengths, tuple(region.instruction for region in regions))
    return attach_spans(conditioning, spans)


def change_prompt(conditioning, start, stop):
    """The conditioning with other text features at some positions."""
    [[text, extras]] = conditioning
    changed = text.clone()
    changed[:, start:stop] = changed[:, start:stop].flip(1) * 1.5 + 1
    spans = extras["model_conds"][KEY].items
    return attach_spans([[changed, extras]], *spans)


def test_zero_instances_are_bit_identical_to_the_unpatched_model(model):
    recipe = BiasRecipe("none", (), {"none": None}, equal_stages(("none",)))
    patched = apply_instance_attention(model, recipe)
    conditioning = random_conditioning(model)
    with_spans = attach_spans(conditioning, PromptSpans((20,), ()))
    latent = random_latent(model)
    wanted = sample(model, conditioning, conditioning, latent)
    assert torch.equal(sample(patched, with_spans, conditioning, latent), wanted)


def test_a_bias_that_is_all_zero_is_bit_identical_to_the_unpatched_model(editor, model):
    regions = editor.regions(masks=torch.ones(2, 64, 64))
    bias = editor.bias(regions, OPEN_MICE)
    layout = TokenLayout((4, 3, 3), (4, 4))
    assert not bias.build("mice", layout, (True, True)).is_zero  # text x text stays shut
    single = editor.regions(["a cat"], masks=torch.ones(1, 64, 64))
    patched = editor.apply(model, all_open(editor.bias(single, OPEN_MICE)))
    conditioning = spans_for(model, single, (4, 3))
    latent = random_latent(model)
    wanted = sample(model, conditioning, conditioning, latent)
    assert torch.equal(sample(patched, conditioning, conditioning, latent), wanted)


def all_open(recipe):
    """The recipe with a method whose bias is zero everywhere."""
    from dataclasses import replace

    def open_bias(layout, masks, **options):
        bias = recipe.builders["mice"](layout, masks, **options)
        return replace(
            bias, rows=torch.zeros_like(bias.rows), columns=torch.zeros_like(bias.columns)
        )

    return replace(recipe, builders={"mice": open_bias})


def reference_attention(q, k, v, bias):
    """softmax(q k^T / sqrt(d) + B) v, by the formula, in float64."""
    logits = q.double() @ k.double().transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias.double()
    return torch.softmax(logits, -1) @ v.double()


@pytest.mark.parametrize("method", [MICE, idattn("har"), idattn("dis")])
def test_the_applied_bias_agrees_with_a_hand_written_attention(editor, model, method):
    """The patched model against the plain one under an override that follows the formula."""
    regions = editor.regions()
    recipe = editor.bias(regions, method)
    conditioning = reference(spans_for(model, regions), random_latent(model, seed=5))
    latent = random_latent(model)
    padding = 512 - 10 if model.model.diffusion_model.params.global_modulation else 0
    grid = (4, 4) if model.model.diffusion_model.patch_size == 2 else (8, 8)
    layout = TokenLayout((4 + padding, 3, 3), grid, (grid,))
    flux = model.model.diffusion_model
    kinds = recipe.kinds(len(flux.double_blocks) + len(flux.single_blocks))
    dense = {kind: recipe.build(kind, layout, (True, True)).dense() for kind in set(kinds)}

    def by_formula(func, q, k, v, heads, *args, transformer_options, **kwargs):
        single = transformer_options["block_type"] == "single"
        block = transformer_options["block_index"] + single * len(flux.double_blocks)
        out = reference_attention(q, k, v, dense[kinds[block]]).to(q.dtype)
        return out.transpose(1, 2).flatten(2)

    manual = model.clone()
    manual.model_options["transformer_options"]["optimized_attention_override"] = by_formula
    wanted = sample(manual, conditioning, conditioning, latent, steps=1)
    found = sample(editor.apply(model, recipe), conditioning, conditioning, latent, steps=1)
    plain = sample(model, conditioning, conditioning, latent, steps=1)
    assert torch.allclose(found, wanted, atol=2e-4, rtol=1e-4)
    assert (found - plain).abs().max() > 1e-2


def test_one_attention_call_agrees_with_the_formula(editor):
    regions = editor.regions()
    layout = TokenLayout((4, 3, 3), (6, 6), ((6, 6),))
    bias = editor.bias(regions).build("mice", layout, (True, True))
    plan = BiasPlan(bias)
    q, k, v = torch.randn(3, 2, 2, layout.total, 16, generator=torch.Generator().manual_seed(0))
    attention = attention_pytorch
    mask = torch.zeros(layout.total, layout.total).bernoulli_(0.9, generator=torch.Generator())
    mask.fill_diagonal_(1)
    split = Heads(q, k, v, {"skip_reshape": True}, flat=True)
    found = biased_attention(split, plan, Kernels(attention, attention), mask.bool())
    both = bias.dense().masked_fill(~mask.bool(), -math.inf)
    wanted = reference_attention(q, k, v, both).transpose(1, 2).flatten(2)
    assert torch.allclose(found.double(), wanted, atol=1e-5)


@pytest.mark.parametrize("deep", ["flux1_deep", "flux2_deep"])
def test_idattn_dis_makes_an_instance_bit_independent_of_the_others_instruction(
    editor, request, deep
):
    model = request.getfixturevalue(deep)
    regions = editor.regions()
    patched = editor.apply(model, editor.bias(regions, idattn()))
    conditioning = reference(spans_for(model, regions), random_latent(model, seed=5))
    latent = random_latent(model)
    before = sample(patched, conditioning, conditioning, latent)
    other = change_prompt(conditioning, 7, 10)
    after = sample(patched, other, other, latent)
    assert torch.equal(before[..., :4, :4], after[..., :4, :4])
    assert (before[..., 4:, 4:] - after[..., 4:, 4:]).abs().max() > 1e-3


@pytest.mark.parametrize("deep", ["flux1_deep", "flux2_deep"])
def test_mice_cuts_the_influence_of_another_instances_instruction(editor, request, deep, capsys):
    model = request.getfixturevalue(deep)
    regions = editor.regions()
    patched = editor.apply(model, editor.bias(regions))
    conditioning = reference(spans_for(model, regions), random_latent(model, seed=5))
    latent = random_latent(model)
    other = change_prompt(conditioning, 7, 10)

    def influence(model):
        before = sample(model, conditioning, conditioning, latent)
        after = sample(model, other, other, latent)
        return float((before - after)[..., :4, :4].abs().mean())

    free, bound = influence(model), influence(patched)
    with capsys.disabled():
        print(f"\n{deep}: MICE cuts a foreign instruction's influence by {free / bound:.1f}")
    assert bound < free / 2


def test_every_reference_method_and_number_of_references_works(editor, model):
    regions = editor.regions()
    patched = editor.apply(model, editor.bias(regions))
    plain = spans_for(model, regions)
    latent = random_latent(model)
    results = [sample(patched, plain, plain, latent, steps=1)]
    methods = [None, "offset", "index", "uxo/uno"]
    if model.model.diffusion_model.params.global_modulation:
        methods.append("index_timestep_zero")  # core itself supports it on FLUX.2 only
    for method in methods:
        pictures = [random_latent(model, seed=5), random_latent(model, 6, 8, seed=6)]
        one = reference(plain, pictures[0], method=method)
        two = reference(plain, *pictures, method=method)
        results += [sample(patched, cond, cond, latent, steps=1) for cond in (one, two)]
    assert all(bool(result.isfinite().all()) for result in results)
    assert not torch.equal(results[0], results[1])


def test_an_owned_reference_reaches_its_own_instance_only(editor, pack_nodes, flux1_deep):
    from dataclasses import replace

    first, second = editor.regions()
    regions = (first, replace(second, reference=1))
    patched = editor.apply(flux1_deep, editor.bias(regions, idattn()))
    plain = spans_for(flux1_deep, regions)
    scene, latent = random_latent(flux1_deep, seed=5), random_latent(flux1_deep)

    def run(seed):
        conditioning = reference(plain, scene, random_latent(flux1_deep, seed=seed))
        return sample(patched, conditioning, conditioning, latent)

    one, other = run(6), run(7)
    assert torch.equal(one[..., :4, :4], other[..., :4, :4])
    assert (one[..., 4:, 4:] - other[..., 4:, 4:]).abs().max() > 1e-3


def test_strength_zero_makes_the_instruction_unseen(editor, flux1_deep):
    regions = editor.regions(strength=0.0)
    patched = editor.apply(flux1_deep, editor.bias(regions, idattn()))
    conditioning, latent = spans_for(flux1_deep, regions), random_latent(flux1_deep)
    other = change_prompt(conditioning, 7, 10)
    before = sample(patched, conditioning, conditioning, latent)
    assert torch.equal(before, sample(patched, other, other, latent))


def test_outside_its_steps_window_an_instance_is_background(editor, flux1_deep):
    """With a window that no step falls in, nobody reads its instruction; the global prompt acts."""
    now, late = editor.regions(), editor.regions(start=0.9)
    conditioning, latent = spans_for(flux1_deep, late), random_latent(flux1_deep)
    others = change_prompt(conditioning, 7, 10), change_prompt(conditioning, 0, 4)
    for regions in (late, (now[0], late[1])):
        patched = editor.apply(flux1_deep, editor.bias(regions, idattn()))
        before = sample(patched, conditioning, conditioning, latent)
        assert torch.equal(before, sample(patched, others[0], others[0], latent))
        after = sample(patched, others[1], others[1], latent)
        assert (before - after)[..., 4:, 4:].abs().max() > 1e-4


def test_the_bias_acts_only_in_its_own_steps_window(editor, flux1):
    regions = editor.regions()
    conditioning, latent = spans_for(flux1, regions), random_latent(flux1)
    results = [
        sample(
            editor.apply(flux1, editor.bias(regions, start=start, end=end)),
            conditioning,
            conditioning,
            latent,
            steps=4,
        )
        for start, end in ((0.0, 1.0), (0.0, 0.5), (0.5, 1.0))
    ]
    plain = sample(flux1, conditioning, conditioning, latent, steps=4)
    for i, result in enumerate([*results, plain]):
        for other in [*results, plain][i + 1 :]:
            assert (result - other).abs().max() > 1e-4
