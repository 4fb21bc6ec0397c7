"""Corrupted images cleaned: by a model, by filters that learn nothing, and how well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from aeviz.analysis import errors
from aeviz.data import corruption, datasets
from aeviz.models import apply
from aeviz.models.base import Autoencoder
from aeviz.models.card import Card
from aeviz.models.zoo import MODELS


def trained_on(model: Autoencoder) -> tuple[str, float] | None:
    """The corruption and the strength that a model learned from; None where it saw none."""
    return (model.config.corruption, model.config.level) if model.corrupts else None


def cleans(variant: type[Autoencoder]) -> bool:
    """Whether a variant learns from corrupted images with clean ones as target."""
    return variant.corrupts


def best_cleaner(cards: dict[str, Card]) -> str | None:
    """The model that cleans what the page opens with best; None where none learned from it.

    Of those that were trained on the first of `CORRUPTIONS` at the strength that it starts with,
    the one whose reconstructions of clean test images have the least error.
    """
    name, kind = next(iter(corruption.CORRUPTIONS.items()))
    able = {
        model: card.figures["mse"]
        for model, card in cards.items()
        if (card.config.corruption, card.config.level) == (name, kind.start)
        and cleans(MODELS[card.variant])
    }
    return min(able, key=able.__getitem__, default=None)


# -- cleaning without learning ----------------------------------------------------------------


def median(images: np.ndarray, size: float, psf: np.ndarray | None = None) -> np.ndarray:
    """Each pixel the median of size by size pixels around it; 1 changes nothing.

    Source: Tukey 1977, Exploratory Data Analysis; Huang et al. 1979, IEEE Trans. ASSP 27:13.
    """
    from skimage import filters

    return filters.median(images, np.ones((1, int(size), int(size))))


def non_local_means(images: np.ndarray, h: float, psf: np.ndarray | None = None) -> np.ndarray:
    """Each pixel a mean of those within 4 pixels, the more alike their 5 by 5 patches the more.

    Args:
        h: how unlike a patch may be, in grey levels of [0, 1]; 0 changes nothing.

    Source: Buades et al. 2005, CVPR 2:60; fast: Darbon et al. 2008, ISBI 1331.
    """
    from skimage import restoration

    if not h:
        return images
    cleaned = [restoration.denoise_nl_means(x, patch_size=5, patch_distance=4, h=h) for x in images]
    return np.array(cleaned, np.float32)


def wiener(images: np.ndarray, balance: float, psf: np.ndarray | None = None) -> np.ndarray:
    """The linear filter that undoes a blur as far as noise lets it: see `skimage.restoration`.

    Args:
        balance: how much smoother than the image the result is, no unit; 0 changes nothing
            where there is no blur.
        psf: the image of a point, of a blur that is known; a point where left out.

    Source: Wiener 1949; with a Laplacian as its prior: Hunt 1973, IEEE Trans. Computers 22:805.
    """
    from skimage import restoration

    if psf is None:
        if not balance:
            return images
        psf = np.ones((1, 1), np.float32)
    cleaned: list[Any] = [restoration.wiener(x, psf, balance, clip=False) for x in images]
    return np.array(cleaned, np.float32)


@dataclass(frozen=True)
class Filter:
    """A classical way to clean images.

    settings: what its one number is chosen from.
    clean: images (N, H, W), that number, and the image of a point where a blur is known.
    """

    title: str
    settings: tuple[float, ...]
    clean: Callable[[np.ndarray, float, np.ndarray | None], np.ndarray]


FILTERS = {
    "median": Filter("Median filter", (1, 3, 5), median),
    "nlm": Filter("Non-local means", (0, 0.1, 0.2, 0.3, 0.45, 0.7), non_local_means),
    "wiener": Filter("Wiener filter", (0, 1e-6, 1e-4, 1e-2, 0.1, 0.3, 1, 3), wiener),
}

TUNED_ON = 25
"""So many validation images, evenly spread, are what a filter's setting is chosen on."""


@dataclass(frozen=True)
class Tuned:
    """A filter set for one corruption: its number, then a stretch of the grey levels.

    Noise that is clipped makes black pixels brighter on average. A linear filter keeps that, so
    its output is stretched by least squares, gain y + offset, and clipped to [0, 1].
    """

    filter: Filter
    setting: float
    psf: np.ndarray | None
    gain: float
    offset: float

    def clean(self, images: np.ndarray) -> np.ndarray:
        """Cleaned images (N, H, W) float32 in [0, 1]."""
        return self.stretch(self.filter.clean(images, self.setting, self.psf))

    def stretch(self, y: np.ndarray) -> np.ndarray:
        """What the filter gave, any shape, stretched and clipped, float32 in [0, 1]."""
        return np.clip(self.gain * y + self.offset, 0, 1).astype(np.float32)


