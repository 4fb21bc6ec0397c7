"""Training: `fit` is a generator of steps; `python -m aeviz train` makes a checkpoint."""

from __future__ import annotations

import argparse
import copy
import math
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path

import numpy as np
import torch

from aeviz.models import apply, objective, optim
from aeviz.models.base import Autoencoder, Loss
from aeviz.models.settings import BaseConfig, knobs
from aeviz.training.course import Course
from aeviz.training.state import FullState, of


@dataclass(frozen=True)
class Step:
    """One optimiser step: its number from 1 on, the passes over the data so far, its loss.

    steps: how many there will be; None while that is not known.
    """

    step: int
    steps: int | None
    epoch: float
    loss: Loss
    state: Callable[[], FullState] = field(repr=False, compare=False)
    """All that decides how the run goes on after this step; to be asked before the next one."""

    @property
    def terms(self) -> dict[str, float]:
        """Loss terms as numbers, in the model's unit."""
        return {name: term.item() for name, term in self.loss.terms.items()}

    @property
    def metrics(self) -> dict[str, float]:
        """Scalar metrics as numbers."""
        return {k: v.item() for k, v in self.loss.metrics.items() if v.ndim == 0}


def fit(
    model: Autoencoder,
    images: np.ndarray,
    *,
    steps: int,
    batch: int,
    lr: float,
    seed: int,
    labels: np.ndarray | None = None,
    start: FullState | None = None,
) -> Iterator[Step]:
    """Train for a number of steps, yielding after every optimiser step.

    What the consumer does between two steps (drawing random numbers, switching to eval mode)
    does not change the run; the same seed gives the same weights on the same machine.

    Args:
        model: trained in place, on the device where it is.
        images: (N, H, W) uint8, 0 = background.
        steps: length of the schedule (warm-up, then cosine to zero).
        batch: images per step.
        lr: highest learning rate of Adam.
        seed: decides the order of the images and the noise.
        labels: (N,), wanted by variants with `uses_labels`.
        start: of a step of the same run, which then goes on after it as if it had never ended:
            on the same machine, with as many threads, to the same weights bit for bit.

    Yields:
        Loss terms in the model's unit, per image.

    Raises:
        FloatingPointError: the gradient of the loss stopped being finite.
        ValueError: no images or not uint8, labels wanted and not one for each image, a
            setting that is not above zero, or a start that is of another model.

    Source: Kingma & Welling 2013, arXiv:1312.6114, algorithm 1; Adam: arXiv:1412.6980.
    """
    course = Course(lr, steps, steps)
    return train(model, images, course, batch=batch, seed=seed, labels=labels, start=start)


