"""Typical images, by numpy."""

from __future__ import annotations

import dataclasses

import numpy as np

from aeviz.analysis import typical
from aeviz.data import datasets

MNIST = datasets.load()


def test_typical_images_are_the_nearest_quarter_of_their_class_to_its_mean() -> None:
    found = typical.typical(MNIST)
    for label in range(10):
        of_class = np.flatnonzero(MNIST.test_labels == label)
        images = MNIST.test_images[of_class].astype(np.float64) / 255
        far = np.sqrt(np.square(images - images.mean(0)).sum((1, 2)))
        assert typical.most_typical(MNIST, label) == of_class[far.argmin()]
        chosen = found[of_class]
        assert abs(chosen.mean() - 0.25) < 0.01
        assert far[chosen].max() <= far[~chosen].min() + 1e-4


def test_a_class_of_one_image_has_a_typical_one_and_an_absent_class_none() -> None:
    few = dataclasses.replace(
        MNIST, test_images=MNIST.test_images[:3], test_labels=np.array([7, 2, 7])
    )
    assert typical.typical(few).sum() == 2
    assert typical.most_typical(few, 2) == 1
    assert typical.most_typical(few, 5) == 0
