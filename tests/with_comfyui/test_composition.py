"""Apply Instance Attention beside everything else that a workflow may hold."""

from __future__ import annotations

import copy
import logging

import pytest
import torch

from instance_edit.tests.with_comfyui import tiny_models
from instance_edit.tests.with_comfyui.comfyui import attention_pytorch, model_management, sd
from instance_edit.tests.with_comfyui.core import (
    random_conditioning,
    random_latent,
    reference,
    run_core,
    sample,
)
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.test_instance_attention import change_prompt, spans_for


@pytest.fixture
def editor(pack_nodes):
    return Editor(pack_nodes)


@pytest.fixture(params=["flux1", "flux2"])
def model(request):
    return request.getfixturevalue(request.param)


class Edit:
    """A patched model with its conditioning and latent."""

    def __init__(self, editor, model, references=1, **options):
        self.regions = editor.regions()
        self.model = editor.apply(model, editor.bias(self.regions))
        pictures = [random_latent(model, seed=5 + i) for i in range(references)]
        self.conditioning = reference(spans_for(model, self.regions), *pictures)
        self.latent = random_latent(model)

    def run(self, model=None, **options):
        return sample(
            model or self.model, self.conditioning, self.conditioning, self.latent, **options
        )


def test_the_input_model_is_untouched(editor, model):
    conditioning = random_conditioning(model)
    before = sample(model, conditioning, conditioning, random_latent(model))
    options = copy.deepcopy(model.model_options)
    edit = Edit(editor, model)
    edit.run()
    assert model.model_options == options
    assert not model.get_all_wrappers("diffusion_model")
    assert torch.equal(before, sample(model, conditioning, conditioning, random_latent(model)))


def test_a_second_run_in_one_process_is_identical(editor, model):
    edit = Edit(editor, model)
    assert torch.equal(edit.run(), edit.run())


def test_two_differently_patched_branches_do_not_disturb_each_other(editor, flux1):
    edit = Edit(editor, flux1)
    other = editor.apply(flux1, editor.bias(edit.regions, idattn("har", "har", "har")))
    first, second = edit.run(), edit.run(other)
    assert not torch.equal(first, second)
    assert torch.equal(first, edit.run())
    assert torch.equal(second, edit.run(other))


def test_the_size_may_change_between_runs(editor, model):
    edit = Edit(editor, model)
    small = edit.run()
    edit.latent = random_latent(model, 12, 10)
    assert edit.run().shape[-2:] == (12, 10)
    edit.latent = random_latent(model)
    assert torch.equal(edit.run(), small)


@pytest.mark.parametrize("size", [(9, 7), (11, 8), (8, 13)])
def test_odd_latent_sizes_work(editor, model, size):
    edit = Edit(editor, model)
    edit.latent = random_latent(model, *size)
    out = edit.run()
    assert out.shape[-2:] == size
    assert out.isfinite().all()


def test_a_batch_of_two_gives_each_picture_what_it_gets_alone(editor, model):
    edit = Edit(editor, model)
    edit.latent = random_latent(model, batch=2)
    both = edit.run()
    assert both.shape[0] == 2
    edit.latent = random_latent(model, batch=1)
    assert torch.allclose(both[:1], edit.run(), atol=1e-3)


def test_cfg_with_a_plain_negative_biases_the_positive_only(editor, model):
    edit = Edit(editor, model)
    negative = random_conditioning(model, tokens=10, seed=9)
    latent = edit.latent

    def run(model, positive, cfg):
        return sample(model, positive, negative, latent, cfg=cfg, steps=1)

    guided = run(edit.model, edit.conditioning, 3.0)
    positive = run(edit.model, edit.conditioning, 1.0)
    plain_negative = sample(model, negative, negative, latent, steps=1)
    assert torch.allclose(guided, plain_negative + 3 * (positive - plain_negative), atol=2e-3)


def lora_for(model):
    """A LoRA on the joint attention's qkv, as its loader hands it to a model."""
    generator = torch.Generator().manual_seed(3)
    weight = model.model.diffusion_model.double_blocks[0].img_attn.qkv.weight
    key = "diffusion_model.double_blocks.0.img_attn.qkv"
    up = torch.randn(weight.shape[0], 4, generator=generator) * 0.1
    down = torch.randn(4, weight.shape[1], generator=generator)
    return {f"{key}.lora_up.weight": up, f"{key}.lora_down.weight": down}


def with_lora(model):
    return sd.load_lora_for_models(model, None, lora_for(model), 1.0, 0.0)[0]


def test_a_lora_before_and_after_gives_the_same(editor, model):
    edit = Edit(editor, model)
    plain = edit.run()
    after = edit.run(with_lora(edit.model))
    before = edit.run(editor.apply(with_lora(model), editor.bias(edit.regions)))
    assert (after - plain).abs().max() > 1e-3
    assert torch.equal(before, after)


def scaling_override(calls):
    """Another pack's override: it scales what the attention returns, and honours masks."""

    def override(func, *args, **kwargs):
        calls.append(kwargs.get("mask") is not None)
        return func(*args, **kwargs) * 1.1

    return override


def set_override(model, override):
    patched = model.clone()
    patched.model_options["transformer_options"]["optimized_attention_override"] = override
    return patched


