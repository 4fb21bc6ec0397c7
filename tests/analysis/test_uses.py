"""What a code is good for: classes, other data than MNIST, and a job that measures it."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from aeviz import jobs
from aeviz.analysis import baselines, neighbours, pca, uses
from aeviz.analysis.codec import of_pca
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
    from sklearn.metrics import v_measure_score

    codes = pca.pca(datasets.load(), 8).encode(MNIST.test_images[:900])
    labels = MNIST.test_labels[600:900]
    found = uses.v_measure(codes[:600], codes[600:], labels, 10)
    clusters = KMeans(10, random_state=0, **uses.RESTARTS).fit(codes[:600]).predict(codes[600:])
    joint = np.zeros((10, 10))
    np.add.at(joint, (labels, clusters), 1 / len(labels))

    def entropy(p: np.ndarray) -> float:
        return float(-(p[p > 0] * np.log(p[p > 0])).sum())

    classes, groups, both = entropy(joint.sum(1)), entropy(joint.sum(0)), entropy(joint)
    shared = classes + groups - both  # homogeneity and completeness are its shares
    assert found.value == pytest.approx(2 * shared / (classes + groups), abs=1e-9)
    assert 0.2 < found.value < 0.8
    again = []
    for _ in range(200):
        some = np.random.default_rng(len(again)).integers(300, size=300)
        again.append(v_measure_score(labels[some], clusters[some]))
    assert found.error == pytest.approx(np.std(again), rel=0.3)  # the clusters stay


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


def test_the_error_of_trustworthiness_is_that_of_disjoint_samples() -> None:
    images = MNIST.test_images[:600]
    codes = pca.pca(datasets.load(), 2).encode(images)
    found = uses.trust(images, codes)
    order = np.random.default_rng(uses.SEED).permutation(600)
    parts = [uses.trustworthiness(images[s], codes[s]) for s in np.split(order, 5)]
    assert found.value == pytest.approx(np.mean(parts))
    assert found.error == pytest.approx(np.std(parts, ddof=1) / math.sqrt(5))


def test_accuracies_have_the_error_of_a_share(few: datasets.Dataset) -> None:
    known = MNIST.train_images[:-10_000][uses.draw(uses.CODES, 50_000)]
    codec = of_pca(MNIST, 8)
    found = uses.tell_apart(codec.encode(known), codec.encode(few.test_images), few)
    assert set(found) == {"probe_accuracy", "neighbour_accuracy", "v_measure", "trustworthiness"}
    for key in ("probe_accuracy", "neighbour_accuracy"):
        p = found[key].value
        assert 0.5 < p < 1
        assert found[key].error == pytest.approx(math.sqrt(p * (1 - p) / 399))


# -- what is kept, and what is measured when asked ----------------------------------------------


def test_what_is_kept_is_what_a_model_gives() -> None:
    name = next(
        n for n, card in PRETRAINED.items() if card.variant == "linear" and card.latent_dim == 2
    )
    use, model = baselines.kept().models[name], checkpoint.load(checkpoint.FOLDER / name)
    inside = MNIST.train_images[:-10_000]
    codes = apply.encode(model, inside[uses.draw(uses.CODES, len(inside))])
    test_codes, middle = apply.encode(model, MNIST.test_images), np.median(codes, 0)
    step = use.point.step or 0
    rounded = middle + step * np.rint((test_codes - middle) / step)
    mses = np.square(apply.decode(model, rounded) - MNIST.test_images / 255).mean((1, 2))
    assert use.point.mse.value == pytest.approx(mses.mean(), rel=1e-3)
    assert use.point.mse.error == pytest.approx(mses.std() / 100, rel=1e-2)
    labels = MNIST.train_labels[:-10_000][uses.draw(uses.CODES, len(inside))]
    near = neighbours.neighbour_accuracy(codes, labels, test_codes, MNIST.test_labels)
    assert use.figures["neighbour_accuracy"].value == pytest.approx(near, abs=2e-3)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> datasets.Dataset:
    """The 8 by 8 digits of scikit-learn, three of their classes."""
    from sklearn.datasets import load_digits

    source = datasets.Source("Small digits", ("0", "1", "2"), "Small", shape=(1, 8, 8))
    monkeypatch.setitem(datasets.SOURCES, "small", source)
    pixels, classes = map(np.asarray, load_digits(n_class=3, return_X_y=True))
    images = (pixels * 15.9).astype(np.uint8).reshape(-1, 8, 8)
    labels = classes.astype(np.uint8)
    return datasets.Dataset("small", images[:400], labels[:400], images[400:], labels[400:])


def test_images_of_another_size_and_number_of_classes_are_measured(
    small: datasets.Dataset,
) -> None:
    assert baselines.widths(small)[-1] == 64
    wide = uses.measure(of_pca(small, 64), small)
    points = wide.points
    assert points[-1].size.value > points[0].size.value
    assert wide.figures["v_measure"].value > 0.8  # three clusters, not ten
    files = baselines.files(small)
    assert files[baselines.PNG][0].size.value > 64  # of 8 by 8 pixels a file is mostly header
    found = baselines.References(pixels={}, linear={64: wide}, files=files)
    assert "PCA needs" in baselines.finding("This", uses.measure(of_pca(small, 4), small), found)


def test_images_of_several_channels_are_no_grey_files(small: datasets.Dataset) -> None:
    several = [np.stack([x] * 3, 1) for x in (small.train_images, small.test_images)]
    coloured = dataclasses.replace(small, train_images=several[0], test_images=several[1])
    assert baselines.files(coloured) == {}


def test_a_model_is_measured_by_a_job(
    few: datasets.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "load", lambda name="mnist": few)
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
