"""Runs that tests make, and how they wait for them or train them by hand."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from aeviz.training import place, process, store, task, tickets
from aeviz.training.spec import RunSpec
from aeviz.training.status import RunStatus

SMALL = {"width": 32, "depth": 1}


def small(variant: str = "vanilla", **settings: Any) -> RunSpec:
    """A run of a second or two."""
    fields = {"variant": variant, "config": SMALL, "batch": 128, "steps": 40}
    return RunSpec.model_validate(fields | settings)


def wait_for(true: Callable[[], Any], what: str) -> None:
    """Wait; the limit only ends a test that would never end."""
    for _ in range(8000):
        if true():
            return
        time.sleep(0.025)
    raise AssertionError(f"Still waiting for: {what}")


def finish(name: str) -> RunStatus:
    wait_for(lambda: store.status(name).ended, f"the end of {name}")
    return store.status(name)


def weights(name: str) -> dict[str, torch.Tensor]:
    return store.load_model(name).state_dict()


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@contextlib.contextmanager
def runs_in(folder: Path) -> Iterator[None]:
    """Runs in a folder of their own; a worker that was started there ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AEVIZ_RUNS", str(folder))
        try:
            yield
        finally:
            for worker in [*process.workers]:
                if worker.where == folder:
                    assert worker.process.stdin
                    worker.process.stdin.close()
                    worker.process.wait(60)
                    process.workers.remove(worker)


def taken(name: str) -> task.Task:
    """A run out of the queue, as the worker takes it."""
    tickets.remove(name)
    return task.Task(name)


def ours() -> list[subprocess.Popen[bytes]]:
    """The workers of the folder that this process started."""
    return [worker.process for worker in process.workers if worker.where == place.folder()]


def by_hand(name: str, until: Callable[[task.Task], bool] | None = None) -> task.Task:
    """Take a run and train it in this process, to its end or until something is true."""
    training = taken(name)
    while not (training.over or (until and until(training))):
        training.advance()
    return training


def begun(name: str, step: int) -> task.Task:
    """A run in this process after so many steps."""
    training = taken(name)
    while training.status.step < step:
        next(training.work)
    training.report(state="running")
    return training


def empty(run: Path) -> None:
    (run / "status.json").write_bytes(b"")


def half_a_status(run: Path) -> None:
    (run / "status.json").write_bytes((run / "status.json").read_bytes()[:40])


def a_newer_status(run: Path) -> None:
    (run / "status.json").write_bytes(b'{"state": "dreaming", "step": 5}')


def no_status(run: Path) -> None:
    (run / "status.json").unlink()


def a_folder_for_a_status(run: Path) -> None:
    (run / "status.json").unlink()
    (run / "status.json").mkdir()


STATUSES: dict[Callable[[Path], None], str] = {
    empty: "The notes of this run are damaged.",
    half_a_status: "The notes of this run are damaged.",
    a_newer_status: "The notes of this run are of another version of aeviz (state: Input should be",
    no_status: "The notes of this run are not here any more.",
    a_folder_for_a_status: "The notes of this run cannot be read, since a folder is in its way.",
}
