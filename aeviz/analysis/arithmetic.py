"""Codes as vectors: class means added and subtracted, and a hand carried over to other digits.

Sources: Mikolov et al. 2013, arXiv:1301.3781, for words; Radford et al. 2016, arXiv:1511.06434,
section 6.3.2, for images; Kingma et al. 2014, arXiv:1406.5298, figure 1, for styles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from aeviz.analysis import classifier, estimate
from aeviz.analysis.estimate import Estimate
from aeviz.models import apply
from aeviz.models.base import Autoencoder

SURE = 0.9
"""The classifier reads an image as a digit where it gives one more than this probability."""


@dataclass(frozen=True)
class Term:
    """A class mean that is added (sign 1) or subtracted (sign -1)."""

    sign: int
    label: int


def means(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean code of each class (C, D); of codes (N, D) with labels (N,)."""
    return np.stack([codes[labels == label].mean(0) for label in range(int(labels.max()) + 1)])


def sums(of_class: np.ndarray, terms: Sequence[Term]) -> np.ndarray:
    """The codes (K, D) after the first term, the first two, and so on.

    Args:
        of_class: mean code of each class, (C, D).
    """
    signed = [term.sign * of_class[term.label] for term in terms]
    return np.cumsum(signed, axis=0).astype(np.float32)


def triples(classes: int) -> np.ndarray:
    """All a, b, c of different classes for a - b + c, (T, 3); a + c is c + a, so a < c."""
    return np.array([(a, b, c) for a, b, c in permutations(range(classes), 3) if a < c])


def jackknife(statistic: Callable[[np.ndarray], float], of: np.ndarray) -> Estimate:
    """A figure over triples (T, 3) that share their classes, each class left out once.

    Args:
        statistic: takes which of the triples count, (T,) bool.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, eq. 11.5.
    """
    classes = np.unique(of)
    without = np.array([statistic((of != label).all(1)) for label in classes])
    n = len(classes)
    error = np.sqrt((n - 1) / n * np.square(without - without.mean()).sum())
    return Estimate(statistic(np.ones(len(of), bool)), float(error))


@dataclass(frozen=True)
class Landing:
    """How codes of one kind do: the share that is read as a digit, and how far real codes are.

    read: with more than `SURE`, None where the classifier does not know the classes; away: median
    distance to the nearest real code, in the unit that was given.
    """

    read: Estimate | None
    away: Estimate


def median(values: np.ndarray) -> Estimate:
    """The median of (N,), its error by the bootstrap."""
    return estimate.bootstrap(lambda some: float(np.median(some)), values)


def is_read(images: np.ndarray) -> np.ndarray:
    """Which images (N, 28, 28) the classifier reads as some digit, (N,) bool."""
    return np.exp(classifier.log_probabilities(images).max(1)) > SURE


def carried(model: Autoencoder, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Each image (N, H, W) in its hand as every class: (N, C, H, W).

    It is encoded with its label (N,), and its code is decoded with each of the C labels.
    """
    codes, classes = apply.encode(model, images, labels), model.classes
    found = apply.decode(model, codes.repeat(classes, 0), np.tile(np.arange(classes), len(codes)))
    return found.reshape(len(images), classes, *found.shape[1:])


def read_as_asked(images: np.ndarray) -> Estimate:
    """In how many of (N, C, H, W) the classifier reads class C; images of one hand go together."""
    n, classes = images.shape[:2]
    read = classifier.log_probabilities(images.reshape(-1, *images.shape[2:])).argmax(1)
    return estimate.mean((read.reshape(n, classes) == np.arange(classes)).mean(1))
