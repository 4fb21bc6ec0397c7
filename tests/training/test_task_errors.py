"""One run's trouble is one run's sentence."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aeviz import files
from aeviz.data import datasets
from aeviz.models import optim
from aeviz.training import film, loop, place, store, task
from aeviz.training.status import WAY_OUT
from tests.test_files import FULL, LOCKED
from tests.training.making import begun, by_hand, equal, small, weights


@pytest.mark.parametrize(
    "error",
    [
        FloatingPointError("The gradient stopped being finite: try a smaller learning rate."),
        RuntimeError("not enough memory"),
    ],
)
def test_a_run_that_fails_says_why_and_leaves_no_model(
    no_worker: None, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def train(*args: object, **options: object) -> Iterator[loop.Step]:
        raise error
        yield

    monkeypatch.setattr(loop, "train", train)
    name = store.create(small())
    by_hand(name)
    status = store.status(name)
    assert status.state == "failed"
    assert str(error) in status.message
    assert not store.is_finished(name)


def test_data_that_cannot_be_had_fails_the_run_with_a_sentence(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str, progress: datasets.Progress) -> datasets.Dataset:
        raise datasets.DataError(f"No {name} without a network.")

    monkeypatch.setattr(datasets, "load", load)
    name = store.create(small(data="kmnist"))
    by_hand(name)
    assert store.status(name).message == "No kmnist without a network."
    assert store.status(name).state == "failed"


def test_a_gradient_that_is_not_finite_ends_the_run_in_a_sentence_and_no_model(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    finite = iter([True, True, False])
    monkeypatch.setattr(optim.Adam, "is_finite", lambda self: next(finite))
    name = store.create(small("variational", steps=30))
    status = by_hand(name).status
    assert (status.state, status.step) == ("failed", 2)
    assert status.message == (
        "The gradient of the loss stopped being finite at step 3: try a smaller learning rate."
    )
    assert not store.is_finished(name)
    assert store.status(name) == status


ERRORS = [
    (FloatingPointError("It is not finite: lower the rate."), "It is not finite: lower the rate."),
    (MemoryError(), "This run ended at step N, since there is too little memory for it"),
    (
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes.\nMore"),
        "This run ended at step N, since there is too little memory for it.",
    ),
    (KeyError("colour"), "The run failed: 'colour'."),
    (RecursionError(), "The run failed: RecursionError."),
    (RuntimeError("two\nlines" * 200), "The run failed: two lines"),
    (FULL, "This run ended at step N, since the disk is full; the model of step N is kept."),
    (LOCKED, "This run ended at step N, since there is no permission; the model of step N is kept"),
]


@pytest.mark.parametrize("place", ["add_point", "report", "keep_snapshot"])
@pytest.mark.parametrize(("error", "said"), ERRORS)
def test_whatever_a_run_throws_is_its_own_sentence(
    place: str, error: Exception, said: str, no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = begun(store.create(small(steps=1_000_000)), 2)

    def thrown(*arguments: Any, **changes: Any) -> None:
        raise error

    monkeypatch.setattr(training, place, thrown)
    for _ in range(50):
        training.advance()
    assert training.over
    status = store.status(training.name)
    assert status == training.status
    assert "\n" not in status.message
    assert re.sub(r"step \d+", "step N", status.message).startswith(said)
    kept = "is kept" in status.message
    assert (status.state == "interrupted") == kept == store.is_finished(training.name)
    assert kept or WAY_OUT[status.state]


def test_a_run_that_cannot_even_say_that_it_failed_says_it_later(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = begun(store.create(small(steps=50)), 2)
    with monkeypatch.context() as patch:
        patch.setattr(task, "LAST_WORDS", -1.0)
        patch.setattr(files, "write", lambda *arguments: (_ for _ in ()).throw(FULL))
        for _ in range(3):
            training.advance()
        assert training.status.ended
        assert not training.over
        assert store.said(training.name).state == "running"
    monkeypatch.setattr(task, "LAST_WORDS", -1.0)
    training.advance()
    assert training.over
    assert "since the disk is full" in store.status(training.name).message


@pytest.mark.parametrize(("error", "kept"), [(FULL, False), (LOCKED, True)])
def test_only_on_a_full_disk_a_run_that_cannot_say_its_end_gives_its_film_up(
    error: OSError, kept: bool, no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = begun(store.create(small(steps=50)), 5)
    with monkeypatch.context() as patch:
        patch.setattr(files, "write", lambda *given, **more: (_ for _ in ()).throw(error))
        training.advance()
    assert training.unsaid
    assert bool(film.steps(training.name)) == kept


@pytest.mark.parametrize("needed", ["snapshots", "final.safetensors", "states", "status.json"])
def test_a_film_gives_way_to_what_the_run_needs_where_the_disk_is_full(
    needed: str, no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, full = (store.create(small(steps=70, seed=3)) for _ in range(2))
    by_hand(plain)
    training, write = begun(full, 30), files.write

    def no_room(path: Path, content: bytes, *, lasting: bool = False) -> None:
        if needed in (path.name, path.parent.name) and len(film.steps(full)) > 1:
            raise FULL
        write(path, content, lasting=lasting)

    monkeypatch.setattr(files, "write", no_room)
    assert len(film.steps(full)) > 5
    while not training.over:
        training.advance()
    assert training.status.state == "finished"
    assert equal(weights(plain), weights(full))
    assert 1 <= len(film.steps(full)) < len(film.steps(plain))


def test_a_run_needs_no_preview_where_the_disk_is_full(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, write = begun(store.create(small(steps=40)), 2), files.write

    def no_room(path: Path, content: bytes, *, lasting: bool = False) -> None:
        if path.name == "preview.npz":
            raise FULL
        write(path, content, lasting=lasting)

    monkeypatch.setattr(files, "write", no_room)
    while not training.over:
        training.advance()
    assert training.status.state == "finished"


class Half:
    """A file that has room for twenty bytes."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def __enter__(self) -> Half:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    def write(self, content: bytes) -> None:
        self.file.write(content[:20])
        raise FULL


def test_half_a_point_is_taken_back(no_worker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    run = store.create(small(steps=20))
    by_hand(run)
    path, points = place.path_of(run) / "metrics.jsonl", store.metrics(run)
    before, opened = path.read_bytes(), Path.open
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda self, *given: Half(opened(self, *given)))
        with pytest.raises(OSError, match="No space"):
            store.add_point(run, points[-1])
    assert path.read_bytes() == before


def test_a_run_whose_folder_is_deleted_ends_alone(no_worker: None) -> None:
    training = begun(store.create(small(steps=50)), 2)
    shutil.rmtree(training.path)
    training.advance()
    assert training.over
    assert not training.path.exists()


def test_a_folder_that_is_deleted_while_the_model_is_measured_is_not_made_anew(
    no_worker: None,
) -> None:
    training = begun(store.create(small(steps=2)), 2)
    for _ in range(4):
        next(training.work)
    shutil.rmtree(training.path)
    while not training.over:
        training.advance()
    assert not training.path.exists()


def test_a_file_that_a_reader_holds_now_and_then_stops_nothing(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, replace = [0], Path.replace

    def sometimes(path: Path, target: Path) -> Path:
        calls[0] += 1
        if calls[0] % 2:
            raise LOCKED
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", sometimes)
    assert by_hand(store.create(small(steps=5))).status.state == "finished"
    assert calls[0] > 10
