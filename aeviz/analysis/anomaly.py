"""Finding what does not belong: images, scores of a model and of PCA, what a threshold catches."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from aeviz.analysis import anomaly_score, detection, likelihood, pca
from aeviz.analysis.anomaly_score import BLURRED, PLAIN, Scored
from aeviz.analysis.estimate import Estimate
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
PCA_WIDTH = 24
"""Components, chosen on held-out digits by `python -m benchmarks.one_class --choose`."""
ELBO_SAMPLES = 8
AT_ONCE = 10_000
"""Images in double precision: 63 MB of MNIST."""


# -- images ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Images:
    """Images (N, ...), uint8 or float in [0, 1], and what each is called: "3-17"."""

    images: np.ndarray
    names: list[str]

    def __len__(self) -> int:
        return len(self.images)


def no_images(dataset: datasets.Dataset) -> Images:
    """None, of the shape of a data set's."""
    return Images(dataset.test_images[:0], [])


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
    if stranger is None:
        return no_images(dataset)
    return _from_test(stranger, tuple(range(len(stranger.classes))), ODD)


def training_images(dataset: datasets.Dataset, classes: tuple[int, ...], most: int) -> np.ndarray:
    """Normal training images (N, ...), at most so many; none of those that are held out."""
    labels = dataset.train_labels[: -dataset.held_out]
    return dataset.train_images[_some(np.isin(labels, classes), most)]


def saw_all(card: checkpoint.Card, dataset: datasets.Dataset) -> bool:
    """True where a model was also trained on the last images, which others hold out."""
    labels = dataset.train_labels[: -dataset.held_out]
    most = len(labels) if card.digit is None else int((labels == card.digit).sum())
    return card.trained_on > most


def seen(card: checkpoint.Card, dataset: datasets.Dataset) -> np.ndarray:
    """Indices of the training images that a pretrained model was trained on, as its card says."""
    labels = dataset.train_labels
    of_class = np.ones(len(labels), bool) if card.digit is None else labels == card.digit
    return np.flatnonzero(of_class)[: card.trained_on]


def validation_images(
    card: checkpoint.Card, dataset: datasets.Dataset, classes: tuple[int, ...]
) -> np.ndarray:
    """Normal training images (N, ...) to set a threshold by, unseen by the model if there are.

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
    """What a score is called, its unit, a sentence on it, how PCA gets it, and its formula."""

    title: str
    unit: str
    text: str
    of_pca: str
    formula: str


SCORES = {
    PLAIN: Score(
        "Reconstruction error",
        "MSE per pixel",
        "The mean squared error of the reconstruction, as in textbooks. Bold digits have more ink "
        "to miss, so they look odder than thin ones.",
        "the mean squared error of its reconstruction",
        r"s(x) = \tfrac{1}{P} \lVert x - g(f(x)) \rVert^2, \quad P \text{ pixels}",
    ),
    BLURRED: Score(
        "Blurred error per ink",
        "",
        "The squared difference between image and reconstruction, both blurred a little, for each "
        "unit of ink. It is made for strokes: one that comes back slightly beside its place costs "
        "little, and bold digits no more than thin ones.",
        "the same error, of its reconstruction",
        r"s(x) = \lVert G * (x - \hat x) \rVert^2 \,/\, \textstyle\sum_i x_i, \quad"
        r" G \text{ a blur by 1 pixel}, \; \hat x \text{ the reconstruction}",
    ),
    "elbo": Score(
        "Negative ELBO",
        "nats",
        "How improbable the image is at most, by the bound that the model maximises: the error of "
        "its reconstruction plus how unusual its code is.",
        "its exact counterpart, the negative log-likelihood of probabilistic PCA",
        r"s(x) = -\mathbb{E}_{q(z \mid x)} \log p(x \mid z)"
        r" + \mathrm{KL}\bigl(q(z \mid x) \,\Vert\, p(z)\bigr)",
    ),
    "latent": Score(
        "Latent distance",
        "standard deviations",
        "The Mahalanobis distance of the code from the codes of normal training images. The "
        "decoder is not asked, so an odd image with a usual code goes unnoticed.",
        "the same distance, of its codes",
        r"s(x) = \sqrt{(f(x) - \bar z)^\top \Sigma_z^{-1} (f(x) - \bar z)}",
    ),
}
FORMER = {"strangeness": BLURRED}
"""Keys of scores in addresses of earlier versions."""


def score_key(asked: str) -> str:
    """The key of a score that an address asks for."""
    return FORMER.get(asked, asked)


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


@dataclass(frozen=True)
class Probabilistic:
    """Probabilistic PCA: variances (D,) along the components, and one across all other axes.

    A Gaussian of images, so that what a bound on the likelihood is for a variational model, the
    likelihood itself is here.
    """

    linear: pca.PCA
    along: np.ndarray
    across: float

    def cost(self, images: np.ndarray) -> np.ndarray:
        """-log p(x) of images (N, ...), nats (N,), a density of pixel values.

        Source: Tipping & Bishop 1999, JRSS B 61:611, section 3, at the maximum of the likelihood.
        """
        codes, apart = _split(self.linear, images)
        other = len(self.linear.mean) - len(self.along)
        constant = len(self.linear.mean) * math.log(2 * math.pi)
        spread = np.log(self.along).sum() + other * math.log(self.across)
        return 0.5 * (constant + spread + (codes**2 / self.along).sum(1) + apart / self.across)


def _split(linear: pca.PCA, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes (N, D) of images, and the squared length (N,) of what the components cannot say."""
    away = datasets.to_float(images).reshape(len(images), -1).astype(np.float64) - linear.mean
    codes = away @ linear.components.T.astype(np.float64)
    return codes, (np.square(away).sum(1) - np.square(codes).sum(1)).clip(min=0)


