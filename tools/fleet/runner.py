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
    return [opened(ray, loading) for loading in [begin_opening(job, worker) for worker in crew]]


def begin_opening(job: Job, worker: Any) -> Any:
    """Let a worker load what it needs; what is returned stands for its name."""
    return worker.open.remote(str(ROOT), job.opener, dict(job.settings))


def opened(ray: Any, loading: Any) -> str:
    """The name of a worker, when it has loaded what it needs.

    Raises:
        FleetError: it cannot.
    """
    try:
        return ray.get(loading)
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
    """The state of one run: what waits, who works on what, who still loads."""

    def __init__(self, ray: Any, job: Job, tasks: Sequence[Task], bar: Any) -> None:
        self.ray, self.job, self.bar = ray, job, bar
        self.waiting = deque((task, 1) for task in tasks)
        self.working: dict[Any, tuple[Any, str, Task, int, float]] = {}
        self.loading: dict[Any, Any] = {}
        self.failed = 0

    def run(self, crew: dict[Any, str]) -> None:
        """Until nothing waits and nobody works."""
        for worker, name in crew.items():
            self.give(worker, name)
        while self.working or (self.loading and self.waiting):
            (done,), _ = self.ray.wait([*self.working, *self.loading], num_returns=1)
            if done in self.loading:
                self.replaced(done)
            else:
                self.finished(done)

    def finished(self, done: Any) -> None:
        """Keep what a worker brings, and give it the next picture."""
        worker, name, task, tries, since = self.working.pop(done)
        try:
            row, files = self.ray.get(done)
        except self.ray.exceptions.RayTaskError as error:
            self.keep(task, failure(error), {}, name, since)
        except self.ray.exceptions.RayActorError:
            return self.lost(task, tries, name, since)
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
        """A worker died over a picture: once more at the end, or given up; another worker loads."""
        if tries < TRIES:
            self.waiting.append((task, tries + 1))
        else:
            told = (
                f"{tries} workers died over it: is there memory enough for a picture of this size?"
            )
            self.keep(task, {ERROR: told}, {}, name, since)
        if self.waiting:
            worker = start_worker(self.ray)
            self.loading[begin_opening(self.job, worker)] = worker

    def replaced(self, done: Any) -> None:
        """A new worker has loaded; one that cannot is missed only where there is no other."""
        worker = self.loading.pop(done)
        try:
            name = opened(self.ray, done)
        except FleetError as error:
            if not (self.working or self.loading):
                raise
            tqdm.write(f"a worker less: {error}")
        else:
            self.give(worker, name)

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
