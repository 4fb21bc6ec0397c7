"""Small changes of an image, by degrees: shifted, turned, thicker or thinner, noisy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from aeviz.data import corruption

CROSS = ndimage.generate_binary_structure(2, 1)
"""A pixel and the four beside it."""


def shift(image: np.ndarray, pixels: float) -> np.ndarray:
    """Images (..., H, W) moved to the right; what leaves them is lost, and black follows.

    A part of a pixel mixes two neighbours (linear interpolation).
    """
    return ndimage.shift(image, (0,) * (image.ndim - 1) + (pixels,), order=1)


def rotate(image: np.ndarray, degrees: float) -> np.ndarray:
    """Images (..., H, W) turned anticlockwise around their middle, with linear interpolation."""
    return ndimage.rotate(image, degrees, axes=(-1, -2), reshape=False, order=1)


def thicken(image: np.ndarray, pixels: float) -> np.ndarray:
    """Images (..., H, W) whose strokes are wider by so many pixels at each side, or thinner.

    Grey dilation or erosion by a cross, once for each pixel; between whole numbers the two
    results are mixed.

    Source: Serra 1982, Image Analysis and Mathematical Morphology, chapter XII.
    """
    grow = ndimage.grey_dilation if pixels > 0 else ndimage.grey_erosion
    whole = int(abs(pixels))
    cross = CROSS.reshape((1,) * (image.ndim - 2) + CROSS.shape)
    for _ in range(whole):
        image = grow(image, footprint=cross)
    part = np.float32(abs(pixels) - whole)
    return (1 - part) * image + part * grow(image, footprint=cross)


def noise(image: np.ndarray, sigma: float) -> np.ndarray:
    """Images (..., H, W) with Gaussian noise, clipped to [0, 1]; always the same, only stronger.

    Each of several has noise of its own, the first of them that which it would have alone.
    """
    return corruption.noisy(image, sigma, seed=0)


@dataclass(frozen=True)
class Kind:
    """A way to change an image by degrees. Strength 0 leaves it as it is.

    label: what the strength is called, with its unit; start: a strength to begin with;
    apply: images (..., H, W) and a strength.
    """

    title: str
    label: str
    low: float
    high: float
    step: float
    start: float
    apply: Callable[[np.ndarray, float], np.ndarray]

    @property
    def strengths(self) -> np.ndarray:
        """All strengths (K,) from low to high; 0 is one of them."""
        return self.step * np.arange(round(self.low / self.step), round(self.high / self.step) + 1)

    def along(self, image: np.ndarray) -> np.ndarray:
        """An image (H, W) in [0, 1] at each of the strengths, (K, H, W)."""
        changed = [self.apply(image, float(strength)) for strength in self.strengths]
        return np.stack(changed).astype(np.float32)


KINDS = {
    "shift": Kind("Shift", "Shift to the right, pixels", -6.0, 6.0, 0.5, 2.0, shift),
    "rotate": Kind("Rotate", "Turn anticlockwise, degrees", -180.0, 180.0, 15.0, 30.0, rotate),
    "thicken": Kind(
        "Thicken or thin", "Strokes wider at each side, pixels", -1.0, 2.0, 0.125, 1.0, thicken
    ),
    "noise": Kind("Noise", "Noise: standard deviation", 0.0, 1.2, 0.05, 0.3, noise),
}
