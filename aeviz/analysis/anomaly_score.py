"""How little a model knows an image: scores of a model or of PCA, and how well they separate."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from aeviz.analysis import errors
from aeviz.analysis.estimate import Estimate
from aeviz.analysis.pca import PCA
from aeviz.data import datasets
from aeviz.models import apply, optim
from aeviz.models.base import Autoencoder

Scored = Autoencoder | PCA
"""What reconstructs images, so that its error can be a score; both are scored alike."""
PLAIN, BLURRED = "mse", "blurred"
"""Keys of the two scores that compare an image with its reconstruction."""
DRAWS = 24
"""Corrupted versions of an image whose reconstructions are averaged."""
BLUR = 1.0
"""Pixels, standard deviation: a stroke that lies a little beside its place counts less."""
FAINT = 0.01
"""Mean brightness below which an image counts as having that much ink: no division by nothing."""


def ink(images: np.ndarray) -> np.ndarray:
    """Mean brightness of images (N, ...), (N,), at least `FAINT`."""
    x = datasets.to_float(images)
    return x.mean(tuple(range(1, x.ndim))).clip(FAINT)


def blurred(images: np.ndarray) -> np.ndarray:
    """Images (N, ..., H, W) blurred by a Gaussian; mirrored beyond the edge."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(images, (*[0] * (images.ndim - 2), BLUR, BLUR))


