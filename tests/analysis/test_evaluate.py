"""Errors, PCA and neighbours beside arithmetic of the test's own and scikit-learn."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.stats import entropy, sem
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss, mean_squared_error

from aeviz.analysis import (
    anomaly_score,
    denoising,
    errors,
    evaluate,
    inpainting,
    likelihood,
    neighbours,
    pca,
    probe,
    sampling,
)
from aeviz.data import corruption, datasets
from aeviz.models import apply, checkpoint, objective, optim
from aeviz.models.zoo import MODELS

MNIST = datasets.load()
PRETRAINED = checkpoint.pretrained()


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    """Fifty digits and, as poor reconstructions of them, fifty others; one pair is the same."""
    images = MNIST.test_images[:50]
    reconstructions = MNIST.test_images[50:100].astype(np.float32) / 255
    reconstructions[7] = images[7] / 255
    return images, reconstructions


# -- errors of reconstructions ----------------------------------------------------------------


def test_mse_per_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    images, reconstructions = pair
    found = errors.mse(images, reconstructions)
    assert found.shape == (50,)
    for k in (0, 7, 49):
        expected = mean_squared_error(images[k].ravel() / 255, reconstructions[k].ravel())
        assert found[k] == pytest.approx(expected, abs=1e-7)
    assert found[7] == pytest.approx(0, abs=1e-12)


def test_bce_per_image_in_nats_per_pixel(pair: tuple[np.ndarray, np.ndarray]) -> None:
    images, _ = pair
    p = np.random.default_rng(0).uniform(0.01, 0.99, images.shape)
    found = errors.bce(images, p)
    for k in (0, 31):
        total = 0.0
        for x, q in zip((images[k] / 255).ravel(), p[k].ravel(), strict=True):
            total -= x * math.log(q) + (1 - x) * math.log(1 - q)
        assert found[k] == pytest.approx(total / 784, rel=1e-5)


def test_bce_of_black_and_white_pixels_is_scikit_learns_log_loss() -> None:
    images = (MNIST.test_images[:3] > 127).astype(np.float32)
    p = np.random.default_rng(1).uniform(0.01, 0.99, images.shape)
    expected = [log_loss(x.ravel(), q.ravel()) for x, q in zip(images, p, strict=True)]
    assert errors.bce(images, p) == pytest.approx(expected, rel=1e-5)


def test_bce_stays_finite_at_wrong_certainty_and_is_nearly_zero_at_right_certainty() -> None:
    white = np.ones((1, 28, 28), np.float32)
    assert errors.bce(white, 0 * white)[0] == pytest.approx(-math.log(1e-6), rel=1e-3)
    assert errors.bce(white, white)[0] == pytest.approx(1e-6, rel=0.1)


def test_the_floor_of_bce_on_grey_pixels() -> None:
    """No copy is better than the image itself, whose own entropy is 45.53 nats an image."""
    assert errors.bce(MNIST.test_images, MNIST.test_images).mean() == pytest.approx(
        45.53 / 784, rel=1e-3
    )


def test_psnr_in_decibel() -> None:
    assert errors.psnr(0.01) == pytest.approx(20)
    assert errors.psnr(np.array([1, 0.5])) == pytest.approx([0, 3.0103], abs=1e-4)
    assert errors.psnr(0.0) == math.inf


def test_errors_hold_each_image_and_the_whole(pair: tuple[np.ndarray, np.ndarray]) -> None:
    images, reconstructions = pair
    found = errors.compare(images, reconstructions)
    squares = [np.square(x / 255 - y).mean() for x, y in zip(images, reconstructions, strict=True)]
    assert found.mse == pytest.approx(squares, abs=1e-6)
    assert found.bce == pytest.approx(errors.bce(images, reconstructions))
    assert found.psnr[0] == pytest.approx(-10 * math.log10(squares[0]), rel=1e-5)
    assert found.psnr[7] > 100  # the same image
    assert found.overall == {
        "mse": pytest.approx(np.mean(squares), rel=1e-5),
        "bce": pytest.approx(found.bce.mean(), rel=1e-5),
        "psnr": pytest.approx(-10 * math.log10(np.mean(squares)), rel=1e-5),
    }


# -- noise ------------------------------------------------------------------------------------


def test_noise_has_the_asked_spread_and_leaves_the_range_of_pixels_never() -> None:
    grey = np.full((200, 28, 28), 0.5, np.float32)
    noisy = corruption.noisy(grey, 0.1, seed=3)
    assert noisy.dtype == np.float32
    assert noisy.std() == pytest.approx(0.1, rel=0.01)
    assert noisy.mean() == pytest.approx(0.5, abs=0.001)
    strong = corruption.noisy(MNIST.test_images[:100], 1.0, seed=3)
    assert (strong.min(), strong.max()) == (0, 1)
    # Half of the noise on black pixels is below zero and clipped.
    black = MNIST.test_images[:100] == 0
    assert (strong[black] == 0).mean() == pytest.approx(0.5, abs=0.01)


def test_noise_is_the_same_for_a_seed_and_grows_with_sigma() -> None:
    image = np.full((28, 28), 0.5, np.float32)
    weak, again, twice, other = (
        corruption.noisy(image, sigma, seed)
        for sigma, seed in ((0.05, 0), (0.05, 0), (0.1, 0), (0.05, 1))
    )
    assert np.array_equal(weak, again)
    assert np.allclose(twice - image, 2 * (weak - image), atol=1e-6)
    assert not np.allclose(weak, other)
    assert np.array_equal(corruption.noisy(image, 0.0, 0), image)


def test_noise_of_one_half_has_the_known_psnr() -> None:
    noisy = corruption.noisy(MNIST.test_images, 0.5, 0)
    error = errors.compare(MNIST.test_images, noisy).overall["psnr"]
    assert error == pytest.approx(9.37, abs=0.01)


# -- PCA --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference() -> tuple[np.ndarray, np.ndarray]:
    """Mean (784,) and all axes (784, 784) of scikit-learn's PCA of the training images."""
    fitted = PCA(svd_solver="covariance_eigh").fit(
        MNIST.train_images.reshape(-1, 784).astype(np.float32) / 255
    )
    return np.asarray(fitted.mean_), np.asarray(fitted.components_)


