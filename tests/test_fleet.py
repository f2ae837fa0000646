"""Many pictures on several workers: real Ray, real processes, and one of them is killed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray.cluster_utils import Cluster

from instance_edit.tools.fleet import cluster
from instance_edit.tools.fleet.runner import Job, Task, run_tasks
from instance_edit.tools.fleet.store import FleetError, open_store, read_row
from instance_edit.tools.whole_file import BEGUN, PART, write_whole

OPENER = "tests.fleet_work:open_work"
pytestmark = pytest.mark.posix  # Ray makes no cluster of several nodes on Windows


@pytest.fixture(scope="module")
def two_machines() -> Iterator[Cluster]:
    """A head and a second node, as `ray start --head` and `ray start --address` make them."""
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    made.wait_for_nodes()
    yield made
    made.shutdown()


@pytest.fixture
def joined(two_machines: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setenv("RAY_ADDRESS", two_machines.address)
    return two_machines


def job(folder: Path, **settings: Any) -> Job:
    open_store(folder, settings)
    return Job(OPENER, settings, folder)


def task(name: str, do: str = "", **payload: Any) -> Task:
    return Task(
        name, lambda: {"name": name, "do": do, "text": f"of {name}", **payload}, {"from": do}
    )


def rows_of(folder: Path, *names: str) -> list[dict[str, Any]]:
    rows = [read_row(folder, name) for name in names]
    assert all(row is not None for row in rows)
    return [row or {} for row in rows]


@pytest.mark.usefixtures("joined")
def test_two_workers_share_the_pictures_and_a_killed_one_loses_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    names = [f"folder/{number}" for number in range(6)]
    tasks = [task(name, seconds=0.3) for name in names]
    tasks.insert(1, task("killer", "die once", mark=str(mark)))
    run_tasks(job(tmp_path / "out"), tasks, workers=2)
    rows = rows_of(tmp_path / "out", *names, "killer")
    assert all("error" not in row for row in rows)
    assert not {int(mark.read_text()), os.getpid()} & {row["pid"] for row in rows}
    for name in (*names, "killer"):
        assert (tmp_path / "out" / f"{name}.txt").read_text() == f"of {name}"
    assert rows[0]["from"] == "" and rows[0]["worker"].endswith(f":{rows[0]['pid']}")


@pytest.mark.usefixtures("joined")
def test_a_bad_picture_is_one_sentence_and_the_others_are_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreadable() -> Any:
        raise ValueError("it has no regions.")

    tasks = [task("fails", "fail"), task("faulty", "fault"), Task("unread", unreadable, {})]
    run_tasks(job(tmp_path), [*tasks, task("dies", "die"), task("good")], workers=1)
    errors = [row.get("error") for row in rows_of(tmp_path, "fails", "faulty", "unread", "good")]
    assert errors == ["this picture is broken.", "KeyError: 'a bug'", "it has no regions.", None]
    traces = [row.get("trace", "") for row in rows_of(tmp_path, "fails", "faulty")]
    assert not traces[0] and "fleet_work.py" in traces[1]
    (died,) = rows_of(tmp_path, "dies")
    assert died["error"].startswith("2 workers died over it")
    assert not (tmp_path / "fails.txt").exists() and (tmp_path / "good.txt").exists()
    told = capsys.readouterr()
    assert "fails: this picture is broken." in told.out
    assert "5/5" in told.err and "failed=4" in told.err


@pytest.mark.usefixtures("joined")
def test_what_no_worker_can_load_stops_the_job_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match=r"^UNET=x was not found\.$"):
        run_tasks(job(tmp_path, refuse="UNET=x was not found."), [task("a")], workers=1)
    assert read_row(tmp_path, "a") is None


@pytest.mark.usefixtures("joined")
def test_the_last_worker_that_cannot_be_replaced_ends_the_job_with_the_reason(
    tmp_path: Path,
) -> None:
    """The first that loads is the only one that can: it dies, and nobody is left."""
    settings = {"refuse": "no room for a model.", "mark": str(tmp_path / "mark")}
    tasks = [task("good"), task("killer", "die"), task("after")]
    with pytest.raises(FleetError, match=r"^no room for a model\.$"):
        run_tasks(job(tmp_path / "out", **settings), tasks, workers=1)
    assert rows_of(tmp_path / "out", "good")[0]["pid"]
    assert read_row(tmp_path / "out", "after") is None


def test_ray_address_joins_a_cluster_and_gives_each_machine_a_worker(
    joined: Cluster, tmp_path: Path
) -> None:
    names = [str(number) for number in range(6)]
    run_tasks(job(tmp_path), [task(name, seconds=0.3) for name in names], workers=None)
    nodes = {row["node"] for row in rows_of(tmp_path, *names)}
    assert nodes == {node.node_id for node in joined.list_all_nodes()}
    with pytest.raises(FleetError, match="WORKERS=3 needs as many CPUs, the cluster has 2"):
        run_tasks(job(tmp_path), [task("more")], workers=3)


def test_results_of_other_settings_are_not_mixed_in(tmp_path: Path) -> None:
    open_store(tmp_path, {"method": "MICE", "steps": 4})
    open_store(tmp_path, {"method": "MICE", "steps": 4})
    with pytest.raises(FleetError, match=r"other settings \(steps differ\)"):
        open_store(tmp_path, {"method": "MICE", "steps": 8})


def test_a_file_that_could_not_be_written_whole_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole(tmp_path / "a" / "x.png", b"whole")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a" / "x.png", b"another")
    assert (tmp_path / "a" / "x.png").read_bytes() == b"whole"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x.png"]


def test_what_a_killed_run_had_begun_is_taken_away(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "x.png", b"whole")
    (tmp_path / "a" / f"{BEGUN}y{PART}").write_bytes(b"ha")
    open_store(tmp_path, {})
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x.png"]


def test_a_row_that_is_no_json_counts_as_none(tmp_path: Path) -> None:
    write_whole(tmp_path / "rows" / "a.json", b'{"name": ')
    assert read_row(tmp_path, "a") is None
    write_whole(tmp_path / "rows" / "a.json", json.dumps({"name": "a"}).encode())
    assert read_row(tmp_path, "a") == {"name": "a"}


def test_without_ray_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(FleetError, match=r"needs the package ray.*papers/requirements\.txt"):
        cluster.need("ray")