def blurred_error(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """How badly reconstructions match images, both (N, ..., H, W), for their ink: (N,), no unit.

    The mean square of the blurred difference, divided by the mean brightness of the image. It is
    made for strokes: one that comes back a little beside its place hardly counts, and a bold digit,
    which has more edges to miss than a thin one, is not odder for that.
    """
    error = np.square(blurred(datasets.to_float(images) - reconstructions))
    return error.mean(tuple(range(1, error.ndim))) / ink(images)


def reconstruct(of: Scored, images: np.ndarray) -> np.ndarray:
    """Reconstructions (N, ...) of images, float32 in [0, 1]."""
    return of.reconstruct(images) if isinstance(of, PCA) else apply.reconstruct(of, images)


def expected_reconstructions(of: Scored, images: np.ndarray, seed: int = 0) -> np.ndarray:
    """What a model expects images (N, ...) to look like, float32 of the same shape.

    Its reconstructions. A variant that learns from corrupted images (it `corrupts`) reconstructs 24
    corrupted versions of each, and these are averaged: what a stroke is taken for then depends on
    what is left of the others. PCA reconstructs the image itself: as it is linear, the mean of its
    reconstructions of many corrupted versions is that of their mean, the image made fainter.
    """
    if isinstance(of, PCA) or not of.corrupts:
        return reconstruct(of, images)
    x = datasets.to_float(images)
    reconstructions = np.zeros_like(x)
    with optim.Noise(seed, of.device):
        for _ in range(DRAWS):
            corrupted = of.corrupt(apply.pixels(of, x)).cpu().numpy().reshape(x.shape)
            reconstructions += apply.reconstruct(of, corrupted) / DRAWS
    return reconstructions


def compared(kind: str, of: Scored, images: np.ndarray, seed: int = 0) -> np.ndarray:
    """The reconstructions that a kind of score compares with images."""
    if kind == BLURRED:
        return expected_reconstructions(of, images, seed)
    return reconstruct(of, images)


def score(kind: str, of: Scored, images: np.ndarray, seed: int = 0) -> np.ndarray:
    """How little images (N, ...) look like what a model or PCA was fitted to, (N,) float64.

    Args:
        kind: `PLAIN`, the mean squared error per pixel; or `BLURRED`, the `blurred_error` of
            `expected_reconstructions`.
        seed: of the corruption that the latter has.
    """
    error = blurred_error if kind == BLURRED else errors.mse
    return error(images, compared(kind, of, images, seed)).astype(np.float64)


def stranger(dataset: datasets.Dataset) -> datasets.Dataset | None:
    """Fashion-MNIST, where it is at hand and something else than the data set; not downloaded."""
    if dataset.name == "fashion" or datasets.find_folder("fashion") is None:
        return None
    return datasets.load("fashion")


# -- how well scores separate -------------------------------------------------------------------


def placements(normal: np.ndarray, odd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of odd scores above each normal one (N,), of normal below each odd one (M,).

    A tie counts half. By ranks: no pair is looked at.
    """
    from scipy.stats import rankdata

    n, m = len(normal), len(odd)
    together = rankdata(np.concatenate([normal, odd]))
    below_normal = (together[:n] - rankdata(normal)) / m
    return 1 - below_normal, (together[n:] - rankdata(odd)) / n


def auroc(normal: np.ndarray, odd: np.ndarray) -> Estimate:
    """Chance that an odd image has a higher score than a normal one, of scores (N,), (M,).

    Its standard error is nan where one of the groups is a single image.

    Source: DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837, structural components.
    """
    of_normal, of_odd = placements(normal, odd)
    if min(len(normal), len(odd)) < 2:
        return Estimate(float(of_odd.mean()), math.nan)
    variance = of_normal.var(ddof=1) / len(normal) + of_odd.var(ddof=1) / len(odd)
    return Estimate(float(of_odd.mean()), math.sqrt(variance))


def auroc_gap(
    normal: tuple[np.ndarray, np.ndarray], odd: tuple[np.ndarray, np.ndarray]
) -> Estimate:
    """AUROC of one way to score less that of another, on the same images.

    Args:
        normal: scores (N,) of the normal images, one way and the other.
        odd: scores (M,) of the odd ones.

    Source: the variance of a difference of DeLong et al. 1988, Biometrics 44:837: what is hard for
        both drops out of it.
    """
    one, other = (placements(*groups) for groups in zip(normal, odd, strict=True))
    apart = [mine - its for mine, its in zip(one, other, strict=True)]
    variance = sum(part.var(ddof=1) / len(part) if len(part) > 1 else math.nan for part in apart)
    return Estimate(float(apart[1].mean()), math.sqrt(variance))


def lost(images: np.ndarray, reconstructions: np.ndarray) -> float:
    """Squared error of reconstructions as a share of the squared brightness, of images together.

    0 where they come back unharmed, 1 where black paper would be as near.
    """
    x = datasets.to_float(images)
    return float(np.square(x - reconstructions).sum() / np.square(x).sum())


def mean_auroc(scores: Mapping[int, np.ndarray], labels: np.ndarray) -> Estimate:
    """Mean over classes of the AUROC of each class against all others, and its standard error.

    The classes are judged on the same images, normal for one and odd for the others, so their
    errors are not independent: what each image adds to the mean is summed over the classes first.

    Args:
        scores: class -> scores (N,) of all images, by the model of that class.
        labels: (N,), the classes of the images.

    Source: the covariance of several AUROCs of DeLong et al. 1988, Biometrics 44:837.
    """
    values, pull = [], np.zeros(len(labels))
    for k, found in scores.items():
        normal = labels == k
        of_normal, of_odd = placements(found[normal], found[~normal])
        values.append(of_odd.mean())
        for group, found_of in ((normal, of_normal), (~normal, of_odd)):
            n = len(found_of)  # pulls, squared and summed, are the variance of a mean
            pull[group] += (found_of - values[-1]) / math.sqrt(n * (n - 1))
    error = math.sqrt(np.square(pull).sum()) / len(scores)
    return Estimate(float(np.mean(values)), error)


def one_class(
    of: Scored, dataset: datasets.Dataset, digit: int, seed: int = 0, kind: str = BLURRED
) -> Estimate:
    """AUROC of what was fitted to one class: the others are odd. On the test images."""
    found = score(kind, of, dataset.test_images, seed)
    normal = dataset.test_labels == digit
    return auroc(found[normal], found[~normal])
