"""The squared error of the copy, for the variants that minimise nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from aeviz.models import MODELS
from aeviz.nets import PIXELS
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


def test_depth_and_width_are_knobs(digits: Tensor) -> None:
    """Hinton & Salakhutdinov's layers, 784-1000-500-250-30, and no layer at all."""
    deep = make("vanilla", latent_dim=30, width=1000, depth=3)
    assert deep.config in MODELS["vanilla"].presets.values()

    def widths(layers: nn.Module) -> list[int]:
        return [m.out_features for m in layers.modules() if isinstance(m, nn.Linear)]

    assert widths(deep.encoder) == [1000, 500, 250, 30]
    assert widths(deep.decoder) == [250, 500, 1000, 784]
    assert widths(make("vanilla", depth=0).encoder) == [2]


def test_the_overcomplete_preset_has_room_for_the_identity() -> None:
    wide = [c for c in MODELS["vanilla"].presets.values() if c.latent_dim >= PIXELS]
    assert wide
    model: Any = MODELS["vanilla"](wide[0])
    copied = torch.eye(wide[0].latent_dim, PIXELS)
    with torch.no_grad():  # one number for each pixel, and a steep sigmoid
        model.encoder[1].weight.copy_(copied)
        model.encoder[1].bias.zero_()
        model.decoder[0].weight.copy_(20 * copied.T)
        model.decoder[0].bias.fill_(-10)
        noise = torch.bernoulli(torch.full((5, 1, 28, 28), 0.5))
        assert torch.allclose(model.decode(model.encode(noise)), noise, atol=1e-4)
