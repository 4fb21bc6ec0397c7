"""Several digits in one picture, apart, touching and in pieces."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from aeviz.data.digits import parts, to_mnist
from benchmarks import strangers
from tests.data.digits.sheets import LABELS, X, each, likeness, paper, same_digit


def line_of(digits: np.ndarray, tilt: float = 0.0, gap: int = 20) -> Image.Image:
    """Digits on one line of a sheet, dark on white."""
    height, width = 28 * 5, (28 * 5 + gap) * len(digits)
    sheet = np.full((height + 200, width + 200), 255, np.uint8)
    for k, digit in enumerate(digits):
        left = 100 + k * (28 * 5 + gap)
        sheet[100 : 100 + height, left : left + 28 * 5] = np.asarray(paper(digit, 28 * 5))
    return Image.fromarray(sheet).rotate(tilt, Image.Resampling.BILINEAR, fillcolor=255)


@pytest.mark.parametrize("tilt", [0, 5, -5])
def test_a_number_is_read_digit_by_digit(tilt):
    number = X[[0, 8, 3, 4]]  # the five's upper stroke is apart
    found = each(line_of(number, tilt))
    assert found.shape == (4, 28, 28)
    assert found.dtype == np.float32
    for result, digit in zip(found, number, strict=True):
        alike = [likeness(result, other) for other in number]
        assert alike[np.argmax(alike)] == likeness(result, digit)


def test_two_lines_are_read_one_after_the_other():
    lines = [np.asarray(line_of(X[[7, 2, 1]])), np.asarray(line_of(X[[0, 9, 4]]))]
    found = each(Image.fromarray(np.vstack(lines)))
    assert len(found) == 6
    for result, digit in zip(found, X[[7, 2, 1, 0, 9, 4]], strict=True):
        assert same_digit(result, digit)


def test_one_digit_stays_one():
    sample = X[:1000]
    counts = [len(each(Image.fromarray(digit))) for digit in sample]
    assert np.mean(np.array(counts) == 1) > 0.99
    np.testing.assert_array_equal(each(paper(X[8]))[0], to_mnist(paper(X[8])))


def touching(digits: np.ndarray) -> Image.Image:
    """Digits as a scan, each moved to the left until its ink lies on that of the one before."""
    number = np.zeros((28, 28 * len(digits)), np.uint8)
    for digit in digits:
        ink = digit[:, digit.any(0)]
        start = int(np.flatnonzero(number.any(0)).max(initial=-1)) + 1
        while start and not ((number[:, start:][:, : ink.shape[1]] > 100) & (ink > 100)).any():
            start -= 1
        place = number[:, start : start + ink.shape[1]]
        np.maximum(place, ink, out=place)
    number = np.pad(number, 6)
    size = 7 * number.shape[1], 7 * number.shape[0]
    return Image.fromarray(255 - np.asarray(Image.fromarray(number).resize(size)))


def test_digits_that_touch_are_cut_apart_where_little_ink_joins_them(monkeypatch):
    pairs = np.random.default_rng(0).integers(0, len(X), (60, 2))
    pictures = [touching(X[pair]) for pair in pairs]
    found = [each(picture) for picture in pictures]
    cut = [k for k, digits in enumerate(found) if len(digits) == 2]
    right = [k for k in cut if list(strangers.read(found[k])) == list(LABELS[pairs[k]])]
    assert len(cut) > 15
    assert len(right) >= 0.5 * len(cut)
    monkeypatch.setattr(parts, "cut_apart", lambda part: [part])
    assert sum(len(each(picture)) == 1 for picture in pictures) >= 58  # they do touch


def test_three_digits_that_a_fine_stroke_joins_come_out_in_their_order(monkeypatch):
    sheet = line_of(X[[3, 1, 4]], gap=-50)
    ImageDraw.Draw(sheet).line((170, 170, 350, 170), 0, 6)  # through all of them
    assert list(strangers.read(each(sheet))) == [0, 2, 4]
    monkeypatch.setattr(parts, "cut_apart", lambda part: [part])
    assert len(each(sheet)) == 1


@pytest.mark.parametrize("stretch", [1.0, 1.3, 1.6])
def test_one_wide_digit_is_not_cut(stretch):
    sheets = [paper(digit).resize((round(280 * stretch), 280)) for digit in X[:200]]
    assert np.mean([len(each(sheet)) == 1 for sheet in sheets]) >= 0.97
    broad = Image.new("L", (600, 400), 255)
    pen = ImageDraw.Draw(broad)
    pen.ellipse((100, 100, 100 + round(200 * stretch), 300), outline=0, width=24)
    assert len(each(broad)) == 1


def test_a_page_of_text_gives_at_most_forty():
    page = Image.new("L", (900, 900), 255)
    draw = ImageDraw.Draw(page)
    for y in range(20, 860, 60):
        draw.text((20, y), "1 2 3 4 5 6 7 8 9", 0, ImageFont.load_default(40))
    assert len(each(page)) == parts.MAX_DIGITS


def test_stripes_that_run_through_each_other_are_not_looked_at_one_by_one(monkeypatch):
    y, x = np.indices((1000, 1000))
    stripes = (x + y) // 3 % 2 == 0  # 40 of them, each with a box as large as the picture
    monkeypatch.setattr(parts, "cut_apart", lambda part: pytest.fail("a stripe is looked at"))
    assert list(parts.each_digit(stripes)) == []
