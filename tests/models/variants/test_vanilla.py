"""The squared error of the copy, for the variants that minimise nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from aeviz.data import datasets
from aeviz.models import apply, optim
from aeviz.models.zoo import MODELS
from aeviz.training import loop
from tests.models.variants.arithmetic import cross_entropy, make, spread, squared_error


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


def test_depth_and_width_are_knobs(digits: Tensor) -> None:
    """Hinton & Salakhutdinov's layers, 784-1000-500-250-30, and no layer at all."""
    deep = make("vanilla", latent_dim=30, width=1000, depth=3)
    assert deep.config in MODELS["vanilla"].presets.values()

    def widths(layers: nn.Module) -> list[int]:
        return [m.out_features for m in layers.modules() if isinstance(m, nn.Linear)]

    assert widths(deep.encoder) == [1000, 500, 250, 30]
    assert widths(deep.decoder) == [250, 500, 1000, 784]
    assert widths(make("vanilla", depth=0).encoder) == [2]


def test_the_overcomplete_preset_copies_noise_and_stays_so_while_it_learns_digits() -> None:
    config = next(c for c in MODELS["vanilla"].presets.values() if c.latent_dim >= 784)
    images = datasets.load().train_images[:500]
    noise = np.random.default_rng(0).random((100, 28, 28), np.float32)

    def errors(config: Any, steps: int) -> tuple[float, float]:
        """MSE of digits and of noise; the noise in the middle, where digits have ink."""
        model = optim.build(MODELS["vanilla"], config, 0)
        for _ in loop.fit(model, images, steps=steps, batch=100, lr=1e-4, seed=0):
            pass
        on_noise = (apply.reconstruct(model, noise) - noise)[:, 4:24, 4:24]
        on_digits = apply.reconstruct(model, images) - images / 255
        return float((on_digits**2).mean()), float((on_noise**2).mean())

    digits_before, noise_before = errors(config, 1)
    digits_after, noise_after = errors(config, 60)
    assert max(digits_before, noise_before) < 0.01
    assert digits_after < digits_before
    assert noise_after < 0.02  # 0.083 is the error of plain grey
    assert errors(replace(config, latent_dim=32), 60)[1] > 0.07
