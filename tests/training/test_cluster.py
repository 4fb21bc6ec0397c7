"""Runs on a cluster of two workers on this machine: killed, stopped, broken, away."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from aeviz.training import film, place, process, slices, store, task, turns
from aeviz.training.cluster import Dask, _difference
from aeviz.training.remote import Run
from aeviz.training.spec import RunSpec
from aeviz.training.task import Task
from benchmarks.cluster import Cluster, cluster, kill_one, server, specs
from tests.training.making import equal, small, wait_for, weights


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture
def served(two: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    with server(tmp_path / "runs", two.address):
        yield two


def alone(spec: RunSpec, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """The weights of a run that was trained here in one piece, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with monkeypatch.context() as patch:
            patch.setenv("AEVIZ_RUNS", str(folder))
            training = Task(store.create(spec))
            while not training.over:
                training.advance()
            return weights(training.name)
    finally:
        torch.set_num_threads(threads)


def test_a_stop_is_heard_and_a_run_that_fails_leaves_others_alone(served: Cluster) -> None:
    wide = small(steps=10_000_000)
    name, broken = store.create(wide), store.create(small("variational", lr=1.0, steps=100_000))
    (place.path_of(broken) / "spec.json").write_bytes(b"{")
    wait_for(lambda: store.said(name).step > 20, "some steps")
    wait_for(lambda: store.said(broken).ended, "the end of the broken one")
    assert store.said(broken).state == "failed"
    assert store.said(broken).message == "The settings of this run are damaged: train it again."
    store.control(name, "pause")
    wait_for(lambda: store.said(name).state == "paused", "the pause")
    step = store.said(name).step
    assert max(store.states(name)) == step  # no step is lost
    store.control(name, "resume")
    wait_for(lambda: store.said(name).step > step, "a step after the pause")
    asked, before = time.monotonic(), store.said(name)
    store.control(name, "stop")
    wait_for(lambda: store.said(name).ended, "the stop")
    heard = time.monotonic() - asked
    after = store.said(name)
    assert after.state == "stopped"
    # It went on for two slices at most, which a busy machine draws out.
    assert after.trained - before.trained < 10, heard
    wait_for(lambda: not store.said(name).measuring, "the figures")
    model = store.load_model(name)
    assert model.card.steps == after.step > step
    assert "mse" in model.card.figures
    assert store.preview(name) is not None
    steps = [point.step for point in store.metrics(name)]
    assert steps == sorted(set(steps))


go_on = slices._Kept.go_on


def a_hundred_steps(kept: slices._Kept, asked: slices.Asked) -> None:
    """What a slice does, by steps in place of seconds."""
    at, first = kept.task.status, kept.task.status.step
    while not kept.task.over and (at.step < first + 100 or at.step == at.steps):
        go_on(kept, replace(asked, seconds=0.02))
        at = kept.task.status


class Hopping:
    """A cluster in this process, whose workers forget a run as soon as they have trained it."""

    def __init__(self, scratch: Path) -> None:
        self.scratch, self.slices = scratch, 0

    def choose(self, before: str) -> str:
        return "first" if before != "first" else "second"

    def submit(self, asked: slices.Asked, where: str) -> Future[Any]:
        self.slices += 1
        future = Future[Any]()
        with pytest.MonkeyPatch.context() as patch:
            for name in ("AEVIZ_RUNS", "AEVIZ_LONGEST"):
                patch.setenv(name, "1")  # to be put back
            patch.setattr(slices, "_scratch", lambda: self.scratch)
            patch.setattr(slices._Kept, "go_on", a_hundred_steps)
            assert asked.files
            future.set_result(slices.train(asked))
        return future

    def has(self, future: object) -> bool:
        return True