def train(
    model: Autoencoder,
    images: np.ndarray,
    course: Course,
    *,
    batch: int,
    seed: int,
    labels: np.ndarray | None = None,
    start: FullState | None = None,
) -> Iterator[Step]:
    """The same along a course, which may be changed between two steps.

    What is changed holds from the next step on; a course that has the change from the start leads
    to the same weights bit for bit.
    """
    if len(images) == 0:
        raise ValueError("There are no images to train on.")
    steps = 1 if course.steps is None else course.steps
    if batch < 1 or steps < 1 or not 0 < course.lr < math.inf:
        raise ValueError("Steps, batch and learning rate must be above zero, and finite.")
    if model.uses_labels and labels is None:
        raise ValueError(f"{model.title} needs labels to train.")
    if labels is not None and len(labels) != len(images):
        raise ValueError(f"There are {len(labels)} labels for {len(images)} images.")
    torch.set_flush_denormal(True)  # moments of dead pixels decay into what a CPU is slow on
    data = torch.from_numpy(np.array(images)).to(model.device)
    extra = apply.labels_for(model, labels)
    optimiser = optim.Adam([p for p in model.parameters() if p.requires_grad])
    noise = optim.Noise(seed, model.device)
    order = np.random.default_rng(seed)
    per_epoch = math.ceil(len(data) / batch)
    drawn, shuffled = order.bit_generator.state, torch.empty(0)
    if start is not None:
        try:
            model.load_state_dict(start.weights)
        except RuntimeError as error:
            raise ValueError("This state is of another model.") from error
        optimiser.go_on(start.moments)
        noise.own = list(start.noise)
        drawn = order.bit_generator.state = start.order
        shuffled = torch.from_numpy(order.permutation(len(data))).to(model.device)

    def state(done: int) -> FullState:
        return FullState(
            done,
            {name: of(value) for name, value in model.state_dict().items()},
            [(of(mean), of(variance), of(count)) for mean, variance, count in optimiser.moments()],
            [of(value) for value in noise.own],
            drawn,
        )

    step = 0 if start is None else start.step
    while course.steps is None or step < course.steps:
        if (settings := course.settings(step)) is not None:
            model.config = settings
        if step % per_epoch == 0:
            drawn = order.bit_generator.state
            shuffled = torch.from_numpy(order.permutation(len(data))).to(model.device)
        first = step % per_epoch * batch
        chosen = shuffled[first : first + batch]
        if not model.training:  # asked first: setting it in every layer costs 0.1 ms
            model.train()
        with noise:
            x = objective.pixels(data.index_select(0, chosen))  # ten times as fast as data[chosen]
            loss = model.loss(x, **{name: value[chosen] for name, value in extra.items()})
            optimiser.clear()
            loss.total.backward()
        if not optimiser.is_finite():
            raise FloatingPointError(
                f"The gradient of the loss stopped being finite at step {step + 1}: "
                "try a smaller learning rate."
            )
        optimiser.step(course.rate(step))
        detached = Loss(
            {k: v.detach() for k, v in loss.terms.items()},
            {k: v.detach() for k, v in loss.metrics.items()},
        )
        step += 1
        yield Step(step, course.steps, step / per_epoch, detached, partial(state, step))
    if type(model).finish is not Autoencoder.finish:
        model.eval()
        with torch.no_grad(), noise:
            parts = [slice(start, start + 2000) for start in range(0, len(data), 2000)]
            codes = [
                model.encode(objective.pixels(data[part]), **{k: v[part] for k, v in extra.items()})
                for part in parts
            ]
            model.finish(torch.cat(codes))


def steps_in(
    seconds: float,
    model: Autoencoder,
    images: np.ndarray,
    *,
    batch: int,
    lr: float,
    labels: np.ndarray | None = None,
) -> Iterator[int]:
    """How many steps fit into a time, by 50 timed ones on a copy of the model.

    A run is then repeated with this number of steps, which does not depend on the machine.

    Yields:
        After each timed step what all so far say; the last is the answer. What the consumer does
        between two of them is not counted.
    """
    warm_up, timed = 5, 50  # the first ones also allocate memory
    few = images[: batch * 8]
    some_labels = None if labels is None else labels[: batch * 8]
    trial = fit(
        copy.deepcopy(model),
        few,
        steps=warm_up + timed,
        batch=batch,
        lr=lr,
        seed=0,
        labels=some_labels,
    )
    for _ in range(warm_up):
        next(trial)
    spent = 0.0
    for done in range(1, timed + 1):
        start = time.perf_counter()
        next(trial)
        spent += time.perf_counter() - start
        yield max(int(seconds * done / spent), 1)


def points(steps: int) -> list[int]:
    """Up to 120 of the steps from 1 to the last, evenly over the run and closer at its start."""
    early, even = np.geomspace(1, steps, 20), np.linspace(1, steps, 101)
    return np.unique(np.concatenate([early, even]).round().astype(int)).tolist()


def add_knob_options(parser: argparse.ArgumentParser, config_class: type[BaseConfig]) -> None:
    """One command-line option for each knob of a config class."""
    settings = knobs(config_class)
    for name, (setting, default) in settings.items():
        option = f"--{name.replace('_', '-')}"
        condition = setting.condition(settings)
        only = f"; counts with {condition}" if condition else ""
        if isinstance(default, bool):
            yes_or_no = argparse.BooleanOptionalAction
            help = setting.label + only
            parser.add_argument(option, action=yes_or_no, default=default, help=help)
            continue
        span = setting.choices or (f"{setting.low:g} to {setting.high:g}",)
        parser.add_argument(
            option,
            type=type(default),
            default=default,
            help=f"{setting.label}: {', '.join(span)} (default {default}{only})",
        )