def test_pca_has_scikit_learns_mean_and_axes(reference: tuple[np.ndarray, np.ndarray]) -> None:
    (mean, axes), ours = reference, pca.pca(datasets.load(), 64)
    assert ours.components.shape == (64, 784)
    exact = MNIST.train_images.sum(0, dtype=np.int64).ravel() / 60_000 / 255
    assert np.allclose(ours.mean, exact, atol=1e-6)
    assert np.allclose(ours.mean, mean, atol=1e-3)  # summed in single precision
    assert np.allclose(ours.components @ ours.components.T, np.eye(64), atol=1e-4)
    # An axis is known but for its sign; where two variances are close, they may mix a little.
    alike = np.abs((ours.components * axes[:64]).sum(1))
    assert alike[:32].min() > 0.999
    assert alike.min() > 0.99


@pytest.mark.parametrize("dimensions", [1, 2, 32, 784])
def test_pca_rebuilds_what_scikit_learns_rebuilds(
    reference: tuple[np.ndarray, np.ndarray], dimensions: int
) -> None:
    x = MNIST.test_images[:500]
    mean, axes = reference[0], reference[1][:dimensions]
    flat = x.reshape(500, 784) / np.float32(255) - mean
    expected = (flat @ axes.T @ axes + mean).reshape(500, 28, 28)
    ours = pca.pca(datasets.load(), dimensions)
    codes = ours.encode(x)
    assert codes.shape == (500, dimensions)
    assert np.allclose(ours.decode(codes), expected, atol=2e-3)
    assert np.allclose(ours.reconstruct(x), np.clip(expected, 0, 1), atol=2e-3)


@pytest.mark.parametrize(
    ("dimensions", "raw", "clipped"),
    [(2, 0.0557, None), (32, 0.0168, 0.0152), (64, 0.0091, 0.0078)],
)
def test_pca_has_its_known_errors(dimensions: int, raw: float, clipped: float | None) -> None:
    ours, x = pca.pca(datasets.load(), dimensions), MNIST.test_images
    assert errors.mse(x, ours.decode(ours.encode(x))).mean() == pytest.approx(raw, abs=6e-5)
    if clipped:
        assert errors.mse(x, ours.reconstruct(x)).mean() == pytest.approx(clipped, abs=6e-5)


# -- neighbours -------------------------------------------------------------------------------


