"""Which codes and images are near each other."""

from __future__ import annotations

import numpy as np

from aeviz.data import datasets
from aeviz.models import apply


def nearest(codes: np.ndarray, queries: np.ndarray, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest codes of each query, exactly: distances (Q, k), nearest first, and indices.

    Args:
        codes: (N, D).
        queries: (Q, D).
    """
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=k).fit(codes).kneighbors(queries)


def gaps(codes: np.ndarray) -> np.ndarray:
    """Distance (N,) from each code (N, D) to its nearest other one."""
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=1).fit(codes).kneighbors()[0][:, 0]


def typical_gap(codes: np.ndarray, quantile: float = 0.9) -> float:
    """A quantile of the gaps; the highest ones belong to outliers and say little of the rest."""
    return float(np.quantile(gaps(codes), quantile))


def nearest_images(images: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest image of each query in pixel space: Euclidean distances (Q,) and indices (Q,).

    Args:
        images: (N, H, W), uint8 or float in [0, 1].
        queries: (Q, H, W), likewise.
    """
    from threadpoolctl import threadpool_limits

    q = datasets.to_float(queries).reshape(len(queries), -1)
    best = np.full(len(q), np.inf, np.float32)
    index = np.zeros(len(q), np.int64)
    rows = np.arange(len(q))
    with threadpool_limits(1, "blas"):  # its threads would fight with torch's for the same cores
        for start in range(
            0, len(images), apply.BATCH
        ):  # 60,000 images at once take 190 MB as floats
            x = datasets.to_float(images[start : start + apply.BATCH]).reshape(-1, q.shape[1])
            squared = np.square(x).sum(1) - 2 * q @ x.T  # |q|^2 is added below, once
            here = squared.argmin(1)
            closer = squared[rows, here] < best
            best[closer], index[closer] = squared[rows, here][closer], start + here[closer]
    return np.sqrt(np.maximum(best + np.square(q).sum(1), 0)), index


def neighbour_accuracy(
    train_codes: np.ndarray,
    train_labels: np.ndarray,
    test_codes: np.ndarray,
    test_labels: np.ndarray,
    k: int = 5,
) -> float:
    """Accuracy of k nearest neighbours in code space; labels are used only to vote."""
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(k).fit(train_codes, train_labels)
    return float(classifier.score(test_codes, test_labels))
