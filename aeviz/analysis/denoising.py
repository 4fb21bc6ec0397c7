"""Corrupted images cleaned: by a model, by filters, by the best linear map, and how well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import linalg

from aeviz.analysis import errors, estimate
from aeviz.analysis.estimate import Estimate
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
    the one that cleaned its training images with the least squared error at the end of training:
    no test image has a say in what is then compared on test images.
    """
    name, kind = next(iter(corruption.CORRUPTIONS.items()))
    able = {
        model: card.curve.terms["reconstruction"][-1]
        for model, card in cards.items()
        if (card.config.corruption, card.config.level) == (name, kind.start)
        and cleans(MODELS[card.variant])
        and card.config.reconstruction == "squared"
        and card.curve is not None
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


FILTERS: dict[str, Filter] = {
    "median": Filter("Median filter", (1, 3, 5), median),
    "nlm": Filter("Non-local means", (0, 0.1, 0.2, 0.3, 0.45, 0.7), non_local_means),
    "wiener": Filter("Wiener-Hunt filter", (0, 1e-6, 1e-4, 1e-2, 0.1, 0.3, 1, 3), wiener),
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


def held_out(
    dataset: datasets.Dataset, name: str, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """The validation images (25, H, W) that settings are chosen on: clean, and corrupted by seed 0.

    Evenly spread over the last 10,000 training images of the data set.
    """
    found = dataset.train_images[-dataset.held_out :]
    x = datasets.to_float(found[:: max(len(found) // TUNED_ON, 1)])
    return x, corruption.CORRUPTIONS[name].apply(x, strength)


@lru_cache(1024)
def tuned(filter_name: str, dataset: datasets.Dataset, name: str, strength: float) -> Tuned:
    """A filter with the setting that has the least mean squared error on `held_out` images.

    A filter is told the kind and the strength of what corrupted an image; a model is not.
    """
    x, corrupted = held_out(dataset, name, strength)
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


# -- the best linear map ----------------------------------------------------------------------

LINEAR = "linear"
FITTED_ON = 20_000
"""So many training images are what the linear map is fitted on, half a second; 50,000 take three
times as long for .07 dB more on Gaussian noise of .5, 17.52 dB, of 1,000 validation images."""
FIT_SEED = 10_000
"""Of the noise on these: a seed that no page has."""
RIDGES = (1e-6, 1e-4, 1e-3)
"""Variances added to each corrupted pixel; the first is that of rounding to 256 grey levels."""


@dataclass(frozen=True)
class Linear:
    """The affine map from a corrupted image to its clean one with the least squared error.

    It has as many weights as pairs of pixels, and may treat each place in its own way, which the
    filters above cannot.

    ridge: variance that was added to each corrupted pixel; 0: images are left as they are.
    weights: (P, P) float32 for the P pixels of an image; means (P,) of corrupted and clean ones.
    """

    ridge: float
    weights: np.ndarray
    corrupted_mean: np.ndarray
    clean_mean: np.ndarray

    def clean(self, images: np.ndarray) -> np.ndarray:
        """Cleaned images (N, H, W) float32, clipped to [0, 1]."""
        x = datasets.to_float(images)
        if not self.ridge:
            return x
        made = (x.reshape(len(x), -1) - self.corrupted_mean) @ self.weights + self.clean_mean
        return np.clip(made, 0, 1).reshape(x.shape)


@dataclass(frozen=True)
class Moments:
    """What the linear map follows from: means (P,) of corrupted and clean pixels, covariances.

    own: (P, P), of corrupted pixels; cross: (P, P), of corrupted with clean ones.

    Source: Wiener 1949, whose filter this is without his assumption that images are stationary;
    Kay 1993, Fundamentals of Statistical Signal Processing: Estimation Theory, eq. 12.20.
    """

    corrupted_mean: np.ndarray
    clean_mean: np.ndarray
    own: np.ndarray
    cross: np.ndarray

    @classmethod
    def of(cls, corrupted: np.ndarray, clean: np.ndarray) -> Moments:
        """Those of pairs of images (N, H, W)."""
        x, y = (datasets.to_float(part).reshape(len(part), -1) for part in (corrupted, clean))
        x_mean, y_mean = x.mean(0), y.mean(0)
        x = x - x_mean  # so that the other one need not be centred
        own, cross = ((x.T @ part).astype(np.float64) / len(x) for part in (x, y))
        return cls(x_mean, y_mean, own, cross)

    def _solved(self, right: np.ndarray, ridge: float) -> np.ndarray:
        """(own + ridge I)^-1 times a matrix (P, M)."""
        return linalg.solve(self.own + ridge * np.eye(len(self.own)), right, assume_a="pos")

    def linear(self, ridge: float) -> Linear:
        """The map, W = (own + ridge I)^-1 cross."""
        weights = self._solved(self.cross, ridge).astype(np.float32)
        return Linear(ridge, weights, self.corrupted_mean, self.clean_mean)

    def clean(self, images: np.ndarray, ridge: float) -> np.ndarray:
        """What the map makes of images (N, H, W), without all of its weights: quick for few."""
        x = datasets.to_float(images).reshape(len(images), -1) - self.corrupted_mean
        made = self._solved(x.T.astype(np.float64), ridge).T @ self.cross + self.clean_mean
        return np.clip(made, 0, 1).reshape(images.shape).astype(np.float32)


@lru_cache(64)  # 2.5 MB each
def fitted(dataset: datasets.Dataset, name: str, strength: float) -> Linear:
    """The linear map for a corruption, its ridge that with the least error on `held_out` images.

    Fitted on 20,000 training images, evenly spread over those that are not held out. Like the
    filters it is told kind and strength; like a denoising autoencoder it learns from pairs.
    """
    known = dataset.train_images[: -dataset.held_out]
    known = datasets.to_float(known[:: max(len(known) // FITTED_ON, 1)][:FITTED_ON])
    x, corrupted = held_out(dataset, name, strength)
    noisy = corruption.CORRUPTIONS[name].apply(known, strength, FIT_SEED)
    moments = Moments.of(noisy, known)
    made = {0.0: corrupted} | {ridge: moments.clean(corrupted, ridge) for ridge in RIDGES}
    best = min(made, key=lambda ridge: float(np.square(made[ridge] - x).mean()))
    if best:
        return moments.linear(best)
    nothing = np.empty(0, np.float32)
    return Linear(0, nothing, nothing, nothing)


def regressed(images: np.ndarray, corrupted: np.ndarray, train_images: np.ndarray) -> np.ndarray:
    """Corrupted images (N, H, W) through the best linear map, clipped.

    Args:
        images: the noisy ones, (N, H, W).
        corrupted: noisy training images (M, H, W).
        train_images: the same without noise.
    """
    return Moments.of(corrupted, train_images).linear(RIDGES[0]).clean(images)


OPPONENTS = {key: found.title for key, found in FILTERS.items()} | {LINEAR: "Linear (LMMSE)"}
"""What a model is compared with, and what it is called."""


def cleaner(
    key: str, dataset: datasets.Dataset, name: str, strength: float
) -> Callable[[np.ndarray], np.ndarray]:
    """One of `OPPONENTS` set for a corruption: corrupted images (N, H, W) -> cleaned ones."""
    if key == LINEAR:
        return fitted(dataset, name, strength).clean
    return tuned(key, dataset, name, strength).clean


def filtered(
    images: np.ndarray, dataset: datasets.Dataset, name: str, strength: float
) -> dict[str, np.ndarray]:
    """Images (N, H, W) cleaned by each of `OPPONENTS`, set for a corruption; by its name."""
    return {key: cleaner(key, dataset, name, strength)(images) for key in OPPONENTS}


def versions(
    model: Autoencoder,
    corrupted: np.ndarray,
    clean: np.ndarray | None,
    dataset: datasets.Dataset,
    name: str,
    strength: float,
) -> dict[str, np.ndarray]:
    """Images (N, H, W) in each version, by what it is, the first one to compare with.

    "clean" where it is known, "noisy", "cleaned" by the model, by each of `OPPONENTS`, and
    "control", the clean one through the model. No model is told a label: what is there is for it
    to find.

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
) -> np.ndarray:
    """Squared error (N,) of a way to clean, of each of the first 1,000 test images.

    Corrupted by seed 0, each image by noise of its own: so what noise adds to the error of the
    mean is in the spread of these already.

    Args:
        clean: corrupted images (N, H, W) -> cleaned ones.
    """
    x = datasets.to_float(dataset.test_images[:MEASURED_ON])
    corrupted = corruption.CORRUPTIONS[name].apply(x, strength)
    return errors.mse(x, clean(corrupted)).astype(np.float64)


@dataclass(frozen=True)
class Ranking:
    """Who cleans best, who comes next, and how much more squared error the next one leaves.

    psnr: of each, by name, dB, the best first; decided: the lead is more than its standard error,
    which is that of the difference for each image, as all clean the same ones.
    """

    psnr: dict[str, Estimate]
    decided: bool


def ranking(squared: Mapping[str, np.ndarray]) -> Ranking:
    """Ways to clean in their order, from the squared errors (N,) of the same images; two at least.

    PSNR is that of the mean squared error; infinite where nothing is left.
    """
    order, decided = estimate.ranked(squared)
    found = {name: estimate.psnr(estimate.mean(squared[name])) for name in order}
    return Ranking(found, decided)
