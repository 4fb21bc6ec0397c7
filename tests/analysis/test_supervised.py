"""Balanced draws of labels, and what is learned from them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from aeviz.analysis import supervised
from aeviz.analysis.supervised import Classifier
from aeviz.data import datasets
from aeviz.models import apply, checkpoint, optim
from aeviz.models.nets import MLPDecoder, MLPEncoder
from aeviz.models.variants.vanilla import Vanilla

MNIST = datasets.load()
PRETRAINED = checkpoint.pretrained()
HOME = next(name for name, card in PRETRAINED.items() if card.home)


@pytest.mark.parametrize("count", [10, 100, 1000])
def test_as_many_of_each_class_get_a_label(count: int) -> None:
    labels = MNIST.train_labels[:10_000]
    drawn = supervised.draw(labels, count, 0)
    assert len(set(drawn)) == count
    assert np.array_equal(np.bincount(labels[drawn]), np.full(10, count // 10))
    assert np.array_equal(supervised.draw(labels, count, 0), drawn)
    assert set(supervised.draw(labels, count, 1)) != set(drawn)


def test_all_labels_are_all_and_an_uneven_number_is_refused() -> None:
    assert np.array_equal(supervised.draw(MNIST.train_labels, 60_000, 3), np.arange(60_000))
    with pytest.raises(ValueError, match="12 labels cannot be shared evenly by 10 classes"):
        supervised.draw(MNIST.train_labels, 12, 0)
    with pytest.raises(ValueError, match="evenly"):
        supervised.draw(np.array([*range(10)] * 2 + [0] * 80), 30, 0)  # a class has only two


def test_numbers_that_collapsed_stay_small() -> None:
    codes = np.random.default_rng(0).standard_normal((500, 2)) * (3.0, 0.003) + (5, 1)
    found = supervised.standardised(codes, codes[:7], 0.1)
    assert np.allclose(found.train.mean(0), 0)
    assert found.train.std(0) == pytest.approx([1, 0.01], rel=0.1)
    assert np.array_equal(found.queries, found.train[:7])
    alike = supervised.standardised(codes, codes[:7], 1)
    assert alike.train == pytest.approx((codes - codes.mean(0)) / codes.std(0).max())


def test_a_regression_is_at_the_minimum_of_its_objective() -> None:
    """Pixels of few images have many flat directions, in which a loose tolerance stops early."""
    x = datasets.to_float(MNIST.train_images[:600]).reshape(600, -1).astype(np.float64)
    labels = MNIST.train_labels[:600]
    _, weights, biases = supervised.regress(x, labels, x[:1], 10.0)
    wrong = softmax(x @ weights.T + biases, axis=1) - np.eye(10)[labels]
    assert np.abs(wrong.T @ x / 600 + weights / (10.0 * 600)).max() < 2e-5
    assert np.abs(wrong.mean(0)).max() < 2e-5


def test_fresh_weights_are_not_amplified_and_learn_as_torch_alone_teaches_them() -> None:
    """The same two layers and head in plain torch, with its own start, Adam and learning rates."""
    images, labels = MNIST.train_images[:300], MNIST.train_labels[:300]
    answers = torch.from_numpy(labels.astype(np.int64))
    config = Vanilla.Config(latent_dim=32, width=64, depth=1, activation="relu")
    classifier = Classifier(optim.build(Vanilla, config, 3), None, 3)
    steps, lr = 60, 3e-3
    with torch.random.fork_rng():
        torch.manual_seed(3)
        layers = [nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 32)]
        torch.manual_seed(3)
        plain = nn.Sequential(*layers, nn.Linear(32, 10))
    x = torch.from_numpy(images / np.float32(255))
    with torch.no_grad():
        logits = classifier(x[:, None])
        assert logits.numpy() == pytest.approx(plain(x).numpy(), abs=1e-5)
        assert nn.functional.cross_entropy(logits, answers) < 2.4  # ln 10
    adam = torch.optim.Adam(plain.parameters())
    order, batches = np.random.default_rng(5), []
    for step in range(steps):
        batches = batches or list(torch.from_numpy(order.permutation(300)).split(128))
        chosen = batches.pop(0)
        rising = min((step + 1) / 6, 1)
        falling = 0.5 * (1 + math.cos(math.pi * max(step - 6, 0) / 54))
        adam.param_groups[0]["lr"] = lr * rising * falling
        adam.zero_grad()
        nn.functional.cross_entropy(plain(x[chosen]), answers[chosen]).backward()
        adam.step()
    supervised.teach(classifier, images, labels, lr=lr, steps=steps, seed=5)
    asked = MNIST.test_images[:1000]
    with torch.no_grad():
        expected = plain(torch.from_numpy(asked / np.float32(255))).argmax(1).numpy()
    assert (classifier.predict(asked) == expected).mean() > 0.99


def test_a_classifier_learns_its_images_by_its_encoder_and_not_by_the_decoder() -> None:
    images, labels = MNIST.train_images[:60], MNIST.train_labels[:60]
    model = checkpoint.load(checkpoint.FOLDER / HOME)
    classifier = Classifier(model, supervised.scale(apply.encode(model, images), 0.1))

    def weights(kind: type[torch.nn.Module]) -> list[torch.Tensor]:
        (part,) = (part for part in classifier.encoder.children() if isinstance(part, kind))
        return [weight.detach().clone() for weight in part.parameters()]

    encoder, decoder = weights(MLPEncoder), weights(MLPDecoder)
    before = (classifier.predict(images) == labels).mean()
    supervised.teach(classifier, images, labels, lr=3e-3, steps=150, seed=0)
    after = (classifier.predict(images) == labels).mean()
    assert before < 0.5
    assert after > 0.9
    assert not any(map(torch.equal, weights(MLPEncoder), encoder))
    assert all(map(torch.equal, weights(MLPDecoder), decoder))
