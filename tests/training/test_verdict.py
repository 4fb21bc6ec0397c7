"""What is said of a run: of made-up curves whose truth is known, and of short real runs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from aeviz.data import datasets
from aeviz.models import objective, optim
from aeviz.models.zoo import MODELS
from aeviz.training import curves, loop, verdict
from aeviz.training.curves import Means, Point
from aeviz.training.spec import RunSpec

SEEDS = 200
STEPS = np.array([0, *loop.points(2000)])


def spec(variant: str = "variational", **fields: Any) -> RunSpec:
    recipe = MODELS[variant].recipe
    return RunSpec.model_validate(
        {"variant": variant, "steps": 2000, "batch": recipe.batch, "lr": recipe.lr} | fields
    )


def made(
    validation: np.ndarray,
    train: np.ndarray | None = None,
    kl: list[float] | None = None,
    steps: np.ndarray = STEPS,
) -> list[Point]:
    """Points of a run at some steps; an epoch has 500."""
    train = validation if train is None else train
    metrics: curves.Numbers = {} if kl is None else {"kl_per_dim": kl}
    return [
        Point(
            step=int(step),
            epoch=step / 500,
            train=Means(terms={"reconstruction": float(a)}),
            validation=Means(terms={"reconstruction": float(b)}, metrics=metrics),
        )
        for step, a, b in zip(steps, train, validation, strict=True)
    ]


def noisy(values: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    return values + sigma * np.random.default_rng(seed).standard_normal(len(values))


def found(points: list[Point], state: Any = "running", **fields: Any) -> str | None:
    said = verdict.judge(points, spec(**fields), state)
    return said.kind if said else None


FALLS = 140 + 400 * np.exp(-STEPS / 800)
LEVELS = 140 + 400 * np.exp(-STEPS / 100)
"""Level from step 700 on, to 0.4 nats of 400."""


@pytest.mark.parametrize("sigma", [0.01, 0.5, 2.0, 10.0])
def test_noise_alone_raises_no_alarm(sigma: float) -> None:
    said = Counter(
        found(made(noisy(LEVELS, sigma, seed), noisy(LEVELS, sigma, seed + SEEDS)))
        for seed in range(SEEDS)
    )
    print(sigma, dict(said))
    assert said["flat"] >= 0.9 * SEEDS  # of others it says nothing
    assert said["falling"] <= 0.01 * SEEDS
    assert said["diverged"] == said["overfitting"] == said["collapsed"] == 0


@pytest.mark.parametrize("many", [9, 12, 20, 40])
def test_nor_does_it_after_few_points(many: int) -> None:
    steps = np.linspace(0, 2000, many).round()
    levels = 140 + 400 * np.exp(-steps / 60)
    said = Counter(
        found(
            made(noisy(levels, 2.0, seed), noisy(levels, 2.0, seed + SEEDS), steps=steps),
        )
        for seed in range(SEEDS)
    )
    print(many, dict(said))
    assert said["flat"] >= 0.85 * SEEDS
    assert said["falling"] <= 0.02 * SEEDS
    assert said["diverged"] == said["overfitting"] == 0


@pytest.mark.parametrize("sigma", [0.01, 0.5, 2.0])
def test_what_falls_is_still_falling_despite_noise(sigma: float) -> None:
    said = Counter(
        found(made(noisy(FALLS, sigma, s), noisy(FALLS, sigma, s + SEEDS))) for s in range(SEEDS)
    )
    print(sigma, dict(said))
    assert said["falling"] >= 0.97 * SEEDS


def test_flat_says_since_when() -> None:
    starts = []
    for seed in range(SEEDS):
        said = verdict.judge(made(noisy(LEVELS, 0.5, seed)), spec())
        assert said is not None
        assert said.since is not None
        starts.append(said.since)
        assert f"{said.since:,}" in said.sentence
    assert 300 <= np.median(starts) <= 1000  # by 530 there are 2 nats left, four sigma


def test_a_validation_loss_that_rises_while_training_falls_is_overfitting() -> None:
    rises = LEVELS + np.maximum(STEPS - 1000, 0) / 50
    said = Counter(
        found(made(noisy(rises, 0.5, seed), noisy(FALLS, 0.5, seed + SEEDS)))
        for seed in range(SEEDS)
    )
    assert said["overfitting"] >= 0.97 * SEEDS
    one = verdict.judge(made(rises, FALLS), spec())
    assert one
    assert one.since
    assert 800 <= one.since <= 1200
    assert found(made(rises, rises)) != "overfitting"  # it does not fit the training images either


@pytest.mark.parametrize("sigma", [0.5, 10.0])
def test_a_loss_that_rises_high_again_has_diverged(sigma: float) -> None:
    rises = FALLS + 300 * (STEPS > 1000)
    for seed in range(SEEDS):
        assert found(made(noisy(rises, sigma, seed))) == "diverged"
    once = FALLS + 300 * (STEPS[-1] == STEPS)
    assert found(made(once)) != "diverged"  # a single point can be an accident


def test_a_loss_that_is_not_finite_has_diverged_at_once() -> None:
    points = made(np.array([540.0, np.nan]), steps=np.array([0, 1]))
    assert found(points) == "diverged"
    assert found(points, "failed") == "diverged"
    assert "0.004" in verdict.sentence(points, spec(lr=0.004))


def test_unused_dimensions_are_named_and_what_helps() -> None:
    assert found(made(LEVELS, kl=[3.0, 0.02])) == "flat"
    one = verdict.sentence(made(LEVELS, kl=[3.0, 0.002]), spec(config={"beta": 4.0}))
    assert "z2" in one
    assert "Lower beta (4 now)" in one
    none = verdict.sentence(made(LEVELS, kl=[0.001, 0.002]), spec(config={"beta": 30.0}))
    assert "ignores the code" in none
    fast = verdict.sentence(made(LEVELS, kl=[0.001, 0.002]), spec(lr=0.5))
    assert "Lower the learning rate (0.5 now)" in fast
    seed = verdict.sentence(made(LEVELS, kl=[0.001, 0.002]), spec())
    assert "seed" in seed


def test_a_wide_code_may_leave_dimensions_unused_at_beta_one() -> None:
    kl = [1.0] * 10 + [0.0] * 22
    wide = {"config": {"latent_dim": 32}}
    assert found(made(LEVELS, kl=kl), **wide) == "flat"
    strong = verdict.sentence(made(LEVELS, kl=kl), spec(config={"latent_dim": 32, "beta": 4.0}))
    assert "22 of 32" in strong


def test_nothing_is_unused_before_it_could_be_used() -> None:
    early = np.array([0, 1, 4, 16, 64, 128, 200, 250, 299])
    assert found(made(np.linspace(540, 200, 9), kl=[0.0, 0.0], steps=early)) != "collapsed"


def test_a_run_that_ended_early_is_told_how_much_it_saw() -> None:
    short = STEPS[STEPS <= 300]
    falls = FALLS[: len(short)]
    said = verdict.sentence(made(falls, steps=short), spec(), "stopped")
    assert f"{short[-1]} steps only" in said
    assert "one minute more" in said
    assert found(made(falls, steps=short)) == "falling"
    assert found(made(FALLS), "finished") == "falling"
    assert found(made(LEVELS), "finished") == "flat"


def test_too_few_points_say_nothing() -> None:
    assert verdict.sentence([], spec()) == ""
    assert verdict.sentence(made(FALLS)[:4], spec()) == ""


# -- real runs -----------------------------------------------------------------------------------


def trained(settings: RunSpec, every: int = 40) -> list[Point]:
    """The points of a run on a part of the training images."""
    dataset = datasets.load("mnist")
    images, held_out = dataset.train_images[:20_000], dataset.train_images[50_000:50_500]
    model = optim.build(settings.model_class, settings.config, settings.seed)
    recent = [objective.validate(model, images[:500])]
    points: list[Point] = []

    def add(step: int, epoch: float) -> None:
        validation = curves.means([objective.validate(model, held_out)])
        point = Point(step=step, epoch=epoch, train=curves.means(recent), validation=validation)
        points.append(point)
        recent.clear()

    add(0, 0.0)
    assert settings.steps
    how = {"steps": settings.steps, "batch": settings.batch, "lr": settings.lr, "seed": 0}
    try:
        for step in loop.fit(model, images, **how):
            recent.append(step.loss)
            if step.step % every == 0:
                add(step.step, step.epoch)
    except FloatingPointError:
        add(len(points) * every, 1.0)
    return points


NARROW = {"width": 64, "depth": 1}


def test_a_real_run_with_a_large_beta_collapses() -> None:
    settings = spec(config=NARROW | {"beta": 30.0}, steps=520)
    said = verdict.judge(trained(settings), settings, "finished")
    assert said
    assert said.kind == "collapsed"
    assert "not used" in said.sentence
    assert "Lower beta (30 now)" in said.sentence


@pytest.mark.parametrize("variant", ["variational", "vanilla"])
def test_a_real_run_that_learns_too_fast_is_told_so(variant: str) -> None:
    settings = spec(variant, config=NARROW, batch=64, steps=520, lr=1.0)
    points = trained(settings)
    said = verdict.judge(points, settings, "finished")
    assert said
    assert "Lower the learning rate (1 now)" in said.sentence
    # What becomes of it is chaos: some end far above their start, others at a poor level.
    ends = [sum(points[k].validation.terms.values()) for k in (0, -3, -2, -1)]
    assert (said.kind == "diverged") == (np.median(ends[1:]) > 1.1 * ends[0]), said


def test_a_real_run_of_a_few_steps_is_still_falling() -> None:
    settings = spec("vanilla", config=NARROW, steps=320, lr=2e-3)
    points = trained(settings, every=20)
    said = verdict.judge(points, settings, "stopped")
    assert said
    assert said.kind == "few"
    so_far = {found(points[:k], variant="vanilla") for k in range(len(points))}
    assert "falling" in so_far
    assert so_far <= {None, "falling"}
