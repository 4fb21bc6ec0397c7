"""Training: the schedule, the optimiser, the order of the images, and that a seed is a run."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import eigsh
from torch import Tensor, nn

from aeviz.data import datasets
from aeviz.models import checkpoint, objective, optim
from aeviz.models.base import Autoencoder, Loss
from aeviz.models.settings import BaseConfig, knob
from aeviz.models.zoo import MODELS
from aeviz.training import loop


class Probe(Autoencoder):
    """Reads the number in an image's first three pixels and remembers what it was given."""

    title = "Probe"

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        """When the loss breaks, counted from 1, and how."""

        breaks_at: int = knob(0, low=0, high=99, label="Step", help="When.")
        breaks_with: str = knob(
            "nan", choices=("nan", "inf", "both ends", "one of many"), label="How", help="How."
        )

    config: Config

    def build(self) -> None:
        self.weight = nn.Parameter(torch.ones(4))
        self.unused = nn.Parameter(torch.ones(2))
        self.frozen = nn.Parameter(torch.ones(2), requires_grad=False)
        self.seen: list[list[int]] = []
        self.labels: list[list[int]] = []
        self.modes: list[bool] = []

    def encode(self, x: Tensor) -> Tensor:
        return numbers(x)[:, None].float()

    def decode(self, z: Tensor) -> Tensor:
        return torch.zeros(len(z), 1, 28, 28)

    def loss(self, x: Tensor, labels: Tensor | None = None) -> Loss:
        self.seen.append(numbers(x).tolist())
        self.modes.append(self.training)
        if labels is not None:
            assert labels.dtype == torch.int64
            self.labels.append(labels.tolist())
        factor = torch.ones(4)
        if len(self.seen) == self.config.breaks_at:
            bad = {
                "nan": [math.nan] * 4,
                "inf": [math.inf] * 4,
                "both ends": [math.inf, -math.inf, 1, 1],
                "one of many": [1, 1, math.nan, 1],
            }
            factor = torch.tensor(bad[self.config.breaks_with])
        loss = (self.weight * factor).sum() + self.frozen.sum()
        per_image = numbers(x).float().mean()
        return Loss({"reconstruction": loss}, {"mean": per_image, "vector": per_image.repeat(3)})


