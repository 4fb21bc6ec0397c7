"""MNIST's frame: MNIST's own images pass, others come out centred, as large and as thick."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from aeviz.data.digits import stages, to_mnist
from tests.data.digits.sheets import X, checkerboard, dots, encoded, likeness, same_digit


def test_mnist_itself_passes_nearly_unchanged():
    differences = [
        np.abs(to_mnist(Image.fromarray(digit)) - digit / 255.0).mean() for digit in X[:300]
    ]
    assert np.mean(differences) < 0.008
    assert np.percentile(differences, 95) < 0.03


@pytest.mark.parametrize("digit", X[:10])
def test_shifted_and_scaled_copies_come_out_centred_and_alike(digit):
    rows, columns = (np.flatnonzero(digit.any(axis)) for axis in (1, 0))
    copies = [
        np.roll(digit, (-rows[0], 27 - columns[-1]), (0, 1)),  # into the upper right corner
        np.pad(digit, ((100, 5), (5, 200))),
        np.asarray(Image.fromarray(digit).resize((311, 311), Image.Resampling.BICUBIC)),
        np.pad(
            np.asarray(Image.fromarray(digit).resize((90, 90), Image.Resampling.BICUBIC)),
            ((300, 20), (0, 400)),
        ),
    ]
    for copy in copies:
        result = to_mnist(Image.fromarray(copy))
        assert np.abs(np.array(ndimage.center_of_mass(result)) - 14).max() <= 0.51
        lit = np.argwhere(result > 0)
        assert np.ptp(lit, axis=0).max() + 1 in (19, 20)
        assert same_digit(result, digit)


def test_shape_is_kept():
    bar = np.zeros((200, 200), np.uint8)
    bar[20:180, 90:110] = 255
    lit = to_mnist(Image.fromarray(bar)) > 0.5
    assert lit.sum(0).max() == 20
    assert lit.sum(1).max() in (2, 3)


def test_off_centre_mass_never_cuts_the_digit_off():
    corner = np.zeros((100, 100), np.uint8)
    corner[10:12, 10:90] = corner[10:90, 10:12] = 255
    corner[60:90, 10:40] = 255
    result = to_mnist(Image.fromarray(corner))
    assert np.ptp(np.argwhere(result > 0), axis=0).max() + 1 == 20


def test_a_fine_pen_becomes_as_thick_as_mnist():
    drawing = Image.new("L", (800, 800), 255)
    ImageDraw.Draw(drawing).ellipse((200, 100, 600, 700), outline=0, width=5)
    result = to_mnist(drawing)
    assert result.max() > 0.9
    across = result[14, :14].sum()  # one stroke, cut through the middle
    assert 1.2 < across < 2.5


def test_no_picture_is_widened_at_its_full_size(monkeypatch):
    widened = []
    widen = ndimage.grey_dilation
    monkeypatch.setattr(
        ndimage,
        "grey_dilation",
        lambda x, footprint: (
            widened.append((x.size, footprint.size)) or widen(x, footprint=footprint)
        ),
    )
    bars = Image.fromarray(np.tile(np.uint8(np.arange(1000) // 2 % 2 * 255), (1000, 1)))
    for content in (checkerboard(1000, 1), checkerboard(1000, 3), dots(900), encoded(bars, "PNG")):
        widened.clear()
        stages(content)
        assert sum(pixels * around for pixels, around in widened) < 2e8  # was 4e9 and more


def test_fine_strokes_are_as_wide_in_a_large_picture_as_in_a_small_one():
    for width in (5, 9, 20):
        results = []
        for scale in (1, 3):
            sheet = Image.new("L", (330 * scale, 330 * scale), 255)
            line = [(x * scale, y * scale) for x, y in ((30, 30), (300, 30), (120, 300))]
            ImageDraw.Draw(sheet).line(line, 0, width * scale, joint="curve")
            results.append(to_mnist(sheet))
        assert likeness(results[0], results[1]) > 0.97
        assert results[0].sum() == pytest.approx(results[1].sum(), rel=0.15)
