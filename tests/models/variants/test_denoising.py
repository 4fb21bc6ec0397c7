"""Corruptions, and which image the copy is compared with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.models.variants.arithmetic import make, spread, squared_error

CORRUPTIONS = ["gaussian", "masking", "salt and pepper"]
both = pytest.mark.parametrize("name", ["denoising", "convolutional_denoising"])


@both
@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_denoising_compares_the_clean_image_with_the_copy_of_a_spoilt_one(
    name: str, corruption: str, digits: Tensor
) -> None:
    model, digits = spread(make(name, corruption=corruption, level=0.4)).double(), digits.double()
    torch.manual_seed(5)
    corrupted = model.corrupt(digits)
    x_hat = model.decode(model.encode(corrupted))
    torch.manual_seed(5)
    loss = model.loss(digits).total.item()
    assert loss == pytest.approx(squared_error(digits, x_hat), rel=1e-12)
    assert abs(loss - squared_error(corrupted, x_hat)) > 0.01 * loss
    assert abs(loss - squared_error(digits, model.decode(model.encode(digits)))) > 1e-7 * loss


@both
@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_denoising_spoils_afresh_but_never_when_it_encodes(
    name: str, corruption: str, digits: Tensor
) -> None:
    model = make(name, corruption=corruption)
    assert not torch.equal(model.corrupt(digits), model.corrupt(digits))
    assert not torch.equal(model.loss(digits).total, model.loss(digits).total)
    assert torch.equal(model.encode(digits), model.encode(digits))
    clean = make(name, corruption=corruption, level=0.0)
    assert torch.equal(clean.corrupt(digits), digits)


def grey(value: float) -> Tensor:
    return torch.full((400, 1, 28, 28), value)


def test_gaussian_corruption_has_its_standard_deviation_and_stays_in_range() -> None:
    torch.manual_seed(0)
    model = make("denoising", corruption="gaussian", level=0.1)
    corrupted = model.corrupt(grey(0.5))  # five standard deviations from either end
    assert corrupted.mean().item() == pytest.approx(0.5, abs=1e-3)
    assert corrupted.std().item() == pytest.approx(0.1, rel=0.01)
    per_pixel = corrupted[:, 0].flatten(1)  # independent from pixel to pixel
    assert np.corrcoef(per_pixel[:, 0], per_pixel[:, 1])[0, 1] == pytest.approx(0, abs=0.2)
    corrupted = make("denoising", corruption="gaussian", level=0.5).corrupt(grey(0.0))
    assert corrupted.min() == 0
    assert corrupted.max() == 1
    assert (corrupted == 0).float().mean().item() == pytest.approx(0.5, abs=0.01)
    assert (corrupted == 1).float().mean().item() == pytest.approx(0.02275, abs=0.002)  # 2 sigma


def test_masking_blacks_out_the_stated_fraction_and_nothing_else() -> None:
    torch.manual_seed(0)
    corrupted = make("denoising", corruption="masking", level=0.3).corrupt(grey(0.7))
    assert set(corrupted.unique().tolist()) == {0.0, grey(0.7)[0, 0, 0, 0].item()}
    assert (corrupted == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert (make("denoising", corruption="masking", level=1.0).corrupt(grey(0.7)) == 0).all()


def test_salt_and_pepper_are_equally_frequent_and_spoil_the_stated_fraction() -> None:
    torch.manual_seed(0)
    corrupted = make("denoising", corruption="salt and pepper", level=0.4).corrupt(grey(0.7))
    assert set(corrupted.unique().tolist()) == {0.0, grey(0.7)[0, 0, 0, 0].item(), 1.0}
    assert (corrupted == 0).float().mean().item() == pytest.approx(0.2, abs=0.01)
    assert (corrupted == 1).float().mean().item() == pytest.approx(0.2, abs=0.01)
