"""What a loss does to the code, beside arithmetic of the test's own."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from sklearn.metrics import r2_score
from torch.distributions import Normal, kl_divergence

from aeviz.analysis import errors, mechanism
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from aeviz.models.zoo import MODELS
from tests.models.variants.arithmetic import make

MNIST = datasets.load()
IMAGES, LABELS = MNIST.test_images[:60], MNIST.test_labels[:60]


def pretrained(name: str) -> Any:
    return checkpoint.load(checkpoint.FOLDER / name)


def test_the_terms_are_those_of_copies_in_the_model_s_unit() -> None:
    model = pretrained("vanilla-2d")
    found = mechanism.cost(model, IMAGES)
    mse = errors.mse(IMAGES, apply.reconstruct(model, IMAGES)).mean()
    assert list(found.terms) == ["reconstruction"]
    assert found.total.value == pytest.approx(784 * mse, rel=1e-5)
    assert model.unit == "squared error per image"


def test_the_error_of_a_term_is_near_that_of_a_mean_over_images() -> None:
    model, images = pretrained("vanilla-2d"), MNIST.test_images
    squares = 784 * errors.mse(images, apply.reconstruct(model, images))
    exact = squares.std(ddof=1) / len(squares) ** 0.5
    found = mechanism.cost(model, images)
    assert 0.5 * exact < found.total.error < 2 * exact  # of ten batches: known to a quarter
    shuffled = squares[np.random.default_rng(0).permutation(10_000)]
    batches = shuffled.reshape(10, 1000).mean(1)
    assert found.total.error == pytest.approx(batches.std(ddof=1) / 10**0.5, rel=1e-4)


def test_kl_of_each_number_is_that_of_torch_s_distributions_and_names_those_that_collapsed() -> (
    None
):
    model = pretrained("variational-32d")
    found = mechanism.cost(model, IMAGES)
    with torch.no_grad():
        mu, log_var = model.posterior(torch.from_numpy(datasets.to_float(IMAGES))[:, None])
    expected = kl_divergence(Normal(mu, (0.5 * log_var).exp()), Normal(0, 1)).mean(0).numpy()
    kl = found.metrics["kl_per_dim"]
    np.testing.assert_allclose(kl, expected, rtol=1e-4, atol=1e-5)
    assert found.terms["kl"].value == pytest.approx(expected.sum(), rel=1e-4)  # its beta is 1
    unused = mechanism.collapsed(kl)
    assert unused.tolist() == [k for k in range(32) if expected[k] < 0.01]
    assert 0 < len(unused) < 32


@pytest.mark.parametrize(
    ("which", "text"),
    [([], ""), ([0], "z1"), ([0, 2], "z1 and z3"), ([0, 2, 8], "z1, z3 and z9")],
)
def test_numbers_are_listed_as_a_person_reads_them(which: list[int], text: str) -> None:
    assert mechanism.listed(np.array(which, int)) == text


def test_a_long_list_ends_with_how_many_more() -> None:
    assert mechanism.listed(np.arange(12), 3) == "z1, z2, z3 and 9 more"


def test_what_a_variant_reports_is_known_without_a_trained_model() -> None:
    having = {
        thing: {name for name, c in MODELS.items() if thing in mechanism.reports(c)}
        for thing in ("kl_per_dim", "active_fraction", "perplexity", "squared_jacobian")
    }
    assert having["kl_per_dim"] == {"variational", "convolutional_variational", "conditional"}
    assert having["active_fraction"] == {"sparse"}
    assert having["perplexity"] == {"vector_quantised"}
    assert having["squared_jacobian"] == {"contractive"}


def test_a_sweep_moves_one_number_alone() -> None:
    codes = np.random.default_rng(0).normal(5, 2, (1000, 4)).astype(np.float32)
    moved = mechanism.sweep(codes, 2, by_prior=False)
    assert moved.shape == (13, 4)
    np.testing.assert_allclose(moved[:, [0, 1, 3]], codes.mean(0)[[0, 1, 3]][None].repeat(13, 0))
    mean, deviation = codes[:, 2].mean(), codes[:, 2].std()
    np.testing.assert_allclose(moved[[0, 6, 12], 2], mean + np.array([-3, 0, 3]) * deviation, 1e-5)
    assert mechanism.sweep(codes, 2, by_prior=True)[[0, 6, 12], 2].tolist() == [-3, 0, 3]


def test_the_spread_of_codes_is_the_root_of_their_mean_variance() -> None:
    codes = np.array([[0.0, 3.0], [2.0, 3.0]])
    assert mechanism.spread(codes) == pytest.approx(np.sqrt((1 + 0) / 2))


# -- units ------------------------------------------------------------------------------------


def test_firing_is_counted() -> None:
    model = pretrained("sparse-1024d")
    codes = apply.encode(model, IMAGES)
    units = mechanism.units(model, codes)
    for unit in range(0, 1024, 50):
        share = sum(z[unit] != 0 for z in codes) / len(codes)
        assert units.shares[unit] == pytest.approx(share)
        assert units.dead[unit] == (share == 0)
    counts = [np.count_nonzero(z) for z in codes]
    assert units.active.value == pytest.approx(np.mean(counts))
    assert units.active.error == pytest.approx(np.std(counts, ddof=1) / np.sqrt(60), abs=1e-9)
    assert not units.graded


def test_the_activity_of_a_unit_that_is_never_zero_is_its_mean_as_the_target_is() -> None:
    model = make("sparse", kind="KL", latent_dim=3)
    codes = np.array([[0.1, 0.6, 0.5], [0.2, 0.9, 0.51]], np.float32)
    units = mechanism.units(model, codes)
    np.testing.assert_allclose(units.shares, [0.15, 0.75, 0.505], rtol=1e-6)
    assert units.active.value == pytest.approx((1.2 + 1.61) / 2)
    assert units.active.error == pytest.approx((1.61 - 1.2) / 2)  # s / sqrt(2), s = .41 / sqrt(2)
    assert units.dead.tolist() == [True, False, False]  # never above a half
    assert units.graded


def test_explained_variance_is_that_of_sklearn_over_all_pixels() -> None:
    draw = np.random.default_rng(0)
    x = IMAGES / np.float32(255)
    found = np.clip(x + 0.1 * draw.standard_normal(x.shape), 0, 1)
    share = mechanism.explained(IMAGES, errors.mse(IMAGES, found))
    flat = [images.reshape(60, -1) for images in (x, found)]
    expected = r2_score(*((pixels - flat[0].mean(0)).ravel() for pixels in flat))
    assert share.value == pytest.approx(expected, rel=1e-5)
    # Of a ratio of means, to first order (Cochran 1977, Sampling techniques, eq. 6.13).
    error, deviation = (np.square(a - b).sum(1) for a, b in (flat, (flat[0], flat[0].mean(0))))
    left = error - error.mean() / deviation.mean() * deviation
    by_hand = left.std(ddof=1) / deviation.mean() / np.sqrt(60)
    assert share.error == pytest.approx(by_hand, rel=0.2)
    mean = np.broadcast_to(x.mean(0), x.shape)
    assert mechanism.explained(IMAGES, errors.mse(IMAGES, mean)).value == pytest.approx(0, abs=1e-6)


def test_an_atom_is_what_a_unit_adds_where_it_is_as_strong_as_usual() -> None:
    model = pretrained("sparse-1024d")
    codes = apply.encode(model, IMAGES)
    unit = int((codes != 0).sum(0).argmax())
    dead = int((codes != 0).sum(0).argmin())
    found = mechanism.atoms(model, codes, np.array([unit, dead]))
    for row, k, strength in (
        (0, unit, np.mean([z[k] for z in codes for k in [unit] if z[k] != 0])),
        (1, dead, 1.0 if not codes[:, dead].any() else codes[codes[:, dead] != 0, dead].mean()),
    ):
        z = torch.zeros(2, 1024)
        z[0, k] = float(strength)
        with torch.no_grad():
            alone, nothing = model.decode(z)[:, 0].numpy()
        np.testing.assert_allclose(found[row], alone - nothing, atol=1e-6)
    assert np.abs(found[0]).max() > 0.01


def test_what_a_unit_adds_is_the_copy_less_that_without_it() -> None:
    model = pretrained("sparse-1024d")
    codes = apply.encode(model, IMAGES)
    unit = int((codes != 0).sum(0).argmax())
    without = codes * (np.arange(1024) != unit)
    found = mechanism.adds(model, codes, unit)
    expected = apply.reconstruct(model, IMAGES) - apply.decode(model, without)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not found[codes[:, unit] == 0].any()
    assert np.abs(found).max() > 0.01


# -- slopes -----------------------------------------------------------------------------------


def test_the_jacobian_of_a_linear_encoder_is_its_matrix() -> None:
    model = pretrained("linear-2d")
    weight = model.encoder.weight.detach().numpy()
    slopes = mechanism.jacobian(model, IMAGES[:3])
    assert slopes is not None
    for one in slopes:
        np.testing.assert_allclose(one, weight, atol=1e-6)
    expected = np.linalg.svd(weight, compute_uv=False)
    found = mechanism.spectrum(model, MNIST.test_images, MNIST.test_labels)
    assert found is not None
    np.testing.assert_allclose(found, expected[None].repeat(50, 0), rtol=1e-4)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "vector_quantised"])
def test_slopes_are_differences_of_codes(name: str) -> None:
    model = make(name, latent_dim=3).eval()
    labels = LABELS[:2] if model.uses_labels else None
    slopes = mechanism.jacobian(model, IMAGES[:2], labels)
    assert slopes is not None
    assert slopes.shape == (2, 3, 784)
    exact = copy.deepcopy(model).double()
    x = torch.from_numpy(IMAGES[:2] / 255)[:, None]
    step = 1e-5 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).double()
    given = {} if labels is None else {"labels": torch.from_numpy(labels.astype(np.int64))}
    with torch.no_grad():
        moved = (exact.encode(x + step, **given) - exact.encode(x - step, **given)).numpy() / 2
    along = np.einsum("bdp,bp->bd", slopes, step.flatten(1).numpy())
    np.testing.assert_allclose(along, moved, rtol=2e-3, atol=1e-3 * np.abs(moved).max())


def test_the_squares_of_the_singular_values_add_up_to_what_the_contractive_loss_measures() -> None:
    model = pretrained("contractive-2d")
    slopes = mechanism.jacobian(model, IMAGES)
    assert slopes is not None
    values = mechanism.singular_values(slopes)
    assert values.shape == (60, 2)
    assert (values[:, 0] >= values[:, 1]).all()
    norm = mechanism.cost(model, IMAGES).metrics["squared_jacobian"]
    assert np.square(values).sum(1).mean() == pytest.approx(float(norm), rel=1e-4)


def test_what_rounding_leaves_of_a_zero_is_zero() -> None:
    column, row = np.random.default_rng(0).normal(size=(2, 1, 5, 1)).astype(np.float32)
    values = mechanism.singular_values(column @ row.swapaxes(1, 2))
    assert values[0, 0] == pytest.approx(np.linalg.norm(column) * np.linalg.norm(row), rel=1e-5)
    assert not values[0, 1:].any()


def test_a_code_of_words_has_no_slopes() -> None:
    assert mechanism.jacobian(make("vector_quantised"), IMAGES[:2]) is None


def test_the_wider_the_code_the_fewer_the_images() -> None:
    for width, number in ((2, 50), (64, 25), (800, 4)):
        model = make("vanilla", latent_dim=width, depth=0)
        values = mechanism.spectrum(model, IMAGES, LABELS)
        assert values is not None
        assert values.shape == (number, min(width, 784))


# -- words ------------------------------------------------------------------------------------


def test_words_are_counted_and_their_perplexity_is_exp_of_the_entropy() -> None:
    model = pretrained("vector_quantised-8d")
    codes = apply.encode(model, IMAGES)
    shares = mechanism.usage(model, codes)
    codebook = model.codebook.numpy()
    vectors = codes.reshape(-1, codebook.shape[1])
    nearest = np.square(vectors[:, None] - codebook).sum(2).argmin(1)
    expected = [np.mean(nearest == k) for k in range(len(codebook))]
    np.testing.assert_allclose(shares, expected)
    assert shares.sum() == pytest.approx(1)
    assert mechanism.perplexity(shares) == pytest.approx(np.exp(entropy(expected)))
    assert mechanism.perplexity(np.array([0.25, 0, 0.25, 0.5])) == pytest.approx(2**1.5)


def test_a_word_is_shown_as_the_mean_of_what_is_around_its_places() -> None:
    model = pretrained("vector_quantised-8d")
    codes = apply.encode(model, IMAGES)
    found = mechanism.windows(model, codes, IMAGES)
    assert found.shape == (64, 12, 12)
    codebook = model.codebook.numpy()
    padded = np.pad(IMAGES / 255, ((0, 0), (4, 4), (4, 4)))
    for word in (int(mechanism.usage(model, codes).argmax()), 5):
        seen = [
            padded[n, 4 * row : 4 * row + 12, 4 * column : 4 * column + 12]
            for n, code in enumerate(codes.reshape(-1, 7, 7, 8))
            for row in range(7)
            for column in range(7)
            if (code[row, column] == codebook[word]).all()
        ]
        expected = np.mean(seen, axis=0) if seen else np.zeros((12, 12))
        np.testing.assert_allclose(found[word], expected, atol=1e-5)