def main(arguments: list[str] | None = None) -> None:
    """Train a variant and write a checkpoint with its figures on the test set."""
    from aeviz.analysis import evaluate
    from aeviz.data import datasets
    from aeviz.models import checkpoint
    from aeviz.models.card import Card, Curve
    from aeviz.models.zoo import MODELS

    parser = argparse.ArgumentParser(prog="python -m aeviz train", description=main.__doc__)
    variants = parser.add_subparsers(dest="variant", required=True, metavar="variant")
    for name, model_class in MODELS.items():
        options = variants.add_parser(name, help=model_class.idea)
        add_knob_options(options, model_class.Config)
        options.add_argument("--data", default="mnist", choices=tuple(datasets.SOURCES))
        options.add_argument("--all", action="store_true", help="train on all 60,000 images")
        options.add_argument("--digit", type=int, metavar="K", help="train on one class only")
        options.add_argument("--epochs", type=float, default=20)
        options.add_argument("--steps", type=int, help="length in steps instead of epochs")
        options.add_argument("--batch", type=int, default=256)
        options.add_argument("--lr", type=float, default=1e-3, help="highest learning rate of Adam")
        options.add_argument("--seed", type=int, default=0)
        options.add_argument("--threads", type=int, help="CPU threads (default: torch's)")
        options.add_argument("--home", action="store_true", help="show this model on the home page")
        options.add_argument("--out", type=Path, required=True, help="checkpoint, without suffix")
    given = sys.argv[1:] if arguments is None else arguments
    args = parser.parse_args(given)
    if args.threads:
        torch.set_num_threads(args.threads)
    model_class = MODELS[args.variant]
    try:
        names = [field.name for field in fields(model_class.Config)]
        config = model_class.Config.from_dict({name: getattr(args, name) for name in names})
        dataset = datasets.load(args.data)
    except (ValueError, datasets.DataError) as error:
        parser.error(str(error))
    images, labels = dataset.train_images, dataset.train_labels
    start = len(images) - dataset.held_out
    held_out, held_out_labels = images[start:], labels[start:]
    if not args.all:
        images, labels = images[:start], labels[:start]
    if args.digit is not None:
        images, held_out = images[labels == args.digit], held_out[held_out_labels == args.digit]
        held_out_labels = held_out_labels[held_out_labels == args.digit]
        labels = labels[labels == args.digit]
        if len(images) == 0:
            parser.error(f"There is no class {args.digit} in {dataset.title}.")

    device = optim.pick_device()
    world = {"shape": dataset.shape, "classes": len(dataset.classes)}
    model = optim.build(model_class, config, args.seed, **world).to(device)
    per_epoch = math.ceil(len(images) / args.batch)
    steps = math.ceil(args.epochs * per_epoch) if args.steps is None else args.steps
    if steps < 1:
        parser.error("A run needs at least one step.")
    start = time.perf_counter()
    due, recent, fallen = set(points(steps)), [], {}
    for step in fit(
        model, images, steps=steps, batch=args.batch, lr=args.lr, seed=args.seed, labels=labels
    ):
        recent.append(step.loss)
        if step.step in due:
            fallen[step.step] = objective.mean_terms(recent)
            recent.clear()
        if step.step % per_epoch == 0 or step.step == steps:
            parts = [f"train {step.loss.total.item():.3f}"]
            if not args.all and len(held_out):
                parts.append(
                    f"validation {objective.validate(model, held_out, held_out_labels).total:.3f}"
                )
            print(
                f"epoch {step.epoch:.0f}  {', '.join(parts)} {model.unit}"
                f"  {time.perf_counter() - start:.0f} s",
                flush=True,
            )
    checkpoint.round_weights(model)
    model = model.cpu().eval()
    if args.digit is None:
        figures = evaluate.figures(model, dataset)
    else:
        figures = evaluate.one_class(model, dataset, args.digit)
    card = Card(
        variant=args.variant,
        config=config,
        data=args.data,
        **world,
        trained_on=len(images),
        digit=args.digit,
        seed=args.seed,
        steps=steps,
        batch=args.batch,
        lr=args.lr,
        command="python -m aeviz train " + shlex.join(given),
        device=device.type,
        figures=evaluate.values(figures),
        errors=evaluate.standard_errors(figures),
        curve=Curve(
            steps=list(fallen),
            terms={name: [terms[name] for terms in fallen.values()] for name in fallen[steps]},
        ),
        home=args.home,
    )
    path = checkpoint.save(model, args.out, card=card)
    print(path)
    for name, value in figures.items():
        print(f"  {name}: {value.text('.5g')}")
