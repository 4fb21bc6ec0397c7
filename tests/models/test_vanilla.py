"""The squared error of the copy, for the variants that minimise nothing else."""

from __future__ import annotations

import pytest
from torch import Tensor

from aeviz.models import MODELS
from tests.models.arithmetic import cross_entropy, make, spread, squared_error


@pytest.mark.parametrize("name", ["vanilla", "convolutional"])
def test_the_squared_error_of_the_copy_is_minimised(name: str, digits: Tensor) -> None:
    model = spread(make(name))
    loss = model.loss(digits)
    assert list(loss.terms) == ["reconstruction"]
    x_hat = model.decode(model.encode(digits))
    assert loss.total.item() == pytest.approx(squared_error(digits, x_hat), rel=1e-5)
    other = make(name, reconstruction="bernoulli")
    x_hat = other.decode(other.encode(digits))
    assert other.loss(digits).total.item() == pytest.approx(cross_entropy(digits, x_hat), rel=1e-5)


@pytest.mark.parametrize("name", ["vanilla", "denoising", "convolutional"])
def test_a_variant_whose_loss_does_not_place_codes_has_no_prior(name: str) -> None:
    assert make(name).sample_prior(2) is None
    assert "where codes" in MODELS[name].no_prior
