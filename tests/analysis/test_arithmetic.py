"""Sums of mean codes and hands carried over, by plain arithmetic."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from aeviz.analysis import arithmetic, classifier
from aeviz.analysis.arithmetic import Term
from aeviz.data import datasets
from aeviz.models import checkpoint

MNIST = datasets.load()


def test_a_sum_of_means_is_added_up_term_by_term() -> None:
    codes = np.array([[1.0, 0], [3, 2], [10, 10], [0, -4], [2, -2]])
    means = arithmetic.means(codes, np.array([0, 0, 1, 2, 2]))
    assert means.tolist() == [[2, 1], [10, 10], [1, -3]]
    found = arithmetic.sums(means, [Term(-1, 0), Term(1, 1), Term(1, 2)])
    assert found.tolist() == [[-2, -1], [8, 9], [9, 6]]


def test_all_triples_of_different_classes_are_there_once() -> None:
    found = [tuple(row) for row in arithmetic.triples(10).tolist()]
    expected = [
        (a, b, c) for a, c in combinations(range(10), 2) for b in range(10) if b not in (a, c)
    ]
    assert sorted(found) == sorted(expected)
    assert len(found) == 360


def test_the_jackknife_of_a_mean_over_classes_is_its_standard_error() -> None:
    # Where each class stands in one triple alone, it is that of independent values.
    values = np.random.default_rng(0).normal(size=12)
    alone = np.repeat(np.arange(12)[:, None], 3, axis=1)
    found = arithmetic.jackknife(lambda kept: float(values[kept].mean()), alone)
    assert found.value == pytest.approx(values.mean())
    assert found.error == pytest.approx(values.std(ddof=1) / np.sqrt(12))


def test_a_hand_is_the_code_of_an_image_decoded_with_every_label() -> None:
    model = checkpoint.load(checkpoint.FOLDER / "conditional-16d")
    images, labels = MNIST.test_images[:6], MNIST.test_labels[:6]
    found = arithmetic.carried(model, images, labels)
    assert found.shape == (6, 10, 28, 28)
    x = torch.from_numpy(images[2:3] / np.float32(255))
    with torch.no_grad():
        told = {"labels": torch.tensor([int(labels[2])])}, {"labels": torch.tensor([7])}
        z = model.encode(x.reshape(1, *model.shape), **told[0])
        seven = model.decode(z, **told[1]).clamp(0, 1).reshape(28, 28).numpy()
    np.testing.assert_allclose(found[2, 7], seven, atol=1e-5)
    read = classifier.log_probabilities(found.reshape(-1, 28, 28)).argmax(1).reshape(6, 10)
    shares = (read == np.arange(10)).mean(1)
    whole = arithmetic.read_as_asked(found)
    assert whole.value == pytest.approx(shares.mean())
    assert whole.error == pytest.approx(shares.std(ddof=1) / np.sqrt(6))
    assert whole.value > 0.7


def test_an_image_is_read_where_the_classifier_is_sure_of_some_digit() -> None:
    images = np.concatenate([MNIST.test_images[:40], np.zeros((1, 28, 28), np.uint8)])
    with torch.no_grad():
        logits = classifier.load()(torch.from_numpy(images / np.float32(255))[:, None])
    assert arithmetic.is_read(images).tolist() == (logits.softmax(1).max(1)[0] > 0.9).tolist()
    assert arithmetic.is_read(images)[:40].mean() > 0.8
    assert not arithmetic.is_read(images)[-1]
