"""Learning from a few labelled images: a regression on codes, or an encoder with a head."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from aeviz.analysis import probe
from aeviz.data import datasets
from aeviz.models import apply, objective, optim
from aeviz.models.base import Autoencoder

BATCH = 128


def draw(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Which images get a label: equally many of each class, in a random order; or all there are.

    Raises:
        ValueError: the count is no multiple of the classes, or a class has too few.
    """
    if count >= len(labels):
        return np.arange(len(labels))
    classes = np.unique(labels)
    each, left = divmod(count, len(classes))
    if left or each > np.bincount(labels)[classes].min():
        raise ValueError(f"{count} labels cannot be shared evenly by {len(classes)} classes.")
    rng = np.random.default_rng(seed)
    some = [rng.choice(np.flatnonzero(labels == k), each, replace=False) for k in classes]
    return rng.permutation(np.concatenate(some))


@dataclass(frozen=True)
class Features:
    """Inputs (N, F) of a linear classifier: of training images and of those to classify."""

    train: np.ndarray
    queries: np.ndarray


def scale(values: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread (D,) of codes or pixels (N, D), by which they are standardised.

    Args:
        floor: a dimension counts as spread at least this share of the widest one: what a
            variational model let collapse would else be noise as loud as all the rest. With 1
            all are divided by the same number.
    """
    spread = values.std(0)
    return values.mean(0), np.maximum(spread, max(floor * float(spread.max()), 1e-6))


def standardised(
    train: np.ndarray, queries: np.ndarray, floor: float, first: int | None = None
) -> Features:
    """Codes or pixels with mean 0 and variance 1 over the first training images; see `scale`."""
    mean, spread = scale(train[:first], floor)
    return Features((train - mean) / spread, (queries - mean) / spread)


def regress(
    features: np.ndarray, labels: np.ndarray, queries: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logistic regression: classes of queries (Q,), weights (10, F) and biases (10,)."""
    found = probe.regression(strength).fit(features.astype(np.float64), labels)
    return found.predict(queries), found.coef_, found.intercept_


class Classifier(nn.Module):
    """An encoder and a linear layer that reads ten classes from its code.

    The code is standardised in between where a scale is given. A network from scratch needs none:
    the code of fresh weights hardly varies, and dividing by that would multiply by hundreds what
    the usual start of the weights (torch's, LeCun et al. 1998, section 4.6) is made for.
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self,
        model: Autoencoder,
        scale: tuple[np.ndarray, np.ndarray] | None = None,
        seed: int = 0,
    ) -> None:
        """Copy the model.

        Args:
            scale: mean and spread (D,) of the codes of a pretrained encoder.
        """
        super().__init__()
        mean, spread = scale or (np.zeros(model.code_dim), np.ones(model.code_dim))
        self.encoder = copy.deepcopy(model)
        self.register_buffer("mean", torch.from_numpy(mean).float())
        self.register_buffer("spread", torch.from_numpy(spread).float())
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.head = nn.Linear(model.code_dim, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, 10) of images (B, 1, 28, 28) in [0, 1]."""
        return self.head((self.encoder.encode(x) - self.mean) / self.spread)

    def start_as(self, weights: np.ndarray, biases: np.ndarray) -> None:
        """Give the linear layer the weights (10, D) and biases (10,) of a regression."""
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(weights))
            self.head.bias.copy_(torch.from_numpy(biases))

    @torch.no_grad()
    def predict(self, images: np.ndarray) -> np.ndarray:
        """Classes (N,) of images (N, 28, 28)."""
        self.eval()
        parts = np.array_split(images, max(len(images) // apply.BATCH, 1))
        x = (torch.from_numpy(datasets.to_float(part))[:, None] for part in parts)
        return np.concatenate([self(part).argmax(1).numpy() for part in x])


def reaches_encoder(model: Autoencoder) -> bool:
    """Whether a gradient flows from the code into the encoder, which fine-tuning needs."""
    return bool(model.encode(torch.zeros(2, 1, 28, 28, device=model.device)).requires_grad)


def teach(
    classifier: Classifier,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    lr: float,
    steps: int,
    seed: int,
) -> None:
    """Minimise the cross-entropy of labelled images (N, 28, 28) uint8, (N,), by Adam.

    The learning rate warms up and falls to zero as in `train.fit`.
    """
    x, y = torch.from_numpy(np.array(images)), torch.from_numpy(labels.astype(np.int64))
    optimiser = optim.Adam([p for p in classifier.parameters() if p.requires_grad])
    batches = _batches(len(x), seed)
    noise = optim.Noise(seed, x.device)
    classifier.train()
    for step in range(steps):
        chosen = next(batches)
        with noise:
            logits = classifier(objective.pixels(x[chosen]))
        loss = nn.functional.cross_entropy(logits, y[chosen])
        optimiser.clear()
        loss.backward()
        optimiser.step(optim.learning_rate(step, steps, lr))


def _batches(size: int, seed: int) -> Iterator[Tensor]:
    order = np.random.default_rng(seed)
    while True:
        yield from torch.from_numpy(order.permutation(size)).split(BATCH)
