"""What is ink, what is dirt, and what is blank."""

import io

import numpy as np
import pytest
from PIL import Image

from aeviz.data.digits import BlankError, parts, to_mnist
from tests.data.digits.sheets import (
    DIGIT,
    X,
    checkerboard,
    dots,
    likeness,
    paper,
    refusal,
    same_digit,
)


def test_dirt_and_a_table_edge_are_left_out():
    scan = np.array(paper(side=400))
    scan = np.pad(scan, 60, constant_values=255)
    scan[:, :25] = 30  # the table beside the sheet
    scan[500, 300:303] = 0  # a speck
    assert same_digit(to_mnist(Image.fromarray(scan)))


def test_a_stroke_that_reaches_the_border_stays_with_its_digit_and_a_finger_does_not():
    five = X[8]  # its upper stroke is apart
    corner = np.roll(five, (-np.flatnonzero(five.any(1))[0], 0), (0, 1))
    assert same_digit(to_mnist(Image.fromarray(corner)), five)
    sheet = np.pad(np.array(paper(five, 300)), 100, constant_values=255)
    sheet[180:260, :60] = 90
    assert same_digit(to_mnist(Image.fromarray(sheet)), five)


def test_the_threshold_can_be_overridden():
    scan = np.full((300, 300), 255, np.uint8)
    scan[80:220, 60:80] = 20  # a dark stroke, and a pale one beside it
    scan[80:220, 200:220] = 200
    dark, both = (to_mnist(Image.fromarray(scan), threshold=t) for t in (0.5, 0.1))
    for result, wide in ((dark, 3), (both, 20)):
        assert abs(np.ptp(np.flatnonzero((result > 0.5).any(0))) + 1 - wide) <= 1
    with pytest.raises(BlankError, match="lower it"):
        to_mnist(Image.fromarray(scan), threshold=0.99)
    # A person may lower it below what counts as ink otherwise.
    pale = Image.fromarray(np.uint8(255 - np.asarray(255 - np.asarray(paper())) * 0.04))
    assert "blank" in refusal(pale)
    assert same_digit(to_mnist(pale, threshold=0.02))


def test_thousands_of_dots_are_refused_before_they_are_compared(monkeypatch):
    monkeypatch.setattr(parts, "each_digit", lambda core: pytest.fail("compared"))
    for content in (dots(1500), dots(10_000), checkerboard(512, 8)):
        assert "pattern" in refusal(content)
    with pytest.raises(BlankError):  # another threshold may leave one digit of it
        to_mnist(dots(1500))


def test_a_digit_among_thousands_of_specks_is_read():
    speckled = np.array(Image.open(io.BytesIO(dots(2500))))
    ink = np.asarray(paper(side=800))
    speckled[100:900, 100:900] = np.minimum(speckled[100:900, 100:900], ink)
    assert likeness(to_mnist(Image.fromarray(speckled)), DIGIT) > 0.8


@pytest.mark.parametrize("grey", [0, 90, 255])
@pytest.mark.parametrize("size", [(1, 1), (28, 28), (640, 480), (1, 3000)])
def test_blank(grey, size):
    assert "blank" in refusal(Image.new("L", size, grey))


def test_noise_and_shadow_without_ink_are_blank():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:300, :400]
    sheet = 0.8 - 0.4 * x / 400 * y / 300 + rng.normal(0, 0.03, (300, 400))
    assert "blank" in refusal(Image.fromarray(np.uint8(np.clip(sheet, 0, 1) * 255)))


def test_a_fully_transparent_picture_is_blank():
    assert "blank" in refusal(Image.new("RGBA", (50, 50), (0, 0, 0, 0)))
