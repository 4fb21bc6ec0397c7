"""Paper with shadows, on a table, or only just around a printed digit."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from aeviz.data.digits import stages, to_mnist
from benchmarks import strangers
from tests.data.digits.sheets import CASES, DIGIT, X, each, likeness, paper, photo, same_digit


def test_white_and_black_paper_give_the_same_digit():
    for digit in X[:50]:
        white, black = (to_mnist(Image.fromarray(x)) for x in (255 - digit, digit))
        np.testing.assert_allclose(white, black, atol=1e-5)


def test_a_shaded_noisy_photo_gives_the_digit():
    assert same_digit(to_mnist(photo(shape=(600, 800))))


def test_inversion_can_be_overridden():
    # Ink along the whole border misleads: the paper is taken for what the border shows.
    framed = np.full((280, 280), 255, np.uint8)
    framed[:12] = framed[-12:] = 20
    framed[:, :12] = framed[:, -12:] = 20
    framed[40:240, 40:240] = np.asarray(paper(side=200))
    wrong = stages(Image.fromarray(framed), inverted=False)
    right = stages(Image.fromarray(framed), inverted=True)
    assert same_digit(right.result)
    assert likeness(wrong.result, DIGIT) < 0.7


def test_a_sheet_on_a_dark_table():
    scene = np.full((600, 800), 60, np.uint8)
    scene[60:540, 70:730] = 235
    scene[150:450, 250:550] = np.minimum(235, np.asarray(paper(side=300)))
    turned = Image.fromarray(scene).rotate(6, Image.Resampling.BILINEAR, fillcolor=60)
    assert likeness(to_mnist(turned.rotate(-6, Image.Resampling.BILINEAR)), DIGIT) > 0.85


@pytest.mark.parametrize("name", ["2", "dark-on-light", "light-on-dark"])
def test_a_bold_printed_six_without_a_margin_is_a_six(name):
    path = CASES / f"printed-six-bold-tight-{name}.png"
    found = stages(path)
    assert found.inverted is (name != "light-on-dark")
    assert list(strangers.read(found.digits)) == [6]
    tight = np.asarray(Image.open(path))
    paper = 255 if found.inverted else 0
    with_margin = to_mnist(Image.fromarray(np.pad(tight, 100, constant_values=paper)))
    assert likeness(found.result, with_margin) > 0.98
    by_hand = to_mnist(path, inverted=found.inverted)
    np.testing.assert_array_equal(by_hand, found.result)


def bold(digit: int) -> np.ndarray:
    """A printed digit, bright on black, cropped to its ink (H, W)."""
    sheet = Image.new("L", (400, 400))
    font = ImageFont.load_default(200)
    ImageDraw.Draw(sheet).text((100, 60), str(digit), 255, font, stroke_width=14)
    return np.asarray(sheet.crop(sheet.getbbox() or (0, 0, 1, 1)))


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("margin", [0, 1, 6, 12, 40])
def test_bold_print_is_the_same_with_and_without_a_margin(margin, dark):
    for digit in range(10):
        tight = bold(digit)
        expected = to_mnist(Image.fromarray(np.pad(tight, 150)))
        picture = np.pad(tight, margin)
        picture = Image.fromarray(255 - picture if dark else picture)
        for inverted in (None, dark):
            assert likeness(to_mnist(picture, inverted=inverted), expected) > 0.95, digit


@pytest.mark.parametrize("dark", [True, False])
def test_two_bold_digits_that_fill_the_picture_are_apart_with_a_hand(dark):
    two, five = (np.asarray(Image.fromarray(bold(k)).resize((150, 220))) for k in (2, 5))
    tight = np.hstack([two, np.zeros((220, 12), np.uint8), five])
    picture = Image.fromarray(255 - tight if dark else tight)
    found = each(picture, inverted=dark)
    expected = each(Image.fromarray(np.pad(tight, 150)))
    assert len(found) == len(expected) == 2
    assert all(likeness(a, b) > 0.95 for a, b in zip(found, expected, strict=True))


def test_a_sheet_that_leaves_little_of_its_table_is_no_bold_digit():
    sheet = np.full((600, 800), 235, np.uint8)
    sheet[150:450, 250:550] = np.minimum(235, np.asarray(paper(side=300)))
    for table in (10, 20, 30):
        scene = np.pad(sheet, table, constant_values=40)
        assert likeness(to_mnist(Image.fromarray(scene)), DIGIT) > 0.9
