"""Runs: their folder, their worker, and that a seed is a run."""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from aeviz.data import datasets
from aeviz.models import apply, checkpoint, optim
from aeviz.models.card import Curve
from aeviz.models.settings import BaseConfig, knob
from aeviz.models.zoo import MODELS
from aeviz.training import loop, runs, worker

SMALL = {"width": 32, "depth": 1}
BAD_IDS = (
    "",
    ".",
    "queue",
    "../runs",
    "/etc/passwd",
    "run-20261125-010203-00ff/..",
    "run-20261125-010203-00ff\n",
    "run-20261125-010203-00FF",
    "run-20261125-010203-00f",
    "run-٢0261125-010203-00ff",
)


def small(variant: str = "vanilla", **settings: Any) -> runs.RunSpec:
    """A run of a second or two."""
    fields = {"variant": variant, "config": SMALL, "batch": 128, "steps": 40}
    return runs.RunSpec.model_validate(fields | settings)


def wait_for(true: Callable[[], Any], what: str) -> None:
    """Wait; the limit only ends a test that would never end."""
    for _ in range(8000):
        if true():
            return
        time.sleep(0.025)
    raise AssertionError(f"Still waiting for: {what}")


def finish(name: str) -> runs.RunStatus:
    wait_for(lambda: runs.status(name).ended, f"the end of {name}")
    return runs.status(name)


