"""Ways to corrupt images, by degrees: noise, masks, blur, low resolution, JPEG."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from aeviz.data import datasets


def noisy(images: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """Images (..., H, W) with Gaussian noise, clipped to [0, 1]; the same noise for a seed.

    Args:
        sigma: standard deviation before clipping; pixels are in [0, 1].
    """
    noise = np.random.default_rng(seed).standard_normal(images.shape, np.float32)
    return np.clip(datasets.to_float(images) + np.float32(sigma) * noise, 0, 1)


@dataclass(frozen=True)
class Corruption:
    """A way to corrupt images that has one strength.

    strength: what it is called, with its unit; low, high, step, start: of its slider.
    curve: strengths to measure at, from weak to strong; the first one changes nothing.
    corrupt: images (N, H, W) in [0, 1], strength and seed -> corrupted ones, clipped by `apply`.
    seeded: there is chance in it.
    """

    title: str
    strength: str
    low: float
    high: float
    step: float
    start: float
    curve: tuple[float, ...]
    help: str
    formula: str
    corrupt: Callable[[np.ndarray, float, int], np.ndarray]
    seeded: bool = True

    def apply(self, images: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
        """Images (..., H, W), uint8 or float in [0, 1], corrupted: float32 in [0, 1], same shape.

        The first of several is corrupted as it would be alone.
        """
        x = datasets.to_float(images)
        corrupted = self.corrupt(x.reshape(-1, *x.shape[-2:]), strength, seed)
        return np.clip(corrupted, 0, 1).astype(np.float32).reshape(x.shape)


def salt_and_pepper(x: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A share of the pixels set to black or white, each with the same chance.

    Source: Vincent et al. 2010, JMLR 11:3371, as in `aeviz.models.variants.denoising`.
    """
    chance, colour = np.moveaxis(
        np.random.default_rng(seed).random((*x.shape, 2), np.float32), -1, 0
    )
    return np.where(chance < share, colour < 0.5, x)


