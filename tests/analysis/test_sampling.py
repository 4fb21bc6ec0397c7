"""How draws are told from codes, by distances of scipy and by closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from aeviz.analysis import sampling
from aeviz.data import datasets
from aeviz.models import apply, checkpoint

MNIST = datasets.load()


def test_one_distribution_is_told_apart_by_chance_and_two_clouds_always() -> None:
    draw = np.random.default_rng(0)
    first, second = draw.standard_normal((2, 2000, 5))
    for share in sampling.told_apart(first, second):
        assert abs(share.value - 0.5) < 3 * share.error
        assert 0.003 < share.error < 0.03
    for share in sampling.told_apart(first, second + 100):
        assert (share.value, share.error) == (1, 0)


def test_draws_in_the_middle_of_wide_codes_are_seen_though_the_mean_is_chance() -> None:
    draw = np.random.default_rng(0)
    middle, codes = 0.1 * draw.standard_normal((1000, 60)), draw.standard_normal((1000, 60))
    of_draws, of_codes = sampling.told_apart(middle, codes)
    assert of_draws.value == 1
    assert of_codes.value < 0.01


def test_the_shares_told_apart_are_those_of_cdist() -> None:
    draw = np.random.default_rng(1)
    draws, codes = draw.standard_normal((400, 3)), 1.5 * draw.standard_normal((400, 3))
    shares = []
    for k in range(10):
        both = np.concatenate([draws[40 * k : 40 * k + 40], codes[40 * k : 40 * k + 40]])
        between = cdist(both, both) + np.diag(np.full(80, np.inf))
        near_draw = between.argmin(1) < 40
        shares.append((near_draw[:40].mean(), 1 - near_draw[40:].mean()))
    for k, share in enumerate(sampling.told_apart(draws, codes)):
        expected = [pair[k] for pair in shares]
        assert share.value == pytest.approx(np.mean(expected))
        assert share.error == pytest.approx(np.std(expected, ddof=1) / np.sqrt(10))


def test_codes_of_training_images_are_not_told_from_those_of_test_images() -> None:
    """Two sets of one kind: what the figures say where there is nothing to tell."""
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-2d")
    draw = np.random.default_rng(2)
    known = apply.encode(model, MNIST.train_images[draw.permutation(60_000)[:3000]])
    asked = apply.encode(model, MNIST.test_images[draw.permutation(10_000)[:3000]])
    for share in sampling.told_apart(known, asked):
        assert abs(share.value - 0.5) < 0.03


def test_a_code_of_a_posterior_has_its_mean_and_its_spread() -> None:
    model = checkpoint.load(checkpoint.FOLDER / "variational-2d")
    images, labels = MNIST.test_images[:3000], MNIST.test_labels[:3000]
    with torch.no_grad():
        found = model.posterior(apply.pixels(model, images))
    assert found is not None
    mu, log_var = (part.double().numpy() for part in found)
    codes = sampling.posterior_codes(model, images, labels, seed=3)
    noise = (codes - mu) / np.exp(log_var / 2)
    assert np.abs(noise.mean(0)).max() < 4 / np.sqrt(3000)
    np.testing.assert_allclose(noise.std(0), 1, atol=0.05)
    assert np.abs(np.corrcoef(noise.T) - np.eye(2)).max() < 0.08
    assert not np.array_equal(codes, sampling.posterior_codes(model, images, labels, seed=4))
    plain = checkpoint.load(checkpoint.FOLDER / "vanilla-2d")
    np.testing.assert_array_equal(
        sampling.posterior_codes(plain, images, labels), apply.encode(plain, images)
    )


def test_normal_draws_are_numpys_times_the_temperature() -> None:
    expected = 0.5 * np.random.default_rng(9).standard_normal((7, 3))
    np.testing.assert_allclose(sampling.sample_normal(3, 7, 0.5, 9), expected, rtol=1e-6)
