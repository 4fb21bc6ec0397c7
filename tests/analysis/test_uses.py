"""What a code is good for: classes, bits counted by hand, and a job that measures it."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from aeviz import jobs
from aeviz.analysis import baselines, errors, neighbours, pca, uses
from aeviz.analysis.codec import of_model, of_pca
from aeviz.data import datasets
from aeviz.models import apply, checkpoint

MNIST = datasets.load()
PRETRAINED = checkpoint.pretrained()


@pytest.fixture
def few() -> Iterator[datasets.Dataset]:
    """A hundred images in place of thousands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uses, "CODES", 500)
        patch.setattr(uses, "SAMPLE", 100)
        yield dataclasses.replace(
            MNIST, test_images=MNIST.test_images[:400], test_labels=MNIST.test_labels[:400]
        )


# -- classes ----------------------------------------------------------------------------------


def test_the_v_measure_is_that_of_the_entropies_of_clusters_and_classes() -> None:
    from sklearn.cluster import KMeans

    codes = pca.pca(datasets.load(), 8).encode(MNIST.test_images[:900])
    labels = MNIST.test_labels[600:900]
    found = uses.v_measure(codes[:600], codes[600:], labels)
    clusters = KMeans(10, random_state=0, **uses.RESTARTS).fit(codes[:600]).predict(codes[600:])
    joint = np.zeros((10, 10))
    np.add.at(joint, (labels, clusters), 1 / len(labels))

    def entropy(p: np.ndarray) -> float:
        return float(-(p[p > 0] * np.log(p[p > 0])).sum())

    classes, groups, both = entropy(joint.sum(1)), entropy(joint.sum(0)), entropy(joint)
    shared = classes + groups - both  # homogeneity and completeness are its shares
    assert found == pytest.approx(2 * shared / (classes + groups), abs=1e-9)
    assert 0.2 < found < 0.8


def test_trustworthiness_counts_the_ranks_of_false_neighbours() -> None:
    images = MNIST.test_images[:120]
    codes = pca.pca(datasets.load(), 2).encode(images)
    flat = images.reshape(120, -1) / 255
    ranks = np.square(flat[:, None] - flat[None]).sum(2).argsort(1).argsort(1)  # 0: itself
    near = np.square(codes[:, None] - codes[None]).sum(2).argsort(1)[:, 1:6]
    false = sum(max(ranks[i, j] - 5, 0) for i in range(120) for j in near[i])
    expected = 1 - 2 / (120 * 5 * (2 * 120 - 3 * 5 - 1)) * false
    assert uses.trustworthiness(images, codes) == pytest.approx(expected, abs=1e-9)
    assert uses.trustworthiness(images, flat) == 1


# -- bits -------------------------------------------------------------------------------------


def test_numbers_are_rounded_to_the_middles_of_even_steps() -> None:
    low, high = np.array([0.0, -1.0, 2.0]), np.array([1.0, 3.0, 2.0])
    codes = np.array([[0.0, -1, 2], [0.26, 2.9, 2], [1.0, 3.0, 2], [-5, 9, 2], [0.5, 1.01, 2]])
    found = uses.quantise(codes, low, high, 2)
    expected = [[0.125, -0.5, 2], [0.375, 2.5, 2], [0.875, 2.5, 2], [0.125, 2.5, 2]]
    assert np.allclose(found, [*expected, [0.625, 1.5, 2]])


def test_the_error_of_rounded_codes_is_what_rounding_adds_along_orthonormal_axes() -> None:
    linear = pca.pca(datasets.load(), 16)
    codes = linear.encode(MNIST.test_images[:200]).astype(np.float64)
    low, high = codes.min(0), codes.max(0)
    for bits in (1, 3, 8):
        rounded, spent = uses.squeeze(codes, low, high, bits)
        assert spent == 16 * bits
        edges = np.linspace(low, high, 2**bits + 1)
        for k in range(16):
            step = np.clip(np.digitize(codes[:, k], edges[:, k]) - 1, 0, 2**bits - 1)
            middles = (edges[step, k] + edges[step + 1, k]) / 2
            assert np.allclose(rounded[:, k], middles, atol=1e-3 * (high - low)[k] / 2**bits)
        exact = errors.mse(MNIST.test_images[:200], linear.decode(codes)).mean()
        total = errors.mse(MNIST.test_images[:200], linear.decode(rounded)).mean()
        added = np.square(rounded - codes).sum(1).mean() / 784
        assert total - exact == pytest.approx(added, rel=2e-3)  # what is lost lies across


def test_a_code_of_mostly_zeros_is_written_as_a_list() -> None:
    codes = np.zeros((2, 64))
    codes[0, [3, 9]], codes[1, [1, 2, 5]] = [0.4, 0.9], [0.1, 0.2, 1.0]
    rounded, bits = uses.squeeze(codes, codes.min(0), codes.max(0), 4)
    counted = [math.log2(65) + math.log2(math.comb(64, n)) + 4 * n for n in (2, 3)]
    assert bits == pytest.approx(np.mean(counted))
    assert bits < 64 * 4
    assert np.array_equal(rounded == 0, codes == 0)


