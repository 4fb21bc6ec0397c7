"""How many labels a classifier needs, on pixels, on PCA, on a code, and from scratch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from aeviz import jobs
from aeviz.analysis import pca, supervised
from aeviz.analysis.estimate import Estimate
from aeviz.data import datasets
from aeviz.models import apply, checkpoint, optim
from aeviz.models.base import Autoencoder

KEPT = Path(__file__).parent / "measured" / "few_labels.json"
DRAWS = {10: 5, 100: 5, 1000: 3, 60_000: 1}
"""How many labelled images -> how often they are drawn anew."""
FEW, ALL = (10, 100, 1000), (60_000,)
"""What takes a minute, and what takes several."""
METHODS = {
    "pixels": "Pixels",
    "pca": "PCA",
    "code": "Frozen code",
    "tuned": "Encoder fine-tuned",
    "scratch": "Network from scratch",
}
"""Method -> its name. The first three are a logistic regression on something fixed."""
PRETRAINED = ("code", "tuned")
"""Methods that owe something to the pretrained encoder."""
UNLABELLED = 10_000
"""The first training images: few labelled ones are drawn from them, and codes are standardised as
those of all of them are, for which no labels are needed."""
ONE_DRAW = ", from a single draw: what another one would change is not in the error"
"""Follows what pretraining is worth."""


@dataclass(frozen=True)
class Settings:
    """What was chosen on held-out images, method by method.

    floor: how far features are standardised, see `supervised.scale`.
    strength: C of the logistic regressions, the larger the weaker the L2 penalty.
    lr: highest learning rate of Adam; steps: how many.
    """

    floor: dict[str, float]
    strength: dict[str, float]
    lr: dict[str, float]
    steps: dict[str, int]


# Chosen by `python -m benchmarks.uses --choose` on held-out images with an encoder that had not
# seen them; the same for all models.
SETTINGS = {
    10: Settings(
        {"pixels": 1.0, "pca": 1.0, "code": 1.0},
        {"pixels": 1000.0, "pca": 0.1, "code": 0.1},
        {"tuned": 1e-4, "scratch": 3e-4},
        {"tuned": 50, "scratch": 150},
    ),
    100: Settings(
        {"pixels": 1.0, "pca": 1.0, "code": 1.0},
        {"pixels": 0.01, "pca": 1.0, "code": 0.1},
        {"tuned": 1e-3, "scratch": 1e-3},
        {"tuned": 50, "scratch": 150},
    ),
    1000: Settings(
        {"pixels": 0.3, "pca": 1.0, "code": 1.0},
        {"pixels": 0.01, "pca": 1.0, "code": 0.1},
        {"tuned": 1e-2, "scratch": 1e-2},
        {"tuned": 500, "scratch": 1500},
    ),
    60_000: Settings(
        {"pixels": 1.0, "pca": 1.0, "code": 1.0},
        {"pixels": 1.0, "pca": 1.0, "code": 1.0},
        {"tuned": 3e-3, "scratch": 3e-3},
        {"tuned": 4000, "scratch": 4000},
    ),
}


class Learned(BaseModel):
    """Accuracy on the test images: method -> number of labels -> one for each draw.

    numbers: latent dimensions, and components of PCA.
    tested: how many test images.
    differ: number of labels -> for each draw the share of test images that either the fine-tuned
        encoder or the network from scratch gets right, not both.
    """

    numbers: int
    tested: int
    accuracy: dict[str, dict[int, list[float]]]
    differ: dict[int, list[float]]

    @property
    def counts(self) -> list[int]:
        """Numbers of labels, rising."""
        return sorted({count for found in self.accuracy.values() for count in found})

    def mean(self, method: str, count: int) -> Estimate | None:
        """Mean over the draws; None where it was not measured.

        Its error has two parts: other labelled images (and other fresh weights), by the spread
        of the draws, and other test images, as of a share.
        """
        shares = self.accuracy.get(method, {}).get(count)
        if not shares:
            return None
        p = float(np.mean(shares))
        return _estimate(shares, p * (1 - p) / self.tested)

    def worth(self, count: int) -> Estimate | None:
        """Accuracy of the fine-tuned encoder less that of the same network from scratch.

        Both learn from the same labels and answer the same test images, so what is easy or hard
        for both drops out of the error: of test images those that one of them gets right remain
        (McNemar 1947, Psychometrika 12:153). None where either was not measured.
        """
        return self.lead("tuned", "scratch", count)

    def lead(self, method: str, other: str, count: int) -> Estimate | None:
        """Accuracy of a method less that of another, draw by draw; None where one is not measured.

        Which test images they get right is kept of fine-tuning and scratch alone, see `worth`. Of
        other pairs the error is as if each had test images of its own: it is rather too large.
        """
        ours, theirs = (self.accuracy.get(m, {}).get(count) for m in (method, other))
        if not ours or not theirs:
            return None
        gaps = np.subtract(ours, theirs)
        if {method, other} == {"tuned", "scratch"}:
            return _estimate(gaps, float(np.mean(self.differ[count] - gaps**2)) / self.tested)
        shares = [float(np.mean(values)) for values in (ours, theirs)]
        return _estimate(gaps, sum(p * (1 - p) for p in shares) / self.tested)

    def join(self, other: Learned | None) -> Learned:
        """What either knows."""
        if other is None:
            return self
        both = {
            method: self.accuracy.get(method, {}) | other.accuracy.get(method, {})
            for method in METHODS
            if method in self.accuracy or method in other.accuracy
        }
        return self.model_copy(update={"accuracy": both, "differ": self.differ | other.differ})


def _estimate(draws: Sequence[float] | np.ndarray, of_images: float) -> Estimate:
    """The mean of the draws; `of_images` is the variance that the test images bring."""
    of_labels = float(np.var(draws, ddof=1)) / len(draws) if len(draws) > 1 else 0.0
    return Estimate(float(np.mean(draws)), (of_labels + of_images) ** 0.5)


def refusal(model: Autoencoder) -> str | None:
    """Why this cannot be asked of a model, one sentence; None where it can."""
    if model.uses_labels:
        return "This model was trained with the label of every digit: few labels cannot be tried."
    return None


# -- all methods on all draws ------------------------------------------------------------------


class Learner:
    """A model and images of which some get labels. It never sees a label of the queries.

    Args:
        images: training images (N, 28, 28) uint8, without labels.
        queries: images (Q, 28, 28) uint8 to classify.
        dataset: whose PCA is compared.
    """

    def __init__(
        self,
        model: Autoencoder,
        images: np.ndarray,
        queries: np.ndarray,
        dataset: datasets.Dataset,
    ) -> None:
        self.model, self.images, self.queries = model, images, queries
        linear = pca.pca(dataset, model.code_dim)
        flat = [datasets.to_float(part).reshape(len(part), -1) for part in (images, queries)]
        self.raw = {
            "pixels": flat,
            "pca": [linear.encode(images), linear.encode(queries)],
            "code": [apply.encode(model, images), apply.encode(model, queries)],
        }
        self.methods = [m for m in METHODS if m in self.raw or supervised.reaches_encoder(model)]

    def features(self, method: str, settings: Settings) -> supervised.Features:
        """What a regression reads, standardised as the settings say."""
        known, queries = self.raw[method]
        return supervised.standardised(known, queries, settings.floor[method], UNLABELLED)

    def predict(
        self, method: str, chosen: np.ndarray, labels: np.ndarray, settings: Settings, seed: int
    ) -> np.ndarray:
        """Classes (Q,) of the queries after learning from a few labelled images.

        A fine-tuned encoder starts with the head of the regression on the frozen code, so that
        its first steps do not undo what it knows (Kumar et al. 2022, arXiv:2202.10054).

        Args:
            method: a key of METHODS.
            chosen: which images have a label (n,).
            labels: theirs (n,).
        """
        if method in self.raw:
            found, strength = self.features(method, settings), settings.strength[method]
            return supervised.regress(found.train[chosen], labels, found.queries, strength)[0]
        if method == "scratch":
            fresh = optim.build(type(self.model), self.model.config, seed)
            classifier = supervised.Classifier(fresh, None, seed)
        else:
            codes, floor = self.raw["code"][0], settings.floor["code"]
            mean, spread = supervised.scale(codes[:UNLABELLED], floor)
            classifier = supervised.Classifier(self.model, (mean, spread), seed)
            known = (codes[chosen] - mean) / spread
            strength = settings.strength["code"]
            classifier.start_as(*supervised.regress(known, labels, known[:1], strength)[1:])
        supervised.teach(
            classifier,
            self.images[chosen],
            labels,
            lr=settings.lr[method],
            steps=settings.steps[method],
            seed=seed,
        )
        return classifier.predict(self.queries)


def measure(
    model: Autoencoder,
    dataset: datasets.Dataset,
    counts: tuple[int, ...] = FEW,
    progress: jobs.Progress = lambda done, phase: None,
) -> Learned:
    """Accuracy of every method on all test images, for each number of labels and each draw.

    Raises:
        ValueError: it cannot be asked of this model; see `refusal`.
    """
    if reason := refusal(model):
        raise ValueError(reason)
    progress(0.0, "Encoding the images")
    images = dataset.train_images[: pool(max(counts))]
    learner = Learner(model, images, dataset.test_images, dataset)
    plan = [(n, seed, m) for n in counts for seed in range(DRAWS[n]) for m in learner.methods]
    accuracy: dict[str, dict[int, list[float]]] = {m: {} for m in learner.methods}
    differ: dict[int, list[float]] = {}
    right: dict[str, np.ndarray] = {}
    for k, (count, seed, method) in enumerate(plan):
        progress((k + 1) / (len(plan) + 1), f"{count:,} labels: {METHODS[method].lower()}")
        chosen = supervised.draw(dataset.train_labels[: pool(count)], count, seed)
        labels = dataset.train_labels[chosen]
        found = learner.predict(method, chosen, labels, SETTINGS[count], seed)
        right[method] = found == dataset.test_labels
        accuracy[method].setdefault(count, []).append(float(right[method].mean()))
        if method == "scratch":  # the last, right after the fine-tuned
            apart = float((right["tuned"] != right["scratch"]).mean())
            differ.setdefault(count, []).append(apart)
    return Learned(
        numbers=model.code_dim, tested=len(learner.queries), accuracy=accuracy, differ=differ
    )


def pool(count: int) -> int | None:
    """How many of the first training images labelled ones are drawn from; None for all."""
    return UNLABELLED if count < UNLABELLED else None


def finding(found: Learned) -> str:
    """What the figures say with the fewest labels and with the most, a paragraph each.

    Which method is the best and whether that is sure, how far it is from the best of the other
    kind, with a pretrained encoder or without, and what pretraining is worth.
    """
    few, most = found.counts[0], found.counts[-1]
    meant = ", that is fine-tuning the encoder in place of training the same network from scratch,"
    parts = [_with(found, few, meant)] + ([_with(found, most)] if most != few else [])
    return "\n\n".join(parts)


def _with(found: Learned, count: int, meant: str = "") -> str:
    """One paragraph of it; `meant` explains what pretraining is worth."""
    means = {m: found.mean(m, count) for m in found.accuracy}
    known = {m: value for m, value in means.items() if value is not None}
    best, *others = sorted(known, key=lambda m: known[m].value, reverse=True)
    named = {m: f"{_named(m)}, {points(value)} %" for m, value in known.items()}
    said = [
        f"With {count:,} labels the best is **{_named(best)}**, {points(known[best])} % accuracy"
    ]
    lead = found.lead(best, others[0], count) if others else None
    close = lead is not None and lead.value <= lead.error
    if close:
        more = points(lead, signed=True)
        said.append(f"Its lead over {named[others[0]]}, is within the error ({more} points)")
    rivals = [m for m in others if (m in PRETRAINED) != (best in PRETRAINED)]
    if rivals and not (close and rivals[0] == others[0]):
        kind = "without a pretrained" if best in PRETRAINED else "with the pretrained"
        more = points(found.lead(best, rivals[0], count), signed=True)
        said.append(
            f"It has **{more} points** more than the best {kind} encoder, {named[rivals[0]]}"
        )
    worth = found.worth(count)
    if worth is not None:
        alone = ONE_DRAW if len(found.accuracy["tuned"][count]) == 1 else ""
        said.append(f"Pretraining{meant} is worth **{points(worth, signed=True)} points**{alone}")
    return ". ".join(said) + "."


def title(method: str, numbers: int) -> str:
    """A method's name, with the width of what it reads where that is not the image."""
    what = {"pca": "components", "code": "latent dimensions"}.get(method)
    return f"{METHODS[method]}, {numbers:,} {what}" if what else METHODS[method]


