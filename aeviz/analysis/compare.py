"""Models beside each other: which images, errors by class, neighbours, how far codes move."""

from __future__ import annotations

import math

import numpy as np

from aeviz.analysis import estimate
from aeviz.analysis.estimate import Estimate
from aeviz.data import datasets

# -- errors -----------------------------------------------------------------------------------


def by_class(errors: np.ndarray, labels: np.ndarray, classes: int) -> list[Estimate]:
    """Mean error of the images of each class; nan for a class without any.

    Args:
        errors: one per image, (N,).
        labels: (N,), from 0 to classes - 1.
    """
    nothing = Estimate(math.nan, math.nan)
    parts = (errors[labels == label] for label in range(classes))
    return [estimate.mean(part) if len(part) else nothing for part in parts]


def worst(errors: np.ndarray, n: int) -> np.ndarray:
    """Where the n largest errors are (n,), the largest first."""
    return errors.argsort(kind="stable")[::-1][:n]


def first_of_each(labels: np.ndarray) -> np.ndarray:
    """Where each class occurs first, the classes in their order."""
    return np.unique(labels, return_index=True)[1]


# -- neighbours -------------------------------------------------------------------------------

AT_ONCE = 200


def flat(images: np.ndarray) -> np.ndarray:
    """Images (N, 28, 28) as points (N, 784) of pixel space, float32 in [0, 1]."""
    return datasets.to_float(images).reshape(len(images), -1)


def same(images: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Which images (N, 28, 28) uint8 equal one image (28, 28) in [0, 1]: their indices.

    A test image is among the test images, and is no neighbour of its own.
    """
    pixels = np.round(image * 255).astype(np.uint8)
    return np.flatnonzero((images == pixels).all((1, 2)))


def neighbours(
    codes: np.ndarray, query: np.ndarray, k: int, without: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest codes (N, D) of one (D,): Euclidean distances (k,), nearest first, and indices.

    Exact, without a search tree: for one query, building it takes longer than looking at all.

    Args:
        without: indices that do not count.
    """
    distances = np.empty(len(codes), np.float32)
    for start in range(0, len(codes), AT_ONCE):  # in parts that stay in the processor's cache
        away = codes[start : start + AT_ONCE] - query
        distances[start : start + AT_ONCE] = np.sqrt(np.einsum("nd,nd->n", away, away))
    if without is not None:
        distances[without] = np.inf
    found = distances.argsort(kind="stable")[:k]
    return distances[found], found


def vote(labels: np.ndarray) -> tuple[int, int]:
    """The class that most of the labels (k,) name, and how many do; of equals the smaller one."""
    counts = np.bincount(labels)
    return int(counts.argmax()), int(counts.max())


# -- movement ---------------------------------------------------------------------------------

PAIRS = 10_000
"""Pairs of codes whose distance is measured: enough for one per cent."""


def typical_distance(codes: np.ndarray, seed: int = 0) -> Estimate:
    """Median distance between two different ones of codes (N, D), of 10,000 pairs drawn at random.

    A unit for movements: each code has a scale of its own, and in this unit they compare. Its
    error is that of the draw of the pairs.
    """
    draw = np.random.default_rng(seed)
    first = draw.integers(len(codes), size=PAIRS)
    second = (first + draw.integers(1, len(codes), size=PAIRS)) % len(codes)
    distances = [
        np.linalg.norm(codes[first[k : k + AT_ONCE]] - codes[second[k : k + AT_ONCE]], axis=1)
        for k in range(0, PAIRS, AT_ONCE)  # 10,000 codes of 1,024 dimensions are 40 MB
    ]
    return estimate.bootstrap(lambda x: float(np.median(x)), np.concatenate(distances))


def movement(codes: np.ndarray, start: np.ndarray, typical: float) -> np.ndarray:
    """How far codes (K, D) are from one (D,), or from as many, in typical distances, (K,).

    Without a unit. 0 everywhere for a model that gives all images the same code.
    """
    distances = np.linalg.norm(codes - start, axis=1)
    return distances / typical if typical > 0 else np.zeros(len(codes))


def mean_movement(codes: np.ndarray, start: np.ndarray, typical: Estimate) -> Estimate:
    """The mean of `movement` of codes (N, D) from where they started (N, D).

    Its error is that of the images and that of the typical distance, to first order.
    """
    found = estimate.mean(movement(codes, start, typical.value))
    if not found.value:
        return found
    relative = math.hypot(found.error / found.value, typical.error / typical.value)
    return Estimate(found.value, found.value * relative)
