"""The encoder's Jacobian by finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from aeviz.models import optim
from aeviz.models.zoo import MODELS
from tests.models.variants.arithmetic import loss_of, make, spread, squared_error


def by_differences(model: Any, x: Tensor, step: float = 1e-4) -> np.ndarray:
    """Squared Frobenius norm (B,) of the Jacobian: each of the 784 pixels moved up and down."""
    moves = step * torch.eye(784, dtype=torch.float64).view(784, 1, 28, 28)
    norms = []
    with torch.no_grad():
        for one in x:
            slopes = (model.encode(one + moves) - model.encode(one - moves)) / (2 * step)
            norms.append(float((slopes.numpy() ** 2).sum()))
    return np.array(norms)


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("activation", ["silu", "tanh"])
def test_the_exact_norm_agrees_with_finite_differences(
    depth: int, activation: str, digits: Tensor
) -> None:
    model = spread(make("contractive", latent_dim=4, depth=depth, activation=activation)).double()
    x = digits[:3].double()
    norms = model.squared_jacobian(x).detach().numpy()
    assert norms.shape == (3,)
    assert norms == pytest.approx(by_differences(model, x), rel=1e-5)
    assert np.ptp(norms) > 1e-3 * norms.mean()  # each image has its own


def test_the_estimate_is_right_on_average(digits: Tensor) -> None:
    model = spread(make("contractive", latent_dim=4, jacobian="estimate"))
    x = digits[:1].expand(8000, -1, -1, -1)
    torch.manual_seed(0)
    draws = model.squared_jacobian(x).detach().double().numpy()
    exact = by_differences(model.double(), digits[:1].double()).item()
    standard_error = draws.std() / np.sqrt(len(draws))
    assert standard_error < 0.03 * exact
    assert draws.mean() == pytest.approx(exact, abs=4 * standard_error)
    assert draws.std() > 0.1 * exact  # and it is an estimate


def test_one_sigmoid_layer_takes_the_closed_form_however_it_is_asked(digits: Tensor) -> None:
    exact = make("contractive", depth=0, latent_dim=4)
    estimate = make("contractive", depth=0, latent_dim=4, jacobian="estimate")
    assert torch.equal(exact.squared_jacobian(digits), estimate.squared_jacobian(digits))


def test_the_mean_norm_is_weighed_and_added_to_the_error_of_the_copy(digits: Tensor) -> None:
    model = spread(make("contractive", latent_dim=3, penalty=0.7))
    loss = loss_of(model, digits)
    norm = by_differences(spread(make("contractive", latent_dim=3)).double(), digits.double())
    assert loss.terms["contraction"].item() == pytest.approx(0.7 * norm.mean(), rel=1e-4)
    assert loss.metrics["squared_jacobian"].item() == pytest.approx(norm.mean(), rel=1e-4)
    x_hat = model.decode(model.encode(digits))
    assert loss.terms["reconstruction"].item() == pytest.approx(
        squared_error(digits, x_hat), rel=1e-5
    )
    assert list(loss.terms) == ["reconstruction", "contraction"]


def test_the_papers_preset_decodes_with_the_transpose_of_its_encoder(digits: Tensor) -> None:
    config = MODELS["contractive"].presets["one sigmoid layer (the paper's)"]
    model: Any = optim.build(MODELS["contractive"], config, 0)
    with torch.no_grad():
        model.decoder.bias.normal_()
    weight = model.encoder[1].weight.detach().double().numpy()
    bias, c = (b.detach().double().numpy() for b in (model.encoder[1].bias, model.decoder.bias))
    x = digits.double().flatten(1).numpy()
    z = 1 / (1 + np.exp(-(x @ weight.T + bias)))
    x_hat = 1 / (1 + np.exp(-(z @ weight + c)))
    assert model.decode(model.encode(digits)).detach().flatten(1).numpy() == pytest.approx(
        x_hat, abs=1e-5
    )
    assert sum(p.numel() for p in model.parameters()) == 64 * 784 + 64 + 784
    terms = model.loss(digits).terms
    entropy = -(x * np.log(x_hat) + (1 - x) * np.log(1 - x_hat)).sum(1).mean()
    assert terms["reconstruction"].item() == pytest.approx(entropy, rel=1e-5)
    norm = config.to_dict()["penalty"] * ((z * (1 - z)) ** 2 @ (weight**2).sum(1)).mean()
    assert terms["contraction"].item() == pytest.approx(
        config.to_dict()["penalty"] * norm, rel=1e-5
    )
    assert model.unit == "nats per image"


def test_a_deeper_encoder_keeps_a_decoder_of_its_own() -> None:
    tied, free = (make("contractive", depth=2, tied=tied) for tied in (True, False))
    assert tied.state_dict().keys() == free.state_dict().keys()
