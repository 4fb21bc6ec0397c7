"""Runs that are removed, brought back, kept, and pruned where they take too much room."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from aeviz.models import checkpoint
from aeviz.training import place, process, removal, store, tickets
from aeviz.training.status import RunStatus, State
from tests.training.making import finish, runs_in, small, wait_for

MEGABYTE = 1_000_000


def run_of(day: int, state: State = "finished", megabytes: float = 1.0) -> str:
    """A run of a day in 2020 that takes so much room."""
    files = {
        "spec.json": small(),
        "status.json": RunStatus(state=state, step=1),
        "final.safetensors": bytes(int(megabytes * MEGABYTE)),
    }
    made = place.path_of(store.make_folder(files))
    name = f"run-2020{day // 28 + 1:02}{day % 28 + 1:02}-120000-0000"
    made.rename(made.with_name(name))
    return name


def here() -> list[str]:
    return sorted(path.name for path in place.folder().glob("run-*"))


def on_disk() -> int:
    """How many runs take room, those that were removed among them."""
    return len([path for path in place.folder().iterdir() if "run-" in path.name])


def allow(monkeypatch: pytest.MonkeyPatch, megabytes: float) -> None:
    """So much room for all runs."""
    monkeypatch.setenv("AEVIZ_RUNS_MAX", str(megabytes / 1000))


# -- by a person ------------------------------------------------------------------------------


def test_a_run_that_is_removed_is_seen_by_nobody_and_comes_back_as_it_was(no_worker: None) -> None:
    content = (checkpoint.FOLDER / "linear-2d.safetensors").read_bytes()
    name = store.add(content)
    removal.remove(name)
    assert not place.is_run(name)
    assert not store.is_finished(name)
    assert here() == []
    assert store.status(name).message == "The notes of this run are not here any more."
    assert removal.can_restore(name)
    removal.restore(name)
    assert here() == [name]
    assert store.model_bytes(name) == content
    assert not removal.can_restore(name)


@pytest.mark.parametrize("state", ["queued", "running", "paused"])
def test_a_run_that_has_not_ended_is_not_removed(
    state: State, no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = store.create(small()) if state == "queued" else run_of(1, state)
    with pytest.raises(ValueError, match="Stop the run"):
        removal.remove(name)
    assert here() == [name]


def test_what_is_gone_can_neither_be_removed_nor_brought_back(no_worker: None) -> None:
    name = run_of(1)
    removal.remove(name)
    with pytest.raises(place.RunError, match=r"This run cannot be removed: it is not there\."):
        removal.remove(name)
    removal.restore(name)
    with pytest.raises(place.RunError, match="it is gone for good"):
        removal.restore(name)
    assert here() == [name]


@pytest.mark.parametrize("door", [removal.remove, removal.can_restore, removal.restore])
def test_only_an_id_is_removed(door: object, no_worker: None) -> None:
    assert callable(door)
    for name in ("..", "queue", "run-20261125-010203-00ff/..", ".removed-run-1"):
        with pytest.raises(KeyError):
            door(name)


# -- by the room that all runs take -----------------------------------------------------------


def test_the_oldest_runs_go_until_there_is_room(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [run_of(day) for day in range(6)]
    allow(monkeypatch, 6.5)
    removal.prune()
    assert here() == names
    allow(monkeypatch, 3.5)
    removal.prune()
    assert here() == names[3:]
    assert on_disk() == 3


def test_a_starred_run_stays_until_its_star_is_taken(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [run_of(day) for day in range(4)]
    removal.star(names[0], True)
    assert [removal.is_starred(name) for name in names] == [True, False, False, False]
    allow(monkeypatch, 2.5)
    removal.prune()
    assert here() == [names[0], names[3]]
    removal.star(names[0], False)
    allow(monkeypatch, 1.5)
    removal.prune()
    assert here() == names[3:]


def test_a_run_that_trains_or_waits_is_not_pruned(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, paused, waiting, busy, ended = (
        run_of(day, state)
        for day, state in enumerate(("running", "paused", "queued", "finished", "interrupted"))
    )
    tickets.put(waiting)
    (place.path_of(waiting) / "status.json").write_bytes(b"damaged")  # read as "failed"
    allow(monkeypatch, 0.001)
    removal.prune(busy=[busy])
    assert here() == [running, paused, waiting, busy]
    assert not removal.can_restore(ended)


def test_what_was_removed_goes_after_an_hour_or_first_where_the_room_is_needed(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [run_of(day) for day in range(4)]
    allow(monkeypatch, 4.5)
    removal.remove(names[1])
    removal.remove(names[2])
    long_ago = time.time() - removal.KEPT_FOR - 1
    os.utime(place.folder() / f"{removal.REMOVED}{names[1]}", (long_ago, long_ago))
    removal.prune()
    assert [removal.can_restore(name) for name in names] == [False, False, True, False]
    allow(monkeypatch, 2.5)
    removal.prune()
    assert not removal.can_restore(names[2])
    assert here() == [names[0], names[3]]
    assert on_disk() == 2


def test_a_removal_lasts_an_hour_from_when_it_was_asked_for(no_worker: None) -> None:
    name = run_of(1)
    os.utime(place.path_of(name), (0, 0))
    removal.remove(name)
    removal.prune()
    assert removal.can_restore(name)


def test_a_folder_that_is_not_there_is_not_pruned(
    no_worker: None, caplog: pytest.LogCaptureFixture
) -> None:
    removal.prune()
    assert "cannot be pruned" in caplog.text


def test_the_worker_prunes_when_it_starts_and_after_each_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, 4.01)
    with runs_in(tmp_path / "runs"):
        old = [run_of(day) for day in range(7)]
        process.ensure_workers()
        wait_for(lambda: here() == old[3:], "the worker to prune as it starts")
        name = store.create(small(steps=1))
        wait_for(lambda: here() == [*old[4:], name], "the worker to prune after the run")
        assert finish(name).state == "finished"