def point_spread(name: str, strength: float, shape: datasets.Shape) -> np.ndarray | None:
    """The image of a point after a corruption that blurs images (C, H, W); None for any other.

    Its sides are odd and no longer than an image's, with the point in the middle.
    """
    if name != "blur" or not strength:
        return None
    _, height, width = shape
    point = np.zeros((1, height, width), np.float32)
    point[0, height // 2, width // 2] = 1
    return corruption.blur(point, strength)[0, 1 - height % 2 :, 1 - width % 2 :]


@lru_cache(1024)
def tuned(filter_name: str, dataset: datasets.Dataset, name: str, strength: float) -> Tuned:
    """A filter with the setting that has the least mean squared error on validation images.

    On 25 of the last 10,000 training images of the data set, corrupted with seed 0. A filter is
    told the kind and the strength of what corrupted an image; a model is not.
    """
    held_out = dataset.train_images[-dataset.held_out :]
    x = datasets.to_float(held_out[:: max(len(held_out) // TUNED_ON, 1)])
    corrupted = corruption.CORRUPTIONS[name].apply(x, strength)
    x = x.astype(np.float64)
    psf = point_spread(name, strength, dataset.shape)
    found = FILTERS[filter_name]
    best, least = None, np.inf
    for setting in found.settings:
        y = found.clean(corrupted, setting, psf).astype(np.float64)
        spread = y.var()
        gain = float(((y - y.mean()) * x).mean() / spread) if spread else 0.0
        offset = float(x.mean() - gain * y.mean())
        # Rounded, so that what changes nothing has no stretch of 1.0000000001 either.
        candidate = Tuned(found, setting, psf, round(gain, 6), round(offset, 6))
        error = np.square(candidate.stretch(y) - x).mean()
        if error < least:
            best, least = candidate, error
    assert best is not None
    return best


def filtered(
    images: np.ndarray, dataset: datasets.Dataset, name: str, strength: float
) -> dict[str, np.ndarray]:
    """Images (N, H, W) cleaned by each of `FILTERS`, tuned to a corruption; by its name."""
    return {key: tuned(key, dataset, name, strength).clean(images) for key in FILTERS}


def versions(
    model: Autoencoder,
    corrupted: np.ndarray,
    clean: np.ndarray | None,
    dataset: datasets.Dataset,
    name: str,
    strength: float,
) -> dict[str, np.ndarray]:
    """Images (N, H, W) in each version, by what it is, the first one to compare with.

    "clean" where it is known, "noisy", "cleaned" by the model, by each of `FILTERS`, and "control",
    the clean one through the model. No model is told a label: what is there is for it to find.

    Args:
        name, strength: of the corruption, for the filters.
    """
    found = {"noisy": corrupted, "cleaned": apply.reconstruct(model, corrupted)}
    found |= filtered(corrupted, dataset, name, strength)
    if clean is None:
        return found
    return {"clean": clean, **found, "control": apply.reconstruct(model, clean)}


# -- how well ---------------------------------------------------------------------------------


def ssim(clean: np.ndarray, other: np.ndarray) -> float:
    """Structural similarity of an image (H, W) to the clean one, 1 if equal, no unit.

    Source: Wang et al. 2004, IEEE Trans. Image Processing 13:600, with its Gaussian window.
    """
    from skimage import metrics

    value: Any = metrics.structural_similarity(
        clean,
        other,
        data_range=1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(value)


SCORES = ("picture", "version", "psnr_db", "ssim")


def scores(images: dict[str, np.ndarray]) -> list[tuple[int, str, float, float]]:
    """A row of `SCORES` for each image, from 1, and each of its `versions` but the clean one."""
    if "clean" not in images:
        return []
    return [
        (
            k + 1,
            key,
            float(errors.compare(clean[None], others[k][None]).psnr[0]),
            ssim(clean, others[k]),
        )
        for k, clean in enumerate(images["clean"])
        for key, others in images.items()
        if key != "clean"
    ]


MEASURED_ON = 1000
"""Test images, the first ones, that a curve is measured on."""


def cleaning_mse(
    clean: Callable[[np.ndarray], np.ndarray], dataset: datasets.Dataset, name: str, strength: float
) -> float:
    """Mean squared error of a way to clean, over the first 1,000 test images, corrupted by seed 0.

    Args:
        clean: corrupted images (N, H, W) -> cleaned ones.
    """
    x = datasets.to_float(dataset.test_images[:MEASURED_ON])
    corrupted = corruption.CORRUPTIONS[name].apply(x, strength)
    return float(errors.mse(x, clean(corrupted)).mean(dtype=np.float64))


def regressed(images: np.ndarray, corrupted: np.ndarray, train_images: np.ndarray) -> np.ndarray:
    """Corrupted images (N, H, W) through the best linear filter, clipped.

    The map from a noisy image to its clean one that has the least squared error on training
    images, for which their noise is needed too.

    Args:
        images: the noisy ones, (N, H, W).
        corrupted: noisy training images (M, H, W).
        train_images: the same without noise.

    Source: Wiener 1949; as a linear regression: Hastie et al. 2009, eq. 3.6.
    """
    x, y = (datasets.to_float(part).reshape(len(part), -1) for part in (corrupted, train_images))
    x_mean, y_mean = x.mean(0), y.mean(0)
    x = x - x_mean
    weights = np.linalg.solve(x.T @ x, x.T @ (y - y_mean))
    cleaned = (datasets.to_float(images).reshape(len(images), -1) - x_mean) @ weights + y_mean
    return np.clip(cleaned, 0, 1).reshape(images.shape)
