"""Three kinds of sparsity, counted by hand and by torch.distributions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, kl_divergence

from tests.models.variants.arithmetic import make, spread, squared_error


def test_top_k_keeps_the_k_largest_units_and_silences_the_rest(digits: Tensor) -> None:
    model = make("sparse", kind="top-k", latent_dim=50, k=7)
    h = model.encoder(digits).detach().double().numpy()
    h = (h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5)  # units compete on one scale
    z = model.encode(digits).detach().numpy()
    assert ((z != 0).sum(1) == 7).all()
    for answers, kept in zip(h, z, strict=True):
        largest = set(np.argsort(answers)[-7:])
        assert set(np.flatnonzero(kept)) == largest
        assert kept[list(largest)] == pytest.approx(answers[list(largest)], abs=1e-3)
    loss = model.loss(digits)
    assert list(loss.terms) == ["reconstruction"]
    x_hat = model.decode(model.encode(digits))
    assert loss.total.item() == pytest.approx(squared_error(digits, x_hat), rel=1e-5)


def test_only_kept_units_learn(digits: Tensor) -> None:
    model = make("sparse", kind="top-k", latent_dim=50, k=7).eval()  # a batch's mean holds all
    h = model.encoder(digits)
    h.retain_grad()
    model.encoder = torch.nn.Identity()
    z = model.encode(h)
    model.decode(z).square().sum().backward()
    assert h.grad is not None
    assert torch.equal(h.grad != 0, z != 0)


def test_fewer_units_than_k_are_all_kept(digits: Tensor) -> None:
    model = make("sparse", kind="top-k", latent_dim=5, k=7)
    assert (model.encode(digits) != 0).all()


def test_the_scale_of_units_is_that_of_training_where_a_code_is_read(digits: Tensor) -> None:
    model = make("sparse", kind="top-k", latent_dim=50, k=50)
    for _ in range(200):  # the running mean follows what it is shown
        model.encode(digits)
    model.eval()
    z = model.encode(digits)
    assert z.mean(0).abs().max() < 0.01
    assert z.var(0, unbiased=False).numpy(force=True) == pytest.approx(1, abs=0.03)
    assert torch.allclose(model.encode(digits[:1]), z[:1], atol=1e-4)


def test_l1_taxes_the_sum_of_activities(digits: Tensor) -> None:
    model = spread(make("sparse", kind="L1", latent_dim=50, penalty=0.3))
    z = model.encode(digits).detach().double().numpy()
    assert z.min() == 0
    assert 0.1 < (z > 0).mean() < 0.9
    terms = model.loss(digits).terms
    assert terms["sparsity"].item() == pytest.approx(0.3 * np.abs(z).sum() / len(z), rel=1e-5)
    assert list(terms) == ["reconstruction", "sparsity"]


def test_kl_is_that_between_target_and_mean_activity(digits: Tensor) -> None:
    model = spread(make("sparse", kind="KL", latent_dim=50, penalty=0.3, target=0.1))
    z = model.encode(digits).detach().double()
    assert 0 < z.min() < z.max() < 1
    mean = z.mean(0)
    assert mean.std() > 0.01
    expected = kl_divergence(Bernoulli(torch.full_like(mean, 0.1)), Bernoulli(mean)).sum()
    terms = model.loss(digits).terms
    assert terms["sparsity"].item() == pytest.approx(0.3 * expected.item(), rel=1e-4)
    assert list(terms) == ["reconstruction", "sparsity"]


@pytest.mark.parametrize(("kind", "threshold"), [("L1", 0.0), ("KL", 0.5)])
def test_active_fraction_and_dead_units_are_counted(
    kind: str, threshold: float, digits: Tensor
) -> None:
    model = spread(make("sparse", kind=kind, latent_dim=50))
    with torch.no_grad():
        model.encoder[-1].bias[:3] = -1000.0
    active = model.encode(digits).detach().numpy() > threshold
    metrics = model.loss(digits).metrics
    assert metrics["active_fraction"].item() == pytest.approx(active.mean())
    dead = 50 - len(set(np.nonzero(active)[1]))
    assert metrics["dead_units"].item() == dead >= 3


def test_top_k_reports_what_it_keeps(digits: Tensor) -> None:
    metrics = make("sparse", kind="top-k", latent_dim=50, k=5).loss(digits).metrics
    assert metrics["active_fraction"].item() == pytest.approx(5 / 50)
