"""How little a model knows an image: scores, and how well they separate."""

from __future__ import annotations

import numpy as np

from aeviz.data import datasets
from aeviz.models import apply, optim
from aeviz.models.base import Autoencoder

DRAWS = 24
"""Corrupted versions of an image whose reconstructions are averaged."""
BLUR = 1.0
"""Pixels, standard deviation: a stroke that lies a little beside its place counts less."""
FAINT = 0.01
"""Mean brightness below which an image counts as having that much ink: no division by nothing."""


def blurred_error(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """How badly reconstructions match images, both (N, H, W), for their ink: (N,), no unit.

    The mean square of the blurred difference, divided by the mean brightness of the image. A bold
    digit has more edges to miss than a thin one; without the division, eights look strange to a
    model that knows eights, and ones do not.
    """
    from scipy.ndimage import gaussian_filter

    x = datasets.to_float(images)
    error = np.square(gaussian_filter(x - reconstructions, (0, BLUR, BLUR))).mean((1, 2))
    return error / x.mean((1, 2)).clip(FAINT)


def expected_reconstructions(model: Autoencoder, images: np.ndarray, seed: int = 0) -> np.ndarray:
    """What a model expects images (N, H, W) to look like, float32 of the same shape.

    Its reconstructions. A variant that learns from corrupted images (it `corrupts`) reconstructs 24
    corrupted versions of each, and these are averaged: what a stroke is taken for then depends on
    what is left of the others.
    """
    x = datasets.to_float(images)
    if not model.corrupts:
        return apply.reconstruct(model, x)
    reconstructions = np.zeros_like(x)
    with optim.Noise(seed, model.device):
        for _ in range(DRAWS):
            corrupted = model.corrupt(apply.pixels(model, x)).cpu().numpy()
            reconstructions += apply.reconstruct(model, corrupted) / DRAWS
    return reconstructions


def anomaly(model: Autoencoder, images: np.ndarray, seed: int = 0) -> np.ndarray:
    """How little images (N, H, W) look like what the model was trained on, (N,).

    The `blurred_error` of `expected_reconstructions`.
    """
    return blurred_error(datasets.to_float(images), expected_reconstructions(model, images, seed))


def stranger(dataset: datasets.Dataset) -> datasets.Dataset | None:
    """Fashion-MNIST, where it is at hand and something else than the data set; not downloaded."""
    if dataset.name == "fashion" or datasets.find_folder("fashion") is None:
        return None
    return datasets.load("fashion")


def one_class(model: Autoencoder, dataset: datasets.Dataset, digit: int, seed: int = 0) -> float:
    """AUROC of a model that was trained on one class: the other nine are odd."""
    scores = anomaly(model, dataset.test_images, seed)
    normal = dataset.test_labels == digit
    return auroc(scores[normal], scores[~normal])


def auroc(normal: np.ndarray, odd: np.ndarray) -> float:
    """Chance that an odd image has a higher score than a normal one (N,), (M,).

    Source: Hanley & McNeil 1982, Radiology 143:29.
    """
    from sklearn.metrics import roc_auc_score

    is_odd = np.repeat([False, True], [len(normal), len(odd)])
    return float(roc_auc_score(is_odd, np.concatenate([normal, odd])))