@pytest.mark.parametrize("variant", ["variational", "wasserstein"])
def test_a_run_that_changes_its_worker_after_each_slice_ends_with_the_same_weights(
    variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = alone(small(variant, steps=400), tmp_path / "alone", monkeypatch)
    monkeypatch.setenv("AEVIZ_RUNS", str(tmp_path / "runs"))
    threads, hopping = torch.get_num_threads(), Hopping(tmp_path / "scratch")
    monkeypatch.setattr(task, "SLICE", 0.02)
    monkeypatch.setattr(Future, "status", "finished", raising=False)
    training = Run(store.create(small(variant, steps=400)), cast(Any, hopping))
    while not training.over:
        training.advance()
    torch.set_num_threads(threads)
    assert training.status.state == "finished"
    assert hopping.slices > 2
    assert equal(weights(training.name), expected)


def test_a_knob_that_is_turned_is_heard_on_the_cluster_and_the_film_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEVIZ_RUNS", str(tmp_path / "runs"))
    threads, hopping = torch.get_num_threads(), Hopping(tmp_path / "scratch")
    monkeypatch.setattr(task, "SLICE", 0.02)
    monkeypatch.setattr(Future, "status", "finished", raising=False)
    training = Run(store.create(small("variational", steps=400)), cast(Any, hopping))
    while training.status.step < 100:
        training.advance()
    step = training.status.step
    store.change(training.name, beta=4.0)
    while not training.over:
        training.advance()
    torch.set_num_threads(threads)
    (change,) = store.spec(training.name).changes
    assert change.step >= step
    assert store.asked(training.name) == []
    assert {0, 1, 400} <= set(film.steps(training.name))
    spec = store.spec(training.name)
    assert equal(weights(training.name), alone(spec, tmp_path / "alone", monkeypatch))


def test_what_is_missing_on_the_cluster_is_said_by_the_run(served: Cluster) -> None:
    name = store.create(small(data="fashion", steps=2))
    wait_for(lambda: store.said(name).ended, "the end")
    assert store.said(name).state == "failed"
    assert "Fashion-MNIST" in store.said(name).message


def test_twelve_runs_finish_with_the_same_weights_though_a_worker_is_killed(
    served: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = specs(steps=600)
    expected = [alone(spec, tmp_path / "alone", monkeypatch) for spec in asked[:3]]
    seen = kill_one(served, asked, limit=250)
    assert {store.said(name).state for name in seen.runs} == {"finished"}
    assert seen.finished == 12
    for number, name in enumerate(seen.runs):
        assert equal(weights(name), expected[number % 3])
        steps = [point.step for point in store.metrics(name)]
        assert steps == sorted(set(steps))
        assert steps[-1] == 600
        assert "mse" in store.load_model(name).card.figures
        assert list(store.snapshots(name)) == sorted([391, *(2**power for power in range(10))])
    assert not [*place.folder().glob("queue/*")]


def test_a_scheduler_that_is_away_is_told_and_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "ensure_workers", lambda: None)  # there is one, which gets ready
    (tmp_path / "cluster").mkdir()
    with contextlib.ExitStack() as stack:
        found = stack.enter_context(cluster(tmp_path / "cluster", workers=0))
        address = found.address
        handing = stack.enter_context(server(tmp_path / "runs", address))
        name, stopped = store.create(small(steps=40)), store.create(small())

        def told(text: str) -> bool:
            return text in turns.status(name).progress

        wait_for(lambda: told("Waiting: the cluster has no workers."), "that it has no workers")
        found.scheduler.send_signal(signal.SIGKILL)
        found.scheduler.wait()
        port = address.rpartition(":")[2]
        away = f"Waiting: the scheduler of the cluster, 127.0.0.1:{port}, cannot be reached."
        wait_for(lambda: told(away), "that it is away")
        store.control(stopped, "stop")  # which needs no cluster
        wait_for(lambda: store.said(stopped).state == "stopped", "the stop")
        assert handing.poll() is None
        on = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file"]
        on.append(str(tmp_path / "cluster" / "scheduler.json"))
        found.scheduler = subprocess.Popen(
            [sys.executable, "-m", "dask", "scheduler", *on, "--port", port],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: told("the cluster has no workers"), "that it is back")
        found.join()
        wait_for(lambda: store.said(name).ended, "the end")
        assert store.said(name).state == "finished"
        assert process.trouble() == ""


def test_versions_that_differ_are_named() -> None:
    here = slices.versions()
    assert len(here["aeviz"]) == 8
    said = _difference({**here, "torch": "1.0"})
    assert said == (
        f"The workers of the cluster have other versions (torch 1.0, here {here['torch']}): "
        "install the same on all."
    )
    assert "cannot import aeviz" in _difference({})
    asked = slices.Asked("run", 1.0, "resume", False, 1.0, {**here, "numpy": "0"}, "", None)
    with pytest.raises(slices.DiffersError):
        slices.train(asked)


def test_without_dask_a_run_that_waits_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEVIZ_RUNS", str(tmp_path))
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert Dask("dask://127.0.0.1:1").slots == 0
    assert process.trouble().endswith("pip install -r requirements-cluster.txt.")


def test_a_worker_of_one_machine_needs_no_dask() -> None:
    program = (
        "import sys, aeviz.training.worker\n"
        "print([m for m in sys.modules if m.partition('.')[0] in ('distributed', 'dask')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout == "[]\n"
