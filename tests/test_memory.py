"""What attention is said to hold, against what it is measured to hold."""

import pytest
import torch

from instance_edit.attention.execute.attend import attend
from instance_edit.attention.execute.batches import QueryBatch
from instance_edit.attention.execute.costs import ACCELERATOR, CPU
from instance_edit.attention.execute.memory import heads_at_once, working_bytes
from instance_edit.attention.execute.plan import BiasPlan
from instance_edit.benchmarks.record import peak_bytes
from instance_edit.tests.attending import scene, sdpa, tokens

DEVICE = torch.device("cpu")
HEADS, WIDTH, ITEMS = 6, 8, 2


def measured(plan: BiasPlan, read: int, dense: bool, mask: torch.Tensor | None = None) -> int:
    """Peak bytes of a call beside its result, its plan made before."""
    q, k, v = tokens(plan.bias.keys, heads=HEADS, read=read)
    attend(q, k, v, plan, sdpa, mask, dense=dense)
    peak = peak_bytes(lambda: attend(q, k, v, plan, sdpa, mask, dense=dense), DEVICE)
    return peak - q.nbytes


@pytest.mark.parametrize("read", [HEADS, 2])
@pytest.mark.parametrize("side", [20, 30])
@pytest.mark.parametrize("method", ["mice", "har"])
def test_attention_holds_no_more_than_it_says(method: str, side: int, read: int) -> None:
    made = BiasPlan(scene(9, method, side))
    for plan, dense in ((made, False), (made.with_faint, False), (made, True)):
        said = working_bytes(
            plan.bias.keys, ITEMS, HEADS, WIDTH, torch.float32, "cpu", dense, HEADS // read
        )
        kernel = 2 * ITEMS * HEADS * WIDTH * plan.bias.keys * 4  # torch's own result and its copy
        assert measured(plan, read, dense) <= said + kernel


def test_the_dense_bias_is_held_twice_and_a_third_time_with_another_packs_mask() -> None:
    plan = BiasPlan(scene(9, "har", 30))
    matrix = plan.bias.keys**2 * 4
    mask = torch.ones(plan.bias.keys, plan.bias.keys, dtype=torch.bool)
    assert 1.9 * matrix < measured(plan, HEADS, True) < 2.1 * matrix
    assert measured(plan, HEADS, True, mask) > 2.9 * matrix
    said = working_bytes(plan.bias.keys, ITEMS, HEADS, WIDTH, torch.float32, "cpu", True)
    assert said == 3 * matrix


MIB = 2**20


@pytest.mark.parametrize(
    "total, device, dense, shared, wanted",
    [
        (1024, "cpu", False, 1, 3 * 2 * MIB),  # short: three matrices
        (2560, "cpu", False, 1, 3 * 25 * MIB // 2),
        # two tiles, one head's copies, and the result and its sums by heads
        (8192, "cpu", False, 1, 2 * 6 * MIB + 4 * 2 * MIB + 24 * (2 * MIB + 32 * 1024)),
        (8192, "cuda", False, 1, 2 * 6 * MIB + 64 * MIB),
        (8192, "cuda", False, 8, 2 * 6 * MIB + 64 * MIB),
        (8192, "cpu", False, 8, 2 * 6 * MIB + 8 * 4 * 2 * MIB),
        (8192, "cpu", True, 1, 3 * 128 * MIB),
        (8192, "cpu", True, 8, 3 * 128 * MIB + 2 * 24 * 2 * MIB),
    ],
)
def test_the_estimate_of_a_klein_sized_call_is(
    total: int, device: str, dense: bool, shared: int, wanted: int
) -> None:
    found = working_bytes(total, 1, 24, 128, torch.bfloat16, device, dense, shared)
    assert found == wanted


def test_the_proof_of_faint_keys_is_counted_where_it_holds_more_than_the_batches() -> None:
    """1,024 anchors of every head, and 4 MiB of distances, for a batch of 16 pictures."""
    wanted = 1024 * 24 * 16 * 128 * 2 + 4 * MIB
    assert working_bytes(1025, 16, 24, 128, torch.bfloat16, "cuda") == wanted


def test_no_copies_are_larger_than_those_of_all_heads() -> None:
    tile = 2 * 6 * MIB // (2048 * 2) * 2048 * 2
    assert working_bytes(2048, 1, 24, 8, torch.bfloat16, "cuda") == tile + 4 * 2048 * 24 * 8 * 2


def batch(queries: slice | torch.Tensor, keys: slice | torch.Tensor) -> QueryBatch:
    empty = torch.zeros(0, dtype=torch.int64)
    return QueryBatch(queries, keys, (), empty, empty)


@pytest.mark.parametrize(
    "queries, keys, shared, wanted",
    [
        (slice(0, 100), slice(0, 100), 1, 12),  # nothing is copied
        (torch.arange(100), slice(0, 100), 1, 5),  # queries and results
        (slice(0, 100), torch.arange(50), 1, 10),  # keys and values
        (torch.arange(100), torch.arange(100), 1, 2),
        (torch.arange(1000), slice(0, 100), 1, 1),  # one head at least
        (slice(0, 100), slice(100, 200), 2, 2),  # keys and values, repeated for two heads
        (torch.arange(100), slice(100, 200), 2, 1),
        (slice(0, 10), slice(0, 10), 2, 6),  # all there are
    ],
)
def test_heads_are_copied_together_up_to_the_devices_limit(
    queries: slice | torch.Tensor, keys: slice | torch.Tensor, shared: int, wanted: int
) -> None:
    q = torch.zeros(3, 12, 300, 8)
    one = 2 * 100 * 3 * 8 * 4  # bytes of 100 queries and results of one head
    assert heads_at_once(batch(queries, keys), q, 5 * one + 1, shared) == wanted


def test_a_cpu_copies_4_mebibytes_at_a_time_and_an_accelerator_64() -> None:
    assert (CPU.copy_bytes, ACCELERATOR.copy_bytes) == (4 * MIB, 64 * MIB)
    assert (CPU.part_pairs, ACCELERATOR.part_pairs) == (262_144, None)
    assert (CPU.call_pairs, ACCELERATOR.call_pairs) == (16_384, 262_144)
