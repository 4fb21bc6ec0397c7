"""Codes, paths between them, distances to them and samples, beside arithmetic of the test's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import kstest, norm

from aeviz.analysis import neighbours, paths, sampling
from aeviz.data import datasets
from aeviz.models import apply, optim
from aeviz.models.zoo import MODELS


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return datasets.load().test_images[:300]


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest):
    return optim.build(MODELS[request.param], MODELS[request.param].Config(), 0).eval()


def test_encode_and_decode_do_what_the_model_does(model, images: np.ndarray) -> None:
    codes = apply.encode(model, images)
    x = torch.from_numpy(images / np.float32(255))[:, None]
    with torch.no_grad():
        assert np.allclose(codes, model.encode(x), atol=1e-5)
        assert np.allclose(
            apply.decode(model, codes), model.decode(model.encode(x))[:, 0], atol=1e-5
        )
    assert codes.shape == (300, model.code_dim)
    assert codes.dtype == np.float32


def test_encode_takes_floats_and_batches_alike(model, images: np.ndarray, monkeypatch) -> None:
    codes = apply.encode(model, images)
    monkeypatch.setattr(apply, "BATCH", 128)
    assert np.allclose(apply.encode(model, images / 255), codes, atol=1e-5)
    assert apply.encode(model, images[:0]).shape == (0, model.code_dim)
    assert apply.decode(model, codes[:0]).shape == (0, 28, 28)


def test_hidden_pixels_reach_the_models_that_can_be_told_and_no_others(
    model, images: np.ndarray, monkeypatch
) -> None:
    read = np.arange(28) < (np.arange(300) % 29)[:, None]
    visible = read[:, :, None].repeat(28, 2)
    x = torch.from_numpy(images / np.float32(255))[:, None]
    given = {"visible": torch.from_numpy(visible)} if model.uses_visible else {}
    with torch.no_grad():
        expected = model.encode(x, **given).numpy()
    monkeypatch.setattr(apply, "BATCH", 128)
    codes = apply.encode(model, images, visible=visible)
    assert np.allclose(codes, expected, atol=1e-5)
    made = apply.decode(model, codes, apply.classify(model, images))
    assert np.allclose(apply.reconstruct(model, images, visible=visible), made, atol=1e-5)
    whole = apply.encode(model, images)
    assert np.allclose(codes, whole, atol=1e-5) != model.uses_visible


# -- paths ------------------------------------------------------------------------------------


def test_a_straight_path_has_its_ends_and_equal_steps() -> None:
    a, b = np.array([1.0, 2.0, -3.0]), np.array([4.0, -2.0, 9.0])
    path = paths.line(np.array([a, b]), 11)
    expected = np.array([a + k / 10 * (b - a) for k in range(11)])
    assert np.allclose(path, expected, atol=1e-6)


def test_a_straight_path_is_even_over_stretches_of_different_length() -> None:
    corner = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]])
    path = paths.line(corner, 5)
    assert np.allclose(path, [[0, 0], [1, 0], [2, 0], [3, 0], [3, 1]], atol=1e-6)


def test_a_spherical_path_of_unit_vectors_stays_on_the_sphere_at_equal_angles() -> None:
    a = np.array([1.0, 0.0, 0.0])
    b = np.array([np.cos(2.0), np.sin(2.0), 0.0])
    path = paths.slerp(np.array([a, b]), 9)
    assert np.allclose(np.linalg.norm(path, axis=1), 1, atol=1e-6)
    assert np.allclose(np.arctan2(path[:, 1], path[:, 0]), np.linspace(0, 2, 9), atol=1e-5)
    assert np.allclose(path[4], (a + b) / np.linalg.norm(a + b), atol=1e-6)


def test_a_spherical_path_changes_its_length_from_end_to_end_and_moves_evenly() -> None:
    ends = np.array([[2.0, 0.0], [0.0, 5.0]])
    path = paths.slerp(ends, 200)
    assert np.allclose(path[[0, -1]], ends)
    sizes = np.linalg.norm(path, axis=1)
    assert (np.diff(sizes) > 0).all()
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert steps.max() / steps.min() < 1.001


def test_a_wide_gaussian_keeps_its_shell_on_a_spherical_path_and_leaves_it_on_a_straight_one() -> (
    None
):
    ends = np.random.default_rng(0).standard_normal((2, 64))
    shell = np.linalg.norm(ends, axis=1)
    middle = np.linalg.norm(paths.slerp(ends, 3)[1])
    assert shell.min() <= middle <= shell.max()
    assert np.linalg.norm(paths.line(ends, 3)[1]) < 0.8 * shell.min()


@pytest.mark.parametrize(
    "ends",
    [
        [[1.0, 2.0], [3.0, 6.0]],  # parallel
        [[1.0, 2.0], [-1.0, -2.0]],  # opposite
        [[0.0, 0.0], [3.0, 1.0]],  # a zero vector has no direction
        [[3.0, 1.0], [0.0, 0.0]],
        [[0.0, 0.0], [0.0, 0.0]],
        [[3.0, 1.0], [3.0, 1.0]],
        [[2.0], [-5.0]],  # one number
    ],
)
def test_a_spherical_path_without_a_circle_is_straight(ends: list[list[float]]) -> None:
    path = paths.slerp(np.array(ends), 7)
    assert np.isfinite(path).all()
    assert np.allclose(path, np.linspace(ends[0], ends[1], 7), atol=1e-5)


@pytest.mark.parametrize("path", [paths.line, paths.slerp])
def test_a_path_needs_two_ends_and_two_steps(path) -> None:
    with pytest.raises(ValueError, match="two ends"):
        path(np.zeros((1, 2)), 5)
    with pytest.raises(ValueError, match="two steps"):
        path(np.zeros((2, 2)), 1)


def test_milestones_are_the_shares_of_the_length_at_the_waypoints() -> None:
    corner = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]])
    assert np.allclose(paths.milestones(corner, paths.line), [0, 0.75, 1])
    circle = np.array([[2.0, 0.0], [0.0, 2.0], [-np.sqrt(2), np.sqrt(2)]])  # 90, then 45 degrees
    assert np.allclose(paths.milestones(circle, paths.slerp), [0, 2 / 3, 1], atol=1e-4)
    assert np.allclose(paths.milestones(np.ones((3, 2)), paths.line), [0, 0.5, 1])


# -- distances --------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [2, 32])
def test_nearest_codes_and_gaps_agree_with_brute_force(width: int) -> None:
    draw = np.random.default_rng(1)
    codes = draw.standard_normal((400, width)).astype(np.float32)
    queries = draw.standard_normal((20, width)).astype(np.float32)
    every = np.linalg.norm(queries[:, None] - codes, axis=2)
    distances, indices = neighbours.nearest(codes, queries, 3)
    assert np.array_equal(indices, every.argsort(1)[:, :3])
    assert np.allclose(distances, np.sort(every, 1)[:, :3], atol=1e-4)

    between = np.linalg.norm(codes[:, None] - codes, axis=2) + np.diag(np.full(400, np.inf))
    assert np.allclose(neighbours.gaps(codes), between.min(1), atol=1e-4)


def test_a_repeated_code_has_no_gap() -> None:
    assert np.array_equal(
        neighbours.gaps(np.array([[1.0, 1.0], [1.0, 1.0], [4.0, 5.0]])), [0, 0, 5]
    )


def test_nearest_images_agree_with_brute_force_over_several_parts(monkeypatch) -> None:
    mnist = datasets.load()
    monkeypatch.setattr(apply, "BATCH", 70)
    queries = mnist.test_images[:9].astype(np.float32) / 255
    some = mnist.train_images[:300]
    distances, indices = neighbours.nearest_images(some, queries)
    every = np.sqrt(((queries[:, None] - some / 255.0) ** 2).sum((2, 3)))
    assert np.array_equal(indices, every.argmin(1))
    assert np.allclose(distances, every.min(1), atol=1e-4)


# -- samples ----------------------------------------------------------------------------------


def test_the_prior_grid_goes_through_the_inverse_normal_cdf() -> None:
    grid = sampling.prior_grid(4).reshape(4, 4, 2)
    z = norm.ppf([0.125, 0.375, 0.625, 0.875])
    for row in range(4):
        for column in range(4):
            assert np.allclose(grid[row, column], [z[column], z[3 - row]])


@pytest.mark.parametrize("name", MODELS)
def test_samples_of_the_prior_depend_on_the_seed_alone_and_spread_with_the_temperature(
    name: str,
) -> None:
    model = optim.build(MODELS[name], MODELS[name].Config(), 0)
    n = 2000 if model.gaussian_prior else 40  # some draw number by number, which takes a while
    codes = sampling.sample_prior(model, n, seed=3)
    if codes is None:
        assert model.no_prior.endswith(".")  # the page shows it as a sentence
        return
    torch.manual_seed(99)
    before = torch.get_rng_state()
    again, other, wide = (
        np.asarray(sampling.sample_prior(model, n, temperature=t, seed=seed))
        for t, seed in ((1.0, 3), (1.0, 4), (1.7, 3))
    )
    assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(codes, again)
    assert not np.allclose(codes, other)
    assert not np.allclose(codes, wide)
    if model.gaussian_prior:
        assert np.allclose(wide.std(0) / codes.std(0), 1.7, rtol=0.05)


def test_samples_of_the_variational_prior_are_standard_gaussian() -> None:
    codes = sampling.sample_prior(MODELS["variational"](), 5000, seed=0)
    assert codes is not None
    assert kstest(codes.ravel(), "norm").pvalue > 0.01


def two_clouds() -> np.ndarray:
    draw = np.random.default_rng(0)
    left = draw.multivariate_normal([-4, 0], [[1, 0.6], [0.6, 1]], 3000)
    right = draw.multivariate_normal([5, 2], [[0.25, 0], [0, 0.25]], 1000)
    return np.concatenate([left, right]).astype(np.float32)


def means(mixture: sampling.Mixture) -> np.ndarray:
    return mixture.axes.inverse_transform(np.asarray(mixture.gaussians.means_))


def test_a_mixture_finds_two_known_clouds_and_samples_like_them() -> None:
    mixture = sampling.fit_mixture(two_clouds(), 2)
    centres = means(mixture)
    order = np.argsort(centres[:, 0])
    weights = np.asarray(mixture.gaussians.weights_)
    assert np.allclose(weights[order], [0.75, 0.25], atol=0.02)
    assert np.allclose(centres[order], [[-4, 0], [5, 2]], atol=0.1)

    drawn = sampling.sample_mixture(mixture, 20_000, seed=1)
    left = drawn[drawn[:, 0] < 1]
    assert len(left) / len(drawn) == pytest.approx(0.75, abs=0.02)
    assert np.allclose(np.cov(left.T), [[1, 0.6], [0.6, 1]], atol=0.08)


def test_the_temperature_spreads_a_mixture_about_its_means() -> None:
    mixture = sampling.fit_mixture(two_clouds(), 2)
    cold, warm = (sampling.sample_mixture(mixture, 500, t, seed=5) for t in (0.0, 2.0))
    once = sampling.sample_mixture(mixture, 500, 1.0, seed=5)
    assert len(np.unique(cold.round(4), axis=0)) == 2
    assert np.allclose(warm - cold, 2 * (once - cold), atol=1e-5)
    assert np.array_equal(once, sampling.sample_mixture(mixture, 500, 1.0, seed=5))
    assert not np.array_equal(once, sampling.sample_mixture(mixture, 500, 1.0, seed=6))


def test_a_mixture_is_fitted_to_a_random_part_of_many_codes(monkeypatch) -> None:
    monkeypatch.setattr(sampling, "MIXTURE_CODES", 400)
    centres = means(sampling.fit_mixture(two_clouds(), 2))
    assert np.allclose(centres[centres[:, 0].argsort()], [[-4, 0], [5, 2]], atol=0.3)


def test_a_mixture_over_wide_codes_keeps_to_their_principal_axes(monkeypatch) -> None:
    monkeypatch.setattr(sampling, "MIXTURE_AXES", 2)
    draw = np.random.default_rng(0)
    axes = np.linalg.qr(draw.standard_normal((9, 2)))[0].T
    codes = 3 + two_clouds() @ axes + 1e-3 * draw.standard_normal((len(two_clouds()), 9))
    drawn = sampling.sample_mixture(sampling.fit_mixture(codes, 2), 20_000)
    assert drawn.shape == (20_000, 9)
    assert np.allclose(drawn.mean(0), codes.mean(0), atol=0.1)
    assert np.allclose(np.cov(drawn.T), np.cov(codes.T), atol=0.3)
    assert np.linalg.matrix_rank(np.cov(drawn.T), tol=1e-4) == 2
