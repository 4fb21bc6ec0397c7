"""Finding what does not belong: images, scores, and what a threshold catches."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from aeviz.analysis import anomaly_score, detection, errors, likelihood, pca
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from aeviz.models.base import Autoencoder

FOLDER = checkpoint.FOLDER / "one-class"
"""A pretrained model for each digit, which was trained on that digit alone."""
KEPT = Path(__file__).parent / "measured" / "contamination.json"
"""AUROC of models that were trained beforehand with anomalies among their images; written by
`python -m benchmarks.one_class --contaminated`."""
NORMAL, ODD, HELD_OUT = 1_000, 2_000, 1_000
"""At most so many normal and odd test images are scored, and normal ones to set a threshold."""
FITTED = 5_000
"""At most so many training codes have a Gaussian fitted to them."""
PCA_WIDTH = 32
ELBO_SAMPLES = 8


# -- images ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Images:
    """Images (N, 28, 28), uint8 or float in [0, 1], and what each is called: "3-17"."""

    images: np.ndarray
    names: list[str]

    def __len__(self) -> int:
        return len(self.images)


NONE = Images(np.empty((0, 28, 28), np.uint8), [])


def pretrained(digit: int) -> str:
    """Name of the pretrained model that was trained on one digit alone, for `checkpoint.load`."""
    path = next(FOLDER.glob(f"*-digit{digit}.safetensors"))
    return f"{FOLDER.name}/{path.stem}"


def _some(wanted: np.ndarray, most: int) -> np.ndarray:
    """Indices of what is wanted (N,) bool, at most so many, drawn at random but always the same."""
    found = np.flatnonzero(wanted)
    return np.sort(np.random.default_rng(0).permutation(found)[:most])


def _from_test(dataset: datasets.Dataset, classes: tuple[int, ...], most: int) -> Images:
    """Test images of these classes, at most so many."""
    chosen = _some(np.isin(dataset.test_labels, classes), most)
    labels = dataset.test_labels[chosen]
    names = [f"{dataset.classes[k]}-{i}" for k, i in zip(labels, chosen, strict=True)]
    return Images(dataset.test_images[chosen], names)


def normal_images(dataset: datasets.Dataset, classes: tuple[int, ...]) -> Images:
    """Test images of the normal classes."""
    return _from_test(dataset, classes, NORMAL)


def odd_images(dataset: datasets.Dataset, classes: tuple[int, ...]) -> Images:
    """Test images of the other classes; where all are normal, of the other data set.

    None where that is not at hand.
    """
    every = tuple(range(len(dataset.classes)))
    if others := tuple(k for k in every if k not in classes):
        return _from_test(dataset, others, ODD)
    stranger = anomaly_score.stranger(dataset)
    return NONE if stranger is None else _from_test(stranger, every, ODD)


def training_images(dataset: datasets.Dataset, classes: tuple[int, ...], most: int) -> np.ndarray:
    """Normal training images (N, 28, 28), at most so many; none of those that are held out."""
    labels = dataset.train_labels[: -dataset.held_out]
    return dataset.train_images[_some(np.isin(labels, classes), most)]


def saw_all(card: checkpoint.Card, dataset: datasets.Dataset) -> bool:
    """True where a model was also trained on the last images, which others hold out."""
    labels = dataset.train_labels[: -dataset.held_out]
    most = len(labels) if card.digit is None else int((labels == card.digit).sum())
    return card.trained_on > most


def validation_images(
    card: checkpoint.Card, dataset: datasets.Dataset, classes: tuple[int, ...]
) -> np.ndarray:
    """Normal training images (N, 28, 28) to set a threshold by, unseen by the model if there are.

    A model that `saw_all` has none, and a small set may have none of a class: then it is those
    that it was trained on.
    """
    wanted = np.isin(dataset.train_labels, classes)
    if not saw_all(card, dataset) and wanted[-dataset.held_out :].any():
        wanted[: -dataset.held_out] = False
    return dataset.train_images[_some(wanted, HELD_OUT)]


# -- scores -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """What a score is called, its unit, a sentence on it, and its formula in LaTeX."""

    title: str
    unit: str
    text: str
    formula: str


SCORES = {
    "strangeness": Score(
        "Blurred error",
        "",
        "The squared difference between image and reconstruction, both blurred a little, for each "
        "unit of ink. A stroke slightly beside its place costs little, and bold digits no more "
        "than thin ones.",
        r"s(x) = \lVert G * (x - \hat x) \rVert^2 \,/\, \textstyle\sum_i x_i",
    ),
    "mse": Score(
        "Reconstruction error",
        "MSE per pixel",
        "The mean squared error of the reconstruction, as textbooks have it. Bold digits have more "
        "ink to miss, so they look odder than thin ones.",
        r"s(x) = \tfrac{1}{784} \lVert x - g(f(x)) \rVert^2",
    ),
    "elbo": Score(
        "Negative ELBO",
        "nats",
        "How improbable the image is at most, by the bound that the model maximises: the error of "
        "its reconstruction plus how unusual its code is.",
        r"s(x) = -\mathbb{E}_{q(z \mid x)} \log p(x \mid z)"
        r" + \mathrm{KL}\bigl(q(z \mid x) \,\Vert\, p(z)\bigr)",
    ),
    "latent": Score(
        "Latent distance",
        "standard deviations",
        "The Mahalanobis distance of the code from the codes of normal training images. The "
        "decoder is not asked, so a strange image with a usual code goes unnoticed.",
        r"s(x) = \sqrt{(f(x) - \bar z)^\top \Sigma_z^{-1} (f(x) - \bar z)}",
    ),
}
BASELINE = "residual"
"""The score of PCA in place of a model: what its first axes cannot say of an image."""


def offered(model: Autoencoder) -> dict[str, str]:
    """The scores that a model can give: key -> title."""
    return {k: s.title for k, s in SCORES.items() if k != "elbo" or model.has_posterior}


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian fitted to codes: mean (D,), precision (D, D) the inverse of their covariance."""

    mean: np.ndarray
    precision: np.ndarray

    def distance(self, codes: np.ndarray) -> np.ndarray:
        """Mahalanobis distance of codes (N, D) from the mean, (N,), in standard deviations.

        Source: Mahalanobis 1936; for autoencoders: Denouden et al. 2018, arXiv:1812.02765.
        """
        away = np.asarray(codes, np.float64) - self.mean
        return np.sqrt((away @ self.precision * away).sum(1).clip(min=0))


