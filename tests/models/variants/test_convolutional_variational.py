"""The negative ELBO with convolutions: its terms, its noise, and that weights are shared."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from tests.models.variants.arithmetic import cross_entropy, gaussian, loss_of, make, spread

NAME = "convolutional_variational"


def test_the_kl_term_agrees_with_torch_and_with_a_monte_carlo_estimate(digits: Tensor) -> None:
    model = spread(spread(make(NAME, latent_dim=3)))
    loss = loss_of(model, digits)
    mu, log_var = (part.detach().double() for part in model.posterior(digits))
    q = Normal(mu, log_var.div(2).exp())
    p = Normal(torch.zeros_like(mu), torch.ones_like(mu))
    per_dim = kl_divergence(q, p)
    kl = loss.terms["kl"].item()
    assert kl > 0.5  # the weights were spread, so that the comparison means something
    assert kl == pytest.approx(per_dim.sum(1).mean().item(), rel=1e-5)
    assert np.allclose(loss.metrics["kl_per_dim"].detach(), per_dim.mean(0), rtol=1e-5)

    torch.manual_seed(1)
    z = q.sample((4000,))
    estimates = (q.log_prob(z) - p.log_prob(z)).sum(2).mean(1)
    error = estimates.std().item() / len(estimates) ** 0.5
    assert error < 0.02 * kl
    assert kl == pytest.approx(estimates.mean().item(), abs=4 * error)


@pytest.mark.parametrize("kind", ["bernoulli", "squared"])
def test_the_code_is_drawn_from_the_posterior_and_decoded(kind: str, digits: Tensor) -> None:
    model = spread(make(NAME, latent_dim=3, beta=4.0, reconstruction=kind))
    mu, log_var = model.posterior(digits)
    assert torch.equal(model.encode(digits), mu)
    torch.manual_seed(3)
    z = mu + torch.sqrt(torch.exp(log_var)) * torch.randn(len(digits), 3)
    loss = loss_of(model, digits, seed=3)
    error = cross_entropy if kind == "bernoulli" else gaussian
    expected = error(digits, model.decode(z))
    assert loss.terms["reconstruction"].item() == pytest.approx(expected, rel=1e-5)
    assert abs(expected - error(digits, model.decode(mu))) > 1e-4 * abs(expected)
    kl = loss.metrics["kl_per_dim"].sum().item()
    assert loss.terms["kl"].item() == pytest.approx(4 * kl, rel=1e-5)
    assert loss.metrics["elbo"].item() == pytest.approx(-(expected + kl), rel=1e-5)


def test_black_or_white_pixels_are_drawn_once_and_both_read_and_copied(digits: Tensor) -> None:
    model = spread(make(NAME, latent_dim=3, binarise=True, reconstruction="squared"))
    torch.manual_seed(4)
    x = torch.bernoulli(digits)
    assert set(x.unique().tolist()) == {0.0, 1.0}
    mu, log_var = model.posterior(x)
    z = mu + torch.sqrt(torch.exp(log_var)) * torch.randn(len(digits), 3)
    loss = loss_of(model, digits, seed=4)
    expected = gaussian(x, model.decode(z))
    assert loss.terms["reconstruction"].item() == pytest.approx(expected, rel=1e-5)
    assert abs(expected - gaussian(digits, model.decode(z))) > 0.01 * expected


def test_a_shifted_image_has_shifted_feature_maps_and_shifted_maps_a_shifted_image(
    digits: Tensor,
) -> None:
    model = make(NAME)
    flatten = [type(layer).__name__ for layer in model.encoder].index("Flatten")
    unflatten = [type(layer).__name__ for layer in model.decoder].index("Unflatten")
    down = nn.Sequential(*list(model.encoder)[:flatten])
    up = nn.Sequential(*list(model.decoder)[unflatten + 1 :])
    maps, shifted = down(digits), down(digits.roll(4, 3))  # four pixels are one place of 7 by 7
    assert torch.allclose(maps[..., 1:5], shifted[..., 2:6], atol=1e-5)
    assert not torch.allclose(maps[..., 1:5], shifted[..., 1:5], atol=1e-2)
    pictures, shifted = up(maps), up(maps.roll(1, 3))
    assert torch.allclose(pictures[..., 8:16], shifted[..., 12:20], atol=1e-5)
    assert not torch.allclose(pictures[..., 8:16], shifted[..., 8:16], atol=1e-3)


def test_the_prior_is_a_standard_normal_times_the_temperature() -> None:
    model = make(NAME, latent_dim=4)
    codes = model.sample_prior(20_000, generator=torch.Generator().manual_seed(0))
    assert codes.mean().item() == pytest.approx(0, abs=0.01)
    assert np.allclose(np.cov(codes.numpy().T), np.eye(4), atol=0.03)
    wide = model.sample_prior(9, temperature=3.0, generator=torch.Generator().manual_seed(7))
    same = model.sample_prior(9, generator=torch.Generator().manual_seed(7))
    assert torch.allclose(wide, 3 * same)
