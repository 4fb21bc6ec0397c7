"""The small digit classifier: what it reads, how sure it is, and how well it was measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from aeviz.analysis import classifier, sampling
from aeviz.data import corruption, datasets

MNIST = datasets.load()


def test_the_pretrained_classifier_is_small_and_knows_digits() -> None:
    assert classifier.FILE.stat().st_size <= 300_000
    few = slice(0, 2000)
    assert (
        classifier.accuracy(classifier.load(), MNIST.test_images[few], MNIST.test_labels[few])
        > 0.95
    )


def test_features_are_what_the_logits_are_read_from() -> None:
    x = MNIST.test_images[:7]
    found = classifier.features(x)
    assert found.shape == (7, classifier.FEATURES)
    assert np.array_equal(classifier.features(x / np.float32(255)), found)
    model = classifier.load()
    with torch.no_grad():
        logits = model(torch.from_numpy(x / np.float32(255))[:, None])
        read = model.head[2](torch.from_numpy(found).relu())
    assert torch.allclose(logits, read, atol=1e-4)


def test_images_that_are_no_digits_are_far_from_digits() -> None:
    real, others = (classifier.features(part) for part in np.split(MNIST.test_images[:4000], 2))
    upside_down = classifier.features(MNIST.test_images[2000:4000, ::-1])
    noisy = classifier.features(corruption.noisy(MNIST.test_images[2000:4000], 0.5, 0))
    near = sampling.frechet(real, others)
    assert sampling.frechet(real, upside_down) > 5 * near
    assert sampling.frechet(real, noisy) > 5 * near


def test_a_classifier_learns_and_the_same_seed_gives_the_same_weights() -> None:
    x, labels = MNIST.train_images[:500], MNIST.train_labels[:500]
    first, again, other = (classifier.fit(x, labels, 3, seed) for seed in (0, 0, 1))
    assert classifier.accuracy(first, x, labels) > 0.15
    pairs = zip(first.parameters(), again.parameters(), other.parameters(), strict=True)
    assert all(torch.equal(a, b) and not torch.equal(a, c) for a, b, c in pairs)


def test_its_probabilities_are_the_softmax_of_its_logits_and_its_doubt_their_entropy() -> None:
    x = MNIST.test_images[:50]
    with torch.no_grad():
        logits = classifier.load()(torch.from_numpy(x / np.float32(255))[:, None]).double().numpy()
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found = classifier.log_probabilities(x)
    np.testing.assert_allclose(np.exp(found), p, atol=1e-5)
    np.testing.assert_allclose(classifier.doubt(found), entropy(p, base=2, axis=1), atol=1e-4)
    assert classifier.doubt(np.log(np.full(10, 0.1))) == pytest.approx(np.log2(10))


def test_its_test_accuracy_is_what_was_kept_of_it() -> None:
    right = classifier.log_probabilities(MNIST.test_images).argmax(1) == MNIST.test_labels
    found = classifier.tested()
    assert found.value == right.mean()
    assert found.error == pytest.approx(right.std() / 100)