def test_a_foreign_override_before_and_after_keeps_working(editor, model):
    edit = Edit(editor, model)
    calls: list[bool] = []
    override = scaling_override(calls)
    after = edit.run(set_override(edit.model, override))
    assert any(calls)
    before = edit.run(editor.apply(set_override(model, override), editor.bias(edit.regions)))
    assert torch.equal(before, after)
    assert (after - edit.run()).abs().max() > 1e-3


def test_a_foreign_override_that_drops_masks_is_not_used_for_biased_calls(editor, model, caplog):
    def deaf(func, *args, mask=None, **kwargs):
        return func(*args, mask=None, **kwargs)

    edit = Edit(editor, model)
    with caplog.at_level(logging.WARNING, logger="instance_edit"):
        out = edit.run(set_override(edit.model, deaf))
    assert torch.allclose(out, edit.run(), atol=1e-4)
    assert "mask" in caplog.text


def test_an_override_set_deeper_that_replaces_ours_is_refused(editor, model):
    edit = Edit(editor, model)

    def hijack(executor, *args, **kwargs):
        args = list(args)
        args[7] = {**args[7], "optimized_attention_override": lambda f, *a, **k: f(*a, **k)}
        return executor(*args, **kwargs)

    hijacked = edit.model.clone()
    hijacked.add_wrapper_with_key("diffusion_model", "another pack", hijack)
    with pytest.raises(ValueError, match="ran without what Apply Instance Attention does"):
        edit.run(hijacked)


def skipping(model, first):
    """The model under a step cache that returns nothing new from its ``first``-th call on."""
    calls = []

    def cache(executor, x, *args, **kwargs):
        calls.append(len(x))
        return executor(x, *args, **kwargs) if len(calls) < first else torch.zeros_like(x)

    patched = model.clone()
    patched.add_wrapper_with_key("diffusion_model", "cache", cache)
    return patched


def test_a_forward_that_a_step_cache_skips_is_accepted_after_the_first(editor, model):
    edit = Edit(editor, model)
    assert edit.run(skipping(edit.model, first=2), steps=3).isfinite().all()


def test_a_run_whose_first_forward_never_reaches_its_attention_is_refused(editor, model):
    edit = Edit(editor, model)
    for _ in range(2):  # a second run is no excuse
        with pytest.raises(ValueError, match="none of the attention of .*Flux came"):
            edit.run(skipping(edit.model, first=1))


def test_every_run_has_to_prove_itself_anew(editor, model):
    edit = Edit(editor, model)
    edit.run()
    with pytest.raises(ValueError, match="none of the attention"):
        edit.run(skipping(edit.model, first=1))


@pytest.mark.parametrize("steps", [1, 3])
def test_flux_kv_cache_before_and_after_gives_the_same(editor, flux2, steps):
    edit = Edit(editor, flux2)
    after = edit.run(run_core("FluxKVCache", model=edit.model)[0], steps=steps)
    cached = run_core("FluxKVCache", model=flux2)[0]
    before = edit.run(editor.apply(cached, editor.bias(edit.regions)), steps=steps)
    plain = edit.run(run_core("FluxKVCache", model=flux2)[0], steps=steps)
    assert torch.equal(before, after)
    assert (after - plain).abs().max() > 1e-3


@pytest.mark.parametrize("family", ["flux1_state_dict", "flux2_state_dict"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_every_dtype_works(editor, family, dtype):
    model = tiny_models.load_model(getattr(tiny_models, family)(dtype=dtype))
    assert model.model.get_dtype() == dtype
    edit = Edit(editor, model)
    out = edit.run()
    assert out.isfinite().all()
    assert (out - edit.run(model)).abs().max() > 1e-3


def test_conditioning_combine_keeps_the_spans(editor, model):
    edit = Edit(editor, model)
    alone = edit.run()
    edit.conditioning = edit.conditioning + edit.conditioning
    assert torch.allclose(edit.run(), alone, atol=1e-3)


def test_a_plain_prompt_runs_unbiased(editor, model):
    edit = Edit(editor, model)
    plain = random_conditioning(model)
    latent = edit.latent
    assert torch.equal(
        sample(edit.model, plain, plain, latent), sample(model, plain, plain, latent)
    )


def test_an_interrupt_leaves_nothing_behind(editor, model):
    edit = Edit(editor, model)
    wanted = edit.run(steps=3)

    def stop(step, *_):
        model_management.interrupt_current_processing()

    with pytest.raises(model_management.InterruptProcessingException):
        edit.run(steps=3, callback=stop)
    model_management.interrupt_current_processing(False)
    assert torch.equal(edit.run(steps=3), wanted)


def test_the_same_edit_on_a_model_with_default_kernel_and_sdpa_agrees(editor, model):
    """ComfyUI's default CPU kernel is sub-quadratic; biased blocks use SDPA, others keep it."""
    edit = Edit(editor, model)
    default = edit.run()

    def pytorch(func, *args, **kwargs):
        return attention_pytorch(*args, **kwargs)

    assert torch.allclose(edit.run(set_override(edit.model, pytorch)), default, atol=1e-4)


def test_another_instances_prompt_may_have_another_length(editor, model):
    edit = Edit(editor, model)
    longer = reference(spans_for(model, edit.regions, (4, 3, 9)), random_latent(model, seed=5))
    out = sample(edit.model, longer, longer, edit.latent)
    assert out.isfinite().all()
    assert (out - edit.run()).abs().max() > 1e-4
    other = change_prompt(longer, 7, 16)
    assert not torch.equal(sample(edit.model, other, other, edit.latent), out)
