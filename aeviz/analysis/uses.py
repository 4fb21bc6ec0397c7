"""What a code is good for: classes told apart with it, and bytes spent for a reconstruction."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.special import gammaln

from aeviz import jobs
from aeviz.analysis import errors, neighbours, probe
from aeviz.analysis.codec import Codec, of_model, of_pca
from aeviz.data import datasets
from aeviz.models import checkpoint

CODES = 10_000
"""So many training images are encoded; probe, neighbours and clusters are fitted to their codes."""
SAMPLE = 2_000
"""So many test images are looked at for trustworthiness, and as many held-out ones for choosing
the bits of a value."""
SEED = 0
CLUSTERS = 10
RESTARTS: dict[str, Any] = {"n_init": 4}
NEIGHBOURS = 5
PIXELS = 28 * 28
"""Bytes of an image, one for each pixel."""
BITS = (1, 2, 3, 4, 5, 6, 7, 8, 10)
SLACK = 1.05
"""A latent dimension gets the fewest bits with which the MSE rises by no more than this factor."""
LABEL_BITS = math.log2(10)


class Point(BaseModel):
    """One way to store an image: bits for each latent dimension, bytes, MSE of the reconstruction.

    Bytes are a mean, and no whole number: images are stored one behind the other.
    """

    model_config = ConfigDict(frozen=True)

    bits: int | None
    """None where nothing is rounded."""
    size: float
    mse: float


class Use(BaseModel):
    """What a code is good for.

    numbers: latent dimensions; figures: see `tell_apart`; points: rate and distortion on test
    images, from few bits to many; chosen: which of them is taken, on held-out images.
    """

    numbers: int
    figures: dict[str, float]
    points: list[Point]
    chosen: int

    @property
    def point(self) -> Point:
        """The chosen point."""
        return self.points[self.chosen]


# -- what is compared: a code and a way back ----------------------------------------------------


def coded(codec: Codec, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Codes (N, D) of images and the labels (N,) that belong to them; None where none do."""
    labels = codec.classify(images)
    return codec.encode(images, labels), labels


# -- classes -----------------------------------------------------------------------------------