def weights(name: str) -> dict[str, torch.Tensor]:
    return runs.load_model(name).state_dict()


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
            for where, process in [*runs._workers]:
                if where == folder:
                    assert process.stdin
                    process.stdin.close()
                    process.wait(60)
                    runs._workers.remove((where, process))


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The worker of this module; the id of a run that an earlier worker left behind."""
    with runs_in(tmp_path_factory.mktemp("runs")):
        left = runs._new_folder({"spec.json": small(), "status.json": runs.RunStatus()})
        runs.write(runs.path_of(left) / "status.json", runs.RunStatus(state="running", step=7))
        runs.ensure_worker()
        yield left


@pytest.fixture(scope="module")
def finished(one_worker: str) -> str:
    """A finished run of 27 steps, 13 of them an epoch."""
    name = runs.create(small(batch=4096, steps=27))
    assert finish(name).state == "finished"
    return name


@pytest.fixture(scope="module")
def replay(finished: str) -> list[tuple[loop.Step, dict[str, torch.Tensor]]]:
    """The steps of the finished run again, without the worker, with the weights after each."""
    spec, mnist = runs.spec(finished), datasets.load()
    model = optim.build(MODELS["vanilla"], spec.config, 0)
    fitting = loop.fit(
        model, mnist.train_images[:50_000], steps=27, batch=4096, lr=spec.lr, seed=spec.seed
    )
    return [(step, copy.deepcopy(model.state_dict())) for step in fitting]


@pytest.fixture
def no_worker(tmp_path: Path) -> Iterator[None]:
    """A folder without a worker, for `advance` by hand."""
    with runs_in(tmp_path / "runs"):
        yield


def taken(name: str) -> worker._Training:
    """A run out of the queue, as the worker takes it."""
    runs.take(name)
    return worker._Training(name)


def by_hand(name: str, turns: int | None = None) -> worker._Training:
    """Train a run in this process: some turns, or to its end."""
    training = taken(name)
    while not training.status.ended and turns != 0:
        training.advance()
        turns = None if turns is None else turns - 1
    return training


# -- the folder -------------------------------------------------------------------------------


def test_a_finished_run_leaves_its_spec_status_curves_pictures_and_model(finished: str) -> None:
    folder = runs.path_of(finished)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "spec.json",
        "status.json",
        "metrics.jsonl",
        "preview.npz",
        "snapshots",
        "final.safetensors",
        "final.json",
    }
    status = runs.status(finished)
    assert (status.state, status.step, status.steps) == ("finished", 27, 27)
    assert status.epoch == pytest.approx(27 / 13)
    assert status.unit == "squared error per image"
    assert status.fraction == 1
    assert json.loads((folder / "spec.json").read_text(encoding="utf-8"))["config"]["width"] == 32
    assert not list(runs.folder().glob("queue/*"))


def test_snapshots_are_kept_at_powers_of_two_and_after_each_epoch(
    finished: str, replay: list[tuple[loop.Step, dict[str, torch.Tensor]]]
) -> None:
    assert list(runs.snapshots(finished)) == [1, 2, 4, 8, 13, 16, 26]
    for step, path in runs.snapshots(finished).items():
        kept = checkpoint.load(path)
        assert kept.card.steps == step
        for name, tensor in kept.state_dict().items():
            torch.testing.assert_close(tensor, replay[step - 1][1][name], rtol=2e-3, atol=2e-3)


def test_the_curves_hold_the_mean_loss_between_points_and_the_loss_on_held_out_images(
    finished: str, replay: list[tuple[loop.Step, dict[str, torch.Tensor]]]
) -> None:
    points = runs.metrics(finished)
    steps = [point.step for point in points]
    assert steps == sorted(set(steps))
    assert {0, 1, 4, 16, 27} <= set(steps)
    untrained = optim.build(MODELS["vanilla"], runs.load_model(finished).config, 0)
    first = datasets.load().train_images[:2000]
    error = ((first / 255 - apply.reconstruct(untrained, first)) ** 2).sum((1, 2)).mean()
    assert points[0].train.terms["reconstruction"] == pytest.approx(error, rel=1e-4)
    before = 0
    for point in points[1:]:
        assert point.epoch == pytest.approx(point.step / 13)
        losses = [step.terms["reconstruction"] for step, _ in replay[before : point.step]]
        assert point.train.terms["reconstruction"] == pytest.approx(np.mean(losses), rel=1e-4)
        before = point.step
    held_out = datasets.load().train_images[50_000:52_000]
    copies = apply.reconstruct(runs.load_model(finished), held_out)
    error = ((held_out / 255 - copies) ** 2).sum((1, 2)).mean()
    assert points[-1].validation.terms["reconstruction"] == pytest.approx(error, rel=2e-3)
    assert (
        points[-1].validation.terms["reconstruction"]
        < 0.8 * points[0].train.terms["reconstruction"]
    )


def test_a_last_line_that_is_still_being_written_is_left_out(
    finished: str, no_worker: None
) -> None:
    name = runs.create(small())
    assert runs.metrics(name) == []
    line = (
        '{"step": 1, "epoch": 0.1, "train": {"terms": {"a": 2}}, "validation": {"terms": {"a": 3}}}'
    )
    (runs.path_of(name) / "metrics.jsonl").write_text(f"{line}\n{line[:40]}", encoding="utf-8")
    (point,) = runs.metrics(name)
    assert point.validation.terms == {"a": 3}


def test_the_pictures_are_ten_test_digits_and_the_map_of_two_thousand(finished: str) -> None:
    mnist, model, seen = datasets.load(), runs.load_model(finished), runs.preview(finished)
    assert seen is not None
    assert seen.step == 27
    assert seen.labels.tolist() == list(range(10))
    ten = [int(np.flatnonzero(mnist.test_labels == label)[0]) for label in range(10)]
    np.testing.assert_array_equal(seen.originals, mnist.test_images[ten])
    copies = apply.reconstruct(model, mnist.test_images[ten])
    assert np.abs(seen.reconstructions / 255 - copies).max() < 0.01
    np.testing.assert_array_equal(seen.point_labels, mnist.test_labels[:2000])
    codes = apply.encode(model, mnist.test_images[:2000])
    np.testing.assert_allclose(seen.points, codes, atol=0.02 * np.abs(codes).max())
    assert seen.axis_titles == ("code z1", "code z2")


def test_the_final_model_carries_its_figures_on_the_test_images(finished: str) -> None:
    model, images = runs.load_model(finished), datasets.load().test_images
    copies = apply.reconstruct(model, images)
    error = ((images / 255 - copies) ** 2).mean()
    assert model.card.figures["mse"] == pytest.approx(error, rel=1e-4)
    assert model.card.figures["psnr"] == pytest.approx(-10 * np.log10(error), rel=1e-4)
    clipped = np.clip(copies, 1e-6, 1 - 1e-6)
    x = images / 255
    entropy = -(x * np.log(clipped) + (1 - x) * np.log(1 - clipped)).mean()
    assert model.card.figures["bce"] == pytest.approx(entropy, rel=1e-4)
    assert model.card.trained_on == 50_000
    curve = model.card.curve
    assert curve is not None
    assert curve == runs.to_keep(runs.metrics(finished))
    assert curve.steps[-1] == model.card.steps


@pytest.mark.filterwarnings("default")
def test_the_command_of_a_finished_run_makes_the_same_model_again(
    finished: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = runs.load_model(finished).card
    python, dash_m, package, name, *arguments = shlex.split(card.command)
    assert (python, dash_m, package, name) == ("python", "-m", "aeviz", "train")
    threads = torch.get_num_threads()
    loop.main([*arguments, "--out", str(tmp_path / "again")])
    torch.set_num_threads(threads)
    again = checkpoint.load(tmp_path / "again")
    assert equal(again.state_dict(), weights(finished))
    assert again.card.trained_on == card.trained_on
    for name, value in card.figures.items():
        assert again.card.figures[name] == pytest.approx(value, rel=1e-5)


def test_a_command_says_yes_and_no_as_the_command_line_reads_them() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        whiten: bool = knob(True, label="Whiten", help="")
        tie_weights: bool = knob(False, label="Tie", help="")
        level: float = knob(0.5, low=0, high=1, label="Level", help="")

    config = {"latent_dim": 3, "whiten": False, "tie_weights": True, "level": 1 / 3}
    spec: Any = SimpleNamespace(
        variant="any",
        config=Config.from_dict(config),
        data="mnist",
        steps=5,
        batch=7,
        lr=0.0012345678,
        seed=3,
        digit=None,
    )
    words = shlex.split(worker._command(spec))[5:]
    parser = argparse.ArgumentParser()
    loop.add_knob_options(parser, Config)
    for name, kind in (("steps", int), ("batch", int), ("lr", float), ("seed", int)):
        parser.add_argument(f"--{name}", type=kind)
    for name in ("data", "threads", "out"):
        parser.add_argument(f"--{name}")
    read = vars(parser.parse_args(words))
    expected = config | {"steps": 5, "batch": 7, "lr": 0.0012345678, "seed": 3, "data": "mnist"}
    assert {name: read[name] for name in expected} == expected


# -- the worker -------------------------------------------------------------------------------


def test_two_runs_share_the_worker_and_a_seed_is_a_run(one_worker: str) -> None:
    specs = [small("variational", seed=seed, steps=200) for seed in (5, 5, 6)]
    names = [runs.create(spec) for spec in specs]
    wait_for(lambda: all(runs.status(n).step > 0 for n in names), "the first steps of all three")
    assert {finish(name).state for name in names} == {"finished"}
    first, same, other = map(weights, names)
    assert equal(first, same)
    assert not equal(first, other)
    runs.ensure_worker()
    assert [where for where, _ in runs._workers].count(runs.folder()) == 1


def test_seconds_become_steps_that_repeat_the_run(one_worker: str) -> None:
    timed = runs.create(small(steps=None, seconds=0.5))
    finish(timed)
    spec, status = runs.spec(timed), runs.status(timed)
    assert spec.steps
    assert status.step == spec.steps == status.steps
    again = runs.create(spec)
    finish(again)
    assert runs.status(again).step == spec.steps
    assert equal(weights(timed), weights(again))
    assert f"--steps {spec.steps} " in runs.load_model(timed).card.command


def test_a_run_in_seconds_has_a_point_before_it_is_timed_by_fifty_steps(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, seen = runs.create(small(steps=None, seconds=0.5)), []
    timing = loop.steps_in

    def watched(*arguments: Any, **settings: Any) -> Iterator[int]:
        seen.append([point.step for point in runs.metrics(name)])
        for steps in timing(*arguments, **settings):
            seen.append(steps)
            yield steps

    monkeypatch.setattr(loop, "steps_in", watched)
    by_hand(name)
    assert seen[0] == [0]
    assert len(seen) == 51
    assert runs.spec(name).steps == seen[-1]


def test_a_run_that_is_stopped_while_it_is_timed_ends_at_once(no_worker: None) -> None:
    name = runs.create(small(steps=None, seconds=3000))
    training = taken(name)
    while not runs.metrics(name):
        next(training.work)
    next(training.work)
    runs.control(name, "stop")
    while not training.status.ended:
        training.advance()
    assert training.status.state == "stopped"
    assert training.status.step == 1


@pytest.mark.parametrize("stopped", [False, True])
def test_while_a_model_finishes_the_run_says_what_it_does(
    stopped: bool, no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, model_class = [], MODELS["wasserstein"]
    name = runs.create(small("wasserstein", config={"width": 32, "depth": 1}, steps=3))
    inner = model_class.finish

    def finish(self: Any, codes: torch.Tensor) -> None:
        said.append(runs.status(name).progress)
        inner(self, codes)

    monkeypatch.setattr(model_class, "finish", finish)
    training = taken(name)
    while not training.status.step:
        next(training.work)
    training.stopping = stopped
    for _ in training.work:
        pass
    (line,) = said
    assert line.startswith("Step 1 of 3" if stopped else "Step 3 of 3")
    assert line.endswith("learning what to draw samples from")
    assert training.status.message == ""


def test_epochs_become_steps(one_worker: str) -> None:
    name = runs.create(small(steps=None, epochs=0.3, batch=1000))
    assert finish(name).steps == 15


def test_a_run_pauses_goes_on_and_stops_with_a_model(one_worker: str) -> None:
    name = runs.create(small(steps=10_000_000))
    wait_for(lambda: runs.status(name).step > 0, "the first step")
    runs.control(name, "pause")
    wait_for(lambda: runs.status(name).state == "paused", "the pause")
    step = runs.status(name).step
    time.sleep(0.5)
    assert runs.status(name).step == step
    assert runs.status(name).seconds_left is None
    assert "paused" in runs.status(name).progress
    with pytest.raises(ValueError, match="Stop the run"):
        runs.delete(name)
    runs.control(name, "resume")
    wait_for(lambda: runs.status(name).step > step, "a step after the pause")
    assert runs.status(name).images_per_second is not None or runs.status(name).state == "running"
    runs.control(name, "pause")
    wait_for(lambda: runs.status(name).state == "paused", "the second pause")
    runs.control(name, "stop")
    status = finish(name)
    assert status.state == "stopped"
    model = runs.load_model(name)
    assert model.card.steps == status.step > step
    assert model.card.command == ""  # its schedule was cut off: no command makes it again
    assert runs.metrics(name)[-1].step == status.step
    preview = runs.preview(name)
    assert preview is not None
    assert preview.step == status.step
    runs.delete(name)
    assert not runs.is_run(name)


def test_a_run_that_a_dead_worker_left_behind_is_interrupted(
    one_worker: str, finished: str
) -> None:
    assert runs.status(one_worker).state == "interrupted"
    assert "step 7" in runs.status(one_worker).message
    assert not runs.is_finished(one_worker)


def test_a_worker_that_is_killed_interrupts_its_runs_and_the_next_one_takes_those_that_wait(
    tmp_path: Path,
) -> None:
    with runs_in(tmp_path / "runs"):
        runs.ensure_worker()
        name = runs.create(small(steps=10_000_000))
        wait_for(lambda: runs.status(name).step > 0, "the first step")
        ((_, process),) = [w for w in runs._workers if w[0] == runs.folder()]
        os.kill(process.pid, signal.SIGKILL)
        process.wait(20)
        waiting = runs.create(small(steps=10_000_000))
        wait_for(lambda: runs.status(name).ended, "the run to be seen as interrupted")
        status = runs.status(name)
        assert status.state == "interrupted"
        assert runs.WAY_OUT[status.state]
        assert runs.status(waiting).state == "queued"
        runs.ensure_worker()
        wait_for(lambda: runs.status(waiting).step > 0, "the first step of the other run")
    # Leaving closed the worker's standard input, as the end of the app would.
    with runs_in(tmp_path / "runs"):
        assert runs.status(waiting).state == "stopped"
        assert runs.is_finished(waiting)
        assert not runs.worker_is_alive()


def test_a_run_whose_worker_died_before_the_first_step_is_interrupted(no_worker: None) -> None:
    name = runs.create(small())
    (runs.folder() / "queue" / name).unlink()
    old = runs.RunStatus(updated=time.time() - 10)
    runs.write(runs.path_of(name) / "status.json", old)
    assert runs.status(name).state == "interrupted"


def test_the_worker_never_imports_streamlit(tmp_path: Path) -> None:
    program = (
        "import sys; from aeviz.training import runs, worker\n"
        "spec = {'variant': 'vanilla', 'steps': 2, 'batch': 8, 'config': {'width': 32}}\n"
        "training = worker._Training(runs.create(runs.RunSpec.model_validate(spec)))\n"
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


# -- one turn after the other, in this process ------------------------------------------------


def test_a_pause_does_not_change_the_model(no_worker: None) -> None:
    plain, paused = (runs.create(small("variational", steps=12)) for _ in range(2))
    by_hand(plain)
    training = taken(paused)
    while training.status.step < 5:
        next(training.work)
    runs.control(paused, "pause")
    for _ in range(3):
        assert training.advance() is False
    assert (training.status.state, training.status.step) == ("paused", 5)
    assert runs.status(paused).state == "paused"
    runs.control(paused, "resume")
    while not training.status.ended:
        training.advance()
    assert runs.status(paused).state == "finished"
    assert equal(weights(plain), weights(paused))


def test_a_run_stopped_before_its_first_step_says_that_it_left_no_model(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading = SimpleNamespace(done=lambda: False)
    monkeypatch.setattr(worker, "_LOADERS", SimpleNamespace(submit=lambda *args: loading))
    name = runs.create(small())
    training = by_hand(name, turns=2)
    assert training.status.state == "queued"
    runs.control(name, "stop")
    training.advance()
    status = runs.status(name)
    assert status.state == "stopped"
    assert "no model" in status.message
    assert not runs.is_finished(name)


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
    def fit(*args: object, **options: object) -> Iterator[loop.Step]:
        raise error
        yield

    monkeypatch.setattr(loop, "fit", fit)
    name = runs.create(small())
    by_hand(name)
    status = runs.status(name)
    assert status.state == "failed"
    assert str(error) in status.message
    assert not runs.is_finished(name)


def test_data_that_cannot_be_had_fails_the_run_with_a_sentence(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str, progress: datasets.Progress) -> datasets.Dataset:
        raise datasets.DataError(f"No {name} without a network.")

    monkeypatch.setattr(datasets, "load", load)
    name = runs.create(small(data="kmnist"))
    by_hand(name)
    assert runs.status(name).message == "No kmnist without a network."
    assert runs.status(name).state == "failed"


def test_a_learning_rate_that_is_far_too_high_ends_in_a_sentence_or_a_model(
    no_worker: None,
) -> None:
    name = runs.create(small(lr=1.0, steps=30))
    by_hand(name)
    status = runs.status(name)
    assert status.state in ("finished", "failed")
    assert (status.state == "finished") == runs.is_finished(name)


# -- names, specs, sentences ------------------------------------------------------------------


@pytest.mark.parametrize("name", BAD_IDS)
def test_only_an_id_becomes_a_path(name: str, no_worker: None) -> None:
    (runs.folder() / "queue").mkdir(parents=True)
    assert not runs.is_run(name)
    for door in (runs.path_of, runs.status, runs.spec, runs.metrics, runs.is_finished, runs.wish):
        with pytest.raises(KeyError):
            door(name)
    with pytest.raises(KeyError):
        runs.control(name, "stop")


def test_an_id_without_a_folder_is_no_run(no_worker: None) -> None:
    assert not runs.is_run("run-20261125-010203-00ff")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"config": {"latent_dim": 2000}}, "latent_dim must be from 1 to 1024, not 2000."),
        ({"config": {"latent_dim": 2.5}}, "latent_dim must be a whole number, not 2.5."),
        ({"config": {"colour": "red"}}, "There is no setting colour."),
        ({"variant": "quantum"}, "There is no variant 'quantum'."),
        ({"data": "cifar"}, "There is no data set 'cifar'."),
        ({"steps": None}, "A run needs a length: epochs or seconds."),
        ({"seconds": 5, "epochs": 5}, "A run is given either epochs or seconds, not both."),
        ({"classes": ()}, "Classes are numbers from 0 to 9, at least one."),
        ({"classes": (3, 10)}, "Classes are numbers from 0 to 9, at least one."),
        ({"contamination": 0.1}, "Contamination comes from other classes: leave some out."),
    ],
)
def test_a_bad_setting_is_one_sentence(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match="validation error") as raised:
        small(**settings)
    assert runs.sentence(raised.value) == said


@pytest.mark.parametrize("field", ["lr", "batch", "seed", "epochs", "seconds"])
def test_a_bad_number_is_named(field: str) -> None:
    bad: dict[str, Any] = {"steps": None, field: -1}
    with pytest.raises(ValueError, match="validation error") as raised:
        small(**bad)
    assert runs.sentence(raised.value).lower().startswith(field)
    assert "\n" not in runs.sentence(raised.value)


def test_what_a_run_will_do_and_where_it_stands_are_sentences() -> None:
    assert "**3 epochs (150 steps)**" in runs.summary(small(steps=None, epochs=3, batch=1000))
    assert "**20 seconds**" in runs.summary(small(steps=None, seconds=20))
    status = runs.RunStatus(
        state="running", step=1500, steps=4000, epoch=7.65, images_per_second=12_345.6
    )
    status = status.model_copy(update={"seconds_left": 83.4})
    assert status.fraction == 0.375
    assert status.progress == (
        "Step 1,500 of 4,000, epoch 7.7, 12,346 images a second, 1 min 23 s left"
    )
    assert runs.RunStatus().progress == "Queued, before its first step"
    assert runs.RunStatus(message="Downloading: 3%").progress == "Downloading: 3%"
    failed = runs.RunStatus(state="failed", message="No data.")  # said elsewhere
    assert failed.progress == "Failed, before its first step"


@pytest.mark.parametrize("contamination", [0.0, 0.01, 0.1, 0.2])
def test_a_run_of_some_classes_sees_just_the_asked_share_of_others(contamination: float) -> None:
    labels = datasets.load().train_labels
    spec = small(classes=(3, 5), contamination=contamination)
    seen = runs.training_set(spec, labels)
    assert isinstance(seen, np.ndarray)
    assert len(np.unique(seen)) == len(seen)
    assert seen.max() < 50_000
    odd = ~np.isin(labels[seen], (3, 5))
    assert (~odd).sum() == np.isin(labels[:50_000], (3, 5)).sum()
    assert odd.sum() == pytest.approx(contamination * len(seen), abs=0.5)
    if contamination:
        assert len(np.unique(labels[seen[odd]])) == 8  # drawn from all other classes
        other = runs.training_set(
            small(classes=(3, 5), contamination=contamination, seed=1), labels
        )
        assert isinstance(other, np.ndarray)
        assert not np.array_equal(seen, other)
    held_out = runs.held_out_set(spec, labels)
    assert isinstance(held_out, np.ndarray)
    assert held_out.min() >= 50_000
    assert set(labels[held_out]) == {3, 5}
    assert runs.training_set(small(), labels) == slice(50_000)
    with pytest.raises(ValueError, match="too few"):
        runs.training_set(small(classes=tuple(range(9)), contamination=0.2), labels)


def test_a_run_of_some_classes_says_so_in_its_sentence_and_its_card(no_worker: None) -> None:
    sentence = runs.summary(small(classes=(3, 5), contamination=0.05))
    assert "those of 3, 5 among 50,000 pictures of MNIST digits with 5 % of other" in sentence
    assert "**30 epochs** on" in runs.summary(small(classes=(3,), steps=None, epochs=30))
    labels = datasets.load().train_labels[:50_000]
    ones = int((labels == 1).sum())
    pure = by_hand(runs.create(small(classes=(1,), steps=None, epochs=0.2)))
    assert pure.status.steps == round(0.2 * -(-ones // 128))
    card = runs.load_model(pure.name).card
    assert (card.digit, card.trained_on) == (1, ones)
    assert " --digit 1 " in card.command
    mixed = by_hand(runs.create(small(classes=(1,), contamination=0.2, steps=3)))
    card = runs.load_model(mixed.name).card
    assert (card.digit, card.command) == (None, "")
    assert card.trained_on == round(ones / 0.8)


def test_the_figures_of_a_card_are_a_sentence_whatever_it_has() -> None:
    fields = {"variant": "vanilla", "config": {}, "trained_on": 1, "seed": 0, "steps": 1}
    card = checkpoint.Card.model_validate(
        fields | {"batch": 1, "lr": 1, "figures": {}}, context=MODELS
    )
    assert runs.measured(card) == ""
    card = card.model_copy(update={"figures": {"psnr": 15.04, "mse": 0.03137, "elbo": -130}})
    said = "On all test pictures: MSE **0.0314**, PSNR **15.0 dB**."
    assert runs.measured(card) == said


def test_a_run_is_known_by_the_time_of_day(no_worker: None) -> None:
    assert runs.started("run-20261125-140559-00ff") == "14:05:59"
    with pytest.raises(KeyError):
        runs.started("run-20261125-140559-00ff/..")


def test_curves_are_the_terms_and_their_sum() -> None:
    def point(step: int, a: float, b: float) -> runs.Point:
        both = {"a": a, "b": b}
        return runs.Point(
            step=step,
            epoch=0,
            train=runs.Means(terms=both),
            validation=runs.Means(terms={k: 2 * v for k, v in both.items()}),
        )

    points = [point(1, 5, 1), point(4, 3, 2)]
    curves = runs.curves(points)
    assert list(curves) == ["a", "b", "total"]
    np.testing.assert_array_equal(curves["b"][1], [2, 4])
    np.testing.assert_array_equal(curves["total"][0], [6, 5])
    np.testing.assert_array_equal(curves["total"][1], [12, 10])
    assert runs.curves([]) == {}
    kept = runs.to_keep([point(0, 9, 9), *points])  # before the first step nothing was trained
    assert kept is not None
    assert kept == Curve(steps=[1, 4], terms={"a": [5, 3], "b": [1, 2]})
    (total,) = runs.kept_curves(kept)["total"]
    np.testing.assert_array_equal(total, [6, 5])
    assert runs.to_keep([]) is None
    many = runs.to_keep([point(step, 1 / step, 0) for step in range(1, 5001)])
    assert many is not None
    assert 60 <= len(many.steps) <= 120
    assert many.terms["a"] == pytest.approx(1 / np.array(many.steps), rel=1e-3)


def test_an_axis_of_a_wide_code_does_not_turn_over_from_one_picture_to_the_next() -> None:
    spec = small(config=SMALL | {"latent_dim": 8})
    before = runs.first_look(spec)
    model = optim.build(MODELS["vanilla"], spec.config, 0)
    turned = copy.copy(before)
    object.__setattr__(turned, "points", before.points * [-1, 1])
    after = runs.look(model, datasets.load(), 1, turned)
    np.testing.assert_allclose(after.points, turned.points, rtol=1e-3, atol=1e-6)


# -- a model from a file ----------------------------------------------------------------------


def test_a_model_that_was_downloaded_is_a_finished_run_again(finished: str) -> None:
    name = runs.add(runs.model_bytes(finished))
    assert name != finished
    assert runs.is_finished(name)
    assert runs.status(name).state == "finished"
    assert runs.status(name).epoch == pytest.approx(27 / 13, rel=0.03)
    assert equal(weights(name), weights(finished))
    assert runs.spec(name).config == runs.spec(finished).config
    assert runs.metrics(name) == []
    seen, before = runs.preview(name), runs.preview(finished)
    assert seen is not None
    assert before is not None
    assert np.abs(seen.points - before.points).max() < 0.02 * np.abs(before.points).max()


def test_every_shipped_checkpoint_can_be_loaded_as_a_run(no_worker: None) -> None:
    for shipped in checkpoint.shipped():
        name = runs.add((checkpoint.FOLDER / f"{shipped}.safetensors").read_bytes())
        assert runs.is_finished(name)


@pytest.mark.parametrize("change", ["nonsense", "cut", "card", "batch", "weights"])
def test_a_file_that_is_no_model_is_refused_with_a_sentence(
    change: str, finished: str, no_worker: None
) -> None:
    folder = runs.folder().parent
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
        runs.add(content)
    assert str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list(folder.glob("runs/run-*"))
