"""Around a run: the memory estimate, the refusal, the log line, torch.compile, training."""

import logging

import pytest
import safetensors.torch
import torch

from instance_edit.host.run import RUN, longest_sequence
from instance_edit.tests.with_comfyui.comfyui import model_management, sd
from instance_edit.tests.with_comfyui.core import (
    plain_on,
    random_conditioning,
    random_latent,
    reference,
    run_core,
    sample,
)
from instance_edit.tests.with_comfyui.core_training import train_lora
from instance_edit.tests.with_comfyui.editing import Editor
from instance_edit.tests.with_comfyui.tiny_models import flux1_state_dict


@pytest.fixture
def job(pack_nodes, flux1, tiny_clip_flux1):
    """(patched model, conditioning, latent): 81 latent tokens, two instances."""
    editor = Editor(pack_nodes)
    regions = editor.regions()
    patched = editor.apply(flux1, editor.bias(regions))
    return patched, editor.encode(tiny_clip_flux1, regions), random_latent(flux1, 18, 18)


def reports(caplog):
    return [r.getMessage() for r in caplog.records if "instance attention: " in r.getMessage()]


def test_every_run_logs_one_line(job, caplog):
    model, conditioning, latent = job
    for runs in (1, 2):
        with caplog.at_level(logging.INFO, "instance_edit"):
            sample(model, conditioning, random_conditioning(model), latent, steps=3, cfg=3.0)
        assert len(reports(caplog)) == runs
    text = conditioning[0][0].shape[1]
    for part in ("3 biased blocks", "3 steps", f"{text + 81} tokens", "attention_pytorch", "MiB"):
        assert part in reports(caplog)[-1]


def estimates(model, conditioning, latent, monkeypatch):
    """The memory that core asks for before sampling."""
    asked = []

    def load(models, memory_required=0, **kwargs):
        asked.append(memory_required)
        return load_models(models, memory_required=memory_required, **kwargs)

    load_models = model_management.load_models_gpu
    with monkeypatch.context() as patch:
        patch.setattr(model_management, "load_models_gpu", load)
        sample(model, conditioning, conditioning, latent, steps=1)
    return asked[-1]


def test_cores_estimate_grows_with_the_text_and_the_dense_bias(
    job, flux1, pack_nodes, tiny_clip_flux1, monkeypatch
):
    model, conditioning, latent = job
    editor = Editor(pack_nodes)
    regions = editor.regions()
    plain = estimates(flux1, random_conditioning(flux1), latent, monkeypatch)
    ours = estimates(model, conditioning, latent, monkeypatch)
    assert plain < ours
    longer = editor.encode(tiny_clip_flux1, regions, length=200)
    assert estimates(model, longer, latent, monkeypatch) > ours
    large, bias = random_latent(flux1, 128, 128), editor.bias(regions)
    dense = editor.apply(flux1, bias, execution="dense")
    auto = estimates(model, conditioning, large, monkeypatch)
    assert estimates(dense, conditioning, large, monkeypatch) > auto


def test_a_plain_prompt_leaves_cores_estimate_alone(job, flux1, monkeypatch):
    model, _, latent = job
    plain = random_conditioning(flux1)
    wanted = estimates(flux1, plain, latent, monkeypatch)
    assert estimates(model, plain, latent, monkeypatch) == wanted


def test_references_count_as_tokens(job):
    model, conditioning, latent = job
    (text, extras) = reference(conditioning, random_latent(model, 6, 8))[0]
    conds = {"positive": [{**extras, "cross_attn": text}]}
    found = longest_sequence(model, latent["samples"].shape, conds)
    assert found == (text.shape[1], text.shape[1] + 81 + 12)


def test_what_cannot_fit_is_refused_before_sampling(job, monkeypatch):
    model, conditioning, latent = job
    monkeypatch.setattr(model_management, "get_total_memory", lambda device: 1000)
    with pytest.raises(ValueError, match="needs .* GiB .* smaller picture, fewer references"):
        sample(model, conditioning, conditioning, latent)


def test_the_runs_note_stays_in_its_run(job):
    model, conditioning, latent = job
    sample(model, conditioning, conditioning, latent)
    assert RUN not in model.model_options["transformer_options"]


def test_torch_compile_does_not_recompile_per_step(job):
    model, conditioning, latent = job
    torch._dynamo.reset()
    wanted = sample(model, conditioning, conditioning, latent, steps=4)
    compiled = run_core("TorchCompileModel", model=model, backend="eager")[0]
    graphs = []

    def note(*_):
        graphs.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])

    found = sample(compiled, conditioning, conditioning, latent, steps=4, callback=note)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)
    assert graphs[0] > 0
    assert graphs == graphs[:1] * 4


def test_core_trains_a_lora_through_the_bias(job, pack_nodes, tmp_path):
    """Two steps of SGD on 1,089 latent tokens: as with the dense bias, not as without."""
    _, conditioning, _ = job
    path = str(tmp_path / "flux1.safetensors")  # core's training node loads it again
    safetensors.torch.save_file(flux1_state_dict(), path)
    flux1 = sd.load_diffusion_model(path, model_options={"dtype": torch.float32})
    editor = Editor(pack_nodes)
    bias = editor.bias(editor.regions())
    models = {
        "ours": editor.apply(flux1, bias),
        "dense": editor.apply(flux1, bias, execution="dense"),
        "plain": flux1,
    }
    loras = {}
    latent = random_latent(flux1, 66, 66)
    sample(models["ours"], conditioning, conditioning, latent, steps=1)  # its plans are kept
    for name, model in models.items():
        torch.manual_seed(0)  # core draws a LoRA's first weights from torch's own generator
        loras[name] = train_lora(model, [latent], [plain_on(model, conditioning)])
    assert all(bool(weight.any()) for weight in loras["ours"].values())
    ours, plain = (squared_distance(loras[name], loras["dense"]) for name in ("ours", "plain"))
    assert plain > 0
    assert ours < 1e-6 * plain


def squared_distance(lora, other):
    return sum(float((lora[key] - other[key]).square().sum()) for key in lora)