def fit_probabilistic(linear: pca.PCA, images: np.ndarray) -> Probabilistic:
    """The variances of images (N, ...) that PCA was fitted to."""
    along, across = np.zeros(len(linear.components)), 0.0
    for start in range(0, len(images), AT_ONCE):
        codes, apart = _split(linear, images[start : start + AT_ONCE])
        along += np.square(codes).sum(0) / len(images)
        across += float(apart.sum()) / len(images)
    return Probabilistic(linear, along, across / (len(linear.mean) - len(along)))


def fit_pca(dataset: datasets.Dataset, seen: np.ndarray) -> pca.PCA:
    """PCA with `PCA_WIDTH` components of the training images (N,) that a model has seen."""
    if len(seen) == len(dataset.train_images):
        return pca.pca(dataset, PCA_WIDTH)  # whose axes are kept
    return pca.fit(dataset.train_images[seen], PCA_WIDTH)


def negative_elbo(model: Autoencoder, images: np.ndarray) -> np.ndarray:
    """Nats (N,), averaged over eight draws of the code, for a model with a posterior."""
    labels = apply.classify(model, images)
    total = np.zeros(len(images))
    for seed in range(ELBO_SAMPLES):
        bound = likelihood.log_likelihood(model, images, labels, samples=1, seed=seed)
        assert bound is not None  # it is offered with a posterior only
        total -= bound / ELBO_SAMPLES
    return total


Reference = Gaussian | Probabilistic | None
"""What a score is measured against, where it needs more than what is scored."""


def _encode(of: Scored, images: np.ndarray) -> np.ndarray:
    return of.encode(images) if isinstance(of, pca.PCA) else apply.encode(of, images)


def reference(
    kind: str,
    of: Scored,
    dataset: datasets.Dataset,
    classes: tuple[int, ...],
    seen: np.ndarray,
) -> Reference:
    """What a kind of score has to know about training images.

    Args:
        of: a model, or PCA in its place.
        seen: indices of the training images that it was fitted to.
    """
    if kind == "latent":
        return fit_gaussian(_encode(of, training_images(dataset, classes, FITTED)))
    if kind == "elbo" and isinstance(of, pca.PCA):
        return fit_probabilistic(of, dataset.train_images[seen])
    return None


def score(kind: str, of: Scored, images: np.ndarray, against: Reference = None) -> np.ndarray:
    """Scores (N,) float64 of images (N, ...), higher for what looks odd.

    Args:
        kind: a key of `SCORES`.
        of: a model, or PCA in its place: both are scored alike.
        against: from `reference`.
    """
    if not len(images):
        return np.empty(0)
    if isinstance(against, Gaussian):
        found = against.distance(_encode(of, images))
    elif isinstance(against, Probabilistic):
        found = against.cost(images)
    elif kind == "elbo":
        assert not isinstance(of, pca.PCA)  # it is measured against its likelihood
        found = negative_elbo(of, images)
    else:
        found = anomaly_score.score(kind, of, images)
    return found.astype(np.float64)


def reconstructions(kind: str, of: Scored, images: np.ndarray) -> np.ndarray:
    """The reconstructions (N, ...) that a kind of score compares with images."""
    if not len(images):
        return np.empty(images.shape, np.float32)
    return anomaly_score.compared(kind, of, images)


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
    of: Scored,
    card: checkpoint.Card,
    dataset: datasets.Dataset,
    classes: tuple[int, ...],
    seen: np.ndarray,
    *,
    odd: bool = True,
) -> Scores:
    """Score the images of `validation_images`, `normal_images` and `odd_images`.

    Args:
        of: a model, or PCA in its place.
        card: of the model.
        seen: indices of the training images that both were fitted to.
        odd: False where there shall be no odd ones.
    """
    against = reference(kind, of, dataset, classes, seen)
    parts = (
        validation_images(card, dataset, classes),
        normal_images(dataset, classes).images,
        (odd_images(dataset, classes) if odd else no_images(dataset)).images,
    )
    validation, normal, strange = (score(kind, of, part, against) for part in parts)
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
    shape = next(iter(groups.values()))[0].images.shape[1:]
    flagged = Images(
        np.array([images[k] for k in order]).reshape(-1, *shape), [names[k] for k in order]
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


def contaminated(digit: int, kind: str, of: str = "model") -> dict[float, Estimate]:
    """Share of anomalies in training -> AUROC by a kind of score, of models trained beforehand.

    As the pretrained model of a digit is, but once for each share, with anomalies drawn at random.
    Empty where that model's file has changed since, or where none were trained.

    Args:
        of: "model", or "pca" for PCA fitted to the same images.
    """
    entry = json.loads(KEPT.read_text(encoding="utf-8")).get(str(digit))
    if entry is None or entry["sha256"] != checkpoint.digest(pretrained(digit)):
        return {}
    return {float(share): Estimate(*found[of][kind]) for share, found in entry["auroc"].items()}
