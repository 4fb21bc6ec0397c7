"""One run: what it leaves behind, its turns, and every variant at the ends of its knobs."""

from __future__ import annotations

import argparse
import json
import math
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import sem

from aeviz.data import datasets
from aeviz.models import apply, checkpoint, optim
from aeviz.models.base import Loss
from aeviz.models.settings import BaseConfig, Knob, knob, knobs
from aeviz.models.zoo import MODELS
from aeviz.training import curves, film, loop, place, store, task
from aeviz.training.spec import held_out_set, summary, training_set
from tests.training.making import begun, by_hand, equal, finish, small, taken, wait_for, weights


def test_a_finished_run_leaves_its_spec_status_curves_preview_and_model(finished: str) -> None:
    folder = place.path_of(finished)
    wait_for(lambda: not (folder / "claim").exists(), "the worker to let it go")
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "lock",
        "spec.json",
        "status.json",
        "metrics.jsonl",
        "preview.npz",
        "frames",
        "snapshots",
        "states",
        "final.safetensors",
        "final.json",
    }
    status = store.status(finished)
    assert (status.state, status.step, status.steps) == ("finished", 27, 27)
    assert status.epoch == pytest.approx(27 / 13)
    assert status.unit == "squared error per image"
    assert status.fraction == 1
    assert json.loads((folder / "spec.json").read_text(encoding="utf-8"))["config"]["width"] == 32
    assert not list(place.folder().glob("queue/*"))


def test_snapshots_are_kept_at_powers_of_two_and_after_each_epoch(
    finished: str, replay: list[tuple[loop.Step, dict[str, torch.Tensor]]]
) -> None:
    assert list(store.snapshots(finished)) == [1, 2, 4, 8, 13, 16, 26]
    for step, path in store.snapshots(finished).items():
        kept = checkpoint.load(path)
        assert kept.card.steps == step
        for name, tensor in kept.state_dict().items():
            torch.testing.assert_close(tensor, replay[step - 1][1][name], rtol=2e-3, atol=2e-3)


def test_the_curves_hold_the_mean_loss_between_points_and_the_loss_on_held_out_images(
    finished: str, replay: list[tuple[loop.Step, dict[str, torch.Tensor]]]
) -> None:
    points = store.metrics(finished)
    steps = [point.step for point in points]
    assert steps == sorted(set(steps))
    assert {0, 1, 4, 16, 27} <= set(steps)
    untrained = optim.build(MODELS["vanilla"], store.load_model(finished).config, 0)
    first = datasets.load().train_images[:2000]
    error = ((first / 255 - apply.reconstruct(untrained, first)) ** 2).sum((1, 2)).mean()
    assert points[0].train.terms["reconstruction"] == pytest.approx(error, rel=1e-4)
    before = wide = 0
    for point in points[1:]:
        assert point.epoch == pytest.approx(point.step / 13)
        # The last one, of a few steps, is of as many as the one before it.
        first_step = min(before, 27 - wide) if point.step == 27 else before
        losses = [step.terms["reconstruction"] for step, _ in replay[first_step : point.step]]
        wide = point.step - before
        assert point.train.terms["reconstruction"] == pytest.approx(np.mean(losses), rel=1e-4)
        before = point.step
    held_out = datasets.load().train_images[50_000:52_000]
    reconstructions = apply.reconstruct(store.load_model(finished), held_out)
    error = ((held_out / 255 - reconstructions) ** 2).sum((1, 2)).mean()
    assert points[-1].validation.terms["reconstruction"] == pytest.approx(error, rel=2e-3)
    assert (
        points[-1].validation.terms["reconstruction"]
        < 0.8 * points[0].train.terms["reconstruction"]
    )


