"""What a squared error means, by numpy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from aeviz.analysis import pca
from aeviz.data import datasets

MNIST = datasets.load()


def test_levels_are_the_errors_of_the_mean_image_and_of_pca_summed_over_pixels() -> None:
    few = dataclasses.replace(
        MNIST, train_images=MNIST.train_images[:600], test_images=MNIST.test_images[:205]
    )
    train, test = (
        x.reshape(len(x), -1).astype(np.float64) / 255 for x in (few.train_images, few.test_images)
    )
    mean = train.mean(0)
    axes = np.linalg.svd(train - mean, full_matrices=False)[2][:3]
    copies = {"mean image": mean, "PCA, 3 components": (test - mean) @ axes.T @ axes + mean}
    found = pca.levels(few, 3)
    assert list(found) == list(copies)
    for name, copy in copies.items():
        error = np.square(test - np.clip(copy, 0, 1)).sum(1).mean()
        assert found[name] == pytest.approx(error, rel=1e-4)
    assert list(pca.levels(few, 1)) == ["mean image", "PCA, 1 component"]
    assert list(pca.levels(few, 1024)) == ["mean image"]
