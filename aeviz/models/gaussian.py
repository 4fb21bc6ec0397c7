"""Gaussian codes: the reparameterised draw, the KL divergence from the prior, the ELBO of both."""

from __future__ import annotations

import torch
from torch import Tensor

from aeviz.models.base import Likelihood, Loss

HIGHEST = 6.0
"""Of a log variance: sigma is 20 then, where the prior's is 1. At a high learning rate that of a
single image can leap to 40, and e^40 in its KL would end the run. Trained ones are below 0.1."""


def parameters(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Mean mu and log variance, (B, D) each, as an encoder says them, (B, 2 D)."""
    mu, log_var = numbers.chunk(2, dim=1)
    return mu, log_var.clamp(max=HIGHEST)


def draw(mu: Tensor, log_var: Tensor, epsilon: Tensor | None = None) -> Tensor:
    """A draw z = mu + sigma epsilon from q(z|x) = N(mu, sigma^2), (B, D) each, with a gradient.

    Args:
        epsilon: draws from N(0, I), (..., B, D); fresh ones where left out.

    Source: Kingma & Welling 2013, arXiv:1312.6114, section 2.4 and eq. 10.
    """
    return mu + (0.5 * log_var).exp() * (torch.randn_like(mu) if epsilon is None else epsilon)


def kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, sigma^2) || N(0, 1)) of each image and dimension (B, D), nats.

    Source: Kingma & Welling 2013, arXiv:1312.6114, appendix B.
    """
    return 0.5 * (mu**2 + log_var.exp() - 1 - log_var)


def negative_elbo(
    likelihood: Likelihood, x: Tensor, logits: Tensor, mu: Tensor, log_var: Tensor, *, beta: float
) -> Loss:
    """E_q[-log p(x|z)] + beta KL(q(z|x) || p(z)), nats, with one draw for the expectation.

    With beta = 1 it is minus the metric "elbo", a lower bound on the mean of log p(x) under this
    likelihood: of binarised images a probability, of grey ones under a Gaussian or a Laplace
    distribution a density. See `Likelihood` for what a Bernoulli one of grey pixels is not.

    Args:
        likelihood: of the model.
        x: images (B, C, H, W).
        logits: decoder output for a draw from the posterior, same shape.
        mu, log_var: of the posterior, (B, D).

    Source: Kingma & Welling 2013, arXiv:1312.6114, eq. 10; Higgins et al. 2017 for beta.
    """
    reconstruction = likelihood.cost(logits, x)
    kl_per_dim = kl(mu, log_var).mean(0)
    total = kl_per_dim.sum()
    return Loss(
        {"reconstruction": reconstruction, "kl": beta * total},
        {"elbo": -(reconstruction + total), "kl_per_dim": kl_per_dim},
    )
