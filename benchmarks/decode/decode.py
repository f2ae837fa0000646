"""Decode Regions beside VAE Decode and Composite Background: run with `make bench`.

Time against the share of the picture that the regions touch, and how far the pixels inside the
regions are from those of a whole decode, by halo. On a CPU, one thread: FLUX.1's and FLUX.2's
autoencoders with random weights, at a quarter of their width (`--width 128`: at all of it), and the
miniature's codec, which is trained. Writes results/decode.json and decode.png.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import torch

from ...tools.load_pack import add_comfyui_to_path
from ...tools.model_shapes import autoencoder
from ...tools.random_weights import seed_weights
from ..record import RESULTS, median_ratio, seconds_by_round, write_results
from .jobs import Job, random_job, touched_regions, trained_job
from .plot import plot_decode

SHARES = (0.02, 0.1, 0.25, 0.5)
"""Over the whole picture both ways decode the same."""
HALOS = {"16 px": 16, "chosen": 0, "128 px": 128}
AT = 0.1
"""Share touched where halos are compared."""
QUARTER = 32
WIDTHS = {QUARTER: "quarter width", 4 * QUARTER: "own width"}
CPU = torch.device("cpu")
Run = Callable[..., tuple[Any, ...]]


class Setting(NamedTuple):
    """A decoder, and the numbers of instances that are measured with it."""

    make: Callable[[], Job]
    numbers: tuple[int, ...] = (1, 8)


def ways(
    run: Run, job: Job, number: int, share: float, halo: int = 0, match: bool = True
) -> dict[str, Any]:
    """Both ways to the picture with regions that touch this share, as calls."""
    regions = touched_regions(number, share)
    given = {"regions": regions, "grow": 8, "feather": 16}
    samples = job.edited(regions)

    def whole() -> tuple[Any, ...]:
        (edited,) = run("VAEDecode", vae=job.vae, samples=samples)
        name = "InstanceEditCompositeBackground"
        return run(name, source=job.image, edited=edited, fit="by size", **given)

    def windows() -> tuple[Any, ...]:
        name, how = "InstanceEditDecodeRegions", {"halo": halo, "match": match}
        return run(name, samples=samples, vae=job.vae, image=job.image, **how, **given)

    return {"whole": whole, "windows": windows}


def time_figures(run: Run, job: Job, number: int, repeats: int) -> dict[str, dict[str, float]]:
    """By share: time over that of the whole way in its round, and the median seconds."""
    calls = {str(share): ways(run, job, number, share)["windows"] for share in SHARES}
    whole = ways(run, job, number, SHARES[0])["whole"]
    rounds = seconds_by_round({"whole": whole, **calls}, CPU, repeats)
    figures = {
        "time ratio": {name: median_ratio(rounds[name], rounds["whole"]) for name in calls},
        "seconds": {name: statistics.median(seconds) for name, seconds in rounds.items()},
    }
    print(number, figures, flush=True)
    return figures


def difference_figures(run: Run, job: Job, number: int) -> dict[str, dict[str, float]]:
    """By halo: difference to the whole way inside the regions, in steps of 1 / 255."""
    wanted, weight, _ = ways(run, job, number, AT)["whole"]()
    figures: dict[str, dict[str, float]] = {}
    for halo, match in product(HALOS, (False, True)):
        found, _, report = ways(run, job, number, AT, HALOS[halo], match)["windows"]()
        gap = ((found - wanted).abs() * 255)[weight == 1]
        name = f"{halo}, {'matched' if match else 'as decoded'}"
        figures[name] = {"mean": float(gap.mean()), "largest": float(gap.max())}
        print(number, name, figures[name], report, flush=True)
    return figures


def job_figures(run: Run, setting: Setting, repeats: int) -> dict[str, Any]:
    """All figures of one decoder."""
    job = setting.make()
    times = {str(n): time_figures(run, job, n, repeats) for n in setting.numbers}
    differences = {str(n): difference_figures(run, job, n) for n in setting.numbers}
    return {"trained": job.trained, "rounds": repeats, "time": times, "difference": differences}


def random_vae(packed: bool, width: int) -> Any:
    """FLUX's autoencoder with random weights."""
    from ...host.loading import empty_vae

    vae = empty_vae(autoencoder(packed, width))
    seed_weights(vae.first_stage_model, seed=0)
    return vae


def settings(side: int, width: int) -> dict[str, Setting]:
    """What is measured, by name."""
    from ...host.demo_model import demo_vae

    def flux(packed: bool) -> Job:
        return random_job(random_vae(packed, width), side)

    size, wide = f"{side} x {side}", WIDTHS[width]
    return {
        f"FLUX.1, {wide}, {size}": Setting(lambda: flux(False)),
        f"FLUX.2, {wide}, {size}": Setting(lambda: flux(True), (8,)),
        f"the miniature, {size}": Setting(lambda: trained_job(demo_vae(), side)),
    }


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="decoders whose names hold this; others stay")
    parser.add_argument("--side", type=int, default=1024, help="of the picture, in pixels")
    parser.add_argument(
        "--width", type=int, choices=WIDTHS, default=QUARTER, help="of FLUX's decoders"
    )
    parser.add_argument("--repeats", type=int, default=3, help="rounds after the first")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    add_comfyui_to_path(("--cpu", "--use-pytorch-cross-attention"))
    from ...tools.in_process import node_runner

    run, path = node_runner(), RESULTS / "decode.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    figures = {name: value for name, value in kept.items() if name != "about"}
    for name, setting in settings(arguments.side, arguments.width).items():
        if arguments.only in name:
            print(name, flush=True)
            figures[name] = job_figures(run, setting, arguments.repeats)
            print(f"written to {write_results('decode', CPU, figures)}", flush=True)
    print(f"and {plot_decode(figures, RESULTS / 'decode.png')}")


if __name__ == "__main__":
    main()
