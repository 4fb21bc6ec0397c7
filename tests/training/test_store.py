"""The folder of a run: what is kept, and what is said of what is damaged."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aeviz.data import datasets
from aeviz.models import checkpoint, optim
from aeviz.models.zoo import MODELS
from aeviz.training import curves, loop, place, process, store, tickets
from aeviz.training.curves import Point
from aeviz.training.status import RunStatus
from tests.test_files import FULL, LOCKED
from tests.training.making import STATUSES, begun, by_hand, equal, small, weights


def test_a_last_line_that_is_still_being_written_is_left_out(
    finished: str, no_worker: None
) -> None:
    name = store.create(small())
    assert store.metrics(name) == []
    line = (
        '{"step": 1, "epoch": 0.1, "train": {"terms": {"a": 2}}, "validation": {"terms": {"a": 3}}}'
    )
    (place.path_of(name) / "metrics.jsonl").write_text(f"{line}\n{line[:40]}", encoding="utf-8")
    (point,) = store.metrics(name)
    assert point.validation.terms == {"a": 3}


@pytest.mark.parametrize("claimed", [False, True])
def test_a_run_whose_worker_died_while_it_was_measured_is_measured_no_more(
    claimed: bool, no_worker: None
) -> None:
    name = store.create(small())
    old = RunStatus(state="stopped", step=3, measuring=True, updated=time.time() - 10)
    store.write(place.path_of(name) / "status.json", old)
    claim = tickets.claim(name) if claimed else None
    assert store.status(name).measuring == claimed
    if claim:
        claim.release()


@pytest.mark.parametrize("step", [0, 9])
def test_who_looks_at_a_run_whose_worker_died_starts_another_one(
    step: int, no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[bool] = []
    monkeypatch.setattr(process, "ensure_workers", lambda: started.append(True))
    name = store.create(small())
    (place.folder() / "queue" / name).unlink()
    old = RunStatus(state="running", step=step, updated=time.time() - 10)
    store.write(place.path_of(name) / "status.json", old)
    status = store.status(name)
    assert started == [True]
    assert (status.state, status.step) == ("running", step)
    assert status.message == ("goes on from step 0 in a moment" if step else "")
    assert store.said(name) == old


def test_of_a_damaged_state_the_one_before_it_is_read(no_worker: None) -> None:
    name = store.create(small())
    assert store.newest_state(name) is None
    model = optim.build(MODELS["vanilla"], MODELS["vanilla"].Config(), 0)
    images = datasets.load().train_images[:64]
    for step in loop.fit(model, images, steps=4, batch=16, lr=1e-3, seed=0):
        store.keep_state(name, step.state())
    assert list(store.states(name)) == [3, 4]
    newest = store.newest_state(name)
    assert newest is not None
    assert newest.step == 4
    path = store.states(name)[4]
    path.write_bytes(path.read_bytes()[:-1])
    before = store.newest_state(name)
    assert before is not None
    assert before.step == 3


def test_the_curves_of_a_run_that_goes_on_are_taken_back_to_its_step(no_worker: None) -> None:
    name = store.create(small())
    store.forget_after(name, 5)
    assert store.metrics(name) == []
    means = curves.Means(terms={"a": 1.0})
    for step in (0, 1, 4, 16):
        store.add_point(name, Point(step=step, epoch=0.0, train=means, validation=means))
    store.forget_after(name, 4)
    assert [point.step for point in store.metrics(name)] == [0, 1, 4]
    store.add_point(name, Point(step=5, epoch=0.0, train=means, validation=means))
    assert [point.step for point in store.metrics(name)] == [0, 1, 4, 5]


def test_a_model_that_was_downloaded_is_a_finished_run_again(finished: str) -> None:
    name = store.add(store.model_bytes(finished))
    assert name != finished
    assert store.is_finished(name)
    assert store.status(name).state == "finished"
    assert store.status(name).epoch == pytest.approx(27 / 13, rel=0.03)
    assert equal(weights(name), weights(finished))
    assert store.spec(name).config == store.spec(finished).config
    assert store.metrics(name) == []
    seen, before = store.preview(name), store.preview(finished)
    assert seen is not None
    assert before is not None
    assert np.abs(seen.points - before.points).max() < 0.02 * np.abs(before.points).max()


def test_every_pretrained_checkpoint_can_be_loaded_as_a_run(no_worker: None) -> None:
    for known in checkpoint.pretrained():
        name = store.add((checkpoint.FOLDER / f"{known}.safetensors").read_bytes())
        assert store.is_finished(name)


@pytest.mark.parametrize("change", ["nonsense", "cut", "card", "batch", "weights"])
def test_a_file_that_is_no_model_is_refused_with_a_sentence(
    change: str, finished: str, no_worker: None
) -> None:
    folder = place.folder().parent
    model = optim.build(MODELS["vanilla"], MODELS["vanilla"].Config(width=32, depth=1), 0)  # type: ignore[call-arg]
    fields = {"variant": "vanilla", "config": model.config.to_dict(), "trained_on": 0, "seed": 0}
    fields |= {"steps": 0, "batch": 1, "lr": 0.1}
    if change == "batch":
        fields["batch"] = 100_000
    if change == "weights":
        fields["config"] = fields["config"] | {"width": 64}
    content = checkpoint.to_bytes(model, checkpoint.Card.model_validate(fields, context=MODELS))
    content = {
        "nonsense": b"GIF89a" * 100,
        "cut": content[:-100],
        "card": content.replace(b'\\"variant\\"', b'\\"variamt\\"'),
    }.get(change, content)
    with pytest.raises(checkpoint.CheckpointError) as raised:
        store.add(content)
    assert str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list(folder.glob("runs/run-*"))


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
    name = store.create(small())
    damage(place.path_of(name))
    status = store.status(name)
    assert status.state == "failed"
    assert status.message.startswith(STATUSES[damage])
    assert status.message.endswith(".")
    assert status.progress


@pytest.mark.parametrize("content", SETTINGS)
def test_damaged_settings_are_a_sentence(content: bytes, no_worker: None) -> None:
    name = store.create(small())
    (place.path_of(name) / "spec.json").write_bytes(content)
    with pytest.raises(place.RunError) as raised:
        store.spec(name)
    assert str(raised.value).startswith(SETTINGS[content])
    assert str(raised.value).endswith("train it again.")
    training = by_hand(name)
    assert training.status.message == str(raised.value)
    (place.path_of(name) / "spec.json").unlink()
    with pytest.raises(place.RunError, match="are not here any more: train it again"):
        store.spec(name)


def test_no_permission_is_a_sentence_everywhere(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = by_hand(store.create(small(steps=1))).name

    def locked(path: Path, *mode: str) -> bytes:
        raise LOCKED

    monkeypatch.setattr(Path, "read_bytes", locked)
    monkeypatch.setattr(Path, "open", locked)
    assert "no permission" in store.status(name).message
    for door in (store.spec, store.metrics, store.preview):
        with pytest.raises(place.RunError, match="cannot be read, since there is no permission"):
            door(name)
    for door in (store.load_model, store.model_bytes):
        with pytest.raises(checkpoint.CheckpointError, match="there is no permission"):
            door(name)
    assert store.wish(name) == "resume"


def test_damaged_previews_curves_and_models_are_a_sentence(no_worker: None) -> None:
    name = by_hand(store.create(small(steps=1))).name
    folder = place.path_of(name)
    whole = (folder / "preview.npz").read_bytes()
    draw = np.random.default_rng(0)
    damaged = [whole[: len(whole) // 2], b"", b"PK\x03\x04", b"\x93NUMPY", np.zeros(3).tobytes()]
    for _ in range(200):
        bytes_ = bytearray(whole)
        for at in draw.integers(0, 400, 3):
            bytes_[at] = draw.integers(256)
        damaged.append(bytes(bytes_))
    refused = 0
    for content in damaged:
        (folder / "preview.npz").write_bytes(content)
        with contextlib.suppress(place.RunError):  # a flipped pixel is an image still
            store.preview(name)
            continue
        refused += 1
    assert refused > 50
    points = (folder / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    assert len(points) == 2
    other = points[1].replace(b"reconstruction", b"another")
    (folder / "metrics.jsonl").write_bytes(points[0] + b"\xff{\n" + other + points[1])
    assert [point.step for point in store.metrics(name)] == [0, 1]
    (folder / "metrics.jsonl").write_bytes(b"\0\0\0\n")
    with pytest.raises(place.RunError, match="The curves of this run are damaged"):
        store.metrics(name)
    model = store.model_bytes(name)
    (folder / "final.safetensors").write_bytes(model[:-9])
    with pytest.raises(checkpoint.CheckpointError, match="damaged or cut off"):
        store.load_model(name)
    (folder / "final.safetensors").unlink()
    for door in (store.load_model, store.model_bytes):
        with pytest.raises(checkpoint.CheckpointError, match="There is no checkpoint"):
            door(name)


def test_what_was_asked_is_resume_where_it_cannot_be_read(no_worker: None) -> None:
    name = store.create(small())
    control = place.path_of(name) / "control"
    for content in (b"", b"fly", b"\xff\xfe"):
        control.write_bytes(content)
        assert store.wish(name) == "resume"
    control.unlink()
    control.mkdir()
    assert store.wish(name) == "resume"
    with pytest.raises(place.RunError, match="cannot be kept in"):
        store.control(name, "stop")


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
    ways = (lambda: store.create(small()), lambda: store.add(content), process.ensure_workers)
    for way in ways:
        with pytest.raises(
            place.RunError, match=f": set {variable} to a folder that can be written"
        ):
            way()
    assert not place.is_run("run-20261125-010203-00ff")
    assert store.status("run-20261125-010203-00ff").state == "failed"
    assert store.wish("run-20261125-010203-00ff") == "resume"


@pytest.mark.parametrize("name", ["write_bytes", "replace", "rename", "touch"])
def test_a_run_that_cannot_be_made_leaves_nothing(
    name: str, no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **options: Any) -> None:
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(Path, name, full)
        with pytest.raises(
            place.RunError, match="the disk is full: make room there, or set AEVIZ_RUNS"
        ):
            store.create(small())
    left = [path for path in place.folder().rglob("*") if path.name != "queue"]
    assert left == []


def test_a_snapshot_that_is_damaged_is_passed_over(no_worker: None) -> None:
    training = begun(store.create(small(steps=50)), 8)
    (training.path / "snapshots" / "8.safetensors").write_bytes(b"half")
    (training.path / "snapshots" / "copy of 8.safetensors").write_bytes(b"foreign")
    ended = store.interrupt(training.name, training.status)
    assert ended.message.endswith("the model of step 4 is kept.")
    assert store.status(training.name) == ended
    kept = checkpoint.load(training.path / "snapshots" / "4.safetensors").state_dict()
    assert all(torch.equal(kept[key], value) for key, value in weights(training.name).items())


# -- a snapshot as a model --------------------------------------------------------------------


def test_a_snapshot_is_a_model_by_the_name_of_its_run_and_its_step(no_worker: None) -> None:
    training = begun(store.create(small(steps=50)), 9)  # while it trains as well
    for asked, step in ((1, 1), (3, 2), (8, 8), (10**11, 8)):
        name = f"{training.name}@{asked}"
        model = store.load_model(name)
        assert model.card.steps == step
        assert model.card.config == training.spec.config
        kept = checkpoint.load(training.path / "snapshots" / f"{step}.safetensors")
        assert equal(model.state_dict(), kept.state_dict())
        assert equal(checkpoint.from_bytes(store.model_bytes(name)).state_dict(), kept.state_dict())
        assert store.is_finished(name)
    assert not store.is_finished(training.name)


def test_a_step_without_weights_and_a_damaged_snapshot_are_a_sentence(no_worker: None) -> None:
    name = store.create(small(steps=50))
    said = r"This run kept no weights up to step 5: it has no snapshots\."
    with pytest.raises(place.RunError, match=said):
        store.load_model(f"{name}@5")
    training = begun(name, 5)
    with pytest.raises(place.RunError, match=r"up to step 0: the first are of step 1\."):
        store.model_bytes(f"{name}@0")
    assert not store.is_finished(f"{name}@0")
    path = training.path / "snapshots" / "4.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(checkpoint.CheckpointError, match="damaged or cut off"):
        store.load_model(f"{name}@5")
    assert store.load_model(f"{name}@3").card.steps == 2
    with pytest.raises(place.RunError, match="it has no snapshots"):
        store.load_model("run-20261125-010203-00ff@5")
