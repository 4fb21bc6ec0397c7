"""Principal components: the best linear code, to compare with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from aeviz.data import datasets


@dataclass(frozen=True)
class PCA:
    """Principal components fitted to training images: the best linear code of a width.

    mean: (784,); components: (D, 784), orthonormal rows.
    """

    mean: np.ndarray
    components: np.ndarray

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Codes (N, D) of images (N, H, W)."""
        return (datasets.to_float(images).reshape(len(images), -1) - self.mean) @ self.components.T

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Images (N, H, W), not clipped."""
        return (codes @ self.components + self.mean).reshape(-1, 28, 28)

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Images (N, H, W) through both, clipped to [0, 1] as pixels are."""
        return np.clip(self.decode(self.encode(images)), 0, 1)


@cache
def _principal_axes(data_name: str) -> tuple[np.ndarray, np.ndarray]:
    images = datasets.load(data_name).train_images
    mean, scatter = np.zeros(784), np.zeros((784, 784))
    for start in range(0, len(images), 10_000):
        x = datasets.to_float(images[start : start + 10_000]).reshape(-1, 784)
        mean += x.sum(0, dtype=np.float64)
        scatter += x.T @ x
    mean /= len(images)
    covariance = scatter / len(images) - np.outer(mean, mean)
    axes = np.linalg.eigh(covariance).eigenvectors[:, ::-1].T
    return mean.astype(np.float32), np.ascontiguousarray(axes, np.float32)


def pca(data_name: str, dimensions: int) -> PCA:
    """PCA of a data set's training images at a code width; the axes are computed once.

    Source: Pearson 1901; that it is the optimal linear autoencoder: Baldi & Hornik 1989.
    """
    mean, axes = _principal_axes(data_name)
    return PCA(mean, axes[:dimensions])
