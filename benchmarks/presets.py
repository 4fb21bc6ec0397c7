"""What the default run of each variant shows after seconds: `python -m benchmarks.presets`.

Each variant trains on one thread as the Train page proposes it, and as it was proposed at e1ff724.
Time is that of the processor, since others may compute beside it. Nothing here sees a test image
except the drawings of the runs that are timed, which are not looked at.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from unittest import mock

import torch

from aeviz.analysis import errors, neighbours, planes
from aeviz.data import datasets
from aeviz.models import apply, objective, optim
from aeviz.models.base import Autoencoder
from aeviz.models.settings import BaseConfig
from aeviz.models.zoo import MODELS
from aeviz.training import loop, store
from aeviz.training.spec import TRAINED_ON, VALIDATED_ON, RunSpec
from aeviz.training.status import RunStatus
from aeviz.training.task import MEASURING, Task
from benchmarks import machine

WHEN = (10.0, 15.0, 25.0)
"""Seconds of training after which each is compared."""
LOOK = 1.0
"""Seconds of training between two looks."""
VOTERS = 8_000
"""Training images whose codes vote for the class of a held-out one."""
TIMED = 50
BEFORE = {"batch": 256, "lr": 2e-3, "seconds": 30.0}
"""The run that the page proposed at e1ff724."""
OLD: dict[str, dict[str, Any]] = {
    "vanilla": {"activation": "tanh"},
    "convolutional": {"latent_dim": 32, "hidden": 512, "batch_norm": True},
    "convolutional_variational": {"latent_dim": 32, "batch_norm": True},
}
"""What its first presets changed of a variant's defaults."""
NEAR = 2.0
"""Seconds before the end of a run from which on a share of what is left says little."""
RUNS = ("variational", "convolutional", "wasserstein")
"""Whose remaining time is compared with what it was said to be."""
KEPT = machine.RESULTS / "presets.json"
MAP, LOSSES, ACCURACY = "variational", ((150.0, 15.0), (147.0, 25.0)), (0.70, 10.0)
"""What the default 2-d map must reach, nats and share of held-out images, within seconds."""


# -- time to quality ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """A model in training: seconds of the processor and steps so far, and how good it is.

    loss: its own validation loss; mse: of reconstructions; accuracy: of 5 nearest neighbours on
    its map, which for a wide code is the plane of its first principal components.
    """

    seconds: float
    step: int
    loss: float
    mse: float
    accuracy: float


class Images:
    """Images that are trained on, held-out ones, and some of the former that vote."""

    def __init__(self) -> None:
        """Of MNIST's training images."""
        mnist = datasets.load("mnist")
        images, labels, end = mnist.train_images, mnist.train_labels, TRAINED_ON
        self.train = images[:end], labels[:end]
        self.held_out = images[end : end + VALIDATED_ON], labels[end : end + VALIDATED_ON]
        self.voters = images[:VOTERS], labels[:VOTERS]

    def look(self, model: Autoencoder, seconds: float, step: int) -> Look:
        """How good a model is, on held-out images."""
        training, (images, labels) = model.training, self.held_out
        loss = objective.validate(model, images, labels).total.item()
        mse = float(errors.mse(images, apply.reconstruct(model, images, labels)).mean())
        codes = [apply.encode(model, *some) for some in (self.voters, self.held_out)]
        plane = planes.default_plane(codes[0])
        points = [plane.project(code) for code in codes]
        accuracy = neighbours.neighbour_accuracy(points[0], self.voters[1], points[1], labels)
        model.train(training)
        return Look(seconds, step, loss, mse, accuracy)


def fitting(variant: str, config: BaseConfig, images: Images, **how: Any) -> Iterator[Any]:
    """Steps of a fresh model, with the model itself: (model, step)."""
    model = optim.build(MODELS[variant], config, how["seed"])
    fit = loop.fit(model, images.train[0], labels=images.train[1], **how)
    return ((model, step) for step in fit)


def looks(variant: str, config: BaseConfig, images: Images, **how: Any) -> list[Look]:
    """What a run shows at each second of training, at `WHEN` and at its end."""
    found, spent, due = [], 0.0, LOOK
    steps = fitting(variant, config, images, **how)
    while spent <= WHEN[-1]:
        began = time.process_time()
        model, step = next(steps)
        spent += time.process_time() - began
        if spent >= due or step.step == step.steps:
            found.append(images.look(model, spent, step.step))
            due = spent + LOOK
        if step.step == step.steps:
            break
    return found


