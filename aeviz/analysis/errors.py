"""How far reconstructions are from their images: MSE, BCE, PSNR."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aeviz.analysis import estimate
from aeviz.analysis.estimate import Estimate
from aeviz.data import datasets

EPSILON = 1e-6
"""Reconstructions are kept this far from 0 and 1 before a logarithm is taken."""


def _pixels(images: np.ndarray) -> tuple[int, ...]:
    """All axes but the first."""
    return tuple(range(1, images.ndim))


def mse(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Mean squared error per image (N,), of pixels in [0, 1]."""
    error = datasets.to_float(images) - datasets.to_float(reconstructions)
    return np.square(error).mean(_pixels(error))


def bce(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Binary cross-entropy per image (N,), nats per pixel."""
    x = datasets.to_float(images)
    p = np.clip(datasets.to_float(reconstructions), EPSILON, 1 - EPSILON)
    return -(x * np.log(p) + (1 - x) * np.log1p(-p)).mean(_pixels(x))


def psnr(mean_squared_error: np.ndarray | float) -> np.ndarray:
    """Peak signal-to-noise ratio in dB for a peak of 1; infinite for a perfect reconstruction."""
    with np.errstate(divide="ignore"):
        return -10 * np.log10(mean_squared_error)


@dataclass(frozen=True)
class Errors:
    """How far reconstructions are from their images, per image.

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

    @property
    def estimates(self) -> dict[str, Estimate]:
        """The same with their standard errors."""
        mse = estimate.mean(self.mse)
        return {"mse": mse, "bce": estimate.mean(self.bce), "psnr": estimate.psnr(mse)}


def compare(images: np.ndarray, reconstructions: np.ndarray) -> Errors:
    """Errors of reconstructions against images, (N, H, W) each, uint8 or float in [0, 1]."""
    return Errors(mse(images, reconstructions), bce(images, reconstructions))
