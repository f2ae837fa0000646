"""What reading one block's attention costs at the 1024 x 1024 Kontext layout, on a CPU.

    python -m tools.run benchmarks.speed.capture

Peak memory is that of the process, so one number of queries per chunk is measured per run.
Writes results/capture.json.
"""

from __future__ import annotations

import resource
import time

import torch

from ...attention.capture import CHUNK_BYTES, text_attention, token_weights
from ..record import write_results

HEADS, WIDTH = 24, 128
TEXT, LATENT, REFERENCE = 512, 4096, 4096
MEBI = 2**20


def peak_mebibytes() -> float:
    """The most memory this process has held (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@torch.inference_mode()
def main() -> None:
    total = TEXT + LATENT + REFERENCE
    generator = torch.Generator().manual_seed(0)
    q, k = (torch.randn(1, HEADS, total, WIDTH, generator=generator).bfloat16() for _ in range(2))
    groups = [range(n * TEXT // 4, (n + 1) * TEXT // 4) for n in range(4)]
    weights = token_weights(groups, TEXT)[None]
    before, began = peak_mebibytes(), time.perf_counter()
    text_attention(q, k, slice(TEXT, TEXT + LATENT), weights)
    figures = {
        "tokens": total,
        "heads": HEADS,
        "peak_mib": round(peak_mebibytes() - before),
        "full_softmax_mib": round(4 * HEADS * total**2 / MEBI),
        "chunk_mib": CHUNK_BYTES // MEBI,
        "seconds": round(time.perf_counter() - began, 2),
    }
    print(figures)
    write_results("capture", torch.device("cpu"), figures)


if __name__ == "__main__":
    main()
