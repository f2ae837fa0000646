"""Whatever regions, references, owners, windows, strengths, methods and schedules meet:

the bias is what the naive loops say, no query ever sees nothing, no value is not a number, and
attention in batches is the dense formula. `make fuzz` looks on without end.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from torch import Tensor

from instance_edit.attention import TokenLayout, idattn_bias, mice_bias, released_mice_bias
from instance_edit.attention.execute.attend import attend, attend_batches
from instance_edit.attention.execute.costs import CPU
from instance_edit.attention.execute.plan import BiasPlan, plan_batches
from instance_edit.attention.iid import iid_bias
from instance_edit.attention.naive_mice import naive_mice_bias
from instance_edit.attention.recipe import BiasBuilder, BiasRecipe
from instance_edit.attention.schedule import OFF, Share, Stage
from instance_edit.attention.window import inside_levels, inside_steps
from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.tests.attending import naive, sdpa, tokens
from instance_edit.tests.bias_cases import assert_same_bias
from instance_edit.tests.fuzzing import draws
from instance_edit.tests.naive_bias import (
    Scene,
    naive_idattn,
    naive_iid,
    naive_mice,
    naive_released,
)

MAX_REGIONS, MAX_REFERENCES, BLOCKS = 3, 2, 6
SHARES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
STRENGTHS = st.sampled_from([1.0, 0.0, 1e-30, 0.5, 10.0])
POLICIES = st.sampled_from(["shared", "smaller wins", "first wins", "as released"])
SEEDS = st.integers(0, 2**16)


@dataclass(frozen=True)
class Method:
    """A method and the naive loops that say the same."""

    build: BiasBuilder
    oracle: Callable[[Scene], Tensor]


def mice(**options: Any) -> Method:
    names = {"kernel_size": "size", "temperature": "tau", "instances_see_global": "see_global"}
    told = {names.get(name, name): value for name, value in options.items()}
    return Method(partial(mice_bias, **options), partial(naive_mice, **told))


METHODS = {
    "mice": mice(),
    "mice, soft": mice(kernel_size=1, temperature=100.0, epsilon=1.0, instances_see_global=True),
    "mice, hard": mice(temperature=0.01, epsilon=1e-37),
    "naive": Method(partial(naive_mice_bias), partial(naive_mice, aware=False)),
    "released": Method(released_mice_bias, naive_released),
    "released, smooth": Method(
        partial(released_mice_bias, smooth_P_L=True, free_context=True),
        partial(naive_released, smooth_text=True, free_context=True),
    ),
    "dis": Method(partial(idattn_bias, kind="dis"), partial(naive_idattn, kind="dis")),
    "har": Method(partial(idattn_bias, kind="har"), partial(naive_idattn, kind="har")),
    "iid": Method(iid_bias, naive_iid),
}


class Editing(RuleBasedStateMachine):
    """A user who changes one thing after the other and then samples."""

    regions: list[InstanceRegion]
    references: list[tuple[int, int]]

    @initialize(grid=st.tuples(st.integers(1, 3), st.integers(1, 3)))
    def begin(self, grid: tuple[int, int]) -> None:
        self.grid = grid
        self.references, self.regions, self.words = [], [], [1]
        self.stages, self.overlap = ("dis", OFF, "dis"), "shared"

    @precondition(lambda self: len(self.references) < MAX_REFERENCES)
    @rule(grid=st.tuples(st.integers(1, 2), st.integers(1, 2)))
    def add_a_reference(self, grid: tuple[int, int]) -> None:
        self.references.append(grid)

    @precondition(lambda self: len(self.regions) < MAX_REGIONS)
    @rule(
        seed=SEEDS,
        words=st.integers(0, 2),
        strength=STRENGTHS,
        window=st.lists(SHARES, min_size=2, max_size=2, unique=True).map(sorted),
        owns=st.none() | st.integers(0, MAX_REFERENCES - 1),
    )
    def add_a_region(
        self, seed: int, words: int, strength: float, window: list[float], owns: int | None
    ) -> None:
        taken = {region.reference for region in self.regions}
        options: dict[str, Any] = {
            "strength": strength,
            "start": window[0],
            "end": window[1],
            "reference": None if owns in taken else owns,
        }
        generator = torch.Generator().manual_seed(seed)
        if seed % 2:
            mask = torch.rand(5, 7, generator=generator) < (0.1, 0.5, 0.95)[seed % 3]
            mask[seed % 5, seed % 7] = True
            region = InstanceRegion("a", mask=mask, **options)
        else:
            x, y, right, bottom = torch.rand(4, generator=generator).tolist()
            region = InstanceRegion("a", box=Box(x, y, x + right, y + bottom), **options)
        self.regions.append(region)
        self.words.append(words)

    @precondition(lambda self: self.regions)
    @rule(which=st.integers(0, MAX_REGIONS - 1))
    def take_a_region_out(self, which: int) -> None:
        which %= len(self.regions)
        del self.regions[which], self.words[1 + which]

    @rule(words=st.integers(0, 3), overlap=POLICIES)
    def change_the_scene(self, words: int, overlap: str) -> None:
        self.words[0], self.overlap = words, overlap

    @rule(
        kinds=st.lists(st.sampled_from(sorted(METHODS)), min_size=1, max_size=2), off=st.booleans()
    )
    def change_the_schedule(self, kinds: list[str], off: bool) -> None:
        self.stages = (*kinds, OFF) if off else tuple(kinds)

    @precondition(lambda self: self.regions)
    @rule(
        so_far=st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]), by_steps=st.booleans(), seed=SEEDS
    )
    def sample(self, so_far: float, by_steps: bool, seed: int) -> None:
        recipe, layout = self.recipe(), self.layout()
        inside = inside_steps(so_far) if by_steps else inside_levels(1 - so_far, lambda x: 1 - x)
        active = recipe.active(inside)
        try:
            recipe.place(layout, active)
        except ValueError as error:
            assert "would lose its last token to others" in str(error)
            return
        for kind in sorted({*recipe.kinds(BLOCKS)} - {OFF}):
            bias = recipe.build(kind, layout, active)
            dense = bias.dense()
            assert not bool(dense.isnan().any()) and not bool((dense == math.inf).any())
            assert bool((dense > -math.inf).any(1).all()), "a query sees nothing"
            assert_same_bias(dense, METHODS[kind].oracle(self.scene(recipe, layout, active)), 1e-3)
            self.check_execution(BiasPlan(bias), dense, seed)

    def check_execution(self, plan: BiasPlan, dense: Tensor, seed: int) -> None:
        """Attention in batches and by `attend` is the dense formula, also for some queries."""
        queries = 1 + seed % plan.bias.queries
        q, k, v = tokens(plan.bias.keys, queries=queries, heads=2, read=1 + seed % 2, seed=seed)
        wanted = naive(q, k, v, dense[:queries])
        batches = plan_batches(plan.bias, queries, CPU, uniform_rows=2, tile_rows=3)
        for found in (
            attend_batches(q, k, v, plan, batches, sdpa),
            attend(q, k, v, plan, sdpa),
        ):
            assert torch.allclose(found.double(), wanted, atol=1e-5)

    def recipe(self) -> BiasRecipe:
        count = len(self.stages)
        runs = [Share(i / count, (i + 1) / count) for i in range(count)]
        stages = tuple(Stage(kind, run) for kind, run in zip(self.stages, runs, strict=True))
        builders = {name: method.build for name, method in METHODS.items()}
        regions = tuple(self.regions)
        return BiasRecipe("any", regions, builders, stages, overlap=self.overlap)  # type: ignore[arg-type]

    def layout(self) -> TokenLayout:
        """Every owned reference is there."""
        owned = [region.reference for region in self.regions if region.reference is not None]
        missing = max([0, *(number + 1 for number in owned)]) - len(self.references)
        grids = [*self.references, *[(1, 2)] * missing]
        return TokenLayout(tuple(self.words), self.grid, tuple(grids))

    def scene(self, recipe: BiasRecipe, layout: TokenLayout, active: tuple[bool, ...]) -> Scene:
        masks, references, owners = recipe.place(layout, active)
        strengths = [region.strength for region in recipe.instances]
        last = recipe.overlap == "as released"
        return Scene(layout.text_lengths, masks, references, owners, strengths, active, last)


Editing.TestCase.settings = draws(2000)
TestEditing = Editing.TestCase