def fit_gaussian(codes: np.ndarray) -> Gaussian:
    """Mean and covariance of codes (N, D); directions in which they never vary do not count."""
    codes = np.asarray(codes, np.float64)
    covariance = np.atleast_2d(np.cov(codes.T))
    return Gaussian(codes.mean(0), np.linalg.pinv(covariance, rcond=1e-8, hermitian=True))


def fit_pca(dataset: datasets.Dataset, classes: tuple[int, ...]) -> pca.PCA:
    """PCA with 32 components of the normal training images."""
    if len(classes) == len(dataset.classes):
        return pca.pca(dataset, PCA_WIDTH)
    x = training_images(dataset, classes, len(dataset.train_images))
    shape, x = x.shape[1:], datasets.to_float(x).reshape(len(x), -1)
    axes = np.linalg.eigh(np.cov(x.T)).eigenvectors[:, ::-1].T
    return pca.PCA(x.mean(0), np.ascontiguousarray(axes[:PCA_WIDTH], np.float32), shape)


def residual(linear: pca.PCA, images: np.ndarray) -> np.ndarray:
    """Mean squared error (N,) of PCA's reconstructions, not clipped: what its axes cannot say.

    Source: Jackson & Mudholkar 1979, Technometrics 21:341.
    """
    return errors.mse(images, linear.decode(linear.encode(images)))


def negative_elbo(model: Autoencoder, images: np.ndarray) -> np.ndarray:
    """Nats (N,), averaged over eight draws of the code, for a model with a posterior."""
    labels = apply.classify(model, images)
    total = np.zeros(len(images))
    for seed in range(ELBO_SAMPLES):
        bound = likelihood.log_likelihood(model, images, labels, samples=1, seed=seed)
        assert bound is not None  # it is offered with a posterior only
        total -= bound / ELBO_SAMPLES
    return total


Reference = Gaussian | pca.PCA | None
"""What a score is measured against, where it needs more than the model."""


def reference(
    kind: str, model: Autoencoder, dataset: datasets.Dataset, classes: tuple[int, ...]
) -> Reference:
    """What a kind of score has to know about normal training images."""
    if kind == BASELINE:
        return fit_pca(dataset, classes)
    if kind == "latent":
        return fit_gaussian(apply.encode(model, training_images(dataset, classes, FITTED)))
    return None


def score(
    kind: str, model: Autoencoder, images: np.ndarray, against: Reference = None
) -> np.ndarray:
    """Scores (N,) float64 of images (N, 28, 28), higher for what looks odd.

    Args:
        kind: a key of `SCORES`, or `BASELINE`, for which the model is not asked.
        against: from `reference`.
    """
    if not len(images):
        return np.empty(0)
    if isinstance(against, pca.PCA):
        found = residual(against, images)
    elif isinstance(against, Gaussian):
        found = against.distance(apply.encode(model, images))
    elif kind == "elbo":
        found = negative_elbo(model, images)
    elif kind == "mse":
        found = errors.mse(images, apply.reconstruct(model, images))
    else:
        found = anomaly_score.anomaly(model, images)
    return found.astype(np.float64)