class Labelled(Probe):
    """The same with labels."""

    uses_labels = True

    def encode(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        assert labels is not None
        return torch.stack([numbers(x), labels], 1).float()


class Finishing(Labelled):
    """Remembers the codes that it is given at the end."""

    finished: Tensor | None = None

    def finish(self, codes: Tensor) -> None:
        assert not self.training
        assert not torch.is_grad_enabled()
        assert self.finished is None
        self.finished = codes


def numbers(x: Tensor) -> Tensor:
    """The numbers that `numbered` wrote into images."""
    digits = (x[:, 0, 0, :3] * 255).round().long()
    return digits @ torch.tensor([1, 100, 10_000])


def numbered(n: int) -> np.ndarray:
    """Images (n, 28, 28) that carry their own number."""
    images = np.zeros((n, 28, 28), np.uint8)
    images[:, 0, :3] = (np.arange(n)[:, None] // [1, 100, 10_000]) % 100
    return images


def run(model: Autoencoder, images: np.ndarray, **options: Any) -> list[loop.Step]:
    defaults = {"steps": 6, "batch": 16, "lr": 1e-3, "seed": 0}
    return list(loop.fit(model, images, **(defaults | options)))


def flat(batches: list[list[int]]) -> list[int]:
    return list(chain.from_iterable(batches))


def weights(model: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in model.parameters()]


def equal(first: Sequence[Tensor], second: Sequence[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def small(name: str) -> Autoencoder:
    settings = {"hidden": 16} if name == "convolutional" else {"width": 32, "depth": 1}
    model_class = MODELS[name]
    return optim.build(model_class, model_class.Config.from_dict(settings), 0)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return datasets.load().train_images[:100]


# -- schedule and optimiser -------------------------------------------------------------------


def test_the_learning_rate_rises_in_a_line_then_falls_along_half_a_cosine() -> None:
    rates = np.array([optim.learning_rate(step, 5000, 0.5) for step in range(5000)])
    assert np.allclose(rates[:200], 0.5 * np.arange(1, 201) / 200)
    fall = np.arange(4800) / 4800
    assert np.allclose(rates[200:], 0.5 * np.cos(np.pi / 2 * fall) ** 2)
    assert rates.argmax() in (199, 200)
    assert 0 < rates[-1] < 1e-6


def test_a_short_schedule_warms_up_for_a_tenth() -> None:
    rates = [optim.learning_rate(step, 50, 1.0) for step in range(50)]
    assert np.allclose(rates[:5], [0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[5] == 1.0
    assert np.all(np.diff(rates[5:]) < 0)
    assert optim.learning_rate(0, 1, 0.3) == 0.3  # no warm-up at all
    assert all(optim.learning_rate(step, 9, 1.0) > 0 for step in range(9))


def test_adam_agrees_with_torchs_over_many_steps() -> None:
    torch.manual_seed(0)
    start = [torch.randn(5, 3), torch.randn(7), torch.randn(2, 2)]
    ours, theirs = (
        [nn.Parameter(p.clone()) for p in start],
        [nn.Parameter(p.clone()) for p in start],
    )
    optimiser = optim.Adam(list(ours))
    reference = torch.optim.Adam(theirs, lr=1.0, foreach=False, fused=False)
    for step in range(30):
        optimiser.clear()
        rate = 0.1 / (1 + step)
        gradients = [torch.randn_like(p) * 10.0 ** (step % 5 - 2) for p in start]
        for index, gradient in enumerate(gradients):
            late = index == 2 and step < 4  # this one gets its first gradient later
            ours[index].grad = None if late else gradient.clone()
            theirs[index].grad = None if late else gradient.clone()
        reference.param_groups[0]["lr"] = rate
        optimiser.step(rate)
        reference.step()
        for a, b in zip(ours, theirs, strict=True):
            assert torch.allclose(a, b, rtol=1e-5, atol=1e-6), step
    assert not torch.allclose(ours[0], start[0], atol=0.05)


def test_fit_takes_the_steps_that_torchs_adam_takes(images: np.ndarray) -> None:
    model = small("vanilla")
    reference = copy.deepcopy(model)
    run(model, images[:10], steps=12, batch=10, lr=3e-3)  # one batch holds all: order is nothing
    x = torch.from_numpy(images[:10] / np.float32(255))[:, None]
    optimiser = torch.optim.Adam(reference.parameters(), lr=1.0)
    for step in range(12):
        optimiser.param_groups[0]["lr"] = optim.learning_rate(step, 12, 3e-3)
        optimiser.zero_grad()
        reference.loss(x).total.backward()
        optimiser.step()
    for a, b in zip(weights(model), weights(reference), strict=True):
        assert torch.allclose(a, b, atol=2e-5)


def test_what_asks_for_no_gradient_stays() -> None:
    model = Probe()
    run(model, numbered(20))
    assert torch.equal(model.frozen, torch.ones(2))
    assert torch.equal(model.unused, torch.ones(2))
    assert (model.weight < 1).all()


# -- order of the images ----------------------------------------------------------------------


def test_every_image_is_seen_once_in_each_epoch_and_in_another_order() -> None:
    model = Probe()
    run(model, numbered(50), steps=12, batch=16)  # 16, 16, 16, 2
    assert [len(batch) for batch in model.seen] == [16, 16, 16, 2] * 3
    epochs = [flat(model.seen[start : start + 4]) for start in (0, 4, 8)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(50))
        assert epoch != list(range(50))
    assert epochs[0] != epochs[1] != epochs[2]


def test_the_images_arrive_as_pixels_in_0_to_1() -> None:
    everything = np.arange(784, dtype=np.int64).reshape(1, 28, 28).astype(np.uint8)
    x = objective.pixels(torch.from_numpy(everything))
    assert x.shape == (1, 1, 28, 28)
    assert x.dtype == torch.float32
    assert np.allclose(x[:, 0], everything / 255, atol=1e-7)
    assert (x.min(), x.max()) == (0, 1)


def test_steps_are_counted_and_epochs_measured() -> None:
    steps = run(Probe(), numbered(50), steps=6, batch=16)
    assert [step.step for step in steps] == [1, 2, 3, 4, 5, 6]
    assert {step.steps for step in steps} == {6}
    assert np.allclose([step.epoch for step in steps], np.arange(1, 7) / 4)
    first = steps[0]
    assert first.terms == {"reconstruction": pytest.approx(6.0)}
    assert set(first.metrics) == {"mean"}  # the vector is not one number
    assert first.loss.metrics["vector"].shape == (3,)
    assert not first.loss.total.requires_grad


def test_labels_travel_with_their_images() -> None:
    labels = (np.arange(50) * 7 % 10).astype(np.uint8)
    model = Labelled()
    run(model, numbered(50), steps=8, labels=labels)
    assert len(model.labels) == 8
    for seen, given in zip(model.seen, model.labels, strict=True):
        assert given == [int(labels[number]) for number in seen]
    unasked = Probe()
    run(unasked, numbered(50), labels=labels)
    assert unasked.labels == []


def test_finish_gets_the_codes_of_all_images_once_at_the_end() -> None:
    labels = (np.arange(4100) % 10).astype(np.uint8)
    model = Finishing()
    run(model, numbered(4100), steps=2, labels=labels)
    assert model.finished is not None
    assert np.array_equal(model.finished[:, 0], np.arange(4100))
    assert np.array_equal(model.finished[:, 1], labels)
    half = Finishing()
    steps = loop.fit(half, numbered(9), steps=3, batch=9, lr=1e-3, seed=0, labels=labels[:9])
    assert len(list(islice(steps, 1))) == 1
    del steps
    assert half.finished is None


# -- a seed is a run --------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_weights_and_another_one_does_not(
    name: str, images: np.ndarray
) -> None:
    first, again, other = (optim.build(MODELS[name], MODELS[name].Config(), 0) for _ in range(3))
    for model, seed in ((first, 0), (again, 0), (other, 1)):
        run(model, images, seed=seed, labels=np.zeros(100, np.uint8))
    assert equal(weights(first), weights(again))
    assert not equal(weights(first), weights(other))


@pytest.mark.parametrize("name", ["denoising", "variational"])
def test_what_the_consumer_does_between_steps_does_not_change_the_run(
    name: str, images: np.ndarray
) -> None:
    alone, watched = small(name), small(name)
    run(alone, images)
    for step in loop.fit(watched, images, steps=6, batch=16, lr=1e-3, seed=0):
        torch.manual_seed(step.step)
        torch.randn(1000)
        np.random.default_rng().random(10)
        watched.eval()
        objective.validate(watched, images)
    assert equal(weights(alone), weights(watched))


def test_every_step_is_in_training_mode_whatever_the_consumer_left() -> None:
    model = Probe()
    for _ in loop.fit(model.eval(), numbered(9), steps=3, batch=9, lr=1e-3, seed=0):
        model.eval()
    assert model.modes == [True, True, True]


def test_a_run_does_not_change_the_random_numbers_of_others(images: np.ndarray) -> None:
    torch.manual_seed(9)
    expected = torch.randn(3)
    torch.manual_seed(9)
    steps = loop.fit(small("denoising"), images, steps=3, batch=16, lr=1e-3, seed=0)
    drawn = [torch.randn(1) for _ in steps]
    assert torch.equal(torch.cat(drawn), expected)


def test_two_runs_in_turns_are_two_runs_apart(images: np.ndarray) -> None:
    alone = [small("variational"), small("variational")]
    for seed, model in enumerate(alone):
        run(model, images, seed=seed)
    in_turns = [small("variational"), small("variational")]
    runs = [
        loop.fit(model, images, steps=6, batch=16, lr=1e-3, seed=seed)
        for seed, model in enumerate(in_turns)
    ]
    for _ in zip(*runs, strict=True):
        pass
    for a, b in zip(alone, in_turns, strict=True):
        assert equal(weights(a), weights(b))


def test_noise_is_given_back_when_the_loss_fails(images: np.ndarray) -> None:
    class Failing(Probe):
        def loss(self, x: Tensor, labels: Tensor | None = None) -> Loss:
            torch.randn(5)
            raise RuntimeError("failed")

    state = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="failed"):
        run(Failing(), numbered(5))
    assert torch.equal(torch.get_rng_state(), state)


# -- what goes wrong --------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["nan", "inf", "both ends", "one of many"])
def test_a_gradient_that_is_not_finite_stops_the_run_before_the_weights(how: str) -> None:
    model = Probe(Probe.Config(breaks_at=3, breaks_with=how))
    steps = loop.fit(model, numbered(20), steps=6, batch=5, lr=1e-3, seed=0)
    next(steps)
    next(steps)
    before = weights(model)
    with pytest.raises(FloatingPointError, match="at step 3: try a smaller learning rate"):
        next(steps)
    assert equal(weights(model), before)


def test_a_learning_rate_far_too_high_is_noticed(images: np.ndarray) -> None:
    with pytest.raises(FloatingPointError, match="smaller learning rate"):
        run(small("variational"), images, steps=200, lr=1e20)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"steps": 0}, "above zero"),
        ({"steps": -1}, "above zero"),
        ({"batch": 0}, "above zero"),
        ({"lr": 0.0}, "above zero"),
        ({"lr": -1e-3}, "above zero"),
        ({"lr": math.nan}, "above zero"),
        ({"lr": math.inf}, "finite"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(options: dict[str, Any], match: str) -> None:
    model = Probe()
    with pytest.raises(ValueError, match=match):
        run(model, numbered(5), **options)
    assert model.seen == []


def test_no_images_or_other_numbers_are_refused(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="no images"):
        run(Probe(), numbered(0))
    with pytest.raises(ValueError, match="uint8"):
        run(Probe(), images / np.float32(255))  # they would be divided by 255 again
    with pytest.raises(ValueError, match="uint8"):
        objective.validate(Probe(), images / np.float32(255))


def test_labels_that_are_missing_or_too_few_are_refused() -> None:
    with pytest.raises(ValueError, match="needs labels"):
        run(Labelled(), numbered(5))
    with pytest.raises(ValueError, match="4 labels"):
        run(Labelled(), numbered(5), labels=np.zeros(4, np.uint8))


# -- validation -------------------------------------------------------------------------------


def test_validation_is_the_mean_over_all_images(images: np.ndarray) -> None:
    many = datasets.load().train_images[:2345]  # two whole parts and a smaller one
    model = small("vanilla").eval()
    with torch.no_grad():
        x_hat = model.decode(model.encode(torch.from_numpy(many / np.float32(255))[:, None]))
    by_hand = ((many / 255 - x_hat[:, 0].double().numpy()) ** 2).sum((1, 2)).mean()
    assert objective.validate(model, many).total.item() == pytest.approx(by_hand, rel=1e-5)

    probe = Probe()
    metrics = objective.validate(probe, numbered(2345)).metrics
    assert metrics["mean"].item() == pytest.approx(2344 / 2, rel=1e-5)
    assert metrics["vector"].tolist() == pytest.approx([1172.0] * 3, rel=1e-5)
    assert flat(probe.seen) == list(range(2345))


@pytest.mark.parametrize("training", [True, False])
def test_validation_repeats_its_noise_and_leaves_no_trace(
    training: bool, images: np.ndarray
) -> None:
    model = small("variational").train(training)
    state, before = torch.get_rng_state(), weights(model)
    first, again = objective.validate(model, images), objective.validate(model, images)
    other = objective.validate(model, images, seed=1)
    assert torch.equal(first.total, again.total)
    assert not torch.equal(first.total, other.total)
    assert model.training is training
    assert torch.equal(torch.get_rng_state(), state)
    assert equal(weights(model), before)
    assert not first.total.requires_grad
    probe = Probe().train(training)
    objective.validate(probe, numbered(3))
    assert probe.modes == [False]


def test_validation_passes_labels_with_their_images() -> None:
    labels = (np.arange(1500) % 7).astype(np.uint8)
    model = Labelled()
    objective.validate(model, numbered(1500), labels)
    assert flat(model.labels) == labels.tolist()


# -- a run given in seconds -------------------------------------------------------------------


def test_seconds_become_steps_after_fifty_timed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    images = numbered(50)
    for each, seconds, steps in ((0.01, 60, 6000), (0.04, 60, 1500), (0.1, 0.01, 1)):
        # Read before and after each timed step; an hour passes between two of them.
        times = iter(t for k in range(50) for t in (3600.0 * k, 3600.0 * k + each))
        monkeypatch.setattr(loop.time, "perf_counter", lambda times=times: next(times))
        found = list(loop.steps_in(seconds, Probe(), images, batch=16, lr=1e-3))
        assert len(found) == 50
        assert found[-1] == pytest.approx(steps, abs=1)
        assert next(times, None) is None


def test_timing_leaves_the_model_and_the_random_numbers_alone(images: np.ndarray) -> None:
    timed, untimed = small("denoising"), small("denoising")
    state = torch.get_rng_state()
    *_, steps = loop.steps_in(0.01, timed, images, batch=16, lr=1e-3)
    assert steps >= 1
    assert torch.equal(torch.get_rng_state(), state)
    assert equal(weights(timed), weights(untimed))
    # The run is then a number of steps: whoever repeats it gets the same weights.
    run(timed, images, steps=7)
    run(untimed, images, steps=7)
    assert equal(weights(timed), weights(untimed))


def test_timing_passes_labels() -> None:
    ones = np.ones(50)
    *_, steps = loop.steps_in(0.01, Labelled(), numbered(50), batch=4, lr=1e-3, labels=ones)
    assert steps >= 1


# -- the command line -------------------------------------------------------------------------


class Stopped(Exception):
    """Seen enough."""


def test_the_last_ten_thousand_images_are_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: dict[str, np.ndarray] = {}

    def fit(model: Autoencoder, images: np.ndarray, **options: Any) -> Iterator[loop.Step]:
        begun.update(images=images, labels=options["labels"])
        loss = Loss({"reconstruction": torch.zeros(())})
        yield loop.Step(1, 1, 1.0, loss, lambda: pytest.fail("Nobody goes on from here."))

    def validate(model: Autoencoder, images: np.ndarray, labels: np.ndarray) -> None:
        begun.update(held_out=images, held_out_labels=labels)
        raise Stopped

    monkeypatch.setattr(loop, "fit", fit)
    monkeypatch.setattr(objective, "validate", validate)
    with pytest.raises(Stopped):
        loop.main(["vanilla", "--epochs", "0.001", "--out", "nowhere"])
    mnist = datasets.load()
    for kind, whole in (("images", mnist.train_images), ("labels", mnist.train_labels)):
        prefix = "held_out" if kind == "images" else "held_out_labels"
        assert np.array_equal(begun[kind], whole[:50_000])
        assert np.array_equal(begun[prefix], whole[50_000:])


def test_a_checkpoint_keeps_how_each_term_fell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun: list[loop.Step] = []
    real = loop.fit

    def fit(*given: Any, **options: Any) -> Iterator[loop.Step]:
        for step in real(*given, **options):
            begun.append(step)
            yield step

    monkeypatch.setattr(loop, "fit", fit)
    monkeypatch.setattr("aeviz.analysis.evaluate.figures", lambda model, dataset: {})
    options = ["--latent-dim", "2", "--width", "16", "--depth", "1", "--steps", "300"]
    loop.main(["variational", *options, "--batch", "8", "--out", str(tmp_path / "it")])
    card = checkpoint.load(tmp_path / "it").card
    assert card.device == optim.pick_device().type
    curve = card.curve
    assert curve is not None
    steps = curve.steps
    assert steps == loop.points(300)
    assert set(curve.terms) == {"reconstruction", "kl"}
    for name, kept in curve.terms.items():
        values = np.array([step.terms[name] for step in begun])
        ends = zip([0, *steps[:-1]], steps, strict=True)
        assert kept == pytest.approx([values[a:b].mean() for a, b in ends], rel=1e-3)


@pytest.mark.parametrize("steps", [1, 7, 120, 300, 50_000])
def test_points_of_a_curve_are_few_closer_at_the_start_and_end_with_the_run(steps: int) -> None:
    points = loop.points(steps)
    assert points == sorted(set(points))
    assert (points[0], points[-1]) == (1, steps)
    assert len(points) <= 121
    assert max(np.diff([0, *points])) <= steps / 100 + 1


def test_a_bad_option_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    for options in (["--width", "9"], ["--latent-dim", "1025"], ["--activation", "selu"]):
        with pytest.raises(SystemExit):
            loop.main(["vanilla", *options, "--out", "nowhere"])
        error = capsys.readouterr().err.splitlines()[-1]
        assert options[0].strip("-").replace("-", "_") in error.replace("-", "_")


# -- real digits ------------------------------------------------------------------------------


def test_a_few_seconds_of_training_beat_the_mean_image_and_two_principal_components() -> None:
    mnist = datasets.load()
    train_images, test = mnist.train_images[:20_000], mnist.test_images[:2000]
    small_config = MODELS["vanilla"].Config.from_dict({"width": 256, "depth": 2})
    model = optim.build(MODELS["vanilla"], small_config, 0)
    losses = [
        step.terms["reconstruction"]
        for step in loop.fit(model, train_images, steps=500, batch=128, lr=4e-3, seed=0)
    ]
    assert np.mean(losses[-50:]) < 0.6 * np.mean(losses[:50])
    error = objective.validate(model, test).total.item() / 784

    x = train_images[:5000].reshape(5000, 784) / 255.0
    mean = x.mean(0)
    axes = eigsh(np.cov(x.T), 2)[1]
    centred = test.reshape(2000, 784) / 255.0 - mean
    mean_error = (centred**2).mean()
    pca_error = ((centred - centred @ axes @ axes.T) ** 2).mean()
    assert mean_error == pytest.approx(0.067, abs=0.003)  # .0673 on all test digits
    assert pca_error == pytest.approx(0.0557, abs=0.003)
    assert error < 0.9 * pca_error