def test_neighbour_accuracy_is_a_vote_of_the_nearest() -> None:
    draw = np.random.default_rng(0)
    known, asked = draw.standard_normal((300, 3)), draw.standard_normal((80, 3))
    known_labels, asked_labels = draw.integers(0, 3, 300), draw.integers(0, 3, 80)
    right = 0
    for code, label in zip(asked, asked_labels, strict=True):
        distances = np.sqrt(((known - code) ** 2).sum(1))
        votes = Counter(known_labels[distances.argsort()[:5]].tolist())
        best = max(votes.values())
        right += min(k for k, count in votes.items() if count == best) == label  # ties: the least
    assert neighbours.neighbour_accuracy(known, known_labels, asked, asked_labels) == pytest.approx(
        right / 80
    )


def test_neighbour_accuracy_of_codes_that_are_the_labels_and_of_one_neighbour() -> None:
    labels = MNIST.test_labels[:400]
    codes = labels[:, None].astype(np.float32)
    assert neighbours.neighbour_accuracy(codes, labels, codes, labels) == 1
    assert neighbours.neighbour_accuracy(
        codes[:1], labels[:1], codes, labels, k=1
    ) == pytest.approx((labels == labels[0]).mean())


# -- likelihood -------------------------------------------------------------------------------


def spread_out(variant: str, **settings: Any) -> Any:
    """An untrained model whose posterior is neither the prior nor sharp."""
    model = optim.build(MODELS[variant], MODELS[variant].Config(**settings), 3).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.7)
    return model


def test_the_likelihood_is_the_integral_over_a_code_of_one_number() -> None:
    """log p(x) = log int p(x|z) p(z) dz, by the trapezoid rule with torch.distributions."""
    model = spread_out("variational", latent_dim=1)
    x = likelihood.binarised(MNIST.test_images[:6], seed=0)
    z = torch.linspace(-8, 8, 4001)[:, None]
    with torch.no_grad():
        pixels = torch.distributions.Bernoulli(logits=model.logits(z).flatten(1).double())
    log_p_z = torch.distributions.Normal(0, 1).log_prob(z[:, 0].double())
    exact = [
        np.logaddexp.reduce(
            (pixels.log_prob(torch.from_numpy(one).double().flatten()).sum(1) + log_p_z).numpy()
        )
        + math.log(16 / 4000)
        for one in x
    ]
    found = likelihood.log_likelihood(model, x, samples=2000, seed=1)
    assert found == pytest.approx(exact, abs=0.1)


def test_one_sample_gives_the_elbo_and_more_samples_a_tighter_bound() -> None:
    model = checkpoint.load(checkpoint.FOLDER / "variational-2d")
    x = MNIST.test_images[:200]
    bounds = {}
    for samples in (1, 5, 50, 200):
        found = likelihood.log_likelihood(model, x, samples=samples, seed=samples)
        assert found is not None
        assert found.shape == (200,)
        bounds[samples] = found.mean()
    assert -bounds[1] == pytest.approx(-objective.validate(model, x).metrics["elbo"].item(), abs=2)
    noise = 0.2  # Monte-Carlo error of a mean over 200 images, from 5 samples on
    assert bounds[1] < bounds[5] - noise
    assert bounds[5] < bounds[50] + noise
    assert bounds[50] < bounds[200] + noise
    assert bounds[200] > bounds[1] + 1


