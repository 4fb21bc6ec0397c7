"""Learning from a few labelled images: a regression on codes, or an encoder with a head."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from aeviz.data import datasets
from aeviz.models import apply, objective, optim
from aeviz.models.base import Autoencoder

FLOOR = 0.1
"""A latent dimension counts as spread at least this share of the widest one: what a variational
model let collapse would else be noise as loud as all the rest."""
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


def standardised(
    train_codes: np.ndarray, queries: np.ndarray, first: int | None = None
) -> Features:
    """Codes with mean 0 and variance 1 over the first training images, labelled or not."""
    mean, spread = _scale(train_codes[:first])
    return Features((train_codes - mean) / spread, (queries - mean) / spread)


def _scale(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread (D,) of codes (N, D); see FLOOR."""
    spread = codes.std(0)
    return codes.mean(0), np.maximum(spread, max(FLOOR * float(spread.max()), 1e-6))


def regress(
    features: np.ndarray, labels: np.ndarray, queries: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logistic regression: classes of queries (Q,), weights (10, F) and biases (10,)."""
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(C=strength, tol=1e-3, max_iter=5000).fit(features, labels)
    return found.predict(queries), found.coef_, found.intercept_


class Classifier(nn.Module):
    """An encoder, its codes standardised, and a linear layer that reads ten classes from them."""

    mean: Tensor
    spread: Tensor

    def __init__(self, model: Autoencoder, images: np.ndarray, seed: int = 0) -> None:
        """Copy the model; the images (N, 28, 28) say how its codes are standardised."""
        super().__init__()
        mean, spread = _scale(apply.encode(model, images))
        self.encoder = copy.deepcopy(model)
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("spread", torch.from_numpy(spread))
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.head = nn.Linear(len(mean), 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, 10) of images (B, 1, 28, 28) in [0, 1]."""
        return self.head((self.encoder.encode(x) - self.mean) / self.spread)

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
