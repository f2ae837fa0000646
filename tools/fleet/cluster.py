"""The machines: a Ray cluster that `RAY_ADDRESS` names, or else this machine alone."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from .store import FleetError

REQUIREMENTS = "benchmarks/papers/requirements.txt"
OBJECT_STORE = 256 * 2**20
"""Bytes for what is on its way between processes, where nobody else sets it."""


def need(package: str) -> ModuleType:
    """An optional package.

    Raises:
        FleetError: it is not installed.
    """
    try:
        return __import__(package)
    except ImportError:
        raise FleetError(
            f"this needs the package {package}, which is not installed: run `make setup`, or "
            f"`.venv/bin/pip install -r {REQUIREMENTS}`."
        ) from None


@contextmanager
def joined_cluster(workers: int | None) -> Iterator[list[Any]]:
    """Handles of started, idle workers, which end with the context.

    Args:
        workers: how many; None: one per GPU of the cluster, else one per machine.

    Raises:
        FleetError: no Ray, no such cluster, or fewer places in it than workers.
    """
    ray = need("ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet = {"log_to_driver": False, "logging_level": "error"}
    address = os.environ.get("RAY_ADDRESS")
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            start_alone(ray, workers, quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = f" at RAY_ADDRESS={address}" if address else ""
        token = " If it asks for a token, set RAY_AUTH_MODE=token here too." if address else ""
        raise FleetError(f"Ray did not start{where}: {error}.{token}") from error
    try:
        yield [start_worker(ray) for _ in range(crew_size(ray, workers))]
    finally:
        ray.shutdown()


def start_alone(ray: ModuleType, workers: int | None, quiet: dict[str, Any]) -> None:
    """A cluster of this machine, which nobody else can join; its workers share the processors."""
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    torch = need("torch")
    places = workers or max(1, torch.cuda.device_count())
    threads = max(1, (os.cpu_count() or 1) // places)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    sizes = {"num_cpus": places, "object_store_memory": OBJECT_STORE}
    ray.init("local", include_dashboard=False, **sizes, **quiet)  # whatever else runs here


def crew_size(ray: ModuleType, workers: int | None) -> int:
    """How many workers there shall be; see ``joined_cluster``."""
    resources = ray.cluster_resources()
    gpus, cpus = int(resources.get("GPU", 0)), int(resources.get("CPU", 0))
    machines = sum(node["Alive"] for node in ray.nodes())
    wanted = workers or gpus or machines
    places = gpus or cpus
    if wanted > places:
        raise FleetError(
            f"WORKERS={wanted} needs as many {'GPUs' if gpus else 'CPUs'}, the cluster has "
            f"{places}: name fewer."
        )
    return wanted


def start_worker(ray: ModuleType) -> Any:
    """One more worker, on the machine that has most room."""
    from .worker import worker_class

    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    options = {"num_cpus": 1, "num_gpus": gpus, "scheduling_strategy": "SPREAD"}
    return ray.remote(**options)(worker_class()).remote()
