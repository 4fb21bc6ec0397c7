"""The discrepancy between codes and prior by loops, and the mixture by moments."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor

from aeviz.data import datasets
from aeviz.models import optim
from aeviz.models.variants.wasserstein import squared_mmd
from aeviz.models.zoo import MODELS
from aeviz.training import loop
from tests.models.variants.arithmetic import loss_of, make, spread, squared_error


def by_loops(z: np.ndarray, prior: np.ndarray) -> float:
    """Tolstikhin et al. 2018, algorithm 2, with the kernels of their section 4, pair by pair."""
    n, d = z.shape

    def k(a: np.ndarray, b: np.ndarray) -> float:
        squared = float(((a - b) ** 2).sum())
        return sum(2 * d * s / (2 * d * s + squared) for s in (0.1, 0.2, 0.5, 1, 2, 5, 10))

    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    within = sum(k(z[i], z[j]) + k(prior[i], prior[j]) for i, j in pairs) / (n * (n - 1))
    return within - 2 / n**2 * sum(k(a, b) for a in z for b in prior)


def test_the_discrepancy_is_what_loops_over_all_pairs_give() -> None:
    draw = np.random.default_rng(0)
    for n, d in ((2, 1), (13, 3), (40, 16)):
        z, prior = 2 + draw.standard_normal((n, d)), draw.standard_normal((n, d))
        found = squared_mmd(torch.tensor(z), torch.tensor(prior)).item()
        assert found == pytest.approx(by_loops(z, prior), rel=1e-6)


def test_the_discrepancy_is_zero_on_average_for_codes_that_follow_the_prior() -> None:
    torch.manual_seed(0)
    found = np.array([squared_mmd(torch.randn(30, 3), torch.randn(30, 3)) for _ in range(2000)])
    error = found.std() / len(found) ** 0.5
    assert abs(found.mean()) < 4 * error
    assert error < 0.003  # with a code's distance to itself it would be 0.3 and more
    for z in (1.5 * torch.randn(400, 3), torch.randn(400, 3) + 0.5, torch.zeros(400, 3)):
        assert squared_mmd(z, torch.randn(400, 3)) > 0.05
    assert torch.isfinite(squared_mmd(torch.ones(1, 3), torch.zeros(1, 3)))


def test_the_loss_is_the_error_of_the_copy_and_the_weighted_discrepancy(digits: Tensor) -> None:
    model = spread(make("wasserstein", latent_dim=3, penalty=7.0))
    z = model.encode(digits)
    torch.manual_seed(2)
    expected = by_loops(z.detach().double().numpy(), torch.randn(len(digits), 3).double().numpy())
    loss = loss_of(model, digits, seed=2)
    assert loss.terms["divergence"].item() == pytest.approx(7 * expected, rel=1e-4)
    assert loss.metrics["mmd"].item() == pytest.approx(expected, rel=1e-4)
    copied = squared_error(digits, model.decode(z))
    assert loss.terms["reconstruction"].item() == pytest.approx(copied, rel=1e-5)


def test_the_penalty_presses_codes_into_the_prior() -> None:
    images = datasets.load().train_images[:5000]
    x = torch.from_numpy(images / np.float32(255))[:, None]
    distances = []
    for penalty in (0.0, 100.0):
        settings = {"latent_dim": 2, "penalty": penalty, "width": 64, "depth": 1, "components": 1}
        config = MODELS["wasserstein"].Config.from_dict(settings)
        model = optim.build(MODELS["wasserstein"], config, 0)
        for _ in loop.fit(model, images, steps=150, batch=128, lr=4e-3, seed=0):
            pass
        with torch.no_grad():
            covariance = np.cov(model.encode(x).numpy().T)
        distances.append(np.abs(covariance - np.eye(2)).max())
    free, pressed = distances
    assert pressed < 0.3
    assert free > 1


def test_until_something_is_fitted_codes_are_drawn_from_the_prior() -> None:
    model = make("wasserstein", latent_dim=3)
    model.finish(torch.full((5, 3), 9.0))  # too few to fit anything to
    codes = model.sample_prior(20_000, generator=torch.Generator().manual_seed(0)).numpy()
    assert np.allclose(codes.mean(0), 0, atol=0.03)
    assert np.allclose(np.cov(codes.T), np.eye(3), atol=0.04)


def test_the_fitted_mixture_is_that_of_sklearn_and_its_draws_have_the_moments_of_the_codes() -> (
    None
):
    draw = np.random.default_rng(0)
    centres = np.array([[-4.0, 0, 1], [3, 3, 0], [0, -5, -2]])
    shapes = draw.standard_normal((3, 3, 3)) / 2
    which = draw.choice(3, 3000, p=[0.2, 0.3, 0.5])
    codes = centres[which] + (shapes[which] @ draw.standard_normal((3000, 3, 1)))[..., 0]
    model = make("wasserstein", latent_dim=3, components=3)
    torch.manual_seed(0)
    model.finish(torch.tensor(codes, dtype=torch.float32))

    drawn = model.sample_prior(40_000, generator=torch.Generator().manual_seed(0)).numpy()
    assert np.allclose(drawn.mean(0), codes.mean(0), atol=0.06)
    assert np.allclose(np.cov(drawn.T), np.cov(codes.T), rtol=0.05, atol=0.15)
    reference = GaussianMixture(3, means_init=centres).fit(codes)
    assert reference.score(drawn) == pytest.approx(reference.score(codes), abs=0.05)
    one = GaussianMixture(1).fit(codes)
    assert one.sample(3000)[0].shape == (3000, 3)
    assert reference.score(one.sample(3000)[0]) < reference.score(codes) - 1  # it could fail

    means = model.sample_prior(2000, temperature=0.0, generator=torch.Generator().manual_seed(0))
    known, counts = np.unique(means.numpy().round(3), axis=0, return_counts=True)
    order = np.argsort(centres[:, 0])
    assert np.allclose(known, centres[order], atol=0.2)
    assert np.allclose(counts / 2000, np.array([0.2, 0.3, 0.5])[order], atol=0.05)
