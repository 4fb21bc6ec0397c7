"""The worker: every variant trains, and one run's trouble is one run's sentence."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aeviz import files
from aeviz.data import datasets
from aeviz.models import checkpoint
from aeviz.models.base import Loss
from aeviz.models.settings import Knob, knobs
from aeviz.models.zoo import MODELS
from aeviz.training import runs, worker
from tests.test_files import FULL, LOCKED
from tests.training.test_runs import finish, runs_in, small, wait_for, weights

CASES = Path(__file__).parents[1] / "cases"
WIDE = {"width": 1024, "depth": 1}
"""A network whose snapshots take 1.7 MB each."""


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with runs_in(tmp_path_factory.mktemp("runs")):
        yield runs.ensure_worker()


@pytest.fixture
def no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder without a worker, for runs by hand."""
    monkeypatch.setattr(runs, "ensure_worker", lambda: None)
    with runs_in(tmp_path / "runs"):
        yield


@pytest.fixture
def fifty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty training and fifty test images in the place of Fashion-MNIST."""
    with zipfile.ZipFile(CASES / "idx-five-per-class.zip") as archive:
        archive.extractall(tmp_path / "data")
    monkeypatch.setenv("AEVIZ_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(datasets, "_loaded", {})


def ours() -> list[subprocess.Popen[bytes]]:
    """The workers of the folder that this process started."""
    return [process for where, process in runs._workers if where == runs.folder()]


def by_hand(name: str, until: Callable[[worker._Training], bool] | None = None) -> worker._Training:
    """Take a run and train it in this process, to its end or until something is true."""
    runs.take(name)
    training = worker._Training(name)
    while not (training.over or (until and until(training))):
        training.advance()
    return training


def begun(name: str, step: int) -> worker._Training:
    """A run in this process after so many steps."""
    runs.take(name)
    training = worker._Training(name)
    while training.status.step < step:
        next(training.work)
    training.report(state="running")
    return training


# -- every variant ----------------------------------------------------------------------------


def ends(setting: Knob, default: Any) -> tuple[Any, Any]:
    """The smallest and the largest value of a knob, or its first and last choice."""
    if setting.choices:
        return setting.choices[0], setting.choices[-1]
    if isinstance(default, bool):
        return False, True
    return type(default)(setting.low), type(default)(setting.high)


CORNERS = [
    (variant, field, end)
    for variant, model_class in MODELS.items()
    for field, (setting, default) in knobs(model_class.Config).items()
    for end in ends(setting, default)
]


@pytest.mark.parametrize(("variant", "field", "value"), CORNERS)
def test_a_knob_at_its_end_trains(
    variant: str, field: str, value: Any, no_worker: None, fifty: None
) -> None:
    settings = {"config": {field: value}, "data": "fashion", "batch": 4, "steps": 2}
    training = by_hand(runs.create(small(variant, **settings)))
    assert (training.status.state, training.status.message) == ("finished", "")
    assert runs.load_model(training.name).card.config.to_dict()[field] == value


@pytest.mark.parametrize(
    "watched",
    [
        torch.tensor(3),
        torch.tensor(True),
        torch.tensor([1, 2]),
        torch.tensor([[1.0, 2.0], [3.0, 4.0]]),
        torch.tensor([0.5]).double(),
        None,
    ],
)
def test_metrics_of_any_kind_are_averaged(
    watched: torch.Tensor | None, no_worker: None, fifty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = MODELS["vanilla"].loss

    def loss(self: Any, x: torch.Tensor) -> Loss:
        value = x.flatten(1).sum(1) * 0 + 2 if watched is None else watched  # one for each image
        return Loss(inner(self, x).terms, {"watched": value})

    monkeypatch.setattr(MODELS["vanilla"], "loss", loss)
    training = by_hand(runs.create(small(data="fashion", steps=6, batch=32)))
    assert training.status.state == "finished", training.status.message
    found = np.array([2.0]) if watched is None else watched.numpy().astype(float)
    expected = found.mean() if found.ndim != 1 or watched is None else found
    for point in runs.metrics(training.name):
        for means in (point.train, point.validation):
            np.testing.assert_allclose(np.squeeze(means.metrics["watched"]), np.squeeze(expected))


# -- what one run throws ----------------------------------------------------------------------

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


@pytest.mark.parametrize("place", ["_point", "report", "_snapshot"])
@pytest.mark.parametrize(("error", "said"), ERRORS)
def test_whatever_a_run_throws_is_its_own_sentence(
    place: str, error: Exception, said: str, no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = begun(runs.create(small(steps=1_000_000)), 2)

    def thrown(*arguments: Any, **changes: Any) -> None:
        raise error

    monkeypatch.setattr(training, place, thrown)
    for _ in range(50):
        training.advance()
    assert training.over
    status = runs.status(training.name)
    assert status == training.status
    assert "\n" not in status.message
    assert re.sub(r"step \d+", "step N", status.message).startswith(said)
    kept = "is kept" in status.message
    assert (status.state == "interrupted") == kept == runs.is_finished(training.name)
    assert kept or runs.WAY_OUT[status.state]


def test_a_run_that_cannot_even_say_that_it_failed_says_it_later(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = begun(runs.create(small(steps=50)), 2)
    with monkeypatch.context() as patch:
        patch.setattr(worker, "LAST_WORDS", -1.0)
        patch.setattr(files, "write", lambda *arguments: (_ for _ in ()).throw(FULL))
        for _ in range(3):
            training.advance()
        assert training.status.ended
        assert not training.over
        assert runs.said(training.name).state == "running"
    monkeypatch.setattr(worker, "LAST_WORDS", -1.0)
    training.advance()
    assert training.over
    assert "since the disk is full" in runs.status(training.name).message


def test_a_run_whose_folder_is_deleted_ends_alone(no_worker: None) -> None:
    training = begun(runs.create(small(steps=50)), 2)
    shutil.rmtree(training.path)
    training.advance()
    assert training.over
    assert not training.path.exists()


def test_a_folder_that_is_deleted_while_the_model_is_measured_is_not_made_anew(
    no_worker: None,
) -> None:
    training = begun(runs.create(small(steps=2)), 2)
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
    assert by_hand(runs.create(small(steps=5))).status.state == "finished"
    assert calls[0] > 10


# -- what lies in the folder ------------------------------------------------------------------


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
SETTINGS = {
    b"": "The settings of this run are damaged: train it again.",
    b'{"variant": "vanilla", "ste': "The settings of this run are damaged: train it again.",
    b"[]": "The settings of this run are of another version of aeviz (The settings of a run have",
    b'{"variant": []}': "The settings of this run are of another version of aeviz (There is no",
    b'{"variant": "vanilla", "config": 3}': "The settings of this run are of another version",
    b'{"variant": "vanilla", "steps": 5, "colour": 1}': "The settings of this run are of another",
}


@pytest.mark.parametrize("damage", STATUSES)
def test_a_damaged_status_is_a_sentence(damage: Callable[[Path], None], no_worker: None) -> None:
    name = runs.create(small())
    damage(runs.path_of(name))
    status = runs.status(name)
    assert status.state == "failed"
    assert status.message.startswith(STATUSES[damage])
    assert status.message.endswith(".")
    assert status.progress


@pytest.mark.parametrize("content", SETTINGS)
def test_damaged_settings_are_a_sentence(content: bytes, no_worker: None) -> None:
    name = runs.create(small())
    (runs.path_of(name) / "spec.json").write_bytes(content)
    with pytest.raises(runs.RunError) as raised:
        runs.spec(name)
    assert str(raised.value).startswith(SETTINGS[content])
    assert str(raised.value).endswith("train it again.")
    training = by_hand(name)
    assert training.status.message == str(raised.value)
    (runs.path_of(name) / "spec.json").unlink()
    with pytest.raises(runs.RunError, match="are not here any more: train it again"):
        runs.spec(name)


def test_no_permission_is_a_sentence_everywhere(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = by_hand(runs.create(small(steps=1))).name

    def locked(path: Path, *mode: str) -> bytes:
        raise LOCKED

    monkeypatch.setattr(Path, "read_bytes", locked)
    monkeypatch.setattr(Path, "open", locked)
    assert "no permission" in runs.status(name).message
    for door in (runs.spec, runs.metrics, runs.preview):
        with pytest.raises(runs.RunError, match="cannot be read, since there is no permission"):
            door(name)
    for door in (runs.load_model, runs.model_bytes):
        with pytest.raises(checkpoint.CheckpointError, match="there is no permission"):
            door(name)
    assert runs.wish(name) == "resume"


def test_damaged_pictures_curves_and_models_are_a_sentence(no_worker: None) -> None:
    name = by_hand(runs.create(small(steps=1))).name
    folder = runs.path_of(name)
    whole = (folder / "preview.npz").read_bytes()
    draw = np.random.default_rng(0)
    spoilt = [whole[: len(whole) // 2], b"", b"PK\x03\x04", b"\x93NUMPY", np.zeros(3).tobytes()]
    for _ in range(200):
        bytes_ = bytearray(whole)
        for place in draw.integers(0, 400, 3):
            bytes_[place] = draw.integers(256)
        spoilt.append(bytes(bytes_))
    refused = 0
    for content in spoilt:
        (folder / "preview.npz").write_bytes(content)
        with contextlib.suppress(runs.RunError):  # a flipped pixel is a picture still
            runs.preview(name)
            continue
        refused += 1
    assert refused > 50
    points = (folder / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    assert len(points) == 2
    other = points[1].replace(b"reconstruction", b"another")
    (folder / "metrics.jsonl").write_bytes(points[0] + b"\xff{\n" + other + points[1])
    assert [point.step for point in runs.metrics(name)] == [0, 1]
    (folder / "metrics.jsonl").write_bytes(b"\0\0\0\n")
    with pytest.raises(runs.RunError, match="The curves of this run are damaged"):
        runs.metrics(name)
    model = runs.model_bytes(name)
    (folder / "final.safetensors").write_bytes(model[:-9])
    with pytest.raises(checkpoint.CheckpointError, match="damaged or cut off"):
        runs.load_model(name)
    (folder / "final.safetensors").unlink()
    for door in (runs.load_model, runs.model_bytes):
        with pytest.raises(checkpoint.CheckpointError, match="There is no checkpoint"):
            door(name)


def test_what_was_asked_is_resume_where_it_cannot_be_read(no_worker: None) -> None:
    name = runs.create(small())
    control = runs.path_of(name) / "control"
    for content in (b"", b"fly", b"\xff\xfe"):
        control.write_bytes(content)
        assert runs.wish(name) == "resume"
    control.unlink()
    control.mkdir()
    assert runs.wish(name) == "resume"
    with pytest.raises(runs.RunError, match="cannot be kept in"):
        runs.control(name, "stop")


def test_the_worker_goes_on_whatever_lies_in_the_folder(tmp_path: Path) -> None:
    with runs_in(tmp_path / "runs"):
        broken = {}
        for damage in STATUSES:
            for waits in (True, False):
                name = runs.create(small(steps=1))
                damage(runs.path_of(name))
                broken[name] = waits
                if not waits:
                    runs.take(name)
        unreadable = runs.create(small(steps=1))
        (runs.path_of(unreadable) / "spec.json").write_bytes(b"{")
        folder, queue = runs.folder(), runs.folder() / "queue"
        for foreign in ("notes.txt", "run-1", "run-20261125-010203-00ff", ".DS_Store"):
            (queue / foreign).touch()
        (queue / "a folder").mkdir()
        stuck = runs.create(small(steps=1))  # its ticket cannot be removed
        (queue / stuck).unlink()
        (queue / stuck).mkdir()
        (queue / stuck / "full").touch()
        (folder / "run-20261125-010203-00fe").touch()
        (folder / "run-20261125-010203-00fd").mkdir()
        good = runs.create(small(steps=1))
        runs.ensure_worker()
        assert finish(good).state == "finished"
        assert finish(stuck).state == "finished"
        assert runs.said(unreadable).state == "failed"
        shutil.rmtree(queue)
        another = runs.create(small(steps=1))
        assert finish(another).state == "finished"
        for name, waited in broken.items():
            assert runs.status(name).ended
            if (runs.path_of(name) / "status.json").is_file():
                assert runs.is_finished(name) == waited
            else:  # a folder in its place: how far it came before that was noticed is chance
                assert runs.status(name).message
        assert len(ours()) == 1
        assert runs.worker_is_alive()


# -- a full disk ------------------------------------------------------------------------------


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
        large = runs.create(small(config=WIDE, steps=100_000))
        runs.ensure_worker()
        status = finish(large)
        assert status.state == "interrupted"
        assert "since the disk is full; the model of step " in status.message
        assert runs.load_model(large).card.steps <= status.step
        assert finish(runs.create(small(steps=3))).state == "finished"
        filler = small_disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
        kept = set(runs.folder().iterdir())
        with pytest.raises(runs.RunError, match="since the disk is full: make room there"):
            runs.create(small())
        assert set(runs.folder().iterdir()) == kept


# -- a folder that cannot be written ----------------------------------------------------------


@pytest.mark.parametrize("variable", ["AEVIZ_CACHE", "AEVIZ_RUNS"])
@pytest.mark.parametrize("where", ["below a file", "/proc/x"])
def test_a_folder_that_cannot_be_made_is_a_sentence_that_names_the_variable(
    variable: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "below a file":
        (tmp_path / "file").touch()
        where = str(tmp_path / "file" / "x")
    elif not Path("/proc/self").exists():
        pytest.skip("there is no /proc here")
    monkeypatch.delenv("AEVIZ_RUNS", raising=False)
    monkeypatch.setenv(variable, where)
    content = (checkpoint.FOLDER / "linear-2d.safetensors").read_bytes()
    ways = (lambda: runs.create(small()), lambda: runs.add(content), runs.ensure_worker)
    for way in ways:
        with pytest.raises(
            runs.RunError, match=f": set {variable} to a folder that can be written"
        ):
            way()
    assert not runs.is_run("run-20261125-010203-00ff")
    assert runs.status("run-20261125-010203-00ff").state == "failed"
    assert runs.wish("run-20261125-010203-00ff") == "resume"


@pytest.mark.parametrize("name", ["write_bytes", "replace", "rename", "touch"])
def test_a_run_that_cannot_be_made_leaves_nothing(
    name: str, no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **options: Any) -> None:
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(Path, name, full)
        with pytest.raises(
            runs.RunError, match="the disk is full: make room there, or set AEVIZ_RUNS"
        ):
            runs.create(small())
    left = [path for path in runs.folder().rglob("*") if path.name != "queue"]
    assert left == []


# -- a worker that is gone --------------------------------------------------------------------


@pytest.mark.parametrize("notices", ["a reader", "the next worker"])
def test_a_run_whose_worker_was_killed_keeps_the_model_of_its_last_snapshot(
    notices: str, tmp_path: Path
) -> None:
    with runs_in(tmp_path / "runs"):
        runs.ensure_worker()
        plain, mixture = (
            runs.create(small(variant, steps=10_000_000)) for variant in ("vanilla", "wasserstein")
        )
        wait_for(lambda: all(8 in runs.snapshots(n) for n in (plain, mixture)), "snapshots")
        (process,) = ours()
        os.kill(process.pid, signal.SIGKILL)
        process.wait(20)
        if notices == "the next worker":
            runs.ensure_worker()
            look = runs.said
        else:
            look = runs.status
        for name in (plain, mixture):
            wait_for(lambda name=name: look(name).ended, "the run to be seen as interrupted")
            last = max(runs.snapshots(name))
            status = runs.status(name)
            assert status.state == "interrupted"
            assert runs.said(name) == status
            text = f"The process that trained this run ended at step {status.step:,}; "
            text += f"the model of step {last:,} is kept"
            assert status.message.startswith(text)
            unlearned = "what it draws samples from was not learned yet"
            assert (unlearned in status.message) == (name == mixture)
            assert runs.is_finished(name)
            model = runs.load_model(name)
            assert model.card.steps == last <= status.step
            codes = model.sample_prior(5)
            assert codes is None or codes.isfinite().all()


def test_a_snapshot_that_is_damaged_is_passed_over(no_worker: None) -> None:
    training = begun(runs.create(small(steps=50)), 8)
    (training.path / "snapshots" / "8.safetensors").write_bytes(b"half")
    (training.path / "snapshots" / "copy of 8.safetensors").write_bytes(b"foreign")
    old = training.status.model_copy(update={"updated": time.time() - 10})
    runs.write(training.path / "status.json", old)
    assert runs.status(training.name).message.endswith("the model of step 4 is kept.")
    kept = checkpoint.load(training.path / "snapshots" / "4.safetensors").state_dict()
    assert all(torch.equal(kept[key], value) for key, value in weights(training.name).items())


def test_whoever_sees_a_run_that_waits_without_a_worker_starts_one(tmp_path: Path) -> None:
    with runs_in(tmp_path / "runs"):
        older = runs.worker_lock()  # the worker of an older server, which tidies up
        with older:
            name = runs.create(small(steps=2))
            runs.ensure_worker()
            assert runs.status(name).state == "queued"
            assert ours() == []
        assert finish(name).state == "finished"
        assert len(ours()) == 1


def test_a_run_that_waits_where_no_worker_can_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with runs_in(tmp_path / "runs"):
        name = runs.create(small())

        def refuse() -> None:
            raise runs.RunError("It cannot be written.")

        monkeypatch.setattr(runs, "ensure_worker", refuse)
        for _ in range(2):  # once asked, once remembered
            status = runs.status(name)
            assert (status.state, status.progress) == ("queued", "It cannot be written.")


# -- small data sets --------------------------------------------------------------------------


def test_a_small_set_trains_on_what_is_there_and_says_how_many(
    no_worker: None, fifty: None
) -> None:
    spec = small(data="fashion", batch=256, steps=None, epochs=2)
    said = "Trains for **2 epochs (2 steps)** on 42 pictures of Fashion-MNIST, 42 in each step; "
    assert runs.summary(spec) == said + "8 others are held out to validate."
    training = by_hand(runs.create(spec))
    assert training.status.state == "finished", training.status.message
    assert runs.load_model(training.name).card.trained_on == 42
    labels = datasets.load("fashion").train_labels
    assert runs.training_set(spec, labels) == slice(42)
    assert runs.held_out_set(spec, labels) == slice(42, 50)
    assert all(p.validation.terms["reconstruction"] > 0 for p in runs.metrics(training.name))


@pytest.mark.parametrize("label", range(10))
def test_a_class_of_a_small_set_holds_one_image_out(
    label: int, no_worker: None, fifty: None
) -> None:
    labels = datasets.load("fashion").train_labels
    spec = small(data="fashion", classes=(label,), batch=4, steps=2)
    seen, held = runs.training_set(spec, labels), runs.held_out_set(spec, labels)
    assert isinstance(seen, np.ndarray)
    assert isinstance(held, np.ndarray)
    assert len(held) >= 1
    assert set(labels[seen]) == set(labels[held]) == {label}
    assert len(np.intersect1d(seen, held)) == 0
    assert len(seen) + len(held) == 5
    training = by_hand(runs.create(spec))
    assert training.status.state == "finished", training.status.message
    assert runs.load_model(training.name).card.trained_on == len(seen)


def test_where_the_data_is_not_here_the_sentence_promises_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEVIZ_CACHE", str(tmp_path))
    monkeypatch.setattr(datasets, "_loaded", {})
    said = runs.summary(small(data="kmnist"))
    assert "on up to 50,000 pictures of KMNIST" in said
    assert "; up to 2,000 others are held out" in said
    said = runs.summary(small())
    assert "on 50,000 pictures of MNIST digits, 128 in each step; 2,000 others are held" in said


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_images_to_train_on_are_refused(n: int) -> None:
    labels = np.full(n, 3, np.uint8)
    for spec in (small(), small(classes=(3,))):
        for which in (runs.training_set, runs.held_out_set):
            with pytest.raises(ValueError, match="There are too few pictures"):
                which(spec, labels)
