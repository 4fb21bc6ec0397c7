"""The Gaussian posterior of the variational autoencoders."""

from __future__ import annotations

import pytest
import torch

from aeviz.models import gaussian


def test_a_posterior_is_the_two_halves_of_what_the_encoder_says() -> None:
    mu, log_var = gaussian.parameters(torch.tensor([[1.0, 90.0, -3.0, 2.0]]))
    assert mu.tolist() == [[1, 90]]
    assert log_var.tolist() == [[-3, 2]]


def test_a_variance_that_leaps_leaves_the_loss_and_its_gradient_finite() -> None:
    numbers = torch.tensor([[0.0, 0.0, 90.0, 0.5]], requires_grad=True)
    mu, log_var = gaussian.parameters(numbers)
    assert log_var[0].tolist() == [gaussian.HIGHEST, 0.5]
    z = gaussian.draw(mu, log_var, torch.tensor([[1.0, 1.0]]))
    assert z[0, 0].item() == pytest.approx(20.0855, rel=1e-5)  # e^3
    gaussian.kl(mu, log_var).sum().backward()
    assert numbers.grad is not None
    assert torch.isfinite(numbers.grad).all()
