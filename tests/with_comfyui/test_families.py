"""Every family of models: the same promises. In every way to edit: test_family_methods.py."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from instance_edit.host.call import bare_model
from instance_edit.host.families import FAMILIES as FAMILY_LIST
from instance_edit.host.families import find_family
from instance_edit.host.refused import REFUSED
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, chroma, model_module
from instance_edit.tests.with_comfyui.core import (
    random_conditioning,
    random_latent,
    reference,
    run_core,
    sample,
)
from instance_edit.tests.with_comfyui.editing import MICE, OPEN_MICE, Editor, idattn
from instance_edit.tests.with_comfyui.probe import attending, sequences, wrong_places
from instance_edit.tests.with_comfyui.test_instance_attention import (
    all_open,
    change_prompt,
    reference_attention,
    spans_for,
)
from instance_edit.tests.with_comfyui.tiny_families import EDITING, FAMILIES, METHODS

NAMES = list(FAMILIES)


@pytest.fixture
def editor(pack_nodes):
    return Editor(pack_nodes)


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture
def model(name) -> ModelPatcher:
    return FAMILIES[name][1]()


def pictures(name: str, model: ModelPatcher, conditioning: Any, *sizes: tuple[int, int]) -> Any:
    """The conditioning with references, where the family looks at them."""
    if name not in EDITING:
        return conditioning
    latents = [random_latent(model, *size, seed=5 + i) for i, size in enumerate(sizes)]
    return reference(conditioning, *latents, method=METHODS.get(name))


def test_each_model_belongs_to_exactly_the_family_that_owns_it_first(name, model) -> None:
    family = find_family(model.model.diffusion_model)
    assert family is not None and family.name == FAMILIES[name][0]


def test_no_two_families_share_a_name() -> None:
    assert len({family.name for family in FAMILY_LIST}) == len(FAMILY_LIST)


def test_a_model_of_no_family_is_refused_by_its_class(editor, flux1, monkeypatch) -> None:
    class Foreign(torch.nn.Module):
        pass

    flux1.add_object_patch("diffusion_model", Foreign())
    with pytest.raises(ValueError, match=r"Apply Instance Attention needs .* got .*\.Foreign"):
        editor.apply(flux1, editor.bias(editor.regions()))


def test_without_a_bias_the_result_is_the_plain_models_bit_for_bit(editor, name, model) -> None:
    regions = editor.regions(["a cat"], masks=torch.ones(1, 64, 64))
    patched = editor.apply(model, all_open(editor.bias(regions, OPEN_MICE)))
    conditioning = pictures(name, model, spans_for(model, regions, (4, 3)), (8, 8))
    latent = random_latent(model)
    wanted = sample(model, conditioning, conditioning, latent)
    assert torch.equal(sample(patched, conditioning, conditioning, latent), wanted)


@pytest.mark.parametrize("size", [(8, 8), (17, 13)])
def test_under_dis_an_instance_does_not_notice_the_words_of_another(
    editor, name, model, size
) -> None:
    regions = editor.regions()
    patched = editor.apply(model, editor.bias(regions, idattn()))
    conditioning = pictures(name, model, spans_for(model, regions), (8, 8), (6, 12))
    latent = random_latent(model, *size)
    first = sample(patched, conditioning, conditioning, latent, steps=1)
    other = change_prompt(conditioning, 7, 10)
    second = sample(patched, other, other, latent, steps=1)
    rows, columns = (side // 2 // 2 * 2 for side in size)
    assert torch.equal(first[..., :rows, :columns], second[..., :rows, :columns])
    assert not torch.equal(first, second)


@pytest.mark.parametrize("method", [MICE, idattn("har", "dis", "har")])
def test_every_block_attends_as_the_formula_says(editor, name, model, method) -> None:
    """Against the plain model under an override that follows the formula in float64."""
    regions = editor.regions()
    recipe = editor.bias(regions, method)
    conditioning = pictures(name, model, spans_for(model, regions), (8, 8))
    latent = random_latent(model)
    diffusion = model.model.diffusion_model
    family = find_family(diffusion)
    [sequence] = sequences(model, conditioning, latent)
    kinds = recipe.kinds(sum(family.counts(diffusion)))
    tables = {kind: recipe.build(kind, sequence.layout, (True, True)).dense() for kind in kinds}

    def by_formula(number, split):
        keys = torch.tensor(sequence.orders[number])
        queries = sequence.queries[number]
        rows = keys if queries is None else torch.tensor(queries)
        bias = tables[kinds[sequence.blocks[number]]][rows][:, keys]
        return reference_attention(split.q, split.k, split.v, bias).to(split.q.dtype)

    with attending(model, by_formula) as manual:
        wanted = sample(manual, conditioning, conditioning, latent, steps=1)
    found = sample(editor.apply(model, recipe), conditioning, conditioning, latent, steps=1)
    plain = sample(model, conditioning, conditioning, latent, steps=1)
    assert torch.allclose(found, wanted, atol=2e-4, rtol=1e-4)
    assert (found - plain).abs().max() > 1e-2


def test_the_probe_catches_a_wrong_order(model, monkeypatch) -> None:
    family = find_family(model.model.diffusion_model)
    right = type(family).stages

    def mirrored(self, call, layout, text):
        for stage in right(self, call, layout, text):
            yield type(stage)(stage.block, stage.count, stage.order[::-1], stage.queries)

    monkeypatch.setattr(type(family), "stages", mirrored)
    _, wrong = wrong_places(model, (10, 14), [])
    assert wrong


@pytest.mark.parametrize("refused", REFUSED, ids=lambda one: one.model)
def test_a_model_that_no_bias_can_serve_is_refused_with_its_reason(editor, flux1, refused) -> None:
    module = model_module(refused.module)
    if module is None:
        return
    model = flux1.clone()
    kind = getattr(module, refused.name)
    own = type(refused.name, (kind,), {"__init__": lambda self: torch.nn.Module.__init__(self)})
    model.add_object_patch("diffusion_model", own())
    with pytest.raises(ValueError, match=f"{refused.model} is not taken: .{{20,}}"):
        editor.apply(model, editor.bias(editor.regions()))


def test_the_reasons_are_as_many_as_the_models() -> None:
    assert {one.model for one in REFUSED} >= {
        "HiDream-O1",
        "HunyuanImage 2.1",
        "Ernie-Image",
        "PixArt",
        "HunyuanDiT",
        "Stable Diffusion 3",
        "Lens",
    }


def test_radiance_is_not_taken_for_chroma() -> None:
    class Radiance(chroma.Chroma):
        def __init__(self) -> None:
            torch.nn.Module.__init__(self)

    assert find_family(Radiance()) is None


@pytest.mark.parametrize("name", ["flux1", "chroma", "qwen", "omnigen2"])
@pytest.mark.parametrize("compile_first", [True, False])
def test_the_family_is_found_inside_a_compiled_model(editor, name, compile_first) -> None:
    """With compile first our wrapper is the inner one, and sees the compiled shell."""
    model = FAMILIES[name][1]()
    torch._dynamo.reset()
    regions = editor.regions()
    recipe = editor.bias(regions, idattn())
    conditioning = spans_for(model, regions)
    latent = random_latent(model)
    wanted = sample(editor.apply(model, recipe), conditioning, conditioning, latent, steps=1)

    def compiled(model):
        return run_core("TorchCompileModel", model=model, backend="eager")[0]

    if compile_first:
        both = editor.apply(compiled(model), recipe)
    else:
        both = compiled(editor.apply(model, recipe))
    found = sample(both, conditioning, conditioning, latent, steps=1)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)


def test_a_compiled_shell_is_looked_into() -> None:
    inner = torch.nn.Linear(1, 1)
    assert bare_model(torch.compile(inner, backend="eager")) is inner
    assert bare_model(inner) is inner


def test_tokens_that_another_patch_adds_to_the_text_join_the_global_prompt(editor) -> None:
    """As USO's style reference (in front) and the like do, by core's post_input patches."""
    model = FAMILIES["flux1"][1]()
    regions = editor.regions()
    recipe = editor.bias(regions, idattn())
    conditioning = spans_for(model, regions)
    latent = random_latent(model)

    def adding(front: int, behind: int):
        def patch(inputs):
            text, ids = inputs["txt"], inputs["txt_ids"]
            extra = torch.ones_like(text[:, :1])
            parts = [extra.repeat(1, front, 1), text, extra.repeat(1, behind, 1)]
            places = [ids[:, :1].repeat(1, front, 1), ids, ids[:, :1].repeat(1, behind, 1)]
            return {**inputs, "txt": torch.cat(parts, 1), "txt_ids": torch.cat(places, 1)}

        changed = model.clone()
        changed.set_model_post_input_patch(patch)
        return changed

    plain = sample(editor.apply(model, recipe), conditioning, conditioning, latent, steps=1)
    for front, behind in ((5, 0), (0, 5), (2, 3)):
        patched = editor.apply(adding(front, behind), recipe)
        first = sample(patched, conditioning, conditioning, latent, steps=1)
        other = change_prompt(conditioning, 7, 10)
        second = sample(patched, other, other, latent, steps=1)
        assert torch.equal(first[..., :4, :4], second[..., :4, :4])
        # Under dis an instance does not see the global prompt; the background does.
        torch.testing.assert_close(first[..., :4, :4], plain[..., :4, :4], rtol=1e-4, atol=1e-5)
        assert (first[..., :4, 4:] - plain[..., :4, 4:]).abs().max() > 1e-2


def test_text_that_another_patch_changes_inside_the_model_is_refused(editor, flux1) -> None:
    regions = editor.regions()

    def shuffled(inputs):
        return {**inputs, "txt": inputs["txt"].flip(1).repeat(1, 2, 1)}

    changed = flux1.clone()
    changed.set_model_post_input_patch(shuffled)
    patched = editor.apply(changed, editor.bias(regions))
    conditioning = spans_for(flux1, regions)
    with pytest.raises(ValueError, match="another patch changed the text inside the model"):
        sample(patched, conditioning, conditioning, random_latent(flux1))


def test_a_forward_that_does_without_our_override_is_refused_at_its_first_call(
    editor, flux1
) -> None:
    class Foreign(type(flux1.model.diffusion_model)):
        def forward(self, x, timestep, context, *args, transformer_options=None, **kwargs):
            kwargs.pop("instance_edit", None)
            return super().forward(x, timestep, context, *args, **kwargs)

    regions = editor.regions()
    patched = editor.apply(flux1, editor.bias(regions))
    conditioning = spans_for(flux1, regions)
    diffusion = patched.model.diffusion_model
    plain_class = type(diffusion)
    diffusion.__class__ = Foreign
    try:
        with pytest.raises(ValueError, match=r"3 block\(s\) of .*Foreign, first block 0"):
            sample(patched, conditioning, conditioning, random_latent(flux1))
    finally:
        diffusion.__class__ = plain_class


def test_a_negative_with_spans_shares_its_model_call_and_keeps_its_own_regions(
    editor, flux1
) -> None:
    regions = editor.regions()
    patched = editor.apply(flux1, editor.bias(regions, idattn()))
    positive = spans_for(flux1, regions, (4, 3, 3), seed=1)
    negative = spans_for(flux1, regions, (2, 4, 4), seed=2)
    latent = random_latent(flux1)
    batches = []

    def spy(executor, x, *args, **kwargs):
        batches.append(len(x))
        return executor(x, *args, **kwargs)

    watched = patched.clone()
    watched.add_wrapper_with_key("apply_model", "spy", spy)
    together = sample(watched, positive, negative, latent, steps=1, cfg=3.0)
    assert batches == [2]
    alone = [sample(patched, one, one, latent, steps=1, cfg=1.0) for one in (positive, negative)]
    wanted = alone[1] + 3.0 * (alone[0] - alone[1])
    torch.testing.assert_close(together, wanted, rtol=1e-4, atol=1e-4)


def test_plain_prompts_through_a_patched_model_stay_plain(editor, name, model) -> None:
    conditioning = random_conditioning(model)
    latent = random_latent(model)
    patched = editor.apply(model, editor.bias(editor.regions()))
    wanted = sample(model, conditioning, conditioning, latent)
    assert torch.equal(sample(patched, conditioning, conditioning, latent), wanted)
