"""Ruled lines go, strokes stay."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from aeviz.data.digits import ImageError, masks, ruling, stages, to_mnist
from tests.data.digits.sheets import X, encoded, likeness, paper, refusal


def ruled(picture: Image.Image, degrees: float = 0.0, squared: bool = False) -> Image.Image:
    """A scan on ruled paper whose lines are as dark as the ink."""
    lines = Image.new("L", (900, 900), 255)
    for start in range(20, 900, 55):
        ImageDraw.Draw(lines).line((0, start, 900, start), 40, 3)
        if squared:
            ImageDraw.Draw(lines).line((start, 0, start, 900), 40, 3)
    lines = lines.rotate(degrees, Image.Resampling.BILINEAR).crop((150, 150, 750, 750))
    sheet = np.full((600, 600), 255, np.uint8)
    sheet[100:500, 100:500] = np.asarray(picture.resize((400, 400)))
    return Image.fromarray(np.minimum(sheet, np.asarray(lines)))


@pytest.mark.parametrize("degrees", [0, -7, 14])
@pytest.mark.parametrize("squared", [False, True])
def test_ruled_lines_are_taken_out_and_strokes_stay_whole(degrees, squared):
    for digit in (X[0], X[1], X[4]):
        result = to_mnist(ruled(paper(digit), degrees, squared))
        assert likeness(result, digit) > 0.85
        pieces, _ = masks.label(result > 0.4)
        assert pieces.max() == 1


def test_ruled_paper_without_a_digit_is_blank():
    assert "blank" in refusal(ruled(Image.new("L", (28, 28), 255)))


def test_strokes_that_cross_the_picture_are_no_ruled_lines():
    drawing = Image.new("L", (600, 600), 255)  # a seven drawn with a fine pen, from edge to edge
    ImageDraw.Draw(drawing).line([(15, 60), (585, 60), (250, 590)], 0, 9)
    result = to_mnist(drawing)
    assert result.sum(1).max() > 15
    bar = Image.new("L", (600, 600), 255)
    ImageDraw.Draw(bar).line((300, 20, 300, 580), 0, 9)
    assert (to_mnist(bar) > 0.5).any(1).sum() == 20


def squared_sheet(distance: int) -> bytes:
    sheet = np.full((1000, 1000), 255, np.uint8)
    sheet[::distance] = sheet[:, ::distance] = 0
    return encoded(Image.fromarray(sheet), "PNG")


def test_a_pattern_of_crossing_lines_is_not_followed_piece_by_piece(monkeypatch):
    found = []
    traced = ruling.follow
    monkeypatch.setattr(ruling, "follow", lambda *a: found.append(traced(*a)) or found[-1])
    stages(squared_sheet(10))  # 10,000 pieces
    assert found == [[], []]
    found.clear()
    with pytest.raises(ImageError):
        stages(squared_sheet(25))  # 1,600 pieces, as on a sheet of paper, and nothing on it
    assert [len(lines) for lines in found] == [40, 40]
