"""What a code is good for: classes told apart with it, and bytes spent for a reconstruction."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from aeviz import jobs
from aeviz.analysis import estimate, neighbours, probe, rate
from aeviz.analysis.codec import Codec, of_model, of_pca
from aeviz.analysis.estimate import Estimate
from aeviz.analysis.rate import Point
from aeviz.data import datasets
from aeviz.models import checkpoint

CODES = 10_000
"""So many training images are encoded; probe, neighbours, clusters and the entropy code are fitted
to their codes."""
SAMPLE = 2_000
"""So many held-out images are looked at for choosing the step of rounding, and as many test images
each time for trustworthiness."""
PARTS = 5
"""Disjoint samples of test images for trustworthiness."""
SEED = 0
RESTARTS: dict[str, Any] = {"n_init": 4}
NEIGHBOURS = 5


class Use(BaseModel):
    """What a code is good for.

    numbers: latent dimensions; figures: see `tell_apart`; points: rate and distortion on test
    images, from large steps to small ones; chosen: which of them is taken, on held-out images.
    """

    numbers: int
    figures: dict[str, Estimate]
    points: list[Point]
    chosen: int

    @property
    def point(self) -> Point:
        """The chosen point."""
        return self.points[self.chosen]


# -- classes -----------------------------------------------------------------------------------


def v_measure(
    codes: np.ndarray, queries: np.ndarray, labels: np.ndarray, clusters: int
) -> Estimate:
    """How well k-means finds the classes by itself, from 0 to 1.

    So many clusters of codes (N, D), to which queries (M, D) with labels (M,) are then assigned;
    the harmonic mean of homogeneity and completeness of that. Its error is that of other queries:
    the clusters stay.

    Source: Rosenberg & Hirschberg 2007, EMNLP, eq. 1 to 3.
    """
    from sklearn.cluster import KMeans

    found = KMeans(clusters, random_state=SEED, **RESTARTS).fit(codes).predict(queries)
    size = int(labels.max()) + 1

    def agreement(pairs: np.ndarray) -> float:
        counts = np.bincount(pairs, minlength=size * clusters).reshape(size, clusters)
        apart = _entropy(counts.sum(1)), _entropy(counts.sum(0))
        shared = sum(apart) - _entropy(counts)
        return 2 * shared / sum(apart) if any(apart) else 1.0

    return estimate.bootstrap(agreement, labels.astype(np.int64) * clusters + found)


def _entropy(counts: np.ndarray) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def trustworthiness(images: np.ndarray, codes: np.ndarray) -> float:
    """How far neighbours in code space are neighbours among pixels too, from 0 to 1.

    Args:
        images: (N, H, W).
        codes: (N, D).

    Source: Venna & Kaski 2001, ICANN; five neighbours.
    """
    from sklearn import manifold

    pixels = datasets.to_float(images).reshape(len(images), -1)
    return float(manifold.trustworthiness(pixels, codes, n_neighbors=NEIGHBOURS))


def trust(images: np.ndarray, codes: np.ndarray) -> Estimate:
    """Trustworthiness, mean over disjoint samples of so many images, which it depends on."""
    size = min(SAMPLE, len(images) // PARTS)
    order = np.random.default_rng(SEED).permutation(len(images))[: PARTS * size]
    parts = order.reshape(PARTS, size)
    return estimate.mean(np.array([trustworthiness(images[some], codes[some]) for some in parts]))


def draw(count: int, size: int) -> np.ndarray:
    """Which images are looked at: so many of a size, drawn once, in rising order."""
    chosen = np.random.default_rng(SEED).permutation(size)[:count]
    return np.sort(chosen)


def tell_apart(
    train_codes: np.ndarray,
    test_codes: np.ndarray,
    dataset: datasets.Dataset,
    progress: jobs.Progress = lambda done, phase: None,
) -> dict[str, Estimate]:
    """Probe and 5-NN accuracy, V-measure and trustworthiness of codes.

    Args:
        train_codes: of the training images `draw(CODES, ...)` names among those not held out.
        test_codes: of all test images.
    """
    labels = dataset.train_labels[: -dataset.held_out]
    labels = labels[draw(CODES, len(labels))]
    both = train_codes, labels, test_codes, dataset.test_labels
    progress(0.0, "Training the probe")
    found = {"probe_accuracy": probe.linear_probe(*both)}
    progress(0.4, "Finding neighbours")
    right = round(neighbours.neighbour_accuracy(*both) * len(test_codes))
    found["neighbour_accuracy"] = estimate.mean(np.arange(len(test_codes)) < right)
    progress(0.6, "Looking for clusters")
    clusters = len(dataset.classes)
    found["v_measure"] = v_measure(train_codes, test_codes, dataset.test_labels, clusters)
    progress(0.8, "Comparing neighbourhoods")
    found["trustworthiness"] = trust(dataset.test_images, test_codes)
    return found


def measure(
    codec: Codec, dataset: datasets.Dataset, progress: jobs.Progress = lambda done, phase: None
) -> Use:
    """All that is measured of a code."""
    progress(0.0, "Encoding the images")
    known, held_out = np.split(dataset.train_images, [-dataset.held_out])
    train_codes = codec.encode(known[draw(CODES, len(known))])
    tried = rate.look(codec, held_out[draw(SAMPLE, len(held_out))])
    test = rate.look(codec, dataset.test_images)
    figures = tell_apart(
        train_codes, test.codes, dataset, lambda done, phase: progress(0.1 + 0.5 * done, phase)
    )
    progress(0.6, "Rounding the codes")
    classes = len(dataset.classes)
    points, chosen = rate.rate_distortion(codec, train_codes, tried, test, classes)
    return Use(numbers=codec.code_dim, figures=figures, points=points, chosen=chosen)


# -- measured when asked -----------------------------------------------------------------------


class Measured(BaseModel):
    """A model's code, and PCA's at the same width."""

    use: Use
    linear: Use


def _compute(content: bytes, data_name: str, progress: jobs.Progress) -> Measured:
    dataset, model = datasets.load(data_name), checkpoint.from_bytes(content)
    use = measure(of_model(model), dataset, lambda done, phase: progress(0.8 * done, phase))
    linear = measure(
        of_pca(dataset, min(use.numbers, math.prod(dataset.shape))),
        dataset,
        lambda done, _: progress(0.8 + 0.2 * done, "PCA for comparison"),
    )
    return Measured(use=use, linear=linear)


def folder() -> Path:
    """Where what is measured when asked is kept."""
    return datasets.cache_folder() / "uses"


def settings(dataset: datasets.Dataset) -> object:
    """What a measurement depends on, beside what is measured."""
    return dataset.name, CODES, SAMPLE, PARTS, SEED, rate.TRIED, rate.RATIO, rate.SLACK


KIND = jobs.Kind("Uses of a code", "aeviz.analysis.uses", folder, Measured, _compute)


def job(dataset: datasets.Dataset, content: bytes) -> jobs.Job:
    """The measurement of a checkpoint's bytes on a data set."""
    return KIND.job(content, (dataset.name,), settings(dataset))


def get(dataset: datasets.Dataset, content: bytes) -> Measured | None:
    """What a model is good for, where it was measured."""
    return KIND.read(job(dataset, content))


def start(dataset: datasets.Dataset, content: bytes, *, retry: bool = False) -> None:
    """Begin to measure the bytes of a checkpoint; returns at once."""
    jobs.start(job(dataset, content), lambda: content, retry=retry)


if __name__ == "__main__":
    KIND.main()
