"""A forward that never comes to FoI's or adaptive attention is refused at the first call."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.tests.with_comfyui.comfyui import ModelPatcher
from instance_edit.tests.with_comfyui.core import random_conditioning, random_latent, sample
from instance_edit.tests.with_comfyui.editing import Editor
from instance_edit.tests.with_comfyui.sessions import ON, Session
from instance_edit.tests.with_comfyui.test_foi import TWO, guide, run

Foreign = Callable[[ModelPatcher], ModelPatcher]
Run = Callable[[ModelPatcher], Tensor]


def with_swapped_class(model: ModelPatcher) -> ModelPatcher:
    """The model under a class of another pack, whose forward takes no options."""
    network = model.model.diffusion_model
    own = type(network)

    def forward(self: Any, *args: Any, transformer_options: object = None, **rest: Any) -> Tensor:
        kept = [one for one in args if not (isinstance(one, dict) and "wrappers" in one)]
        return own.forward(self, *kept, transformer_options={}, **rest)

    network.__class__ = type("ReFlux", (own,), {"forward": forward, "__module__": "another_pack"})
    return model.clone()


def wrapped(model: ModelPatcher, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """The model with changed transformer_options inside its forward."""

    def around(executor: Any, *args: Any, **rest: Any) -> Tensor:
        changed = [change(one) if isinstance(one, dict) else one for one in args]
        return executor(*changed, **rest)

    patched = model.clone()
    patched.add_wrapper_with_key("diffusion_model", "another pack", around)
    return patched


def without_options(model: ModelPatcher) -> ModelPatcher:
    """Blocks that are called without transformer_options."""
    return wrapped(model, lambda options: {})


def replaced(model: ModelPatcher) -> ModelPatcher:
    """The attention override is replaced, not chained."""
    key = "optimized_attention_override"
    return wrapped(model, lambda options: {**options, key: lambda f, *a, **k: f(*a, **k)})


def foi(nodes: dict[str, type], **options: Any) -> Run:
    def sampled(model: ModelPatcher) -> Tensor:
        regions = Editor(nodes).regions(TWO)
        return run(guide(nodes, model, regions, **options), random_latent(model))

    return sampled


def adaptive(nodes: dict[str, type], first_step: int = 2) -> Run:
    def sampled(model: ModelPatcher) -> Tensor:
        session = Session(nodes, model)
        sampler = session.lqr(
            session.memory(random_latent(model, seed=3)), {**ON, "first_step": first_step}
        )
        return session.run(sampler, random_conditioning(model), random_latent(model))["samples"]

    return sampled


def calls_of(model: ModelPatcher, run: Run) -> int:
    """How many calls the run makes before it ends or is refused."""
    calls: list[int] = []

    def note(executor: Any, *args: Any, **rest: Any) -> Tensor:
        calls.append(1)
        return executor(*args, **rest)

    watched = model.clone()
    watched.add_wrapper_with_key("apply_model", "note", note)
    with suppress(ValueError):
        run(watched)
    return len(calls)


CLASS = "another_pack.ReFlux"
CASES = {
    "FoI": (foi, {}, "FoI Guider"),
    "FoI after its plain steps": (foi, {"plain_steps": 99}, "FoI Guider"),
    "adaptive attention": (adaptive, {}, "adaptive attention"),
    "adaptive attention later": (adaptive, {"first_step": 4}, "adaptive attention"),
}


@pytest.mark.parametrize("what", CASES)
@pytest.mark.parametrize("foreign", [with_swapped_class, without_options, replaced])
@pytest.mark.parametrize("name", ["flux1_deep", "flux2"])
def test_it_is_refused_at_the_first_call_with_the_class_named(
    pack_nodes, request, name: str, what: str, foreign: Foreign
) -> None:
    make, options, node = CASES[what]
    run = make(pack_nodes, **options)
    model = foreign(request.getfixturevalue(name))
    kind = CLASS if foreign is with_swapped_class else r"Flux\b|block\(s\)"
    with pytest.raises(ValueError, match=f"({kind}).*{node}"):
        run(model)
    assert calls_of(model, run) == 1


def test_the_foreign_models_run_without_us(pack_nodes, flux1_deep) -> None:
    conditioning, latent = random_conditioning(flux1_deep), random_latent(flux1_deep)
    for foreign in (without_options, replaced, with_swapped_class):
        assert sample(foreign(flux1_deep), conditioning, conditioning, latent).isfinite().all()


@pytest.mark.parametrize("what", [foi, adaptive])
def test_a_step_cache_may_skip_whole_calls_after_the_first(pack_nodes, flux1_deep, what) -> None:
    calls: list[int] = []

    def cache(executor: Any, x: Tensor, *args: Any, **rest: Any) -> Tensor:
        calls.append(1)
        return executor(x, *args, **rest) if len(calls) < 2 else torch.zeros_like(x)

    patched = flux1_deep.clone()
    patched.add_wrapper_with_key("diffusion_model", "cache", cache)
    assert what(pack_nodes)(patched).isfinite().all() and len(calls) > 2
    calls[:] = [1]
    with pytest.raises(ValueError, match="came to"):
        what(pack_nodes)(patched)