def points(share: Estimate | None, *, signed: bool = False) -> str:
    """A share as a percentage with its standard error; empty where it was not measured."""
    if share is None:
        return ""
    said = Estimate(100 * share.value, 100 * share.error).said(".1f")
    return f"+{said}" if signed and share.value >= 0 else said


def _named(method: str) -> str:
    return {
        "pixels": "a regression on pixels",
        "pca": "a regression on PCA",
        "code": "a regression on the frozen code",
        "tuned": "the encoder, fine-tuned",
        "scratch": "the same network from scratch",
    }[method]


# -- what is kept, and measured when asked -----------------------------------------------------


def kept(path: Path = KEPT) -> dict[str, Learned]:
    """Pretrained models that were measured beforehand on MNIST, whose file is still the same."""
    return {
        name: Learned.model_validate(entry["learned"])
        for name, entry in json.loads(path.read_text(encoding="utf-8")).items()
        if entry["sha256"] == checkpoint.digest(name)
    }


def _compute(content: bytes, data_name: str, counts: str, progress: jobs.Progress) -> Learned:
    model, dataset = checkpoint.from_bytes(content), datasets.load(data_name)
    return measure(model, dataset, tuple(map(int, counts.split(","))), progress)


KIND = jobs.Kind(
    "Few labels",
    "aeviz.analysis.few_labels",
    lambda: datasets.cache_folder() / "few_labels",
    Learned,
    _compute,
)


def job(dataset: datasets.Dataset, content: bytes, counts: tuple[int, ...]) -> jobs.Job:
    """The measurement of a checkpoint's bytes on a data set."""
    arguments = dataset.name, ",".join(map(str, counts))
    return KIND.job(content, arguments, (dataset.name, counts, DRAWS, SETTINGS))


def get(dataset: datasets.Dataset, content: bytes) -> Learned | None:
    """What was measured of a model, where it was."""
    few, everything = (KIND.read(job(dataset, content, counts)) for counts in (FEW, ALL))
    return everything if few is None else few.join(everything)


def start(
    dataset: datasets.Dataset,
    content: bytes,
    counts: tuple[int, ...] = FEW,
    *,
    retry: bool = False,
) -> None:
    """Begin to measure the bytes of a checkpoint; returns at once."""
    jobs.start(job(dataset, content, counts), lambda: content, retry=retry)


if __name__ == "__main__":
    KIND.main()
