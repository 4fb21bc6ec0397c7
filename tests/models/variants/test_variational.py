"""The negative ELBO, term by term, and the prior."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from tests.models.variants.arithmetic import cross_entropy, loss_of, make, spread


def test_the_kl_term_agrees_with_torch_and_with_a_monte_carlo_estimate(digits: Tensor) -> None:
    model = spread(make("variational", latent_dim=3))
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


def test_the_code_is_drawn_from_the_posterior_and_decoded(digits: Tensor) -> None:
    model = spread(make("variational", latent_dim=3))
    mu, log_var = model.posterior(digits)
    assert torch.equal(model.encode(digits), mu)
    torch.manual_seed(3)
    z = mu + torch.sqrt(torch.exp(log_var)) * torch.randn(len(digits), 3)
    loss = loss_of(model, digits, seed=3)
    expected = cross_entropy(digits, model.decode(z))
    assert loss.terms["reconstruction"].item() == pytest.approx(expected, rel=1e-5)
    assert abs(expected - cross_entropy(digits, model.decode(mu))) > 1e-4 * expected


def test_beta_weighs_the_kl_term_alone_and_the_elbo_not_at_all(digits: Tensor) -> None:
    plain, heavy, off = (
        loss_of(spread(make("variational", beta=beta)), digits) for beta in (1.0, 4.0, 0.0)
    )
    rec, kl = plain.terms["reconstruction"].item(), plain.terms["kl"].item()
    for beta, loss in ((1, plain), (4, heavy), (0, off)):
        assert loss.terms["reconstruction"].item() == rec
        assert loss.terms["kl"].item() == pytest.approx(beta * kl, rel=1e-6)
        assert loss.metrics["elbo"].item() == pytest.approx(-(rec + kl), rel=1e-6)
        assert loss.total.item() == pytest.approx(rec + beta * kl, rel=1e-6)
    assert plain.total.item() == pytest.approx(-plain.metrics["elbo"].item())


def test_the_prior_of_the_variational_one_is_a_standard_normal_times_the_temperature() -> None:
    model = make("variational", latent_dim=4)
    torch.manual_seed(0)
    codes = model.sample_prior(20_000)
    assert codes.mean().item() == pytest.approx(0, abs=0.01)
    assert codes.std().item() == pytest.approx(1, rel=0.01)
    assert np.allclose(np.corrcoef(codes.numpy().T), np.eye(4), atol=0.03)
    wide = model.sample_prior(9, temperature=3.0, generator=torch.Generator().manual_seed(7))
    same = model.sample_prior(9, generator=torch.Generator().manual_seed(7))
    assert torch.allclose(wide, 3 * same)
    assert (model.sample_prior(5, temperature=0.0) == 0).all()
    assert model.sample_prior(0).shape == (0, 4)
