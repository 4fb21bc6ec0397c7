"""How good a model is: errors, likelihood, neighbours, and PCA for comparison.

`python -m aeviz.evaluate checkpoints/<name>` prints the figures of a checkpoint on its test images.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cache

import numpy as np

from aeviz import data, latent, train
from aeviz.model import Autoencoder

EPSILON = 1e-6
"""Reconstructions are kept this far from 0 and 1 before a logarithm is taken."""


def mse(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Mean squared error per image (N,), of pixels in [0, 1]."""
    error = latent.to_float(images) - latent.to_float(reconstructions)
    return np.square(error).mean((1, 2))


def bce(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Binary cross-entropy per image (N,), nats per pixel."""
    x = latent.to_float(images)
    p = np.clip(latent.to_float(reconstructions), EPSILON, 1 - EPSILON)
    return -(x * np.log(p) + (1 - x) * np.log1p(-p)).mean((1, 2))


def psnr(mean_squared_error: np.ndarray | float) -> np.ndarray:
    """Peak signal-to-noise ratio in dB for a peak of 1; infinite for a perfect copy."""
    with np.errstate(divide="ignore"):
        return -10 * np.log10(mean_squared_error)


@dataclass(frozen=True)
class Errors:
    """How far copies are from their originals, per image.

    mse: (N,), of pixels in [0, 1]; bce: (N,), nats per pixel.
    """

    mse: np.ndarray
    bce: np.ndarray

    @property
    def psnr(self) -> np.ndarray:
        """Peak signal-to-noise ratio per image (N,), dB."""
        return psnr(self.mse)

    @property
    def overall(self) -> dict[str, float]:
        """Means over all images of mse and bce; psnr of the mean mse, as in the literature."""
        mean = self.mse.mean(dtype=np.float64)
        bce = self.bce.mean(dtype=np.float64)
        return {"mse": float(mean), "bce": float(bce), "psnr": float(psnr(mean))}


def compare(images: np.ndarray, copies: np.ndarray) -> Errors:
    """Errors of copies (N, 28, 28) against images (N, 28, 28), uint8 or float in [0, 1]."""
    return Errors(mse(images, copies), bce(images, copies))


def noisy(images: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """Images (..., 28, 28) with Gaussian noise, clipped to [0, 1]; the same noise for a seed.

    Args:
        sigma: standard deviation before clipping; pixels are in [0, 1].
    """
    noise = np.random.default_rng(seed).standard_normal(images.shape, np.float32)
    return np.clip(latent.to_float(images) + np.float32(sigma) * noise, 0, 1)


@dataclass(frozen=True)
class PCA:
    """Principal components fitted to training images: the best linear code of a width.

    mean: (784,); components: (D, 784), orthonormal rows.
    """

    mean: np.ndarray
    components: np.ndarray

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Codes (N, D) of images (N, 28, 28)."""
        return (latent.to_float(images).reshape(len(images), -1) - self.mean) @ self.components.T

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Images (N, 28, 28), not clipped."""
        return (codes @ self.components + self.mean).reshape(-1, 28, 28)

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Images (N, 28, 28) through both, clipped to [0, 1] as pixels are."""
        return np.clip(self.decode(self.encode(images)), 0, 1)


@cache
def _principal_axes(data_name: str) -> tuple[np.ndarray, np.ndarray]:
    images = data.load(data_name).train_images
    mean, scatter = np.zeros(784), np.zeros((784, 784))
    for start in range(0, len(images), 10_000):
        x = latent.to_float(images[start : start + 10_000]).reshape(-1, 784)
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


def figures(model: Autoencoder, dataset: data.Dataset) -> dict[str, float]:
    """The figures of a card, measured on the test images.

    mse, bce (nats per pixel), psnr (dB, of the mean MSE), pca mse (clipped, same code width),
    5-nn accuracy of the codes, and elbo (nats per image, one noise sample) where there is one.
    """
    images, labels = dataset.test_images, dataset.test_labels
    linear = pca(dataset.name, min(model.code_dim, 784))
    result = {
        **compare(images, latent.reconstruct(model, images, labels)).overall,
        "pca_mse_clipped": float(mse(images, linear.reconstruct(images)).mean(dtype=np.float64)),
        "neighbour_accuracy": neighbour_accuracy(
            latent.encode(model, dataset.train_images, dataset.train_labels),
            dataset.train_labels,
            latent.encode(model, images, labels),
            labels,
        ),
    }
    metrics = train.validate(model, images, labels).metrics
    if "elbo" in metrics:
        result["elbo"] = float(metrics["elbo"])
    return result


UNITS = {"bce": "nats per pixel", "psnr": "dB", "elbo": "nats per image"}


def main(arguments: list[str] | None = None) -> None:
    """Print the figures of a checkpoint on the test images of its data set."""
    from aeviz import checkpoint

    parser = argparse.ArgumentParser(prog="python -m aeviz.evaluate", description=main.__doc__)
    parser.add_argument("checkpoint", help="for example checkpoints/variational-2d")
    try:
        model = checkpoint.load(parser.parse_args(arguments).checkpoint)
        dataset = data.load(model.card.data)
    except (checkpoint.CheckpointError, data.DataError) as error:
        parser.error(str(error))
    count = len(dataset.test_images)
    print(f"{model.title}, {model.code_dim} numbers, {dataset.title}: {count} test images")
    print(f"made by: {model.card.command} (seed {model.card.seed})")
    for name, value in figures(model, dataset).items():
        print(f"{name:>20}  {value:.5f} {UNITS.get(name, '')}".rstrip())


if __name__ == "__main__":
    main()