def v_measure(codes: np.ndarray, queries: np.ndarray, labels: np.ndarray) -> float:
    """How well k-means finds the classes by itself, from 0 to 1.

    Ten clusters of codes (N, D), to which queries (M, D) with labels (M,) are then assigned; the
    harmonic mean of homogeneity and completeness of that.

    Source: Rosenberg & Hirschberg 2007, EMNLP, eq. 1 to 3.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import v_measure_score

    clusters = KMeans(CLUSTERS, random_state=SEED, **RESTARTS).fit(codes).predict(queries)
    return float(v_measure_score(labels, clusters))


def trustworthiness(images: np.ndarray, codes: np.ndarray) -> float:
    """How far neighbours in code space are neighbours among pixels too, from 0 to 1.

    Args:
        images: (N, 28, 28).
        codes: (N, D).

    Source: Venna & Kaski 2001, ICANN; five neighbours.
    """
    from sklearn import manifold

    pixels = datasets.to_float(images).reshape(len(images), -1)
    return float(manifold.trustworthiness(pixels, codes, n_neighbors=NEIGHBOURS))


def draw(count: int, size: int) -> np.ndarray:
    """Which images are looked at: so many of a size, drawn once, in rising order."""
    chosen = np.random.default_rng(SEED).permutation(size)[:count]
    return np.sort(chosen)


def tell_apart(
    train_codes: np.ndarray,
    test_codes: np.ndarray,
    dataset: datasets.Dataset,
    progress: jobs.Progress = lambda done, phase: None,
) -> dict[str, float]:
    """Probe and 5-NN accuracy, V-measure and trustworthiness of codes.

    Args:
        train_codes: of the training images `draw(CODES, ...)` names among those not held out.
        test_codes: of all test images.
    """
    labels = dataset.train_labels[: -dataset.held_out]
    labels = labels[draw(CODES, len(labels))]
    both = train_codes, labels, test_codes, dataset.test_labels
    progress(0.0, "Training the probe")
    found = {"probe_accuracy": probe.linear_probe(*both).value}
    progress(0.4, "Finding neighbours")
    found["neighbour_accuracy"] = neighbours.neighbour_accuracy(*both)
    progress(0.6, "Looking for clusters")
    found["v_measure"] = v_measure(train_codes, test_codes, dataset.test_labels)
    progress(0.8, "Comparing neighbourhoods")
    some = draw(SAMPLE, len(test_codes))
    found["trustworthiness"] = trustworthiness(dataset.test_images[some], test_codes[some])
    return found


# -- bytes -------------------------------------------------------------------------------------


def quantise(codes: np.ndarray, low: np.ndarray, high: np.ndarray, bits: int) -> np.ndarray:
    """Codes (N, D) rounded to the middles of 2^bits equal steps from low (D,) to high (D,).

    What lies outside is taken for the nearest step.

    Source: Gray & Neuhoff 1998, IEEE Trans. Inf. Theory 44:2325, section I.
    """
    steps = 2**bits
    size = (high - low) / steps
    index = np.floor((codes - low) / np.where(size > 0, size, 1)).clip(0, steps - 1)
    return (low + (index + 0.5) * size).astype(np.float32)


def listed_bits(codes: np.ndarray, bits: int) -> float:
    """Bits of an image, mean over codes (N, D), where only values other than 0 are written.

    Which ones those are costs log2 C(D, n), and that there are n of them log2 (D + 1).
    """
    width, n = codes.shape[1], np.count_nonzero(codes, axis=1)
    which = (gammaln(width + 1) - gammaln(n + 1) - gammaln(width - n + 1)) / math.log(2)
    return float((math.log2(width + 1) + which + n * bits).mean())


def squeeze(
    codes: np.ndarray, low: np.ndarray, high: np.ndarray, bits: int
) -> tuple[np.ndarray, float]:
    """Rounded codes (N, D), and the bits of one, mean over them.

    All D values are written, or only those that are not 0, whichever is shorter; zeros then stay.
    """
    rounded, written = quantise(codes, low, high, bits), float(codes.shape[1] * bits)
    listed = listed_bits(codes, bits)
    return (np.where(codes == 0, 0, rounded), listed) if listed < written else (rounded, written)


def rate_distortion(
    codec: Codec, dataset: datasets.Dataset, low: np.ndarray, high: np.ndarray
) -> tuple[list[Point], int]:
    """Size and MSE of test images for each number of bits, and which of these to take.

    That is the fewest with which the MSE of held-out images is within 5 % of what it is without
    rounding.

    Args:
        low: smallest value of each latent dimension among training codes (D,).
        high: largest.
    """
    images = dataset.test_images
    codes, labels = coded(codec, images)
    spelt = 0.0 if labels is None else LABEL_BITS

    def error(x: np.ndarray, rounded: np.ndarray, given: np.ndarray | None) -> float:
        return float(errors.mse(x, codec.decode(rounded, given)).mean(dtype=np.float64))

    if codec.symbols is not None:
        size = (codec.symbols + spelt) / 8
        return [Point(bits=None, size=size, mse=error(images, codes, labels))], 0
    held_out = dataset.train_images[-dataset.held_out :]
    held_out = held_out[draw(SAMPLE, len(held_out))]
    held_codes, held_labels = coded(codec, held_out)
    exact = error(held_out, held_codes, held_labels)
    points, chosen = [], None
    for k, bits in enumerate(BITS):
        rounded, spent = squeeze(codes, low, high, bits)
        mse = error(images, rounded, labels)
        points.append(Point(bits=bits, size=(spent + spelt) / 8, mse=mse))
        if chosen is None:
            rounded, _ = squeeze(held_codes, low, high, bits)
            if error(held_out, rounded, held_labels) <= SLACK * exact:
                chosen = k
    return points, len(BITS) - 1 if chosen is None else chosen


def measure(
    codec: Codec, dataset: datasets.Dataset, progress: jobs.Progress = lambda done, phase: None
) -> Use:
    """All that is measured of a code."""
    progress(0.0, "Encoding the images")
    images = dataset.train_images[: -dataset.held_out]
    train_codes = codec.encode(images[draw(CODES, len(images))])
    test_codes = codec.encode(dataset.test_images)
    figures = tell_apart(
        train_codes, test_codes, dataset, lambda done, phase: progress(0.1 + 0.5 * done, phase)
    )
    progress(0.6, "Rounding the codes")
    points, chosen = rate_distortion(codec, dataset, train_codes.min(0), train_codes.max(0))
    return Use(numbers=train_codes.shape[1], figures=figures, points=points, chosen=chosen)


# -- measured when asked -----------------------------------------------------------------------


class Measured(BaseModel):
    """A model's code, and PCA's at the same width."""

    use: Use
    linear: Use


def _compute(content: bytes, data_name: str, progress: jobs.Progress) -> Measured:
    dataset, model = datasets.load(data_name), checkpoint.from_bytes(content)
    use = measure(of_model(model), dataset, lambda done, phase: progress(0.8 * done, phase))
    linear = measure(
        of_pca(dataset, min(use.numbers, PIXELS)),
        dataset,
        lambda done, _: progress(0.8 + 0.2 * done, "PCA for comparison"),
    )
    return Measured(use=use, linear=linear)


def folder() -> Path:
    """Where what is measured when asked is kept."""
    return datasets.cache_folder() / "uses"


def settings(dataset: datasets.Dataset) -> object:
    """What a measurement depends on, beside what is measured."""
    return dataset.name, CODES, SAMPLE, BITS, SEED


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
