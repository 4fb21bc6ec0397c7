"""The linear autoencoder by numpy, and its subspace by scikit-learn's PCA."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA
from torch import Tensor

from aeviz.data import datasets
from aeviz.models import objective
from aeviz.training import loop
from tests.models.variants.arithmetic import make

DIMENSIONS = 6
"""The sixth principal axis holds a third more variance than the seventh: the plane is distinct."""


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """2,000 training digits, (2000, 28, 28) uint8."""
    return datasets.load().train_images[:2000]


@pytest.fixture(scope="module")
def pca(images: np.ndarray) -> Any:
    return PCA(DIMENSIONS).fit(images.reshape(len(images), -1) / 255)


@pytest.fixture(scope="module")
def trained(images: np.ndarray) -> Any:
    model = make("linear", latent_dim=DIMENSIONS)
    for _ in loop.fit(model, images, steps=1000, batch=200, lr=2e-2, seed=0):
        pass
    return model.eval()


def test_it_is_one_matrix_each_way(digits: Tensor) -> None:
    model = make("linear", latent_dim=5)
    w, b, v, c = (p.detach().double().numpy() for p in model.parameters())
    x = digits.flatten(1).double().numpy()
    z = x @ w.T + b
    assert z.shape == (len(x), 5)
    assert model.encode(digits).detach().numpy() == pytest.approx(z, abs=1e-5)
    x_hat = z @ v.T + c
    squares = ((x - x_hat) ** 2).sum() / len(x)
    assert model.loss(digits).total.item() == pytest.approx(squares, rel=1e-5)


def test_pixels_are_clamped_and_the_loss_is_not(digits: Tensor) -> None:
    model = make("linear")
    with torch.no_grad():
        model.decoder.bias.fill_(3.0)
        model.decoder.weight.zero_()
    assert (model.decode(model.encode(digits)) == 1).all()
    expected = ((3.0 - digits.double().numpy()) ** 2).sum() / len(digits)
    assert model.loss(digits).total.item() == pytest.approx(expected, rel=1e-5)


def test_training_finds_the_subspace_of_pca(trained: Any, pca: Any) -> None:
    columns = trained.decoder.weight.detach().double().numpy()
    angles = np.degrees(subspace_angles(columns, pca.components_.T))
    assert angles.max() < 2
    fresh = make("linear", latent_dim=DIMENSIONS).decoder.weight.detach().double().numpy()
    assert np.degrees(subspace_angles(fresh, pca.components_.T)).max() > 60


def test_its_copies_are_as_good_as_those_of_pca(trained: Any, pca: Any, images: np.ndarray) -> None:
    x = images.reshape(len(images), -1) / 255
    least = ((x - pca.inverse_transform(pca.transform(x))) ** 2).sum(1).mean()
    error = objective.validate(trained, images).total.item()
    assert least <= error < 1.001 * least  # PCA is the best that a linear map can do
