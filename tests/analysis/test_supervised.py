"""Balanced draws of labels, and what is learned from them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aeviz.analysis import supervised
from aeviz.analysis.supervised import Classifier
from aeviz.data import datasets
from aeviz.models import checkpoint
from aeviz.models.nets import MLPDecoder, MLPEncoder

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
    found = supervised.standardised(codes, codes[:7])
    assert np.allclose(found.train.mean(0), 0)
    assert found.train.std(0) == pytest.approx([1, 0.01], rel=0.1)
    assert np.array_equal(found.queries, found.train[:7])


def test_a_classifier_learns_its_images_by_its_encoder_and_not_by_the_decoder() -> None:
    images, labels = MNIST.train_images[:60], MNIST.train_labels[:60]
    model = checkpoint.load(checkpoint.FOLDER / HOME)
    classifier = Classifier(model, images)

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