def reconstructions(kind: str, model: Autoencoder, images: np.ndarray) -> np.ndarray:
    """The reconstructions (N, 28, 28) that a kind of score compares with images."""
    if not len(images):
        return np.empty((0, 28, 28), np.float32)
    if kind == "strangeness":
        return anomaly_score.expected_reconstructions(model, images)
    return apply.reconstruct(model, images)


@dataclass(frozen=True)
class Scores:
    """Scores of validation images, normal and odd test images, (V,), (N,), (M,)."""

    validation: np.ndarray
    normal: np.ndarray
    odd: np.ndarray
    reference: Reference

    @cached_property
    def curves(self) -> detection.Curves:
        """All thresholds at once: reckoned once, for where odd images are."""
        return detection.curves(self.normal, self.odd)


def measure(
    kind: str,
    model: Autoencoder,
    dataset: datasets.Dataset,
    classes: tuple[int, ...],
    *,
    odd: bool = True,
) -> Scores:
    """Score the images of `validation_images`, `normal_images` and `odd_images`.

    Args:
        odd: False where there shall be no odd ones.
    """
    against = reference(kind, model, dataset, classes)
    parts = (
        validation_images(model.card, dataset, classes),
        normal_images(dataset, classes).images,
        (odd_images(dataset, classes) if odd else NONE).images,
    )
    validation, normal, strange = (score(kind, model, part, against) for part in parts)
    return Scores(validation, normal, strange, against)


def examples(scores: Scores, threshold: float, most: int) -> dict[str, np.ndarray]:
    """Which images to look at, most telling first: caught and missed odd ones, false alarms.

    Returns:
        "caught" and "missed" as indices of odd images, "alarms" of normal ones.
    """
    by_odd = scores.odd.argsort(kind="stable")
    by_normal = scores.normal.argsort(kind="stable")[::-1]
    return {
        "caught": by_odd[scores.odd[by_odd] > threshold][::-1][:most],
        "missed": by_odd[scores.odd[by_odd] <= threshold][:most],
        "alarms": by_normal[scores.normal[by_normal] > threshold][:most],
    }


# -- what is done about it --------------------------------------------------------------------


@dataclass(frozen=True)
class Flagged:
    """What was flagged, the highest score first: images, what they truly are, scores (N,)."""

    images: Images
    truth: list[str]
    scores: np.ndarray

    @cached_property
    def files(self) -> list[str]:
        """File names that sort by score: "0001-7-42.png"."""
        names = (re.sub(r"[^\w-]+", "-", name)[:60] for name in self.images.names)
        return [f"{rank:04}-{name}.png" for rank, name in enumerate(names, start=1)]


def flag(groups: dict[str, tuple[Images, np.ndarray]], threshold: float) -> Flagged:
    """What scores above a threshold in groups: truth -> images and their scores."""
    images, names, truth, scores = [], [], [], []
    for what, (group, found) in groups.items():
        for k in np.flatnonzero(found > threshold):
            images.append(datasets.to_float(group.images[k]))
            names.append(group.names[k])
            truth.append(what)
            scores.append(found[k])
    order = np.argsort(scores, kind="stable")[::-1]
    flagged = Images(
        np.array([images[k] for k in order]).reshape(-1, 28, 28), [names[k] for k in order]
    )
    return Flagged(flagged, [truth[k] for k in order], np.array(scores, np.float64)[order])


# -- training on one's own choice of what is normal -------------------------------------------


def recipe(card: checkpoint.Card, classes: tuple[int, ...], contamination: float) -> dict[str, Any]:
    """Fields of a `spec.RunSpec` that trains as a pretrained model of one digit was.

    Up to three digits take as many epochs; more are given 50 seconds.
    """
    epochs = card.steps / -(-card.trained_on // card.batch)
    length = {"epochs": epochs} if len(classes) <= 3 else {"seconds": 50.0}
    kept = card.model_dump(include={"variant", "config", "data", "batch", "lr", "seed"})
    return {**kept, **length, "classes": classes, "contamination": contamination}


def contaminated(digit: int, kind: str) -> dict[float, float]:
    """Share of anomalies in training -> AUROC by a kind of score, of models trained beforehand.

    As the pretrained model of a digit is, but once for each share, with anomalies drawn at random.
    Empty where that model's file has changed since.
    """
    entry = json.loads(KEPT.read_text(encoding="utf-8"))[str(digit)]
    if entry["sha256"] != checkpoint.digest(pretrained(digit)):
        return {}
    return {float(share): found[kind] for share, found in entry["auroc"].items()}