def old_steps(variant: str, config: BaseConfig, images: Images, seed: int) -> int:
    """How many steps fitted into the 30 s of a run at e1ff724."""
    batch, lr = BEFORE["batch"], BEFORE["lr"]
    steps = fitting(variant, config, images, batch=batch, lr=lr, steps=TIMED + 5, seed=seed)
    for _ in range(5):
        next(steps)
    began = time.process_time()
    for _ in range(TIMED):
        next(steps)
    share = BEFORE["seconds"] * (1 - MEASURING) / (time.process_time() - began)
    return int(share * TIMED)


def proposed(variant: str) -> tuple[BaseConfig, dict[str, Any]]:
    """The default run of a variant: its first preset and its recipe."""
    config, recipe = next(iter(MODELS[variant].presets.values())), MODELS[variant].recipe
    spec = RunSpec.model_validate({"variant": variant, "config": config, **asdict(recipe)})
    steps = round(recipe.epochs * spec.per_epoch)
    return config, {"batch": recipe.batch, "lr": recipe.lr, "steps": steps}


def before(variant: str, images: Images, seed: int) -> tuple[BaseConfig, dict[str, Any]]:
    """The same at e1ff724."""
    config = MODELS[variant].Config(**OLD.get(variant, {}))
    steps = old_steps(variant, config, images, seed)
    return config, {"batch": int(BEFORE["batch"]), "lr": BEFORE["lr"], "steps": steps}


def first(found: list[Look], loss: float = math.inf, accuracy: float = 0.0) -> Look | None:
    """The first look that is as good."""
    return next((look for look in found if look.loss <= loss and look.accuracy >= accuracy), None)


def at(found: list[Look], seconds: float) -> Look | None:
    """The last look at or before so many seconds; None where the first one came later."""
    earlier = [look for look in found if look.seconds <= seconds]
    return earlier[-1] if earlier else None


# -- time left ----------------------------------------------------------------------------------


@dataclass
class Timed:
    """A run by its worker, in seconds of the processor since its first turn.

    said: when something was said of the seconds left, and what; at_step: steps that were seen,
    and when; losses: validation loss after a step; trained, ended: until its last step, and until
    its figures were there.
    """

    said: list[tuple[float, float]] = field(default_factory=list)
    at_step: list[tuple[int, float]] = field(default_factory=list)
    losses: list[tuple[int, float]] = field(default_factory=list)
    trained: float = 0.0
    ended: float = 0.0

    def off(self, after: float) -> list[float]:
        """How far off the estimates from then to `NEAR` the end were, as shares of the truth."""
        end = self.trained
        return [left / (end - t) - 1 for t, left in self.said if after <= t < end - NEAR]

    def until(self, step: int) -> float:
        """Seconds until a step."""
        return next(seconds for reached, seconds in self.at_step if reached >= step)


def by_worker(variant: str, seed: int) -> Timed:
    """Train the default run of a variant as the worker does, with all that it measures.

    Its clock is that of the processor: else whoever computes beside it changes the truth after
    the estimate.
    """
    config, recipe = proposed(variant)
    spec = RunSpec.model_validate({"variant": variant, "config": config, "seed": seed, **recipe})
    found, clock = Timed(), time.process_time
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, AEVIZ_RUNS=folder),
        mock.patch.object(time, "perf_counter", clock),
    ):
        name = store.make_folder({"spec.json": spec, "status.json": RunStatus()})
        task, began = Task(name), clock()
        while not task.over:
            task.advance()
            now, status = clock() - began, task.status
            found.at_step.append((status.step, now))
            if status.step == status.steps:
                found.trained = found.trained or now
            elif status.seconds_left is not None:
                found.said.append((now, status.seconds_left))
        found.ended = clock() - began
        found.losses = [(p.step, sum(p.validation.terms.values())) for p in store.metrics(name)]
        if task.status.state != "finished":
            raise RuntimeError(task.status.message)
    return found


# -- telling ------------------------------------------------------------------------------------


def _short(look: Look | None, found: list[Look]) -> str:
    if look is None:
        return "-"
    ended = " (ended)" if look is found[-1] and look.seconds < WHEN[-1] - LOOK else ""
    return f"{look.loss:.1f}, {look.accuracy:.2f}{ended}"


def _reached(look: Look | None) -> str:
    return f"{look.seconds:.1f} s, {look.step:,} steps" if look else "not within 25 s"


def quality_rows(variant: str, old: list[Look], new: list[Look]) -> list[tuple[str, ...]]:
    """Before and now: how soon it is as good as it was after 15 s before, and how good when."""
    bar = at(old, WHEN[1])
    assert bar is not None
    return [
        (
            f"{variant}, {title}",
            f"{bar.loss:.1f}",
            _reached(first(found, bar.loss)),
            *(_short(at(found, seconds), found) for seconds in WHEN),
            f"{found[-1].mse:.4f}",
        )
        for title, found in (("before", old), ("now", new))
    ]


