"""Changes by degrees, by numpy and by what they must not change."""

from __future__ import annotations

import numpy as np
import pytest

from aeviz.data import datasets, perturb

DIGIT = datasets.load().test_images[1] / np.float32(255)


@pytest.mark.parametrize("name", perturb.KINDS)
def test_strength_0_is_one_of_the_strengths_and_leaves_a_image_as_it_is(name: str) -> None:
    kind = perturb.KINDS[name]
    strengths, pictures = kind.strengths, kind.along(DIGIT)
    assert strengths[0] == pytest.approx(kind.low)
    assert strengths[-1] == pytest.approx(kind.high)
    assert np.allclose(np.diff(strengths), kind.step)
    assert np.abs(strengths - kind.start).min() < 1e-9
    assert pictures.dtype == np.float32
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    (still,) = np.flatnonzero(strengths == 0)
    assert np.array_equal(pictures[still], DIGIT)
    assert still % 4 == 0  # the page shows each fourth
    moved = np.abs(np.delete(pictures, still, 0) - DIGIT).max((1, 2))
    assert (moved > 0.01).all()


@pytest.mark.parametrize("pixels", [-3, 1, 5])
def test_a_shift_by_whole_pixels_is_a_roll_whose_wrapped_columns_are_black(pixels: int) -> None:
    bright = np.clip(DIGIT + 0.1, 0, 1)  # also at the borders
    expected = np.roll(bright, pixels, axis=1)
    expected[:, slice(0, pixels) if pixels > 0 else slice(pixels, None)] = 0
    assert np.allclose(perturb.shift(bright, pixels), expected, atol=1e-6)


def test_half_a_pixel_is_the_mean_of_two_neighbours() -> None:
    expected = (DIGIT[:, 1:] + DIGIT[:, :-1]) / 2
    assert np.allclose(perturb.shift(DIGIT, 0.5)[:, 1:], expected, atol=1e-6)


@pytest.mark.parametrize("turns", [-1, 1, 2])
def test_quarter_turns_are_those_of_numpy_anticlockwise(turns: int) -> None:
    assert np.allclose(perturb.rotate(DIGIT, 90 * turns), np.rot90(DIGIT, turns), atol=1e-5)


def test_thicker_is_the_largest_of_a_pixel_and_those_beside_it_and_thinner_the_least() -> None:
    around = np.stack(
        [DIGIT, *(np.roll(DIGIT, by, axis) for by in (-1, 1) for axis in (0, 1))]
    )  # an empty border: what is rolled around it is black
    assert not DIGIT[[0, -1]].any()
    assert not DIGIT[:, [0, -1]].any()
    assert np.array_equal(perturb.thicken(DIGIT, 1), around.max(0))
    assert np.array_equal(perturb.thicken(DIGIT, -1), around.min(0))
    assert np.allclose(perturb.thicken(DIGIT, 0.25), 0.75 * DIGIT + 0.25 * around.max(0))
    twice = perturb.thicken(perturb.thicken(DIGIT, 1), 1)
    assert np.array_equal(perturb.thicken(DIGIT, 2), twice)


def test_noise_has_its_standard_deviation_and_the_same_pattern_at_each_strength() -> None:
    grey = np.full((28, 28), 0.5, np.float32)
    weak, strong = (perturb.noise(grey, sigma) - grey for sigma in (0.05, 0.1))
    assert weak.std() == pytest.approx(0.05, rel=0.1)
    assert np.allclose(strong, 2 * weak, atol=1e-6)


@pytest.mark.parametrize("name", perturb.KINDS)
def test_several_images_are_changed_as_each_would_be_alone(name: str) -> None:
    kind, images = perturb.KINDS[name], datasets.load().test_images[:4] / np.float32(255)
    for strength in (kind.start, kind.low + kind.step):
        changed = kind.apply(images, strength)
        one_by_one = [kind.apply(image, strength) for image in images]
        many = slice(1 if name == "noise" else 4)  # noise is drawn for each image anew
        assert np.allclose(changed[many], one_by_one[many], atol=1e-6)
    if name == "noise":
        grey = np.full((2, 28, 28), 0.5, np.float32)
        one, other = kind.apply(grey, 0.1) - grey
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.15