def test_the_preview_is_ten_test_digits_and_the_map_of_two_thousand(finished: str) -> None:
    mnist, model, seen = datasets.load(), store.load_model(finished), store.preview(finished)
    assert seen is not None
    assert seen.step == 27
    assert seen.labels.tolist() == list(range(10))
    ten = [int(np.flatnonzero(mnist.test_labels == label)[0]) for label in range(10)]
    np.testing.assert_array_equal(seen.originals, mnist.test_images[ten])
    reconstructions = apply.reconstruct(model, mnist.test_images[ten])
    assert np.abs(seen.reconstructions / 255 - reconstructions).max() < 0.01
    np.testing.assert_array_equal(seen.point_labels, mnist.test_labels[:2000])
    codes = apply.encode(model, mnist.test_images[:2000])
    np.testing.assert_allclose(seen.points, codes, atol=0.02 * np.abs(codes).max())
    assert seen.axis_titles == ("code z1", "code z2")


def test_the_final_model_carries_its_figures_on_the_test_images(finished: str) -> None:
    model, images = store.load_model(finished), datasets.load().test_images
    reconstructions = apply.reconstruct(model, images)
    squares = ((images / 255 - reconstructions) ** 2).mean((1, 2))
    error = squares.mean()
    assert model.card.errors["mse"] == pytest.approx(sem(squares), rel=1e-4)
    assert model.card.errors.keys() == model.card.figures.keys()
    assert model.card.figures["mse"] == pytest.approx(error, rel=1e-4)
    assert model.card.figures["psnr"] == pytest.approx(-10 * np.log10(error), rel=1e-4)
    clipped = np.clip(reconstructions, 1e-6, 1 - 1e-6)
    x = images / 255
    entropy = -(x * np.log(clipped) + (1 - x) * np.log(1 - clipped)).mean()
    assert model.card.figures["bce"] == pytest.approx(entropy, rel=1e-4)
    assert model.card.trained_on == 50_000
    curve = model.card.curve
    assert curve is not None
    assert curve == curves.to_keep(store.metrics(finished))
    assert curve.steps[-1] == model.card.steps


