"""Which recipes compete, chosen without test images: `python -m benchmarks.choices`.

Pretrained models were trained on all 60,000 training digits, so that none of those can choose
among them. Here their recipes are trained anew, for equally long, on the first 50,000 digits, and
measured on the last 10,000. results/choices.json keeps what was found, quality.md shows it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from aeviz.analysis import errors, estimate, neighbours
from aeviz.analysis.estimate import Estimate
from aeviz.data import datasets
from aeviz.models import apply, checkpoint, objective, optim
from aeviz.models.base import Autoencoder
from aeviz.models.zoo import MODELS
from aeviz.training import loop
from benchmarks import machine

KEPT = machine.RESULTS / "choices.json"
SEED = 0


@dataclass(frozen=True)
class Candidate:
    """The recipe of a pretrained model, with some settings or its length changed."""

    name: str
    """Of the pretrained model."""
    settings: dict[str, Any] = field(default_factory=dict)
    epochs: int | None = None
    """Where the length is what is chosen."""

    @property
    def title(self) -> str:
        """The model and what differs from it."""
        changed = [f"{key.replace('_', ' ')} {value}" for key, value in self.settings.items()]
        changed += [f"{self.epochs} epochs"] if self.epochs else []
        return ", ".join([f"`{self.name}`", *changed])


@dataclass(frozen=True)
class Choice:
    """What is chosen, by which figure, among which recipes."""

    what: str
    figures: tuple[str, ...]
    """Keys of `FIGURES`; the first one decides."""
    candidates: tuple[Candidate, ...]
    epochs: int


FIGURES = {
    "mse": ("MSE", ".5f", False),
    "neighbour_accuracy": ("5-NN", ".4f", True),
    "loss": ("negative ELBO, nats", ".2f", False),
}
"""Title, format, and whether more is better."""

CHOICES = (
    Choice(
        "two dimensions",
        ("mse", "neighbour_accuracy"),
        tuple(map(Candidate, ("vanilla-2d", "denoising-2d", "denoising-2d-masking"))),
        30,
    ),
    Choice(
        "32 dimensions",
        ("mse", "neighbour_accuracy"),
        tuple(map(Candidate, ("vanilla-32d", "convolutional-32d"))),
        10,
    ),
    Choice(
        "variational, two dimensions, grey pixels",
        ("loss",),
        tuple(map(Candidate, ("variational-2d", "convolutional_variational-2d"))),
        10,
    ),
    Choice(
        "activation of `convolutional-2d`",
        ("mse",),
        (Candidate("convolutional-2d"), Candidate("convolutional-2d", {"activation": "silu"})),
        8,
    ),
    Choice(
        "noise of `denoising-2d`",
        ("mse", "neighbour_accuracy"),
        (Candidate("denoising-2d"), Candidate("denoising-2d", {"level": 0.5})),
        15,
    ),
    Choice(
        "length of `vanilla-2d`",
        ("mse",),
        (Candidate("vanilla-2d", epochs=20), Candidate("vanilla-2d", epochs=40)),
        40,
    ),
)


def split(dataset: datasets.Dataset) -> datasets.Dataset:
    """A data set whose test images are those training images that it holds out."""
    start = len(dataset.train_images) - dataset.held_out
    return replace(
        dataset,
        train_images=dataset.train_images[:start],
        train_labels=dataset.train_labels[:start],
        test_images=dataset.train_images[start:],
        test_labels=dataset.train_labels[start:],
    )


def train(candidate: Candidate, epochs: int, dataset: datasets.Dataset) -> Autoencoder:
    """The recipe trained on the training images of a data set."""
    card = checkpoint.pretrained()[candidate.name]
    settings = card.config.to_dict() | candidate.settings
    model_class = MODELS[card.variant]
    model = optim.build(model_class, model_class.Config.from_dict(settings), SEED)
    for _ in loop.fit(
        model,
        dataset.train_images,
        steps=epochs * -(-len(dataset.train_images) // card.batch),
        batch=card.batch,
        lr=card.lr,
        seed=SEED,
        labels=dataset.train_labels,
    ):
        pass
    return model.eval()


BATCH = 100
"""Images of which a loss is known together."""


def each(name: str, model: Autoencoder, dataset: datasets.Dataset) -> np.ndarray:
    """A figure for each test image (N,), or for each hundred of them, in their order."""
    images, labels = dataset.test_images, dataset.test_labels
    if name == "mse":
        return errors.mse(images, apply.reconstruct(model, images))
    if name == "neighbour_accuracy":
        near = neighbours.nearest(
            apply.encode(model, dataset.train_images), apply.encode(model, images), 5
        )[1]
        return _vote(dataset.train_labels[near]) == labels
    return np.array(
        [
            objective.validate(model, images[start : start + BATCH], seed=start).total.item()
            for start in range(0, len(images), BATCH)
        ]
    )


def _vote(labels: np.ndarray) -> np.ndarray:
    """The commonest label of each row (N, K); of equally common ones the lowest."""
    return np.array([np.bincount(row).argmax() for row in labels])


def choose(choice: Choice, dataset: datasets.Dataset) -> dict[str, Any]:
    """Figures and errors of each candidate, and how far it is from the best, pair by pair."""
    models = [train(one, one.epochs or choice.epochs, dataset) for one in choice.candidates]
    found: dict[str, Any] = {}
    for name in choice.figures:
        values = [each(name, model, dataset) for model in models]
        means = [value.mean() for value in values]
        best = int(np.argmax(means) if FIGURES[name][2] else np.argmin(means))
        found[name] = [
            {"figure": vars(estimate.mean(value)), "behind": vars(behind(value, values[best]))}
            for value in values
        ]
    return {"epochs": choice.epochs, "figures": found}


def behind(values: np.ndarray, best: np.ndarray) -> Estimate:
    """Difference to the best on the same images (N,); none for the best itself."""
    return estimate.mean(np.asarray(values, float) - np.asarray(best, float))


def key(choice: Choice) -> str:
    """What a choice depends on: kept results of another key are measured again."""
    return repr((choice, SEED))


def kept() -> dict[str, Any]:
    """What was found, by what is chosen."""
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}


def best(what: str, figure: str, found: dict[str, Any]) -> str | None:
    """The pretrained model whose recipe a choice takes, by one of its figures; None before it."""
    choice = next(choice for choice in CHOICES if choice.what == what)
    if found.get(what, {}).get("key") != key(choice):
        return None
    values = [one["figure"]["value"] for one in found[what]["figures"][figure]]
    k = int(np.argmax(values) if FIGURES[figure][2] else np.argmin(values))
    return choice.candidates[k].name


def lines(found: dict[str, Any]) -> Iterator[list[str]]:
    """A line of the table for each candidate of each choice, one for a choice not made yet."""
    for choice in CHOICES:
        if found.get(choice.what, {}).get("key") != key(choice):
            names = " or ".join(one.title for one in choice.candidates)
            yield [choice.what, names, str(choice.epochs), "not made yet"]
            continue
        figures = found[choice.what]["figures"]
        for k, one in enumerate(choice.candidates):
            cells = []
            for name in choice.figures:
                title, how, _ = FIGURES[name]
                figure, away = (Estimate(**figures[name][k][part]) for part in ("figure", "behind"))
                best = not away.value and not away.error
                cells.append(
                    f"{title} {figure.text(how)}"
                    + (" (best)" if best else f" (behind by {_size(away).text(how)})")
                )
            yield [choice.what, one.title, str(one.epochs or choice.epochs), "; ".join(cells)]


def _size(away: Estimate) -> Estimate:
    return Estimate(abs(away.value), away.error)


def table() -> str:
    """All choices as markdown."""
    return machine.table(
        ("what", "recipe", "epochs", "on the last 10,000 training digits"), list(lines(kept()))
    )


def main() -> None:
    """Train and measure what is missing, and keep it after each choice."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.choices", description=__doc__)
    parser.add_argument("--only", type=int, choices=range(len(CHOICES)), help="this one")
    args = parser.parse_args()
    torch.set_num_threads(1)
    dataset = split(datasets.load("mnist"))
    for choice in CHOICES if args.only is None else [CHOICES[args.only]]:
        if kept().get(choice.what, {}).get("key") != key(choice):
            found = {"key": key(choice), **choose(choice, dataset)}
            everything = {**kept(), choice.what: found}
            KEPT.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")
            print(choice.what, flush=True)
    print(table())


if __name__ == "__main__":
    main()