def masking(x: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A share of the pixels set to black.

    Source: Vincent et al. 2010, JMLR 11:3371, as in `aeviz.models.variants.denoising`.
    """
    return np.where(np.random.default_rng(seed).random(x.shape, np.float32) < share, 0, x)


def speckle(x: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """X (1 + sigma epsilon): noise that is as strong as the pixel is bright.

    Source: Lee 1980, IEEE Trans. PAMI 2:165, of multiplicative noise.
    """
    noise = np.random.default_rng(seed).standard_normal(x.shape, np.float32)
    return x * (1 + np.float32(sigma) * noise)


def blur(x: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    """Convolved with a Gaussian of that standard deviation in pixels, mirrored at the border."""
    return ndimage.gaussian_filter(x, (0, sigma, sigma))


def low_resolution(x: np.ndarray, factor: float, seed: int = 0) -> np.ndarray:
    """Squares of factor by factor pixels, from the top left, each set to its mean.

    Where a side is no multiple, the border is continued outwards to fill the last squares.
    """
    f = int(factor)
    height, width = x.shape[1:]
    whole = np.pad(x, ((0, 0), (0, -height % f), (0, -width % f)), "edge")
    means = whole.reshape(len(x), -(-height // f), f, -(-width // f), f).mean((2, 4))
    return means.repeat(f, 1).repeat(f, 2)[:, :height, :width]


def erase_block(x: np.ndarray, side: float, seed: int) -> np.ndarray:
    """A square of side by side pixels set to black, anywhere inside.

    Source: DeVries & Taylor 2017, arXiv:1708.04552, but never across the border.
    """
    chance = np.random.default_rng(seed).random((len(x), 2))
    rows, columns = (
        np.arange(size) - np.floor(chance[:, [axis]] * (size + 1 - min(side, size)))
        for axis, size in enumerate(x.shape[1:])
    )
    rows, columns = ((inside >= 0) & (inside < side) for inside in (rows, columns))
    return np.where(rows[:, :, None] & columns[:, None], 0, x)


def jpeg(x: np.ndarray, quality: float, seed: int = 0) -> np.ndarray:
    """Through a grey JPEG file of that quality and back; 100 is a grey level off at most, or two.

    Source: Wallace 1992, IEEE Trans. Consumer Electronics 38:xviii; quality as libjpeg has it.
    """
    pictures = np.empty_like(x)
    for picture, pixels in zip(pictures, np.round(x * 255).astype(np.uint8), strict=True):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=int(quality))
        picture[:] = np.asarray(Image.open(file, formats=["JPEG"]), np.float32) / 255
    return pictures


SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)

CORRUPTIONS = {
    "gaussian": Corruption(
        "Gaussian noise",
        "standard deviation",
        *(0.0, 1.0, 0.05, 0.5),
        (0.0, 0.1, 0.25, 0.4, 0.5, 0.6, 0.8, 1.0),
        "Of what is added to each pixel in [0, 1]; what leaves that range is clipped.",
        r"\tilde x_i = x_i + \sigma \epsilon_i, \; \epsilon_i \sim \mathcal{N}(0, 1)",
        noisy,
    ),
    "salt and pepper": Corruption(
        "Salt and pepper",
        "share of pixels",
        *(0.0, 1.0, 0.05, 0.3),
        SHARES,
        "So many pixels are set to black or white, by chance.",
        r"\tilde x_i = b_i \in \{0, 1\} \text{ with chance } p, \text{ else } x_i",
        salt_and_pepper,
    ),
    "masking": Corruption(
        "Masking",
        "share of pixels",
        *(0.0, 1.0, 0.05, 0.5),
        SHARES,
        "So many pixels are set to black.",
        r"\tilde x_i = 0 \text{ with chance } p, \text{ else } x_i",
        masking,
    ),
    "speckle": Corruption(
        "Speckle",
        "standard deviation",
        *(0.0, 2.0, 0.1, 1.0),
        (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0),
        "Of the factor that each pixel is multiplied by. Black stays black.",
        r"\tilde x_i = x_i (1 + \sigma \epsilon_i), \; \epsilon_i \sim \mathcal{N}(0, 1)",
        speckle,
    ),
    "blur": Corruption(
        "Blur",
        "standard deviation, pixels",
        *(0.0, 4.0, 0.25, 1.5),
        (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0),
        "Of the Gaussian that the image is convolved with, as out of focus.",
        r"\tilde x = x * \mathcal{N}(0, \sigma^2 I)",
        blur,
        seeded=False,
    ),
    "low resolution": Corruption(
        "Low resolution",
        "pixels in one",
        *(1, 8, 1, 4),
        (1, 2, 3, 4, 5, 6, 7, 8),
        "Squares with that side become one pixel: their mean.",
        r"\tilde x_i = \tfrac{1}{f^2} \sum_{j \in \mathrm{square}(i)} x_j",
        low_resolution,
        seeded=False,
    ),
    "block": Corruption(
        "Block erased",
        "side, pixels",
        *(0, datasets.MNIST.shape[1], 1, 10),
        (0, 4, 7, 10, 13, 16, 20, 24),
        "Side of a square that is set to black, somewhere in the image.",
        r"\tilde x_i = 0 \text{ in a square of } s \times s \text{ pixels, else } x_i",
        erase_block,
    ),
    "jpeg": Corruption(
        "JPEG",
        "quality",
        *(1, 100, 1, 5),
        (100, 80, 60, 40, 20, 10, 5, 1),
        "Of the JPEG file that the image is saved as; 100 keeps nearly all.",
        r"\tilde x = \mathrm{DCT}^{-1}\bigl(Q \, \lfloor \mathrm{DCT}(x) / Q \rceil\bigr)"
        r" \text{ in squares of } 8 \times 8",
        jpeg,
        seeded=False,
    ),
}
"""By the names that `aeviz.models.variants.denoising` has for those it trains on."""
