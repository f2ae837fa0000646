"""Core's TorchCompileModel: no run gets the graph of another with other patches of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
import torch._dynamo as dynamo
from torch import Tensor
from torch._dynamo.utils import counters

from instance_edit.host import proofs
from instance_edit.tests.with_comfyui.comfyui import (
    ModelPatcher,
    set_torch_compile_wrapper,
    skip_torch_compile_dict,
)
from instance_edit.tests.with_comfyui.core import (
    random_conditioning,
    random_latent,
    reference,
    run_core,
    sample,
)
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.proving import LOUD, LongEdit
from instance_edit.tests.with_comfyui.sessions import ON, Session
from instance_edit.tests.with_comfyui.test_composition import set_override
from instance_edit.tests.with_comfyui.test_foi import TWO, guide
from instance_edit.tests.with_comfyui.test_foi import run as run_guider
from instance_edit.tests.with_comfyui.test_instance_attention import spans_for

Compile = Callable[[ModelPatcher], ModelPatcher]
FILTER = {"guard_filter_fn": skip_torch_compile_dict}
TOLERANCE = {"eager": 0.0, "inductor": 1e-3}


def as_it_is(model: ModelPatcher) -> ModelPatcher:
    return model


class States:
    """A model without and with the pack's patches: by name, what a run of each gives.

    ``compile`` comes after our patch, ``compile_first`` before it.
    """

    def __init__(self, nodes: dict[str, type], model: ModelPatcher) -> None:
        self.nodes, self.model, self.editor = nodes, model, Editor(nodes)
        self.regions = self.editor.regions(TWO)
        self.latent = random_latent(model)
        picture = random_latent(model, seed=5)
        self.conditioning = reference(spans_for(model, self.regions), picture)
        dis, har = idattn(), idattn("har", "har", "har")
        self.all: dict[str, Callable[[Compile, Compile], Tensor]] = {
            "without": lambda after, first: self.sampled(after(first(self.model))),
            "A": lambda after, first: self.biased(after, first, dis),
            "B": lambda after, first: self.biased(after, first, har),
            "A in a window": lambda after, first: self.biased(after, first, dis, end=0.5),
            "CFG": lambda after, first: self.biased(after, first, dis, cfg=2.0),
            "FoI": lambda after, first: self.guided(after(first(self.model))),
            "adaptive": lambda after, first: self.adaptive(after(first(self.model))),
        }

    def sampled(self, model: ModelPatcher, **options: Any) -> Tensor:
        negative = random_conditioning(model, tokens=10)
        return sample(model, self.conditioning, negative, self.latent, **options)

    def biased(
        self, after: Compile, first: Compile, method: Any, cfg: float = 1.0, **window: float
    ) -> Tensor:
        bias = self.editor.bias(self.regions, method, **window)
        return self.sampled(after(self.editor.apply(first(self.model), bias)), cfg=cfg)

    def guided(self, model: ModelPatcher) -> Tensor:
        guider = guide(self.nodes, model, self.regions, self.conditioning)
        return run_guider(guider, self.latent, torch.tensor([1.0, 0.5, 0.0]))

    def adaptive(self, model: ModelPatcher) -> Tensor:
        session = Session(self.nodes, model, steps=3)
        sampler = session.lqr(session.memory(self.latent), ON)
        return session.run(sampler, self.conditioning, self.latent)["samples"]


@pytest.fixture(autouse=True)
def no_graphs() -> Iterator[None]:
    dynamo.reset()
    counters.clear()
    yield
    dynamo.reset()


def compiling(backend: str) -> Compile:
    return lambda model: run_core("TorchCompileModel", model=model, backend=backend)[0]


PATCHED = ("A", "B", "A in a window")
ORDERS = ((True, False), (False, True))


def check_in_turn(states: States, names: Sequence[str], backend: str = "eager") -> None:
    """Runs in this order, compiled after our patch and before it, give what they give alone."""
    compiled = compiling(backend)
    plain = {name: states.all[name](as_it_is, as_it_is) for name in dict.fromkeys(names)}
    for name in names:
        for after, first in ORDERS:
            found = states.all[name](
                compiled if after else as_it_is, compiled if first else as_it_is
            )
            torch.testing.assert_close(found, plain[name], rtol=0, atol=TOLERANCE[backend])
    different = [one for name, one in plain.items() if name != "without"]
    assert all(float((one - plain["without"]).abs().max()) > 1e-2 for one in different)


@pytest.mark.parametrize("start", ["without", "A", "A in a window"])
def test_every_state_is_right_after_every_other(pack_nodes, flux1, start) -> None:
    others = [name for name in ("without", *PATCHED) if name != start]
    check_in_turn(States(pack_nodes, flux1), [start, *(n for o in others for n in (o, start))])


def test_a_plain_negative_runs_in_a_graph_of_its_own(pack_nodes, flux1) -> None:
    check_in_turn(States(pack_nodes, flux1), ["CFG", "without", "CFG"])


def test_foi_and_adaptive_attention_get_no_others_graph(pack_nodes, flux1) -> None:
    turns = ["without", "FoI", "A", "adaptive", "A", "FoI", "adaptive", "FoI", "without"]
    check_in_turn(States(pack_nodes, flux1), turns)


def test_the_default_backend_gives_the_same(pack_nodes, flux2) -> None:
    check_in_turn(States(pack_nodes, flux2), ["without", "A", "without", "B"], "inductor")


def test_nothing_is_compiled_anew_after_the_second_step(pack_nodes, flux1) -> None:
    states = States(pack_nodes, flux1)
    model = states.editor.apply(flux1, states.editor.bias(states.regions, idattn(), end=0.5))
    frames: list[int] = []

    def note(*_: object) -> None:
        frames.append(counters["frames"]["total"])

    states.sampled(compiling("eager")(model), steps=6, callback=note)
    assert len(frames) == 6 and len(set(frames[1:])) == 1


def test_a_forward_that_is_run_again_is_not_compiled_again(pack_nodes, flux1) -> None:
    edit = LongEdit(Editor(pack_nodes), flux1, LOUD)
    model, latent = compiling("eager")(edit.model), random_latent(flux1, 68, 68)
    frames: dict[str, int] = {}

    def note(found: str) -> None:
        frames[found] = counters["frames"]["total"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proofs, "keep_all", lambda *_: bool(note("second")))
        patch.setattr(proofs.Assumed, "read", lambda *_: (note("first") or {0}, None))
        found = sample(model, edit.conditioning, edit.conditioning, latent, steps=1)
    note("after")
    assert frames["first"] == frames["second"] == frames["after"] > 0
    torch.testing.assert_close(found, edit.dense(), rtol=1e-4, atol=1e-4)


class Trace:
    """What a compiled run does, a letter each: (g)raph, (a)ttention outside of graphs, | a step."""

    def __init__(self) -> None:
        self.letters: list[str] = []

    def backend(self, graph: Any, _: Any) -> Callable[..., Any]:
        def run(*inputs: Any) -> Any:
            self.letters.append("g")
            return graph.forward(*inputs)

        return run

    def attention(self, model: ModelPatcher) -> ModelPatcher:
        """The model with an override that does nothing but leave the graphs."""

        @torch.compiler.disable
        def outside(func: Callable[..., Tensor], *args: Any, **rest: Any) -> Tensor:
            self.letters.append("a")
            return func(*args, **rest)

        return set_override(model, outside)

    def steps(self, states: States, model: ModelPatcher) -> list[str]:
        """The traces of the second and the third step: all is compiled then."""
        compiled = model.clone()
        set_torch_compile_wrapper(compiled, backend=self.backend, options=FILTER)
        states.sampled(compiled, steps=3, callback=lambda *_: self.letters.append("|"))
        return "".join(self.letters).split("|")[1:3]


def test_each_biased_attention_call_breaks_the_graphs_once(pack_nodes, flux1) -> None:
    """As often as an override that only leaves the graphs: once per call, and none elsewhere.

    Core's own breaks, at its CPU attention, are not reached any more.
    """
    states = States(pack_nodes, flux1)
    least, ours = Trace(), Trace()
    bias = states.editor.bias(states.regions, idattn())
    second, third = ours.steps(states, states.editor.apply(ours.attention(flux1), bias))
    [reason] = counters["graph_break"]
    assert "torch.compiler.disable" in reason and "apart_from_graphs.<locals>" in reason
    network = flux1.model.diffusion_model
    calls = len(network.double_blocks) + len(network.single_blocks)
    assert second == third and second.count("a") == calls and "aa" not in second
    dynamo.reset()
    assert least.steps(states, least.attention(flux1)) == [second, third]


def test_blocks_compiled_one_by_one_are_right_too(pack_nodes, flux1) -> None:
    """As packs do that compile transformer blocks alone, with core's own guard filter."""
    states = States(pack_nodes, flux1)
    keys = [f"diffusion_model.{name}" for name in ("double_blocks.0", "single_blocks.0")]

    def blocks(model: ModelPatcher) -> ModelPatcher:
        compiled = model.clone()
        set_torch_compile_wrapper(compiled, backend="eager", keys=keys, options=FILTER)
        return compiled

    plain = {name: states.all[name](as_it_is, as_it_is) for name in ("without", "A")}
    for name in ("without", "A", "without", "A"):
        for order in ((blocks, as_it_is), (as_it_is, blocks)):
            assert torch.equal(states.all[name](*order), plain[name])
