"""Each corruption by its definition, the filters, and their scores, on real digits."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from skimage import metrics, restoration
from sklearn import linear_model

from aeviz.analysis import denoising, errors, estimate
from aeviz.analysis.denoising import FILTERS
from aeviz.charts.pixels import png
from aeviz.data import corruption, datasets, digits
from aeviz.data.corruption import CORRUPTIONS
from aeviz.models import checkpoint
from tests.models.variants.arithmetic import make

MNIST = datasets.load()
DIGITS = MNIST.train_images[-10_000::200] / np.float32(255)  # 50 validation digits


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_clipped_repeats_itself_and_does_nothing_at_its_first_strength(
    name: str,
) -> None:
    kind = CORRUPTIONS[name]
    assert kind.low <= min(kind.curve)
    steps = (kind.start - kind.low) / kind.step
    assert steps == pytest.approx(round(steps))
    assert kind.low <= kind.start <= kind.high
    assert max(kind.curve) <= kind.high
    corrupted = kind.apply(DIGITS, kind.start, 3)
    assert corrupted.shape == DIGITS.shape
    assert corrupted.dtype == np.float32
    assert corrupted.min() >= 0
    assert corrupted.max() <= 1
    assert np.square(corrupted - DIGITS).mean() > 1e-4
    assert np.array_equal(corrupted, kind.apply(DIGITS, kind.start, 3))
    assert np.array_equal(corrupted[0], kind.apply(DIGITS[0], kind.start, 3))
    assert np.array_equal(corrupted, kind.apply(MNIST.train_images[-10_000::200], kind.start, 3))
    assert kind.seeded != np.array_equal(corrupted, kind.apply(DIGITS, kind.start, 4))
    off = np.abs(kind.apply(DIGITS, kind.curve[0]) - DIGITS).max()
    assert off <= (2.01 / 255 if name == "jpeg" else 0)
    errors = [np.square(kind.apply(DIGITS, s) - DIGITS).mean() for s in kind.curve]
    assert errors == sorted(errors)  # from weak to strong


def test_gaussian_noise_is_that_of_the_other_figures() -> None:
    corrupted = CORRUPTIONS["gaussian"].apply(DIGITS, 0.4, 7)
    assert np.array_equal(corrupted, corruption.noisy(DIGITS, 0.4, 7))


def test_shares_of_pixels_are_as_asked_and_stronger_spoils_more_of_the_same() -> None:
    grey = np.full((200, 28, 28), 0.5, np.float32)
    tolerance = 4 * np.sqrt(0.3 * 0.7 / grey.size)
    dark = CORRUPTIONS["masking"].apply(grey, 0.3, 1)
    assert set(np.unique(dark)) == {0, 0.5}
    assert (dark == 0).mean() == pytest.approx(0.3, abs=tolerance)
    both = CORRUPTIONS["salt and pepper"].apply(grey, 0.3, 1)
    assert [(both == value).mean() for value in (0, 0.5, 1)] == pytest.approx(
        [0.15, 0.7, 0.15], abs=tolerance
    )
    for name in ("masking", "salt and pepper"):
        weak, strong = (CORRUPTIONS[name].apply(grey, share, 1) for share in (0.2, 0.6))
        assert np.array_equal(strong[weak != 0.5], weak[weak != 0.5])
        assert (CORRUPTIONS[name].apply(grey, 1.0, 1) != 0.5).all()


def test_speckle_multiplies_and_leaves_black_alone() -> None:
    grey = np.full((200, 28, 28), 0.25, np.float32)
    grey[:, 0] = 0
    corrupted = CORRUPTIONS["speckle"].apply(grey, 0.2, 0)  # 5 deviations to the clipping
    assert (corrupted[:, 0] == 0).all()
    factor = corrupted[:, 1:] / 0.25
    assert factor.mean() == pytest.approx(1, abs=0.003)
    assert factor.std() == pytest.approx(0.2, abs=0.003)


def test_blur_is_scipys_for_each_image_alone() -> None:
    blurred = CORRUPTIONS["blur"].apply(DIGITS, 1.25)
    for image, x in zip(blurred, DIGITS, strict=True):
        assert np.allclose(image, ndimage.gaussian_filter(x, 1.25), atol=1e-6)
    assert blurred.mean() == pytest.approx(DIGITS.mean(), rel=1e-4)


@pytest.mark.parametrize("factor", [2, 3, 4, 7])
def test_low_resolution_has_the_mean_of_each_square(factor: int) -> None:
    coarse = CORRUPTIONS["low resolution"].apply(DIGITS, factor)
    for top in range(0, 28, factor):
        for left in range(0, 28, factor):
            square = np.s_[:, top : top + factor, left : left + factor]
            assert np.ptp(coarse[square], (1, 2)).max() < 1e-6
            if max(top, left) + factor <= 28:
                mean = DIGITS[square].mean((1, 2))
                assert np.allclose(coarse[square][:, 0, 0], mean, atol=1e-6)


def test_a_block_is_one_square_of_its_side_anywhere_inside() -> None:
    white = np.ones((5000, 28, 28), np.float32)
    holes = CORRUPTIONS["block"].apply(white, 9, 5) == 0
    assert (holes.sum((1, 2)) == 81).all()
    assert (holes.any(1).sum(1) == 9).all()
    assert (holes.any(2).sum(1) == 9).all()
    assert holes.any(0).all()  # each pixel has its turn
    assert not CORRUPTIONS["block"].apply(white, 28, 5).any()


def test_jpeg_is_pillows_round_trip() -> None:
    corrupted = CORRUPTIONS["jpeg"].apply(DIGITS[:4], 12)
    for image, pixels in zip(corrupted, MNIST.train_images[-10_000::200], strict=False):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, format="jpeg", quality=12)
        assert np.array_equal(np.round(image * 255), np.asarray(Image.open(file)))


@pytest.mark.parametrize("name", ["gaussian", "masking", "salt and pepper"])
def test_a_strength_means_what_it_meant_in_training(name: str) -> None:
    model = make("denoising", corruption=name, level=0.35)
    assert denoising.trained_on(model) == (name, 0.35)
    x = np.tile(DIGITS, (4, 1, 1))
    torch.manual_seed(0)
    in_training = model.corrupt(torch.from_numpy(x)).numpy()  # type: ignore[operator]
    here = CORRUPTIONS[name].apply(x, 0.35)
    for moment in (1, 2):
        theirs, ours = ((part**moment).mean() for part in (in_training, here))
        assert ours == pytest.approx(theirs, rel=0.02)
    assert np.square(here - x).mean() == pytest.approx(np.square(in_training - x).mean(), rel=0.02)


def test_a_model_that_saw_clean_images_has_no_strength() -> None:
    assert denoising.trained_on(make("vanilla")) is None


def test_filters_are_scikit_images_and_do_nothing_at_their_first_setting() -> None:
    noisy = corruption.noisy(DIGITS[:5], 0.3, 0)
    for found in FILTERS.values():
        assert np.allclose(found.clean(noisy, found.settings[0], None), noisy, atol=1e-5)
    middle = denoising.median(noisy, 3)
    assert middle[2, 9, 11] == np.median(noisy[2, 8:11, 10:13])
    for k, x in enumerate(noisy):
        means = restoration.denoise_nl_means(x, 5, 4, 0.3)
        assert np.allclose(denoising.non_local_means(noisy, 0.3)[k], means, atol=1e-6)
    # A Wiener filter is linear, and divides by 1 + balance |Laplacian|^2 in frequency.
    x = np.zeros((1, 28, 28), np.float32)
    x[0] = np.cos(2 * np.pi * 3 * np.arange(28) / 28)
    laplacian = 4 - 2 * np.cos(2 * np.pi * 3 / 28) - 2
    assert np.allclose(denoising.wiener(x, 2.0), x / (1 + 2 * laplacian**2), atol=1e-5)


def test_each_filter_beats_the_noisy_image_on_gaussian_noise() -> None:
    others = MNIST.train_images[-10_000 + 7 :: 200] / np.float32(255)  # not those it is set on
    noisy = corruption.noisy(others, 0.5, 1)
    before = errors.compare(others, noisy).overall["psnr"]
    cleaned = denoising.filtered(noisy, datasets.load(), "gaussian", 0.5)
    assert list(cleaned) == [*FILTERS, "linear"]
    for key, pictures in cleaned.items():
        assert pictures.dtype == np.float32
        assert errors.compare(others, pictures).overall["psnr"] > before + 3, key


def test_the_setting_is_the_best_on_validation_digits_and_the_stretch_least_squares() -> None:
    chosen = denoising.tuned("median", datasets.load(), "salt and pepper", 0.4)
    x = MNIST.train_images[-10_000 :: 10_000 // denoising.TUNED_ON] / np.float32(255)
    corrupted = CORRUPTIONS["salt and pepper"].apply(x, 0.4)
    errors = {}
    for size in FILTERS["median"].settings:
        y = denoising.median(corrupted, size).ravel()
        (gain, offset), *_ = np.linalg.lstsq(np.stack([y, np.ones_like(y)], 1), x.ravel())
        errors[size] = np.square(np.clip(gain * y + offset, 0, 1) - x.ravel()).mean()
        if size == chosen.setting:
            assert [chosen.gain, chosen.offset] == pytest.approx([gain, offset], abs=1e-4)
    assert chosen.setting == min(errors, key=errors.__getitem__)
    assert chosen.setting > 1


def test_a_wiener_filter_that_knows_the_blur_undoes_it() -> None:
    blurred = CORRUPTIONS["blur"].apply(DIGITS, 1.0)
    cleaned = denoising.filtered(blurred, datasets.load(), "blur", 1.0)
    scores = {k: errors.compare(DIGITS, x).overall["psnr"] for k, x in cleaned.items()}
    assert scores["wiener"] > errors.compare(DIGITS, blurred).overall["psnr"] + 6
    assert min(scores["wiener"], scores["linear"]) > max(scores["median"], scores["nlm"])


def test_a_image_that_is_spoilt_already_is_read_with_its_noise() -> None:
    x = np.round(corruption.noisy(DIGITS[0], 0.5, 0) * 255).astype(np.uint8)
    for image in (x, x.repeat(10, 0).repeat(10, 1), 255 - x):
        assert np.allclose(digits.plain(png(image)) * 255, x, atol=0.01)
    wide = np.pad(x, ((0, 0), (6, 6)))
    assert np.allclose(digits.plain(png(wide)) * 255, x, atol=0.01)
    with pytest.raises(digits.ImageError):
        digits.plain(b"Dear aeviz")


def test_scores_are_scikit_images_and_by_hand() -> None:
    x, y = DIGITS[0], corruption.noisy(DIGITS[0], 0.3, 0)
    assert errors.compare(x[None], y[None]).psnr[0] == pytest.approx(
        -10 * np.log10(np.square(x - y).mean())
    )
    assert errors.compare(x[None], x[None]).psnr[0] == np.inf
    assert denoising.ssim(x, x) == pytest.approx(1)
    theirs = metrics.structural_similarity(
        x, y, win_size=11, gaussian_weights=True, use_sample_covariance=False, data_range=1.0
    )
    assert denoising.ssim(x, y) == pytest.approx(theirs)
    # Equation 13 of Wang et al. by hand, with Gaussian windows.
    a, b = x.astype(float), y.astype(float)
    mean_a, mean_b, aa, bb, ab = (
        ndimage.gaussian_filter(part, 1.5, truncate=3.5) for part in (a, b, a * a, b * b, a * b)
    )
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_a * mean_b + c1) * (2 * (ab - mean_a * mean_b) + c2)
    bottom = (mean_a**2 + mean_b**2 + c1) * (aa - mean_a**2 + bb - mean_b**2 + c2)
    assert denoising.ssim(x, y) == pytest.approx((top / bottom)[5:-5, 5:-5].mean(), abs=1e-4)


def test_a_point_of_a_curve_is_the_mean_error_of_the_first_test_digits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(denoising, "MEASURED_ON", 20)
    x = MNIST.test_images[:20] / np.float32(255)
    found = denoising.cleaning_mse(lambda corrupted: corrupted, MNIST, "masking", 0.5)
    expected = np.square(x - CORRUPTIONS["masking"].apply(x, 0.5)).mean((1, 2))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("name", ["gaussian", "masking", "jpeg"])
def test_the_linear_map_is_the_ridge_regression_of_scikit_learn(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(denoising, "FITTED_ON", 1500)
    strength = CORRUPTIONS[name].start
    found = denoising.fitted.__wrapped__(MNIST, name, strength)
    known = MNIST.train_images[:50_000:33][:1500] / np.float32(255)
    spoilt = CORRUPTIONS[name].apply(known, strength, 10_000)
    x = MNIST.train_images[-10_000 :: 10_000 // denoising.TUNED_ON] / np.float32(255)
    noisy = CORRUPTIONS[name].apply(x, strength)
    cleaned = {}
    for ridge in denoising.RIDGES:  # n ridge, as scikit-learn sums over images
        fit = linear_model.Ridge(1500 * ridge, solver="cholesky")
        fit.fit(spoilt.reshape(1500, -1).astype(float), known.reshape(1500, -1).astype(float))
        cleaned[ridge] = fit.predict(noisy.reshape(len(x), -1)).clip(0, 1).reshape(x.shape)
    best = min(cleaned, key=lambda ridge: float(np.square(cleaned[ridge] - x).mean()))
    assert found.ridge == best
    np.testing.assert_allclose(found.clean(noisy), cleaned[best], atol=2e-3)


def test_the_linear_map_beats_every_filter_on_noise_and_leaves_alone_what_is_clean() -> None:
    x = MNIST.train_images[-10_000 + 3 :: 100] / np.float32(255)
    noisy = corruption.noisy(x, 0.5, 1)
    error = {
        k: np.square(y - x).mean()
        for k, y in denoising.filtered(noisy, MNIST, "gaussian", 0.5).items()
    }
    assert all(error["linear"] < 0.75 * error[key] for key in FILTERS)  # by 1.2 dB and more
    for name, kind in CORRUPTIONS.items():
        if name != "jpeg":
            assert np.array_equal(denoising.fitted(MNIST, name, kind.curve[0]).clean(x), x), name


def test_who_cleans_best_is_told_by_images_that_all_cleaned() -> None:
    rng = np.random.default_rng(0)
    hard = rng.exponential(size=400)  # that images differ says nothing about who is best
    squared = {"b": hard + 0.02, "a": hard, "c": hard + 1}
    found = denoising.ranking(squared)
    assert list(found.psnr) == ["a", "b", "c"]
    assert found.psnr["a"].value == pytest.approx(-10 * np.log10(hard.mean()))
    assert found.psnr["a"].error > found.psnr["a"].value - found.psnr["b"].value
    assert found.decided
    assert not denoising.ranking({"a": hard, "b": hard + rng.normal(size=400)}).decided
    assert denoising.ranking({"a": hard, "b": np.zeros(400)}).psnr["b"].value == np.inf


def test_noise_of_another_seed_moves_the_mean_no_more_than_its_error_says() -> None:
    x = MNIST.train_images[-200:] / np.float32(255)
    draws = [
        np.square(CORRUPTIONS["block"].apply(x, 10, seed) - x).mean((1, 2)) for seed in range(150)
    ]
    of_images = estimate.mean(np.mean(draws, 0)).error
    of_chance = np.std([draw.mean() for draw in draws], ddof=1)
    told = np.mean([estimate.mean(draw).error for draw in draws])
    assert told == pytest.approx(np.hypot(of_images, of_chance), rel=0.1)


def test_pretrained_denoisers_say_what_they_were_trained_on() -> None:
    for name, card in checkpoint.pretrained().items():
        values = card.config.to_dict()
        expected = (values["corruption"], values["level"]) if "corruption" in values else None
        model = checkpoint.load(checkpoint.FOLDER / name)
        assert denoising.trained_on(model) == expected
        assert denoising.cleans(type(model)) == (expected is not None)
