"""The worker: runs take turns, and it goes on whatever it finds."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from aeviz.training import place, process, removal, store, tickets
from aeviz.training.status import WAY_OUT
from tests.training.making import STATUSES, equal, finish, ours, runs_in, small, wait_for, weights


def test_two_runs_share_the_worker_and_a_seed_is_a_run(one_worker: str) -> None:
    specs = [small("variational", seed=seed, steps=200) for seed in (5, 5, 6)]
    names = [store.create(spec) for spec in specs]
    wait_for(lambda: all(store.status(n).step > 0 for n in names), "the first steps of all three")
    assert {finish(name).state for name in names} == {"finished"}
    first, same, other = map(weights, names)
    assert equal(first, same)
    assert not equal(first, other)
    process.ensure_workers()
    assert len(ours()) == 1


def test_a_run_pauses_goes_on_and_stops_with_a_model(one_worker: str) -> None:
    name = store.create(small(steps=10_000_000))
    wait_for(lambda: store.status(name).step > 0, "the first step")
    store.control(name, "pause")
    wait_for(lambda: store.status(name).state == "paused", "the pause")
    step = store.status(name).step
    time.sleep(0.5)
    assert store.status(name).step == step
    assert store.status(name).seconds_left is None
    assert "paused" in store.status(name).progress
    with pytest.raises(ValueError, match="Stop the run"):
        removal.remove(name)
    store.control(name, "resume")
    wait_for(lambda: store.status(name).step > step, "a step after the pause")
    assert store.status(name).images_per_second is not None or store.status(name).state == "running"
    store.control(name, "pause")
    wait_for(lambda: store.status(name).state == "paused", "the second pause")
    store.control(name, "stop")
    status = finish(name)
    assert status.state == "stopped"
    model = store.load_model(name)
    assert model.card.steps == status.step > step
    assert model.card.command == ""  # its schedule was cut off: no command makes it again
    assert store.metrics(name)[-1].step == status.step
    preview = store.preview(name)
    assert preview is not None
    assert preview.step == status.step
    removal.remove(name)
    assert not place.is_run(name)


def kill(worker: subprocess.Popen[bytes]) -> None:
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(20)


def test_a_run_that_a_dead_worker_left_behind_goes_on(one_worker: str) -> None:
    status = finish(one_worker)  # without a state: from its beginning
    assert (status.state, status.step) == ("finished", status.steps)
    assert (status.restarts, status.restarted_at) == (1, 0)
    assert store.is_finished(one_worker)


@pytest.mark.parametrize("variant", ["variational", "wasserstein"])
def test_a_run_whose_worker_is_killed_ends_with_the_weights_of_one_that_was_not(
    variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 2_000
    with runs_in(tmp_path / "whole"):
        process.ensure_workers()
        whole = store.create(small(variant, steps=steps))
        assert finish(whole).state == "finished"
        expected, curve = weights(whole), store.metrics(whole)
    random = np.random.default_rng(0)
    with runs_in(tmp_path / "killed"):
        name = store.create(small(variant, steps=steps))
        waiting = store.create(small(steps=3))
        for after in (20, 400):
            process.ensure_workers()
            wait_for(lambda: store.said(name).step > after, f"step {after}")  # noqa: B023
            time.sleep(random.uniform(0, 0.3))
            kill(ours()[-1])
            assert not store.said(name).ended
        # Whoever looks starts another one.
        wait_for(lambda: store.status(name).ended, "the end")
        assert store.status(name).state == "finished"
        assert equal(weights(name), expected)
        found = store.metrics(name)
        known = {point.step: point.validation.terms for point in curve}
        assert [point.step for point in found] == sorted({point.step for point in found})
        for point in found:
            if point.step in known:
                assert point.validation.terms == known[point.step]
        assert finish(waiting).state == "finished"


def test_a_run_that_kills_its_worker_each_time_at_one_step_ends(tmp_path: Path) -> None:
    with runs_in(tmp_path / "runs"):
        name = store.create(small(steps=10_000_000))
        process.ensure_workers()
        wait_for(lambda: 8 in store.snapshots(name) and store.states(name), "a snapshot")
        kill(ours()[-1])
        step = max(store.states(name))
        found = store.said(name)
        tried = found.model_copy(update={"restarts": 3, "restarted_at": step})
        store.write(place.path_of(name) / "status.json", tried)
        process.ensure_workers()
        wait_for(lambda: store.said(name).ended, "the end")
        status = store.said(name)
        assert status.state == "interrupted"
        assert WAY_OUT[status.state]
        last = max(store.snapshots(name))
        text = f"The process that trained this run ended 4 times at step {status.step:,}; "
        assert status.message == f"{text}the model of step {last:,} is kept."
        assert store.load_model(name).card.steps == last <= status.step


def test_when_the_app_ends_its_runs_keep_their_step_and_the_next_one_goes_on(
    tmp_path: Path,
) -> None:
    with runs_in(tmp_path / "runs"):
        process.ensure_workers()
        name = store.create(small(steps=10_000_000))
        wait_for(lambda: store.status(name).step > 20, "some steps")
    # Leaving closed the worker's standard input, as the end of the app would.
    with runs_in(tmp_path / "runs"):
        assert process.alive() == 0
        status = store.said(name)
        assert not status.ended
        assert status.progress.endswith("goes on once the app is started again")
        assert max(store.states(name)) == status.step  # no step is lost
        process.ensure_workers()
        wait_for(lambda: store.said(name).step > status.step, "a further step")
        assert store.said(name).state == "running"
        assert store.said(name).message == ""
        store.control(name, "stop")
        assert finish(name).state == "stopped"
        assert max(store.states(name)) == store.said(name).step


def test_the_worker_never_imports_streamlit(tmp_path: Path) -> None:
    program = (
        "import sys; from aeviz.training import store, task, worker\n"
        "from aeviz.training.spec import RunSpec\n"
        "spec = {'variant': 'vanilla', 'steps': 2, 'batch': 8, 'config': {'width': 32}}\n"
        "training = task.Task(store.create(RunSpec.model_validate(spec)))\n"
        "while not training.status.ended: training.advance()\n"
        "print(training.status.state, [m for m in sys.modules if m.startswith('streamlit')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"AEVIZ_RUNS": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout == "finished []\n"


WIDE = {"width": 1024, "depth": 1}
"""A network whose snapshots take 1.7 MB each."""


def test_the_worker_goes_on_whatever_lies_in_the_folder(tmp_path: Path) -> None:
    with runs_in(tmp_path / "runs"):
        broken = []
        for damage in STATUSES:
            for waits in (True, False):
                name = store.create(small(steps=1))
                damage(place.path_of(name))
                broken.append(name)
                if not waits:
                    tickets.remove(name)
        unreadable = store.create(small(steps=1))
        (place.path_of(unreadable) / "spec.json").write_bytes(b"{")
        folder, queue = place.folder(), place.folder() / "queue"
        for foreign in ("notes.txt", "run-1", "run-20261125-010203-00ff", ".DS_Store"):
            (queue / foreign).touch()
        (queue / "a folder").mkdir()
        stuck = store.create(small(steps=1))  # its ticket cannot be removed
        (queue / stuck).unlink()
        (queue / stuck).mkdir()
        (queue / stuck / "full").touch()
        (folder / "run-20261125-010203-00fe").touch()
        (folder / "run-20261125-010203-00fd").mkdir()
        good = store.create(small(steps=1))
        process.ensure_workers()
        assert finish(good).state == "finished"
        assert finish(stuck).state == "finished"
        assert store.said(unreadable).state == "failed"
        shutil.rmtree(queue)
        another = store.create(small(steps=1))
        assert finish(another).state == "finished"
        for name in broken:
            assert store.status(name).ended
            assert store.status(name).message.startswith("The notes of this run ")
            assert not tickets.has(name)
        assert len(ours()) == 1
        assert process.alive() == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB."""
    where = tmp_path / "disk"
    where.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(where)]
    mounted = bool(shutil.which("mount")) and sys.platform == "linux"
    if not mounted or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root alone")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def test_on_a_full_disk_a_run_says_so_and_others_go_on(small_disk: Path) -> None:
    with runs_in(small_disk / "runs"):
        large = store.create(small(config=WIDE, steps=100_000))
        process.ensure_workers()
        status = finish(large)
        assert status.state == "interrupted"
        assert "since the disk is full; the model of step " in status.message
        assert store.load_model(large).card.steps <= status.step
        assert finish(store.create(small(steps=3))).state == "finished"
        filler = small_disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
        kept = set(place.folder().iterdir())
        with pytest.raises(place.RunError, match="since the disk is full: make room there"):
            store.create(small())
        assert set(place.folder().iterdir()) == kept


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the data of a process")
def test_a_run_that_needs_more_memory_than_a_worker_may_take_says_so_and_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEVIZ_MEMORY", "1200")
    with runs_in(tmp_path / "runs"):
        large = store.create(small("convolutional", config={}, batch=4096, steps=3))
        process.ensure_workers()
        status = finish(large)
        assert status.state in ("failed", "interrupted")
        assert "too little memory" in status.message
        assert finish(store.create(small(steps=3))).state == "finished"
        assert len(ours()) == 1
