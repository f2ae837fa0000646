"""The kernel guard: biased calls reach only kernels that are seen to honour a mask."""

import gc
import logging
import weakref

import pytest
import torch

from instance_edit.host import kernels
from instance_edit.host.kernels import (
    attention_call,
    honours_mask,
    wants_whole_sequence,
    whole_sequence,
)
from instance_edit.tests.with_comfyui.comfyui import (
    attention_basic,
    attention_pytorch,
    attention_split,
    attention_sub_quad,
)
from instance_edit.tests.with_comfyui.core import random_latent, sample
from instance_edit.tests.with_comfyui.editing import MICE, Editor, idattn

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def fresh_probes():
    kernels._probed.clear()


def drops_masks(func, *args, mask=None, **kwargs):
    return func(*args, mask=None, **kwargs)


def drops_expanded_masks(func, *args, mask=None, **kwargs):
    kept = mask if mask is not None and mask.is_contiguous() else None
    return func(*args, mask=kept, **kwargs)


def drops_masks_of_long_sequences(func, q, *args, mask=None, **kwargs):
    return func(q, *args, mask=mask if q.shape[2] <= 1024 else None, **kwargs)


def fails_on_masks(func, *args, mask=None, **kwargs):
    assert mask is None, "no mask please"
    return func(*args, **kwargs)


def lets_them_through(func, *args, **kwargs):
    return func(*args, **kwargs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    "kernel", [attention_pytorch, attention_sub_quad, attention_split, attention_basic]
)
def test_cores_kernels_honour_a_mask(kernel, dtype):
    assert honours_mask(kernel, 64, dtype, CPU)


@pytest.mark.parametrize(
    "override",
    [drops_masks, drops_expanded_masks, drops_masks_of_long_sequences, fails_on_masks],
)
def test_an_override_that_drops_masks_is_caught_and_named(override, caplog):
    with caplog.at_level(logging.WARNING, "instance_edit"):
        call = attention_call(override, torch.zeros(1, 2, 4, 64))
    assert call is attention_pytorch
    assert override.__name__ in caplog.text and "ignores masks" in caplog.text


def test_a_harmless_override_is_kept():
    seen = []

    def notes(func, *args, **kwargs):
        seen.append(func)
        return func(*args, **kwargs)

    call = attention_call(notes, torch.zeros(1, 2, 4, 64))
    seen.clear()
    q = torch.randn(1, 2, 6, 64)
    assert torch.equal(
        call(q, q, q, 2, skip_reshape=True), attention_pytorch(q, q, q, 2, skip_reshape=True)
    )
    assert seen == [attention_pytorch]


def test_an_override_is_probed_once_per_dtype():
    calls = []

    def counts(func, *args, **kwargs):
        calls.append(args[0].dtype)
        return func(*args, **kwargs)

    for dtype in (torch.float32, torch.bfloat16):
        for _ in range(3):
            attention_call(counts, torch.zeros(1, 2, 4, 64, dtype=dtype))
    assert calls == [torch.float32] * 2 + [torch.bfloat16] * 2


def test_a_probed_override_is_not_kept_alive():
    def passes_on(func, *args, **kwargs):
        return func(*args, **kwargs)

    gone = weakref.ref(passes_on)
    attention_call(passes_on, torch.zeros(1, 2, 4, 64))
    del passes_on
    gc.collect()
    assert gone() is None


def test_overrides_that_must_see_everything_are_marked():
    assert not wants_whole_sequence(None)
    assert not wants_whole_sequence(lets_them_through)
    assert wants_whole_sequence(whole_sequence(lambda func, *args, **kwargs: None))


@pytest.fixture
def job(pack_nodes, flux1, tiny_clip_flux1):
    """An editor, a model, a conditioning and a bias over more than 1,024 tokens."""
    editor = Editor(pack_nodes)
    regions = editor.regions()
    return editor, flux1, editor.encode(tiny_clip_flux1, regions), regions


def run(editor, model, conditioning, bias, latent, **options):
    patched = editor.apply(model, bias, **options)
    return sample(patched, conditioning, conditioning, latent, steps=2)


def with_override(model, override):
    patched = model.clone()
    patched.model_options["transformer_options"]["optimized_attention_override"] = override
    return patched


@pytest.mark.parametrize("method", [MICE, idattn()], ids=["mice", "idattn"])
def test_structured_and_dense_execution_agree_in_a_model(job, method):
    editor, model, conditioning, regions = job
    bias, latent = editor.bias(regions, method), random_latent(model, 72, 72)
    dense = run(editor, model, conditioning, bias, latent, execution="dense")
    torch.testing.assert_close(
        run(editor, model, conditioning, bias, latent), dense, rtol=1e-3, atol=1e-4
    )


def test_a_kernel_that_drops_masks_does_not_change_the_result(job):
    editor, model, conditioning, regions = job
    bias, latent = editor.bias(regions), random_latent(model, 72, 72)
    wanted = run(editor, with_override(model, lets_them_through), conditioning, bias, latent)
    found = run(editor, with_override(model, drops_masks), conditioning, bias, latent)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)


def test_open_parts_run_on_the_users_own_kernel(job):
    editor, model, conditioning, regions = job
    masked, plain = [], []

    def own(func, q, *args, mask=None, **kwargs):
        (plain if mask is None else masked).append(func)
        return func(q, *args, mask=mask, **kwargs)

    latent = random_latent(model, 72, 72)
    run(editor, with_override(model, own), conditioning, editor.bias(regions, idattn()), latent)
    assert attention_pytorch in masked and set(masked) == {attention_pytorch}
    assert attention_sub_quad.__wrapped__ in plain