def test_the_weights_are_those_of_torch_distributions() -> None:
    model = spread_out("variational", latent_dim=3)
    x = likelihood.binarised(MNIST.test_images[:4], seed=0)
    found = likelihood.log_likelihood(model, x, samples=7, seed=5)
    noise = torch.randn(7, 4, 3, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        mu, log_var = model.encoder(torch.from_numpy(x)[:, None]).chunk(2, dim=1)
        q = torch.distributions.Normal(mu, log_var.exp().sqrt())
        z = mu + q.stddev * noise
        p = torch.distributions.Bernoulli(logits=model.decoder(z.flatten(0, 1)).view(7, 4, 784))
        prior = torch.distributions.Normal(0, 1)
        log_weights = (
            p.log_prob(torch.from_numpy(x).flatten(1)).sum(2)
            + prior.log_prob(z).sum(2)
            - q.log_prob(z).sum(2)
        )
    expected = np.log(np.exp(log_weights.double().numpy()).mean(0))
    assert found == pytest.approx(expected, abs=1e-2)
    again = likelihood.log_likelihood(model, x, samples=7, seed=5)
    assert again == pytest.approx(found, rel=0, abs=0)


def test_a_label_is_given_where_a_model_takes_one() -> None:
    model = spread_out("conditional", latent_dim=2)
    x, labels = MNIST.test_images[:5], MNIST.test_labels[:5]
    right, wrong = (
        likelihood.log_likelihood(model, x, given, samples=3)
        for given in (labels, (labels + 1) % 10)
    )
    assert right is not None
    assert wrong is not None
    assert not np.allclose(right, wrong)


def test_without_a_posterior_there_is_no_likelihood() -> None:
    model = optim.build(MODELS["vanilla"], MODELS["vanilla"].Config(), 0)
    assert likelihood.log_likelihood(model, MNIST.test_images[:2]) is None


def test_pixels_are_black_or_white_with_their_grey_value_as_the_chance() -> None:
    x = MNIST.test_images[:2000]
    drawn = likelihood.binarised(x, seed=0)
    assert set(np.unique(drawn)) == {0, 1}
    assert drawn[x == 255].min() == 1
    assert drawn[x == 0].max() == 0
    half = (x > 120) & (x < 136)
    assert drawn[half].mean() == pytest.approx(0.5, abs=0.01)
    assert np.array_equal(likelihood.binarised(x, seed=0), drawn)
    assert not np.array_equal(likelihood.binarised(x, seed=1), drawn)


# -- noise and holes --------------------------------------------------------------------------


def test_the_linear_filter_is_the_least_squares_solution() -> None:
    clean = MNIST.train_images[:2000]
    corrupted, asked = (
        corruption.noisy(clean, 0.5, 0),
        corruption.noisy(MNIST.test_images[:20], 0.5, 1),
    )
    found = denoising.regressed(asked, corrupted, clean)
    inputs = np.c_[corrupted.reshape(2000, -1), np.ones(2000)].astype(np.float64)
    weights = np.linalg.lstsq(inputs, clean.reshape(2000, -1) / 255, rcond=None)[0]
    expected = np.c_[asked.reshape(20, -1), np.ones(20)] @ weights
    assert np.allclose(found.reshape(20, -1), expected.clip(0, 1), atol=2e-3)


def test_as_many_patches_are_hidden_in_each_image_and_others_in_each() -> None:
    visible = inpainting.hide_patches(200, 0.75, seed=0)
    assert visible.shape == (200, 28, 28)
    blocks = visible.reshape(200, 7, 4, 7, 4).sum((2, 4))
    assert set(np.unique(blocks)) == {0, 16}  # whole patches only
    assert set((blocks == 0).sum((1, 2))) == {37}
    assert visible.mean(0).min() > 0.1  # each place is shown in some
    assert visible.mean(0).max() < 0.4
    assert np.array_equal(inpainting.hide_patches(200, 0.75, seed=0), visible)
    assert not np.array_equal(inpainting.hide_patches(200, 0.75, seed=1), visible)
    assert inpainting.hide_patches(3, 0.0).all()
    assert not inpainting.hide_patches(3, 1.0).any()


def test_the_error_of_hidden_pixels_looks_at_no_others() -> None:
    images = MNIST.test_images[:4]
    visible = inpainting.hide_patches(4, 0.75)
    reconstructions = images / np.float32(255)
    reconstructions[visible] = 7
    assert inpainting.hidden_mse(images, reconstructions, visible) == pytest.approx(0, abs=1e-12)
    reconstructions[~visible] += 0.1
    assert inpainting.hidden_mse(images, reconstructions, visible) == pytest.approx(0.01, rel=1e-4)


def test_holes_filled_by_a_gaussian_are_a_linear_regression_on_what_is_seen() -> None:
    """With a small ridge both are the same; scikit-learn solves it from the data, not from C."""
    known, asked = MNIST.train_images[:2000], MNIST.test_images[:3]
    visible = inpainting.hide_patches(3, 0.75, seed=2)
    found = inpainting.gaussian_conditional(asked, visible, known, noise=0.01)
    x = known.reshape(2000, 784) / 255.0
    for image, seen, filled in zip(asked, visible, found, strict=True):
        seen = seen.ravel()
        fit = Ridge(alpha=0.01 * 1999).fit(x[:, seen], x[:, ~seen])
        expected = fit.predict(image.reshape(1, 784)[:, seen] / 255.0)[0].clip(0, 1)
        assert np.allclose(filled.ravel()[~seen], expected, atol=1e-3)
        assert np.allclose(filled.ravel()[seen], image.ravel()[seen] / 255)


# -- images that do not belong --------------------------------------------------------------


def test_auroc_counts_the_pairs_that_are_in_order() -> None:
    draw = np.random.default_rng(0)
    normal, odd = draw.integers(0, 6, 40), draw.integers(2, 9, 30)
    pairs = [(o > n) + 0.5 * (o == n) for n in normal for o in odd]
    assert anomaly_score.auroc(normal, odd).value == pytest.approx(np.mean(pairs))


def blurred(difference: np.ndarray) -> np.ndarray:
    """By hand: sums over neighbours with weights exp(-d^2 / 2); beyond the edge it is mirrored."""
    weights = np.exp(-0.5 * np.arange(-4, 5) ** 2.0)
    weights /= weights.sum()
    for axis in (1, 2):
        edges = [(0, 0), (0, 0), (0, 0)]
        edges[axis] = (4, 4)
        padded = np.pad(difference, edges, mode="symmetric")
        shifted = [np.take(padded, np.arange(k, k + 28), axis) for k in range(9)]
        difference = np.tensordot(weights, np.stack(shifted), 1)
    return difference


def test_the_score_of_a_image_is_the_blurred_error_of_its_copy_for_its_ink() -> None:
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-32d")
    x = MNIST.test_images[:50]
    difference = apply.reconstruct(model, x) - x / 255.0
    expected = np.square(blurred(difference)).mean((1, 2)) / (x / 255).mean((1, 2))
    assert anomaly_score.score("blurred", model, x) == pytest.approx(expected, rel=1e-3)


def test_a_image_without_ink_gets_a_score_too() -> None:
    black = np.zeros((1, 28, 28), np.uint8)
    copy = np.full((1, 28, 28), 0.5)
    assert anomaly_score.blurred_error(black, copy) == pytest.approx([0.25 / 0.01])


def test_a_model_that_cleans_images_is_scored_by_copies_of_spoilt_ones() -> None:
    config = MODELS["denoising"].Config.from_dict(
        {"width": 32, "corruption": "masking", "level": 0.5}
    )
    model = optim.build(MODELS["denoising"], config, 0).eval()
    x = MNIST.test_images[:20]
    draw, reconstructions = torch.Generator().manual_seed(9), []
    for _ in range(400):
        left = torch.rand(20, 28, 28, generator=draw).numpy() >= 0.5
        reconstructions.append(apply.reconstruct(model, (x / 255 * left).astype(np.float32)))
    expected = np.square(blurred(np.mean(reconstructions, 0) - x / 255.0)).mean((1, 2))
    expected /= (x / 255).mean((1, 2))
    found = anomaly_score.score("blurred", model, x, seed=3)
    assert found == pytest.approx(expected, rel=0.02)  # another draw of the corrupted pixels
    assert np.array_equal(anomaly_score.score("blurred", model, x, seed=3), found)
    assert not np.array_equal(anomaly_score.score("blurred", model, x, seed=4), found)


def test_one_class_is_told_from_the_nine_others(monkeypatch: pytest.MonkeyPatch) -> None:
    few = small()
    ink = few.test_images.sum((1, 2)) / 1000
    monkeypatch.setattr(anomaly_score, "score", lambda kind, of, images, seed: ink)
    model = optim.build(MODELS["vanilla"], MODELS["vanilla"].Config(), 0)
    ones = few.test_labels == 1
    pairs = ink[~ones][:, None] > ink[ones]
    assert anomaly_score.one_class(model, few, 1).value == pytest.approx(pairs.mean(), abs=1e-6)
    assert pairs.mean() > 0.85  # a one has little ink


# -- drawn images ---------------------------------------------------------------------------


def test_frechet_distance_by_a_matrix_root_of_scipy() -> None:
    draw = np.random.default_rng(0)
    a = draw.standard_normal((500, 6)) @ draw.standard_normal((6, 6))
    b = draw.standard_normal((400, 6)) @ draw.standard_normal((6, 6)) + 2
    first, second = np.cov(a.T), np.cov(b.T)
    root = np.asarray(sqrtm(first @ second))
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(first + second - 2 * np.real(root))
    assert sampling.frechet(a, b) == pytest.approx(expected, rel=1e-6)
    assert sampling.frechet(a, a) == pytest.approx(0, abs=1e-6)
    assert sampling.frechet(a + np.array([1, 0, 0, 0, 0, 2]), a) == pytest.approx(5, abs=1e-6)


def test_images_come_from_the_prior_in_equal_shares_of_classes() -> None:
    model = spread_out("conditional", latent_dim=2)
    found = sampling.prior_images(model, 20, seed=4)
    codes = sampling.sample_prior(model, 20, seed=4)
    assert codes is not None
    assert found is not None
    assert np.array_equal(found, apply.decode(model, codes, np.arange(20) % 10))
    vanilla = checkpoint.load(checkpoint.FOLDER / "vanilla-2d")
    assert sampling.prior_images(vanilla, 20) is None


def test_images_of_a_mixture_lie_where_the_codes_lie() -> None:
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-2d")
    codes = apply.encode(model, MNIST.train_images[:2000])
    found = sampling.mixture_images(model, codes, MNIST.train_labels[:2000], 300)
    assert found.shape == (300, 28, 28)
    back = apply.encode(model, found)
    distance, _ = neighbours.nearest(codes, back)
    assert np.median(distance) < 0.1 * codes.std(0).mean()


# -- figures of a card ------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRETRAINED)
def test_copies_of_a_pretrained_model_are_as_good_as_its_card_says(name: str) -> None:
    model, card = checkpoint.load(checkpoint.FOLDER / name), PRETRAINED[name]
    x = datasets.load(card.data).test_images[:2000]
    labels = torch.from_numpy(datasets.load(card.data).test_labels[:2000].astype(np.int64))
    told = {"labels": labels} if model.uses_labels else {}
    with torch.no_grad():
        pixels = torch.from_numpy(x / np.float32(255))[:, None]
        made = model.decode(model.encode(pixels, **told), **told)[:, 0].numpy()
    # A fifth of the test images: the mean of 2,000 is near the mean of all 10,000.
    assert np.square(x / 255 - made).mean() == pytest.approx(card.figures["mse"], rel=0.1)
    assert card.figures["psnr"] == pytest.approx(-10 * math.log10(card.figures["mse"]), abs=1e-3)


@pytest.mark.parametrize("name", [k for k, card in PRETRAINED.items() if card.home])
def test_figures_of_the_home_model_are_those_of_its_card(name: str) -> None:
    model, card = checkpoint.load(checkpoint.FOLDER / name), PRETRAINED[name]
    found = evaluate.figures(model, datasets.load(card.data))
    assert found.keys() == card.figures.keys() == card.errors.keys()
    for key, one in found.items():
        tolerance = {"neighbour_accuracy": 1e-3, "elbo": 0.1}.get(key, 1e-4)
        assert one.value == pytest.approx(card.figures[key], abs=tolerance), key
        assert one.error == pytest.approx(card.errors[key], rel=0.01), key


def small() -> datasets.Dataset:
    return datasets.Dataset(
        "mnist",
        MNIST.train_images[:500],
        MNIST.train_labels[:500],
        MNIST.test_images[:200],
        MNIST.test_labels[:200],
    )


@pytest.mark.parametrize("variant", MODELS)
def test_figures_of_every_variant(variant: str) -> None:
    model = optim.build(MODELS[variant], MODELS[variant].Config(latent_dim=3), 0).eval()
    few = small()
    found = evaluate.figures(model, few)
    made = apply.reconstruct(model, few.test_images, few.test_labels)
    linear = pca.pca(few, model.code_dim).reconstruct(few.test_images)
    for name, images in (("mse", made), ("pca_mse_clipped", linear)):
        squares = np.square(few.test_images / 255 - images).mean((1, 2))
        assert found[name].value == pytest.approx(squares.mean(), rel=1e-4)
        assert found[name].error == pytest.approx(sem(squares), rel=1e-4)
    assert found["psnr"].value == pytest.approx(-10 * math.log10(found["mse"].value), abs=1e-3)
    assert 0 <= found["neighbour_accuracy"].value <= 1
    has_elbo = "elbo" in objective.validate(model, few.test_images, few.test_labels).metrics
    assert ("elbo" in found) == has_elbo


def test_the_error_of_an_accuracy_is_that_of_a_mean_of_zeros_and_ones() -> None:
    right = np.random.default_rng(0).random(500) < 0.87
    found = evaluate.share(float(right.mean()), 500)
    assert found.error == pytest.approx(sem(right), rel=1e-9)


def test_an_elbo_and_its_error_are_those_of_each_image_with_other_noise() -> None:
    """The bound of one draw, worked out for each image by its own function, has the same spread."""
    model = checkpoint.load("variational-2d")
    few = replace(MNIST, test_images=MNIST.test_images[::5], test_labels=MNIST.test_labels[::5])
    found = evaluate.measure(evaluate.Measured(model, few), ("elbo",))["elbo"]
    draws = [
        likelihood.log_likelihood(model, few.test_images, samples=1, seed=seed)
        for seed in range(20, 25)
    ]
    each = np.mean([one for one in draws if one is not None], 0)
    assert found.value == pytest.approx(each.mean(), abs=0.3)
    assert found.error == pytest.approx(sem(each), rel=0.3)  # of a hundred parts


def test_the_perplexity_is_that_of_all_images_together() -> None:
    """As the loss page has it; the mean of that of batches would be less."""
    model = checkpoint.load("vector_quantised-8d")
    few = replace(MNIST, test_images=MNIST.test_images[:600], test_labels=MNIST.test_labels[:600])
    found = evaluate.measure(evaluate.Measured(model, few), ("reported", "entries"))["perplexity"]
    grid = model.entries(torch.from_numpy(apply.encode(model, few.test_images)))
    assert grid is not None
    shares = np.bincount(grid.flatten().numpy(), minlength=64) / grid.numel()
    assert found.value == pytest.approx(np.exp(entropy(shares)), rel=1e-5)
    again = [
        np.exp(entropy(np.bincount(grid[some].flatten().numpy(), minlength=64)))
        for some in np.random.default_rng(1).integers(600, size=(50, 600))
    ]
    assert found.error == pytest.approx(np.std(again), rel=0.3)


def test_hidden_pixels_are_averaged_over_draws_of_the_patches() -> None:
    few = small()
    model = optim.build(MODELS["vanilla"], MODELS["vanilla"].Config(), 0).eval()
    found = evaluate.measure(evaluate.Measured(model, few), ("hidden",))["hidden_mse"]
    each = []
    for seed in range(5):
        visible = inpainting.hide_patches(200, seed=seed)
        made = apply.reconstruct(model, (few.test_images / 255 * visible).astype(np.float32))
        squares = np.square(made - few.test_images / 255)
        each.append([square[~seen].mean() for square, seen in zip(squares, visible, strict=True)])
    assert found.value == pytest.approx(np.mean(each), rel=1e-5)
    assert found.error == pytest.approx(sem(np.mean(each, 0)), rel=1e-5)


def test_the_error_of_a_frechet_distance_is_how_far_other_images_move_it() -> None:
    rng = np.random.default_rng(0)

    def draw(n: int) -> np.ndarray:
        return rng.normal(size=(n, 4)) * [1, 2, 1, 1] + [0, 0, 1, 0]

    found = evaluate.frechet([draw(400), draw(400)], rng.normal(size=(400, 4)))
    again = [sampling.frechet(draw(400), rng.normal(size=(400, 4))) for _ in range(200)]
    assert found.error == pytest.approx(np.std(again), rel=0.35)
    assert found.value == pytest.approx(np.mean(again), abs=4 * float(np.std(again)))


# -- the command line -------------------------------------------------------------------------


def test_the_command_prints_the_figures_of_a_checkpoint(
    tmp_path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = optim.build(MODELS["variational"], MODELS["variational"].Config(latent_dim=3), 0)
    card = checkpoint.Card(
        variant="variational",
        config=model.config,
        trained_on=10,
        seed=5,
        steps=0,
        batch=1,
        lr=1,
        command="python -m aeviz train variational",
    )
    checkpoint.save(model, tmp_path / "small", card=card)
    few = small()
    monkeypatch.setattr(datasets, "load", lambda name="mnist": few)
    monkeypatch.setattr(datasets, "find_folder", lambda name: None)
    evaluate.main([str(tmp_path / "small"), "--quick"])
    printed = capsys.readouterr().out
    assert "Variational autoencoder, 3 dimensions, MNIST digits" in printed
    assert "made by: python -m aeviz train variational (seed 5)" in printed
    assert "200 test images" in printed
    found = evaluate.figures(checkpoint.load(tmp_path / "small"), few)
    lines = {line.split()[0]: line.split() for line in printed.splitlines()[4:]}
    assert lines.keys() == found.keys()
    for name, one in found.items():
        assert float(lines[name][1]) == pytest.approx(one.value, abs=1e-4)
        assert lines[name][2] == "±"
        assert float(lines[name][3]) == pytest.approx(one.error, abs=1e-4)
    assert lines["bce"][4:7] == ["nats", "per", "pixel,"]
    assert lines["psnr"][4] == "dB,"


@pytest.mark.parametrize("variant", ["variational", "masked", "vanilla"])
def test_all_figures_are_those_of_their_own_functions(variant: str) -> None:
    model = optim.build(MODELS[variant], MODELS[variant].Config(latent_dim=4), 0).eval()
    few = small()
    odd = replace(few, name="fashion", test_images=few.test_images[:, ::-1])

    def coarse(images: np.ndarray) -> np.ndarray:
        return images[:, ::7, ::7].reshape(-1, 16)

    found = evaluate.all_figures(model, few, samples=2, seed=1, other=odd, features=coarse)
    x, labels = few.test_images, few.test_labels
    assert found.keys() >= evaluate.figures(model, few).keys()
    codes = [apply.encode(model, part) for part in (few.train_images, x)]
    expected = probe.linear_probe(codes[0], few.train_labels, codes[1], labels)
    assert found["probe_accuracy"] == expected
    squares = [
        np.square(apply.reconstruct(model, corruption.noisy(x, 0.5, seed)) - x / 255).mean((1, 2))
        for seed in range(1, 6)
    ]
    assert found["denoised_psnr"].value == pytest.approx(
        -10 * math.log10(np.mean(squares)), abs=1e-3
    )
    slope = 10 / math.log(10) / np.mean(squares)
    assert found["denoised_psnr"].error == pytest.approx(slope * sem(np.mean(squares, 0)), rel=1e-3)
    plain = [
        np.square(apply.reconstruct(model, part) - part / 255).mean((1, 2))
        for part in (x, odd.test_images)
    ]
    blurred = [anomaly_score.score("blurred", model, part, 1) for part in (x, odd.test_images)]
    for name, (usual, unusual) in (("other_mse_auroc", plain), ("other_auroc", blurred)):
        higher = (unusual[:, None] > usual).mean() + 0.5 * (unusual[:, None] == usual).mean()
        assert found[name].value == pytest.approx(higher, abs=1e-4)  # how often the odd one's is
        assert 0 < found[name].error < 0.05
    drawn = [sampling.prior_images(model, 200, seed) for seed in (1, 2, 3)]
    assert (drawn[0] is not None) == (variant == "variational") == ("prior_frechet" in found)
    if variant == "variational":
        expected = [
            sampling.frechet(coarse(images), coarse(x / np.float32(255)))
            for images in drawn
            if images is not None
        ]
        assert found["prior_frechet"].value == pytest.approx(float(np.mean(expected)), rel=1e-6)
    mixed = sampling.mixture_images(model, codes[0], few.train_labels, 200, 1)
    one = sampling.frechet(coarse(mixed), coarse(x / np.float32(255)))
    assert found["mixture_frechet"].value == pytest.approx(one, rel=0.5)
    assert ("nll" in found) == (variant == "variational")
    if variant == "variational":
        kl = [found[f"kl_of_z{k}"].value for k in (1, 2, 3, 4)]
        per_dim = objective.validate(model, x, seed=1).metrics["kl_per_dim"]
        assert kl == pytest.approx(per_dim.tolist(), rel=1e-4)
        bound = likelihood.log_likelihood(model, x, samples=2, seed=1)
        assert bound is not None
        assert found["nll"].value == pytest.approx(-bound.mean(), rel=1e-6)
        assert found["nll"].error == pytest.approx(sem(bound), rel=1e-5)
    unexplained = {name for name in found if evaluate.describe(name) == evaluate.describe("?")}
    assert unexplained <= objective.validate(model, x, labels, seed=1).metrics.keys()


def test_likelihoods_are_of_black_or_white_pixels_where_a_model_was_trained_on_those() -> None:
    config = MODELS["variational"].Config.from_dict({"latent_dim": 4, "binarise": True})
    model = optim.build(MODELS["variational"], config, 0).eval()
    x = small().test_images
    found = evaluate.all_figures(model, small(), samples=2, seed=1)
    bound = likelihood.log_likelihood(model, likelihood.binarised(x, 1), samples=2, seed=1)
    assert bound is not None
    assert found["nll"].value == pytest.approx(-bound.mean(), rel=1e-6)
    assert not {"other_auroc", "prior_frechet"} & found.keys()  # without what they need


def test_the_command_says_what_is_wrong(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        evaluate.main([str(tmp_path / "nothing")])
    assert stop.value.code == 2
    assert "There is no checkpoint" in capsys.readouterr().err
