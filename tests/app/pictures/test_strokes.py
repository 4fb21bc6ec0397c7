"""A drawing as text: what comes back is what was drawn, and a stranger's text is no drawing."""

from __future__ import annotations

import base64
import io
import itertools

import numpy as np
import pytest
from PIL import Image

from aeviz.app.pictures import sources, strokes
from aeviz.data import digits
from benchmarks import strangers

# As the canvas sends it: a corner drawn with a mouse, all of it in bends.
SEVEN = {
    "type": "Path",
    "left": 134.06,
    "top": 144.64,
    "path": [
        ["M", 59.98, 59.6],
        ["Q", 60, 59.6, 78, 59.6],
        ["Q", 97, 59.6, 144, 59.6],
        ["Q", 210, 59.6, 204, 70.1],
        ["Q", 198, 80.6, 165, 144.6],
        ["Q", 142, 186.6, 131, 208.1],
        ["L", 119.98, 229.6],
    ],
}


def test_a_drawing_comes_back_within_a_pixel_and_the_same_text_from_it() -> None:
    text = strokes.pack([SEVEN])
    (line,) = strokes.unpack(text)
    assert np.allclose(line[[0, -1]], [(60, 60), (120, 230)])
    dense = np.vstack([np.linspace(a, b, 50) for a, b in itertools.pairwise(line)])
    for x, y in [(78, 59.6), (144, 59.6), (204, 70.1), (165, 144.6), (131, 208.1)]:
        assert np.hypot(*(dense - (x, y)).T).min() < 1.5, (x, y)
    again = strokes.objects([line], sources.PEN)
    assert strokes.pack(again) == text
    assert again[0]["strokeWidth"] == sources.PEN


def test_a_stroke_that_was_moved_and_turned_is_kept_where_it_lies() -> None:
    bar = {"path": [["M", 50, 100], ["L", 150, 100]], "left": 100, "top": 100}
    (line,) = strokes.unpack(strokes.pack([bar | {"left": 130, "top": 90}]))
    assert line.tolist() == [[80, 90], [180, 90]]
    (line,) = strokes.unpack(strokes.pack([bar | {"angle": 90, "scaleX": 0.5}]))
    assert line.tolist() == [[100, 75], [100, 125]]


def test_the_picture_that_stands_in_is_read_as_the_canvas_is() -> None:
    png = strokes.drawn(
        [np.array([(60.0, 60), (205, 60), (120, 230)])], sources.CANVAS, sources.PEN
    )
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (sources.CANVAS, sources.CANVAS)
    seven = digits.to_mnist(png)
    assert 60 < seven.sum() < 120
    assert strangers.read(seven[None]) == [7]


def test_a_scribble_stays_short_and_too_much_of_it_is_not_kept() -> None:
    rng = np.random.default_rng(0)

    def scribble(points: int) -> dict[str, object]:
        (x, y), *rest = rng.uniform(0, 255, (points, 2)).tolist()
        return {"path": [["M", x, y], *(["L", *place] for place in rest)]}

    assert 0 < len(strokes.pack([scribble(150) for _ in range(9)])) < 1200
    assert strokes.pack([scribble(3) for _ in range(strokes.MOST_LINES + 1)]) == ""
    assert strokes.pack([]) == strokes.pack([{"type": "Path"}]) == ""


@pytest.mark.parametrize("text", ["", "x", "é", "AAAA", "BTw8", "....", "_" * 9000])
def test_what_is_no_drawing_gives_none(text: str) -> None:
    assert strokes.unpack(text) == []


def test_a_line_of_one_point_is_a_dot() -> None:
    text = base64.urlsafe_b64encode(bytes([1, 90, 80])).decode()
    (line,) = strokes.unpack(text)
    assert line.tolist() == [[90, 80]]
    assert strokes.objects([line], 20)[0]["path"] == [["M", 90, 80], ["L", 90.01, 80]]
    assert strokes.drawn([line], 256, 20)
