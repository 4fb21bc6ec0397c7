"""How many labels a classifier needs, on pixels, on PCA, on a code, and from scratch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel

from aeviz import jobs
from aeviz.analysis import pca, supervised
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
UNLABELLED = 10_000
"""The first training images: few labelled ones are drawn from them, and codes are standardised as
those of all of them are, for which no labels are needed."""


@dataclass(frozen=True)
class Settings:
    """What was chosen on held-out images.

    strength: C of the logistic regressions, the larger the weaker the L2 penalty.
    lr: highest learning rate of Adam; steps: how many.
    """

    strength: dict[str, float]
    lr: dict[str, float]
    steps: dict[str, int]


# Chosen by `python -m benchmarks.uses --choose` on held-out images, the same for all models.
SETTINGS = {
    10: Settings(
        {"pixels": 10.0, "pca": 10.0, "code": 10.0},
        {"tuned": 1e-4, "scratch": 3e-4},
        {"tuned": 50, "scratch": 50},
    ),
    100: Settings(
        {"pixels": 0.1, "pca": 0.1, "code": 0.1},
        {"tuned": 1e-3, "scratch": 3e-4},
        {"tuned": 150, "scratch": 150},
    ),
    1000: Settings(
        {"pixels": 0.1, "pca": 0.1, "code": 0.1},
        {"tuned": 3e-3, "scratch": 1e-4},
        {"tuned": 300, "scratch": 300},
    ),
    60_000: Settings(
        {"pixels": 10.0, "pca": 0.1, "code": 0.01},
        {"tuned": 3e-3, "scratch": 3e-3},
        {"tuned": 4000, "scratch": 4000},
    ),
}


class Learned(BaseModel):
    """Accuracy on the test images: method -> number of labels -> one for each draw.

    numbers: latent dimensions, and components of PCA.
    """

    numbers: int
    accuracy: dict[str, dict[int, list[float]]]

    @property
    def counts(self) -> list[int]:
        """Numbers of labels, rising."""
        return sorted({count for found in self.accuracy.values() for count in found})

    def mean(self, method: str, count: int) -> float | None:
        """Mean over the draws; None where it was not measured."""
        found = self.accuracy.get(method, {}).get(count)
        return None if not found else float(np.mean(found))

    def spread(self, method: str, count: int) -> float:
        """Standard deviation over the draws; 0 for a single one."""
        found = self.accuracy[method][count]
        return float(np.std(found, ddof=1)) if len(found) > 1 else 0.0

    def join(self, other: Learned | None) -> Learned:
        """What either knows."""
        if other is None:
            return self
        both = {
            method: self.accuracy.get(method, {}) | other.accuracy.get(method, {})
            for method in METHODS
            if method in self.accuracy or method in other.accuracy
        }
        return Learned(numbers=self.numbers, accuracy=both)


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
        flat = (datasets.to_float(part).reshape(len(part), -1) for part in (images, queries))
        self.features = {
            "pixels": supervised.Features(*flat),
            "pca": supervised.standardised(
                linear.encode(images), linear.encode(queries), UNLABELLED
            ),
            "code": supervised.standardised(
                apply.encode(model, images), apply.encode(model, queries), UNLABELLED
            ),
        }
        self.methods = [
            m for m in METHODS if m in self.features or supervised.reaches_encoder(model)
        ]

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
        if method in self.features:
            found = self.features[method]
            strength = settings.strength[method]
            return supervised.regress(found.train[chosen], labels, found.queries, strength)[0]
        model, some = self.model, self.images[:UNLABELLED]
        if method == "scratch":
            model = optim.build(type(model), model.config, seed)
        classifier = supervised.Classifier(model, some, seed)
        if method == "tuned":
            code = self.features["code"]
            strength = settings.strength["code"]
            _, weights, biases = supervised.regress(
                code.train[chosen], labels, code.queries[:1], strength
            )
            with torch.no_grad():
                classifier.head.weight.copy_(torch.from_numpy(weights))
                classifier.head.bias.copy_(torch.from_numpy(biases))
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
    images = dataset.train_images[: _pool(max(counts))]
    learner = Learner(model, images, dataset.test_images, dataset)
    plan = [(n, seed, m) for n in counts for seed in range(DRAWS[n]) for m in learner.methods]
    accuracy: dict[str, dict[int, list[float]]] = {m: {} for m in learner.methods}
    for k, (count, seed, method) in enumerate(plan):
        progress((k + 1) / (len(plan) + 1), f"{count:,} labels: {METHODS[method].lower()}")
        chosen = supervised.draw(dataset.train_labels[: _pool(count)], count, seed)
        labels = dataset.train_labels[chosen]
        found = learner.predict(method, chosen, labels, SETTINGS[count], seed)
        share = float((found == dataset.test_labels).mean())
        accuracy[method].setdefault(count, []).append(share)
    return Learned(numbers=model.code_dim, accuracy=accuracy)


def _pool(count: int) -> int | None:
    """How many of the first training images labelled ones are drawn from; None for all."""
    return UNLABELLED if count < UNLABELLED else None


def finding(found: Learned) -> str:
    """What the numbers say, in a sentence for the fewest labels and one for the most."""
    said = []
    for count in (found.counts[0], found.counts[-1]):
        means = {m: found.mean(m, count) for m in found.accuracy}
        known = {m: value for m, value in means.items() if value is not None}
        best = max(known, key=known.__getitem__)
        text = (
            f"With {count:,} labels the best is **{_named(best)}**, "
            f"{100 * known[best]:.1f} % accuracy"
        )
        scratch = known.get("scratch")
        pretrained = max((known[m], m) for m in ("code", "tuned") if m in known)
        if scratch is None or best == "scratch":
            other = pretrained
        elif best == pretrained[1]:
            other = (scratch, "scratch")
        else:
            other = pretrained
        gap, doubt = known[best] - other[0], found.spread(best, count)
        said.append(f"{text}, {100 * gap:.1f} points more than {_named(other[1])}")
        if 0 < gap < doubt:
            said[-1] += ", which is less than the draws of labels differ"
    return ". ".join(dict.fromkeys(said)) + "."


def title(method: str, numbers: int) -> str:
    """A method's name, with the width of what it reads where that is not the image."""
    what = {"pca": "components", "code": "latent dimensions"}.get(method)
    return f"{METHODS[method]}, {numbers:,} {what}" if what else METHODS[method]


def text(found: Learned, method: str, count: int) -> str:
    """Accuracy in %, with its standard deviation where there are several draws."""
    mean = found.mean(method, count)
    if mean is None:
        return ""
    several = len(found.accuracy[method][count]) > 1
    spread = f" ± {100 * found.spread(method, count):.1f}" if several else ""
    return f"{100 * mean:.1f}{spread}"


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
