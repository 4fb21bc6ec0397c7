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


def nearest_images(images: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest image of each query in pixel space: Euclidean distances (Q,) and indices (Q,).

    Args:
        images: (N, H, W), uint8 or float in [0, 1].
        queries: (Q, H, W), likewise.
    """
    return _nearest(images, datasets.to_float(queries).reshape(len(queries), -1))


def _nearest(known: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of many wide things (N, ...) to queries (Q, D): distances (Q,), indices (Q,)."""
    from threadpoolctl import threadpool_limits

    best = np.full(len(q), np.inf, np.float32)
    index = np.zeros(len(q), np.int64)
    rows = np.arange(len(q))
    with threadpool_limits(1, "blas"):  # its threads would fight with torch's for the same cores
        for start in range(
            0, len(known), apply.BATCH
        ):  # 60,000 images at once take 190 MB as floats
            x = datasets.to_float(known[start : start + apply.BATCH]).reshape(-1, q.shape[1])
            squared = np.square(x).sum(1) - 2 * q @ x.T  # |q|^2 is added below, once
            here = squared.argmin(1)
            closer = squared[rows, here] < best
            best[closer], index[closer] = squared[rows, here][closer], start + here[closer]
    return np.sqrt(np.maximum(best + np.square(q).sum(1), 0)), index


NARROW = 8
"""In so many dimensions a search tree is quicker than looking at all codes."""


class Known:
    """Codes that distances are measured to, ready to be asked often.

    Args:
        codes: (N, D).
    """

    def __init__(self, codes: np.ndarray) -> None:
        from scipy.spatial import KDTree

        self.codes = codes
        self._tree = KDTree(codes) if codes.shape[1] <= NARROW else None

    def away(self, queries: np.ndarray) -> np.ndarray:
        """Distance (Q,) of each query (Q, D) to the nearest of the codes."""
        if self._tree is not None:
            return self._tree.query(queries)[0]
        nearest = self.codes[_nearest(self.codes, np.asarray(queries, np.float32))[1]]
        return np.linalg.norm(queries - nearest, axis=1)


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
