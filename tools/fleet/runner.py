"""Hand pictures out to workers until all are done; no picture stops the others."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..load_pack import ROOT
from .cluster import joined_cluster, need, start_worker
from .store import FleetError, Row, write_outcome

TRIES = 2
"""How many workers a picture may take with it before it is given up."""
ERROR = "error"


@dataclass(frozen=True)
class Task:
    """One picture.

    Attributes:
        name: of its row.
        load: its payload, asked for when its turn comes; a ValueError fails this picture alone.
        about: what its row holds beside the results, e.g. what it was made from.
    """

    name: str
    load: Callable[[], Any]
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """What workers do, and where results go.

    Attributes:
        opener: see ``Worker.open``; what it returns gives (row, files) for a payload.
        settings: plain values for it.
        folder: an opened store.
    """

    opener: str
    settings: Mapping[str, Any]
    folder: Path


def run_tasks(job: Job, tasks: Sequence[Task], workers: int | None, finished: int = 0) -> None:
    """Work on every task; a row is written for each, with "error" where it failed.

    Args:
        finished: pictures that were done before, for the progress bar.

    Raises:
        FleetError: no worker can be started.
    """
    if not tasks:
        return
    ray = need("ray")
    bar = tqdm(total=finished + len(tasks), initial=finished, unit="picture", smoothing=0.1)
    with bar, joined_cluster(workers) as crew:
        names = open_workers(ray, job, crew)
        _Round(ray, job, tasks, bar).run(dict(zip(crew, names, strict=True)))


def open_workers(ray: Any, job: Job, crew: Sequence[Any]) -> list[str]:
    """Load what each needs, all at the same time; returns their names.

    Raises:
        FleetError: one of them cannot.
    """
    settings = dict(job.settings)
    opening = [worker.open.remote(str(ROOT), job.opener, settings) for worker in crew]
    try:
        return ray.get(opening)
    except ray.exceptions.RayTaskError as error:
        raise FleetError(sentence(error.cause)) from error
    except ray.exceptions.RayActorError as error:
        raise FleetError(
            "a worker died while it loaded its models: is there memory enough? "
            f"{str(error).splitlines()[0]}"
        ) from error


def failure(error: Any) -> Row:
    """The row of an error in a worker; with its trace, if it is not for people."""
    told = {ERROR: sentence(error.cause)}
    return told if isinstance(error.cause, ValueError) else {**told, "trace": str(error)}


def sentence(cause: BaseException) -> str:
    """What is to be said of an error; one that is not for people is named."""
    text = " ".join(str(cause).split())
    return text if isinstance(cause, ValueError) else f"{type(cause).__name__}: {text}"


class _Round:
    """The state of one run: what waits, and who works on what."""

    def __init__(self, ray: Any, job: Job, tasks: Sequence[Task], bar: Any) -> None:
        self.ray, self.job, self.bar = ray, job, bar
        self.waiting = deque((task, 1) for task in tasks)
        self.working: dict[Any, tuple[Any, str, Task, int, float]] = {}
        self.failed = 0

    def run(self, crew: dict[Any, str]) -> None:
        """Until nothing waits and nobody works."""
        for worker, name in crew.items():
            self.give(worker, name)
        while self.working:
            (done,), _ = self.ray.wait(list(self.working), num_returns=1)
            worker, name, task, tries, since = self.working.pop(done)
            try:
                row, files = self.ray.get(done)
            except self.ray.exceptions.RayTaskError as error:
                self.keep(task, failure(error), {}, name, since)
            except self.ray.exceptions.RayActorError:
                self.lost(task, tries, name, since)
                worker, name = self.replaced()
            else:
                self.keep(task, row, files, name, since)
            self.give(worker, name)

    def give(self, worker: Any, name: str) -> None:
        """The next picture that can be read to a worker, if there is one."""
        while self.waiting:
            task, tries = self.waiting.popleft()
            try:
                payload = task.load()
            except (OSError, ValueError) as error:
                self.keep(task, {ERROR: sentence(error)}, {}, "", time.monotonic())
                continue
            reference = worker.work.remote(payload)
            self.working[reference] = (worker, name, task, tries, time.monotonic())
            return

    def lost(self, task: Task, tries: int, name: str, since: float) -> None:
        """A worker died over a picture: once more at the end, or given up."""
        if tries < TRIES:
            return self.waiting.append((task, tries + 1))
        told = f"{tries} workers died over it: is there memory enough for a picture of this size?"
        self.keep(task, {ERROR: told}, {}, name, since)

    def replaced(self) -> tuple[Any, str]:
        """A new worker in place of a dead one."""
        worker = start_worker(self.ray)
        (name,) = open_workers(self.ray, self.job, [worker])
        return worker, name

    def keep(
        self, task: Task, row: Row, files: Mapping[str, bytes], name: str, since: float
    ) -> None:
        """Write what came of a picture."""
        about = {"name": task.name, **task.about}
        spent = {"worker": name, "seconds": round(time.monotonic() - since, 2)}
        write_outcome(self.job.folder, task.name, {**about, **row, **spent}, files)
        if ERROR in row:
            self.failed += 1
            tqdm.write(f"{task.name}: {row[ERROR]}")
            self.bar.set_postfix(failed=self.failed)
        self.bar.update()
