"""Principal components: the best linear code, to compare with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from aeviz.data import datasets


@dataclass(frozen=True)
class PCA:
    """Principal components fitted to training images: the best linear code of a width.

    mean: (P,); components: (D, P), orthonormal rows; shape: of an image, of P pixels.
    """

    mean: np.ndarray
    components: np.ndarray
    shape: tuple[int, ...]

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Codes (N, D) of images (N, H, W)."""
        return (datasets.to_float(images).reshape(len(images), -1) - self.mean) @ self.components.T

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Images (N, H, W), not clipped."""
        return (codes @ self.components + self.mean).reshape(-1, *self.shape)

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Images (N, H, W) through both, clipped to [0, 1] as pixels are."""
        return np.clip(self.decode(self.encode(images)), 0, 1)


def _axes(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (P,) of images (N, ...) of P pixels and all principal axes (P, P), the widest first."""
    pixels = math.prod(images.shape[1:])
    mean, scatter = np.zeros(pixels), np.zeros((pixels, pixels))
    for start in range(0, len(images), 10_000):
        x = datasets.to_float(images[start : start + 10_000]).reshape(-1, pixels)
        mean += x.sum(0, dtype=np.float64)
        scatter += x.T @ x
    mean /= len(images)
    covariance = scatter / len(images) - np.outer(mean, mean)
    axes = np.linalg.eigh(covariance).eigenvectors[:, ::-1].T
    return mean.astype(np.float32), np.ascontiguousarray(axes, np.float32)


@lru_cache(8)
def _principal_axes(dataset: datasets.Dataset) -> tuple[np.ndarray, np.ndarray]:
    return _axes(dataset.train_images)


def fit(images: np.ndarray, dimensions: int) -> PCA:
    """PCA of some images (N, ...) at a code width."""
    mean, axes = _axes(images)
    return PCA(mean, np.ascontiguousarray(axes[:dimensions]), images.shape[1:])


def pca(dataset: datasets.Dataset, dimensions: int) -> PCA:
    """PCA of a data set's training images at a code width; the axes are computed once.

    Source: Pearson 1901; that it is the optimal linear autoencoder: Baldi & Hornik 1989.
    """
    mean, axes = _principal_axes(dataset)
    return PCA(mean, axes[:dimensions], dataset.train_images.shape[1:])


@lru_cache(64)
def levels(dataset: datasets.Dataset, dimensions: int) -> dict[str, float]:
    """What a squared error means: that of the mean image and of PCA at a code width, by name.

    Summed over the pixels of a test image and averaged over all of them, as a loss is.
    """
    names = {"mean image": 0}
    if dimensions < math.prod(dataset.test_images.shape[1:]):  # else it leaves nothing
        names[f"PCA, {dimensions:,} component{'s' * (dimensions != 1)}"] = dimensions
    return {name: _squared_error(dataset, width) for name, width in names.items()}


def _squared_error(dataset: datasets.Dataset, dimensions: int) -> float:
    parts, fitted = np.array_split(dataset.test_images, 10), pca(dataset, dimensions)
    total = sum(
        float(np.square(datasets.to_float(part) - fitted.reconstruct(part)).sum(dtype=np.float64))
        for part in parts
    )
    return total / len(dataset.test_images)
