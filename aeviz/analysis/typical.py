"""Which images are typical of their class: those near its mean image, not the fallen ones."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from aeviz.data.datasets import Dataset, to_float

SHARE = 0.25
"""Of each class, the nearest to its mean image."""


@lru_cache(8)
def distances(dataset: Dataset) -> np.ndarray:
    """How far each test image is from the mean test image of its class (N,)."""
    images, labels = dataset.test_images, dataset.test_labels
    found = np.zeros(len(images), np.float32)
    for label in np.unique(labels):
        of_class = labels == label
        pixels = to_float(images[of_class]).reshape(of_class.sum(), -1)
        found[of_class] = np.linalg.norm(pixels - pixels.mean(0), axis=1)
    return found


@lru_cache(8)
def typical(dataset: Dataset) -> np.ndarray:
    """Which test images are typical (N,) bool: a share of each class, at least one."""
    found, far = np.zeros(len(dataset.test_labels), bool), distances(dataset)
    for label in np.unique(dataset.test_labels):
        of_class = np.flatnonzero(dataset.test_labels == label)
        nearest = of_class[far[of_class].argsort(kind="stable")]
        found[nearest[: max(1, round(SHARE * len(nearest)))]] = True
    return found


def most_typical(dataset: Dataset, label: int) -> int:
    """Index of the test image that is nearest to the mean image of its class."""
    of_class = np.flatnonzero(dataset.test_labels == label)
    return int(of_class[distances(dataset)[of_class].argmin()]) if len(of_class) else 0