def test_a_code_of_symbols_costs_their_choice_among_the_codebook() -> None:
    name = next(n for n, card in PRETRAINED.items() if card.config.codebook_size)
    model = checkpoint.load(checkpoint.FOLDER / name)
    codes = apply.encode(model, MNIST.test_images[:300]).reshape(-1, model.config.latent_dim)
    words = len(np.unique(codes, axis=0))
    assert words <= model.config.codebook_size
    places = model.code_dim / model.config.latent_dim
    assert of_model(model).symbols == places * math.log2(model.config.codebook_size)
    point = baselines.kept().models[name].point
    assert point.bits is None
    assert point.size == pytest.approx(7 * 7 * 6 / 8)


def test_labels_that_a_model_finds_are_part_of_the_code(few: datasets.Dataset) -> None:
    name = next(n for n, card in PRETRAINED.items() if uses_labels(card) and width(card) == 2)
    codec = of_model(checkpoint.load(checkpoint.FOLDER / name))
    codes, labels = uses.coded(codec, few.test_images[:50])
    assert labels is not None
    assert (labels == few.test_labels[:50]).mean() > 0.5  # found, not given
    points, _ = uses.rate_distortion(codec, few, codes.min(0), codes.max(0))
    assert points[0].size == pytest.approx((2 * 1 + math.log2(10)) / 8)


def uses_labels(card: checkpoint.Card) -> bool:
    from aeviz.models.zoo import MODELS

    return MODELS[card.variant].uses_labels


def width(card: checkpoint.Card) -> int:
    return card.latent_dim


def test_bits_are_chosen_on_held_out_images_not_on_test_images(few: datasets.Dataset) -> None:
    codec = of_pca(MNIST, 4)
    codes = codec.encode(MNIST.train_images[:500])
    points, chosen = uses.rate_distortion(codec, few, codes.min(0), codes.max(0))
    noise = np.random.default_rng(0).integers(0, 256, few.test_images.shape).astype(np.uint8)
    other = dataclasses.replace(few, test_images=noise)
    noisy, again = uses.rate_distortion(codec, other, codes.min(0), codes.max(0))
    assert again == chosen
    assert noisy[chosen].mse > 2 * points[chosen].mse
    assert [p.mse for p in points] == sorted((p.mse for p in points), reverse=True)
    held_out = MNIST.train_images[-10_000:]
    held_out = held_out[uses.draw(100, 10_000)]

    def error(rounded: np.ndarray) -> float:
        reconstructions = np.clip(pca.pca(datasets.load(), 4).decode(rounded), 0, 1)
        return float(np.square(reconstructions - held_out / 255).mean())

    exact = pca.pca(datasets.load(), 4).encode(held_out)
    enough = [
        bits
        for bits in uses.BITS
        if error(uses.quantise(exact, codes.min(0), codes.max(0), bits)) <= 1.05 * error(exact)
    ]
    assert points[chosen].bits == enough[0]


# -- what is kept, and what is measured when asked ----------------------------------------------


def test_what_is_kept_is_what_a_model_gives() -> None:
    name = next(
        n for n, card in PRETRAINED.items() if card.variant == "linear" and width(card) == 2
    )
    use, model = baselines.kept().models[name], checkpoint.load(checkpoint.FOLDER / name)
    inside = MNIST.train_images[:-10_000]
    codes = apply.encode(model, inside[uses.draw(uses.CODES, len(inside))])
    test_codes = apply.encode(model, MNIST.test_images)
    rounded = uses.quantise(test_codes, codes.min(0), codes.max(0), use.point.bits or 0)
    reconstructions = apply.decode(model, rounded)
    mse = np.square(reconstructions - MNIST.test_images / 255).mean()
    assert use.point.mse == pytest.approx(mse, rel=1e-3)
    assert use.point.size == 2 * (use.point.bits or 0) / 8
    labels = MNIST.train_labels[:-10_000][uses.draw(uses.CODES, len(inside))]
    near = neighbours.neighbour_accuracy(codes, labels, test_codes, MNIST.test_labels)
    assert use.figures["neighbour_accuracy"] == pytest.approx(near, abs=2e-3)


def test_a_model_is_measured_by_a_job(
    few: datasets.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "load", lambda name="mnist": few)
    monkeypatch.setattr(uses, "BITS", (2, 6))
    content = (checkpoint.FOLDER / "linear-2d.safetensors").read_bytes()
    job = uses.job(few, content)
    assert uses.get(few, content) is None
    said: list[float] = []
    monkeypatch.setattr(jobs, "report", lambda job, done, phase, why=None: said.append(done))
    job.path.parent.mkdir(parents=True, exist_ok=True)
    job.file(".input").write_bytes(content)
    monkeypatch.setattr(sys, "argv", ["uses", "mnist", str(job.path)])
    uses.KIND.main()
    found = uses.get(few, content)
    assert found is not None
    assert jobs.progress(job) == (1.0, "Done")
    assert found.use.numbers == found.linear.numbers == 2
    assert said == sorted(said)
    assert not job.file(".input").exists()
    assert uses.get(few, content + b"x") is None