@pytest.mark.filterwarnings("default")
def test_the_command_of_a_finished_run_makes_the_same_model_again(
    finished: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = store.load_model(finished).card
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
    words = shlex.split(task.command(spec))[5:]
    parser = argparse.ArgumentParser()
    loop.add_knob_options(parser, Config)
    for name, kind in (("steps", int), ("batch", int), ("lr", float), ("seed", int)):
        parser.add_argument(f"--{name}", type=kind)
    for name in ("data", "threads", "out"):
        parser.add_argument(f"--{name}")
    read = vars(parser.parse_args(words))
    expected = config | {"steps": 5, "batch": 7, "lr": 0.0012345678, "seed": 3, "data": "mnist"}
    assert {name: read[name] for name in expected} == expected


def test_seconds_become_steps_that_repeat_the_run(one_worker: str) -> None:
    timed = store.create(small(steps=None, seconds=0.5))
    finish(timed)
    spec, status = store.spec(timed), store.status(timed)
    assert spec.steps
    assert status.step == spec.steps == status.steps
    again = store.create(spec)
    finish(again)
    assert store.status(again).step == spec.steps
    assert equal(weights(timed), weights(again))
    assert f"--steps {spec.steps} " in store.load_model(timed).card.command


def test_a_run_in_seconds_has_a_point_before_it_is_timed_by_fifty_steps(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, seen = store.create(small(steps=None, seconds=0.5)), []
    timing = loop.steps_in

    def watched(*arguments: Any, **settings: Any) -> Iterator[int]:
        seen.append([point.step for point in store.metrics(name)])
        for steps in timing(*arguments, **settings):
            seen.append(steps)
            yield steps

    monkeypatch.setattr(loop, "steps_in", watched)
    by_hand(name)
    assert seen[0] == [0]
    assert len(seen) == 51
    assert store.spec(name).steps == seen[-1]


def test_a_run_that_is_stopped_while_it_is_timed_ends_at_once(no_worker: None) -> None:
    name = store.create(small(steps=None, seconds=3000))
    training = taken(name)
    while not store.metrics(name):
        next(training.work)
    next(training.work)
    store.control(name, "stop")
    while not training.status.ended:
        training.advance()
    assert training.status.state == "stopped"
    assert training.status.step == 1


@pytest.mark.parametrize("stopped", [False, True])
def test_while_a_model_finishes_the_run_says_what_it_does(
    stopped: bool, no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, model_class = [], MODELS["wasserstein"]
    name = store.create(small("wasserstein", config={"width": 32, "depth": 1}, steps=3))
    inner = model_class.finish

    def finish(self: Any, codes: torch.Tensor) -> None:
        said.append(store.said(name).progress)
        inner(self, codes)

    monkeypatch.setattr(model_class, "finish", finish)
    training = taken(name)
    while not training.status.step:
        next(training.work)
    training.stopping = stopped
    for _ in training.work:
        pass
    (line,) = said
    assert line == (
        "Step 1 of 3, epoch 0.0, stopped, measuring on the test images"  # it can be used already
        if stopped
        else "Step 3 of 3, epoch 0.0, learning what to draw samples from"
    )
    assert training.status.message == ""


def test_epochs_become_steps(one_worker: str) -> None:
    name = store.create(small(steps=None, epochs=0.3, batch=1000))
    assert finish(name).steps == 15


def test_a_run_that_pauses_goes_on_step_by_step_to_the_same_model(no_worker: None) -> None:
    plain, stepped = (store.create(small("variational", steps=12)) for _ in range(2))
    by_hand(plain)
    training = begun(stepped, 5)
    store.control(stepped, "pause")
    assert not training.advance()
    for steps in (1, 1, 3):
        before = store.said(stepped).step
        store.step_on(stepped, steps)
        training = by_hand(stepped)
        assert (training.status.state, training.status.step) == ("paused", before + steps)
        assert store.wish(stepped) == "pause"
        assert film.steps(stepped)[-1] == before + steps  # it is seen at once
    store.control(stepped, "resume")
    assert by_hand(stepped).status.state == "finished"
    assert equal(weights(plain), weights(stepped))
    with pytest.raises(ValueError, match="at least one step"):
        store.step_on(stepped, 0)


def test_a_pause_does_not_change_the_model(no_worker: None) -> None:
    plain, paused = (store.create(small("variational", steps=12)) for _ in range(2))
    by_hand(plain)
    training = taken(paused)
    while training.status.step < 5:
        next(training.work)
    store.control(paused, "pause")
    for _ in range(3):
        assert training.advance() is False
    assert training.over
    assert (training.status.state, training.status.step) == ("paused", 5)
    assert store.status(paused).state == "paused"
    store.control(paused, "resume")
    assert by_hand(paused).status.state == "finished"  # as any worker takes it up again
    assert equal(weights(plain), weights(paused))


def test_a_run_stopped_before_its_first_step_says_that_it_left_no_model(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading = SimpleNamespace(done=lambda: False)
    monkeypatch.setattr(task, "LOADERS", SimpleNamespace(submit=lambda *args: loading))
    name = store.create(small())
    training = taken(name)
    for _ in range(2):
        training.advance()
    assert (training.status.state, training.status.step) == ("running", 0)
    store.control(name, "stop")
    training.advance()
    status = store.status(name)
    assert status.state == "stopped"
    assert "no model" in status.message
    assert not store.is_finished(name)


def test_a_run_of_some_classes_says_so_in_its_sentence_and_its_card(no_worker: None) -> None:
    sentence = summary(small(classes=(3, 5), contamination=0.05))
    assert "those of 3, 5 among 50,000 images of MNIST digits with 5 % of other" in sentence
    assert "**30 epochs** on" in summary(small(classes=(3,), steps=None, epochs=30))
    labels = datasets.load().train_labels[:50_000]
    ones = int((labels == 1).sum())
    pure = by_hand(store.create(small(classes=(1,), steps=None, epochs=0.2)))
    assert pure.status.steps == round(0.2 * -(-ones // 128))
    card = store.load_model(pure.name).card
    assert (card.digit, card.trained_on) == (1, ones)
    assert " --digit 1 " in card.command
    mixed = by_hand(store.create(small(classes=(1,), contamination=0.2, steps=3)))
    card = store.load_model(mixed.name).card
    assert (card.digit, card.command) == (None, "")
    assert card.trained_on == round(ones / 0.8)


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
    training = by_hand(store.create(small(variant, **settings)))
    assert (training.status.state, training.status.message) == ("finished", "")
    assert store.load_model(training.name).card.config.to_dict()[field] == value


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
    training = by_hand(store.create(small(data="fashion", steps=6, batch=32)))
    assert training.status.state == "finished", training.status.message
    found = np.array([2.0]) if watched is None else watched.numpy().astype(float)
    expected = found.mean() if found.ndim != 1 or watched is None else found
    for point in store.metrics(training.name):
        for means in (point.train, point.validation):
            np.testing.assert_allclose(np.squeeze(means.metrics["watched"]), np.squeeze(expected))


def test_the_last_point_is_of_as_many_steps_as_the_one_before_it(
    no_worker: None, fifty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss of a single batch beside the mean of many is a fall that is none."""
    inner, count = MODELS["vanilla"].loss, iter(range(10_000))

    def loss(self: Any, x: torch.Tensor) -> Loss:
        terms = inner(self, x).terms
        number = next(count) if self.training else -1
        return Loss({"reconstruction": terms["reconstruction"] * 0 + number}, {})

    monkeypatch.setattr(MODELS["vanilla"], "loss", loss)
    monkeypatch.setattr(task.Pace, "done", lambda self, *_: setattr(self, "next", math.inf))
    training = by_hand(store.create(small(data="fashion", steps=17, batch=32)))
    assert training.status.state == "finished", training.status.message
    points = store.metrics(training.name)
    assert [point.step for point in points] == [0, 1, 4, 16, 17]
    found = [point.train.terms["reconstruction"] for point in points]
    assert found[3] == np.mean(range(4, 16))
    assert found[4] == np.mean(range(5, 17))


def test_a_small_set_trains_on_what_is_there_and_says_how_many(
    no_worker: None, fifty: None
) -> None:
    spec = small(data="fashion", batch=256, steps=None, epochs=2)
    said = "Trains for **2 epochs (2 steps)** on 42 images of Fashion-MNIST with batch size 42, "
    assert summary(spec) == said + "validated on 8 held-out images."
    training = by_hand(store.create(spec))
    assert training.status.state == "finished", training.status.message
    assert store.load_model(training.name).card.trained_on == 42
    labels = datasets.load("fashion").train_labels
    assert training_set(spec, labels) == slice(42)
    assert held_out_set(spec, labels) == slice(42, 50)
    assert all(p.validation.terms["reconstruction"] > 0 for p in store.metrics(training.name))


@pytest.mark.parametrize("label", range(10))
def test_a_class_of_a_small_set_holds_one_image_out(
    label: int, no_worker: None, fifty: None
) -> None:
    labels = datasets.load("fashion").train_labels
    spec = small(data="fashion", classes=(label,), batch=4, steps=2)
    seen, held = training_set(spec, labels), held_out_set(spec, labels)
    assert isinstance(seen, np.ndarray)
    assert isinstance(held, np.ndarray)
    assert len(held) >= 1
    assert set(labels[seen]) == set(labels[held]) == {label}
    assert len(np.intersect1d(seen, held)) == 0
    assert len(seen) + len(held) == 5
    training = by_hand(store.create(spec))
    assert training.status.state == "finished", training.status.message
    assert store.load_model(training.name).card.trained_on == len(seen)


def test_time_left_has_the_usual_share_of_measuring_and_the_turns_of_others(
    monkeypatch: pytest.MonkeyPatch, no_worker: None
) -> None:
    training = taken(store.create(small(steps=500)))
    training.spec, training.trained_on, training.status.steps = small(), 50_000, 500
    clock = iter([100.0, 102.0])
    monkeypatch.setattr(task.time, "perf_counter", lambda: next(clock))
    assert training._speed() == {}
    # 2 s of the clock, 1 s of its own, half of it spent on the first points and previews.
    training.active, training.measured, training.status.step = 1.0, 0.5, 50
    training.validating.takes = training.looking.takes = 0.1
    said = training._speed()
    steps_a_second = 50 / 0.5 * (1 - 0.2) / 2
    assert said["seconds_left"] == pytest.approx(450 / steps_a_second)
    assert said["images_per_second"] == pytest.approx(128 * steps_a_second)