def map_rows(old: list[Look], new: list[Look], timed: Timed) -> list[machine.Row]:
    """The bars of the default map, by the worker where it measures the same."""
    rows = []
    for loss, within in LOSSES:
        step = next((step for step, value in timed.losses if value <= loss), None)
        seconds = math.inf if step is None else timed.until(step)
        alone = _reached(first(new, loss))
        rows.append(
            machine.Row(
                f"seconds until the default {MAP} has {loss:g} nats on held-out images",
                f"before: {_reached(first(old, loss))}",
                f"{seconds:.1f} s in the worker; training alone {alone}",
                f"at most {within:g} s",
                seconds <= within,
            )
        )
    share, within = ACCURACY
    alone = first(new, accuracy=share)
    seconds = math.inf if alone is None else timed.until(alone.step)
    rows.append(
        machine.Row(
            f"seconds until 5 nearest neighbours on its map are right in {share:.0%}",
            f"before: {_reached(first(old, accuracy=share))}",
            f"{seconds:.1f} s in the worker; training alone {_reached(alone)}",
            f"at most {within:g} s",
            seconds <= within,
        )
    )
    return rows


def time_row(variant: str, run: Timed) -> machine.Row:
    """How right the time left was."""
    off = run.off(2.0)
    return machine.Row(
        f"time left of the default {variant}, as said 2 s after its first turn",
        f"{run.trained:.1f} s to its last step, {run.ended:.1f} s to its figures",
        f"{off[0]:+.0%} off; {max(off, key=abs):+.0%} at worst from then on",
        "at most 20 % off",
        abs(off[0]) <= 0.2,
    )


def kept() -> dict[str, Any]:
    """What was measured before, by variant: rows of the table, and bars."""
    if not KEPT.exists():
        return {"table": {}, "bars": {}}
    return json.loads(KEPT.read_text(encoding="utf-8"))


def measure(variant: str, images: Images, seed: int) -> tuple[list[tuple[str, ...]], list[Any]]:
    """The rows of a variant in the table, and those with a bar."""
    old, new = before(variant, images, seed), proposed(variant)
    found = [looks(variant, config, images, seed=seed, **how) for config, how in (old, new)]
    if variant not in RUNS:
        return quality_rows(variant, *found), []
    timed = by_worker(variant, seed)
    bars = map_rows(found[0], found[1], timed) if variant == MAP else []
    return quality_rows(variant, *found), [*bars, time_row(variant, timed)]


def main() -> None:
    """Measure, print and write results/presets.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.presets", description=main.__doc__)
    parser.add_argument(
        "--only",
        nargs="*",
        default=list(MODELS),
        choices=list(MODELS),
        metavar="VARIANT",
        help="measure these anew, or none; of others stays what was measured before",
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    images = Images()
    for variant in args.only:
        rows, bars = measure(variant, images, args.seed)
        for row in rows:
            print(" | ".join(row), flush=True)
        found = kept()
        found["table"][variant] = rows
        found["bars"][variant] = [asdict(bar) for bar in bars]
        KEPT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    found = kept()
    there = [variant for variant in MODELS if variant in found["table"]]
    head = ("run", "loss L", "until L", *(f"after {t:g} s" for t in WHEN), "MSE at the end")
    machine.report(
        "presets",
        f"python -m benchmarks.presets --seed {args.seed}",
        args.seed,
        [machine.Row(**bar) for variant in RUNS for bar in found["bars"].get(variant, [])],
        NOTES,
        machine.table(head, [row for variant in there for row in found["table"][variant]]),
    )


NOTES = [
    "One thread, seconds of the processor (`time.process_time`), so that work beside it counts "
    "little; looks at the model are not counted, except in the worker, which has its own: points "
    "of the curves, previews, snapshots.",
    "Trained on the first 50,000 training images of MNIST, measured on the 2,000 after them; no "
    "test image is looked at. Recipes were chosen on the same 2,000.",
    "Before: the first preset at e1ff724, batch 256, learning rate 0.002, as many steps as fitted "
    "into 30 s. Now: the first preset and the variant's `recipe`.",
    "L is the validation loss, in the variant's own unit, that the old preset has after 15 s. "
    "Beside each loss stands the accuracy of 5 nearest neighbours among 8,000 training codes, on "
    "the map: of a code wider than two the plane of its first principal components.",
    "Variants can be measured one by one (`--only`): the load is that of the last time.",
    "The usual starter code and Keras, in seconds per epoch: [training.md](training.md).",
]


if __name__ == "__main__":
    main()
