"""Errors, PCA and neighbours beside arithmetic of the test's own and scikit-learn."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import log_loss, mean_squared_error

from aeviz import checkpoint, data, evaluate, latent, train
from aeviz.models import MODELS

MNIST = data.load()
SHIPPED = checkpoint.shipped()


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    """Fifty digits and, as poor copies of them, fifty others; one pair is the same."""
    images = MNIST.test_images[:50]
    copies = MNIST.test_images[50:100].astype(np.float32) / 255
    copies[7] = images[7] / 255
    return images, copies


# -- errors of copies -------------------------------------------------------------------------


def test_mse_per_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    images, copies = pair
    found = evaluate.mse(images, copies)
    assert found.shape == (50,)
    for k in (0, 7, 49):
        expected = mean_squared_error(images[k].ravel() / 255, copies[k].ravel())
        assert found[k] == pytest.approx(expected, abs=1e-7)
    assert found[7] == pytest.approx(0, abs=1e-12)


def test_bce_per_image_in_nats_per_pixel(pair: tuple[np.ndarray, np.ndarray]) -> None:
    images, _ = pair
    p = np.random.default_rng(0).uniform(0.01, 0.99, images.shape)
    found = evaluate.bce(images, p)
    for k in (0, 31):
        total = 0.0
        for x, q in zip((images[k] / 255).ravel(), p[k].ravel(), strict=True):
            total -= x * math.log(q) + (1 - x) * math.log(1 - q)
        assert found[k] == pytest.approx(total / 784, rel=1e-5)


def test_bce_of_black_and_white_pixels_is_scikit_learns_log_loss() -> None:
    images = (MNIST.test_images[:3] > 127).astype(np.float32)
    p = np.random.default_rng(1).uniform(0.01, 0.99, images.shape)
    expected = [log_loss(x.ravel(), q.ravel()) for x, q in zip(images, p, strict=True)]
    assert evaluate.bce(images, p) == pytest.approx(expected, rel=1e-5)


def test_bce_stays_finite_at_wrong_certainty_and_is_nearly_zero_at_right_certainty() -> None:
    white = np.ones((1, 28, 28), np.float32)
    assert evaluate.bce(white, 0 * white)[0] == pytest.approx(-math.log(1e-6), rel=1e-3)
    assert evaluate.bce(white, white)[0] == pytest.approx(1e-6, rel=0.1)


def test_the_floor_of_bce_on_grey_pixels() -> None:
    """No copy is better than the picture itself, whose own entropy is 45.53 nats an image."""
    assert evaluate.bce(MNIST.test_images, MNIST.test_images).mean() == pytest.approx(
        45.53 / 784, rel=1e-3
    )


def test_psnr_in_decibel() -> None:
    assert evaluate.psnr(0.01) == pytest.approx(20)
    assert evaluate.psnr(np.array([1, 0.5])) == pytest.approx([0, 3.0103], abs=1e-4)
    assert evaluate.psnr(0.0) == math.inf


def test_errors_hold_each_image_and_the_whole(pair: tuple[np.ndarray, np.ndarray]) -> None:
    images, copies = pair
    errors = evaluate.compare(images, copies)
    squares = [np.square(x / 255 - y).mean() for x, y in zip(images, copies, strict=True)]
    assert errors.mse == pytest.approx(squares, abs=1e-6)
    assert errors.bce == pytest.approx(evaluate.bce(images, copies))
    assert errors.psnr[0] == pytest.approx(-10 * math.log10(squares[0]), rel=1e-5)
    assert errors.psnr[7] > 100  # the same picture
    assert errors.overall == {
        "mse": pytest.approx(np.mean(squares), rel=1e-5),
        "bce": pytest.approx(errors.bce.mean(), rel=1e-5),
        "psnr": pytest.approx(-10 * math.log10(np.mean(squares)), rel=1e-5),
    }


# -- noise ------------------------------------------------------------------------------------


def test_noise_has_the_asked_spread_and_leaves_the_range_of_pixels_never() -> None:
    grey = np.full((200, 28, 28), 0.5, np.float32)
    noisy = evaluate.noisy(grey, 0.1, seed=3)
    assert noisy.dtype == np.float32
    assert noisy.std() == pytest.approx(0.1, rel=0.01)
    assert noisy.mean() == pytest.approx(0.5, abs=0.001)
    strong = evaluate.noisy(MNIST.test_images[:100], 1.0, seed=3)
    assert (strong.min(), strong.max()) == (0, 1)
    # Half of the noise on black pixels is below zero and clipped.
    black = MNIST.test_images[:100] == 0
    assert (strong[black] == 0).mean() == pytest.approx(0.5, abs=0.01)


def test_noise_is_the_same_for_a_seed_and_grows_with_sigma() -> None:
    image = np.full((28, 28), 0.5, np.float32)
    weak, again, twice, other = (
        evaluate.noisy(image, sigma, seed)
        for sigma, seed in ((0.05, 0), (0.05, 0), (0.1, 0), (0.05, 1))
    )
    assert np.array_equal(weak, again)
    assert np.allclose(twice - image, 2 * (weak - image), atol=1e-6)
    assert not np.allclose(weak, other)
    assert np.array_equal(evaluate.noisy(image, 0.0, 0), image)


def test_noise_of_one_half_has_the_known_psnr() -> None:
    noisy = evaluate.noisy(MNIST.test_images, 0.5, 0)
    error = evaluate.compare(MNIST.test_images, noisy).overall["psnr"]
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
    (mean, axes), ours = reference, evaluate.pca("mnist", 64)
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
    ours = evaluate.pca("mnist", dimensions)
    codes = ours.encode(x)
    assert codes.shape == (500, dimensions)
    assert np.allclose(ours.decode(codes), expected, atol=2e-3)
    assert np.allclose(ours.reconstruct(x), np.clip(expected, 0, 1), atol=2e-3)


@pytest.mark.parametrize(
    ("dimensions", "raw", "clipped"),
    [(2, 0.0557, None), (32, 0.0168, 0.0152), (64, 0.0091, 0.0078)],
)
def test_pca_has_its_known_errors(dimensions: int, raw: float, clipped: float | None) -> None:
    ours, x = evaluate.pca("mnist", dimensions), MNIST.test_images
    assert evaluate.mse(x, ours.decode(ours.encode(x))).mean() == pytest.approx(raw, abs=6e-5)
    if clipped:
        assert evaluate.mse(x, ours.reconstruct(x)).mean() == pytest.approx(clipped, abs=6e-5)


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
    assert evaluate.neighbour_accuracy(known, known_labels, asked, asked_labels) == pytest.approx(
        right / 80
    )


def test_neighbour_accuracy_of_codes_that_are_the_labels_and_of_one_neighbour() -> None:
    labels = MNIST.test_labels[:400]
    codes = labels[:, None].astype(np.float32)
    assert evaluate.neighbour_accuracy(codes, labels, codes, labels) == 1
    assert evaluate.neighbour_accuracy(codes[:1], labels[:1], codes, labels, k=1) == pytest.approx(
        (labels == labels[0]).mean()
    )


# -- figures of a card ------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED)
def test_copies_of_a_shipped_model_are_as_good_as_its_card_says(name: str) -> None:
    model, card = checkpoint.load(checkpoint.FOLDER / name), SHIPPED[name]
    x = data.load(card.data).test_images[:2000]
    with torch.no_grad():
        pixels = torch.from_numpy(x / np.float32(255))[:, None]
        copies = model.decode(model.encode(pixels))[:, 0].numpy()
    # A fifth of the test images: the mean of 2,000 is near the mean of all 10,000.
    assert np.square(x / 255 - copies).mean() == pytest.approx(card.figures["mse"], rel=0.1)
    assert card.figures["psnr"] == pytest.approx(-10 * math.log10(card.figures["mse"]), abs=1e-3)


@pytest.mark.parametrize("name", [k for k, card in SHIPPED.items() if card.home])
def test_figures_of_the_home_model_are_those_of_its_card(name: str) -> None:
    model, card = checkpoint.load(checkpoint.FOLDER / name), SHIPPED[name]
    found = evaluate.figures(model, data.load(card.data))
    assert found.keys() == card.figures.keys()
    for key, value in found.items():
        tolerance = {"neighbour_accuracy": 1e-3, "elbo": 0.1}.get(key, 1e-4)
        assert value == pytest.approx(card.figures[key], abs=tolerance), key


def small() -> data.Dataset:
    return data.Dataset(
        "mnist",
        MNIST.train_images[:500],
        MNIST.train_labels[:500],
        MNIST.test_images[:200],
        MNIST.test_labels[:200],
    )


@pytest.mark.parametrize("variant", MODELS)
def test_figures_of_every_variant(variant: str) -> None:
    model = train.build(MODELS[variant], MODELS[variant].Config(latent_dim=3), 0).eval()
    few = small()
    found = evaluate.figures(model, few)
    copies = latent.reconstruct(model, few.test_images, few.test_labels)
    assert found["mse"] == pytest.approx(np.square(few.test_images / 255 - copies).mean(), rel=1e-4)
    assert found["psnr"] == pytest.approx(-10 * math.log10(found["mse"]), abs=1e-3)
    linear = evaluate.pca("mnist", model.code_dim).reconstruct(few.test_images)
    assert found["pca_mse_clipped"] == pytest.approx(
        np.square(few.test_images / 255 - linear).mean(), rel=1e-4
    )
    assert 0 <= found["neighbour_accuracy"] <= 1
    has_elbo = "elbo" in train.validate(model, few.test_images, few.test_labels).metrics
    assert ("elbo" in found) == has_elbo


# -- the command line -------------------------------------------------------------------------


def test_the_command_prints_the_figures_of_a_checkpoint(
    tmp_path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = train.build(MODELS["variational"], MODELS["variational"].Config(latent_dim=3), 0)
    card = checkpoint.Card(
        variant="variational",
        config=model.config.to_dict(),
        trained_on=10,
        seed=5,
        steps=0,
        batch=1,
        lr=1,
        command="python -m aeviz.train variational",
    )
    checkpoint.save(model, tmp_path / "small", card=card)
    few = small()
    monkeypatch.setattr(data, "load", lambda name="mnist": few)
    evaluate.main([str(tmp_path / "small")])
    printed = capsys.readouterr().out
    assert "Variational autoencoder, 3 numbers, MNIST digits: 200 test images" in printed
    assert "made by: python -m aeviz.train variational (seed 5)" in printed
    lines = {line.split()[0]: line.split()[1:] for line in printed.splitlines()[2:]}
    found = evaluate.figures(checkpoint.load(tmp_path / "small"), few)
    assert lines.keys() == found.keys()
    for name, value in found.items():
        assert float(lines[name][0]) == pytest.approx(value, abs=1e-4)
    assert lines["bce"][1:] == ["nats", "per", "pixel"]
    assert lines["psnr"][1:] == ["dB"]


def test_the_command_says_what_is_wrong(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        evaluate.main([str(tmp_path / "nothing")])
    assert stop.value.code == 2
    assert "There is no checkpoint" in capsys.readouterr().err
