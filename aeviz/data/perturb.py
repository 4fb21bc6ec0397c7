"""Small changes of a picture, by degrees: shifted, turned, thicker or thinner, noisy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from aeviz.data import corruption

CROSS = ndimage.generate_binary_structure(2, 1)
"""A pixel and the four beside it."""


def shift(picture: np.ndarray, pixels: float) -> np.ndarray:
    """A picture (28, 28) moved to the right; what leaves it is lost, and black follows.

    A part of a pixel mixes two neighbours (linear interpolation).
    """
    return ndimage.shift(picture, (0, pixels), order=1)


def rotate(picture: np.ndarray, degrees: float) -> np.ndarray:
    """A picture (28, 28) turned anticlockwise around its middle, with linear interpolation."""
    return ndimage.rotate(picture, degrees, reshape=False, order=1)


def thicken(picture: np.ndarray, pixels: float) -> np.ndarray:
    """A picture (28, 28) whose strokes are wider by so many pixels at each side, or thinner.

    Grey dilation or erosion by a cross, once for each pixel; between whole numbers the two
    results are mixed.

    Source: Serra 1982, Image Analysis and Mathematical Morphology, chapter XII.
    """
    grow = ndimage.grey_dilation if pixels > 0 else ndimage.grey_erosion
    whole = int(abs(pixels))
    for _ in range(whole):
        picture = grow(picture, footprint=CROSS)
    part = np.float32(abs(pixels) - whole)
    return (1 - part) * picture + part * grow(picture, footprint=CROSS)


def noise(picture: np.ndarray, sigma: float) -> np.ndarray:
    """A picture (28, 28) with Gaussian noise, clipped to [0, 1]; always the same, only stronger."""
    return corruption.noisy(picture, sigma, seed=0)


@dataclass(frozen=True)
class Kind:
    """A way to change a picture by degrees. Strength 0 leaves it as it is.

    label: what the strength is called, with its unit; start: a strength to begin with.
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

    def along(self, picture: np.ndarray) -> np.ndarray:
        """A picture (28, 28) in [0, 1] at each of the strengths, (K, 28, 28)."""
        changed = [self.apply(picture, float(strength)) for strength in self.strengths]
        return np.stack(changed).astype(np.float32)


KINDS = {
    "shift": Kind("Shift", "Shift to the right, pixels", -6.0, 6.0, 0.5, 2.0, shift),
    "rotate": Kind("Rotate", "Turn anticlockwise, degrees", -180.0, 180.0, 15.0, 30.0, rotate),
    "thicken": Kind(
        "Thicken or thin", "Strokes wider at each side, pixels", -1.0, 2.0, 0.125, 1.0, thicken
    ),
    "noise": Kind("Noise", "Noise: standard deviation", 0.0, 1.2, 0.05, 0.3, noise),
}
