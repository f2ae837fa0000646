"""One model call by hand is the call of a sampler, and the speed benchmark's calls are edits."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from instance_edit.benchmarks.speed.forward import forward_calls, random_model
from instance_edit.benchmarks.speed.jobs import job_layout
from instance_edit.benchmarks.speed.speed_forward import Job, cpu_jobs, forward_figures
from instance_edit.host.prediction import model_call
from instance_edit.tests.with_comfyui.core import (
    random_conditioning,
    random_latent,
    reference,
    sample_custom,
)
from instance_edit.tools.model_shapes import SHALLOW, Config, flux1, flux2

CPU = torch.device("cpu")
CONFIGS = {"FLUX.1": flux1(SHALLOW), "FLUX.2": flux2(SHALLOW)}


@pytest.mark.parametrize("name", ["flux1", "flux2"])
def test_a_call_predicts_what_one_step_of_sampling_gives(
    name: str, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(name)
    empty = {"samples": torch.zeros_like(random_latent(model)["samples"])}
    conditioning = reference(random_conditioning(model, guidance=2.0), random_latent(model, seed=5))
    sampled = sample_custom(model, conditioning, conditioning, empty, [1.0, 0.0], seed=7)
    noise = torch.randn(empty["samples"].shape, generator=torch.manual_seed(7))
    predicted = model.model.process_latent_out(model_call(model, conditioning, noise)())
    assert torch.equal(predicted, sampled)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_ours_and_the_dense_bias_predict_the_same_and_not_what_unpatched_does(
    config: Config,
) -> None:
    torch.manual_seed(0)
    model = random_model(config, torch.float32, CPU)
    calls = forward_calls(model, job_layout(3, (6, 6)), torch.float32, CPU)
    ours, dense, unpatched = (calls[name]() for name in ("ours", "dense", "unpatched"))
    torch.testing.assert_close(ours, dense)
    assert not torch.allclose(ours, unpatched)


def test_a_job_without_instances_is_as_unpatched() -> None:
    model = random_model(flux1(SHALLOW), torch.float32, CPU)
    calls = forward_calls(model, job_layout(0, (4, 4)), torch.float32, CPU)
    assert torch.equal(calls["ours"](), calls["unpatched"]())


def test_every_figure_of_a_whole_call_is_there() -> None:
    model = random_model(flux1(SHALLOW), torch.float32, CPU)

    def calls_at(layout: Any) -> Any:
        return forward_calls(model, layout, torch.float32, CPU)

    figures = forward_figures(Job(flux1(SHALLOW), 4, (0, 2)), calls_at, CPU, repeats=1)
    assert list(figures["ours/unpatched"]) == list(figures["ours/dense"]) == ["0", "2"]
    assert list(figures["turns/ours"]) == ["2"]


def test_the_measured_block_has_kleins_widths() -> None:
    (job,) = cpu_jobs(whole=False).values()
    assert (job.config["hidden_size"], job.config["context_in_dim"]) == (3072, 7680)
    assert (job.config["depth"], job.config["depth_single_blocks"]) == (0, 1)
    assert len(cpu_jobs(whole=True)) == 2
