"""Digits on paper, photographed and read again, for the tests of each stage."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from aeviz.data import datasets
from aeviz.data.digits import ImageError, reading, stages, to_mnist

CASES = Path(__file__).parents[2] / "cases"
X, LABELS = datasets.load().test_images, datasets.load().test_labels
DIGIT = X[0]  # a seven: wider at the top, so that a wrong turn is noticed


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def paper(digit: np.ndarray = DIGIT, side: int = 280) -> Image.Image:
    """The digit as a scan: dark ink on white paper."""
    enlarged = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    return Image.fromarray(255 - np.asarray(enlarged))


def photo(digit: np.ndarray = DIGIT, shape: tuple[int, int] = (3000, 4000)) -> Image.Image:
    """A sheet in bad light: a shadow from one corner, noise of the sensor, a small digit."""
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    light = 0.75 - 0.45 * (x / width) * (y / height)
    side = height // 2
    ink = np.ones(shape, np.float32)
    enlarged = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC))
    ink[height // 5 :][:side, width // 5 : width // 5 + side] -= 0.8 * enlarged / 255
    noise = np.random.default_rng(0).normal(0, 0.03, shape).astype(np.float32)
    return Image.fromarray(np.uint8(np.clip(light * ink + noise, 0, 1) * 255))


def likeness(result: np.ndarray, digit: np.ndarray) -> float:
    """Correlation; a pixel's shift is forgiven, as the centre of mass is rounded to pixels."""
    shifts = [np.roll(result, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return max(np.corrcoef(shifted.ravel(), digit.ravel())[0, 1] for shifted in shifts)


def same_digit(result: np.ndarray, digit: np.ndarray = DIGIT) -> bool:
    assert result.shape == (28, 28)
    assert result.dtype == np.float32
    assert 0 <= result.min() <= result.max() <= 1
    return likeness(result, digit) > 0.9


def refusal(picture) -> str:
    with pytest.raises(ImageError) as caught:
        to_mnist(picture)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0
    assert "\n" not in sentence
    return sentence


def each(picture: reading.Picture, *, inverted: bool | None = None) -> np.ndarray:
    """Each digit of a picture by itself."""
    return stages(picture, inverted=inverted).digits


def dots(number: int) -> bytes:
    """A PNG of black dots in rows on white."""
    sheet = Image.new("L", (1000, 1000), 255)
    pen = ImageDraw.Draw(sheet)
    side = int(np.ceil(np.sqrt(number)))
    for k in range(number):
        x, y = (round((place + 0.5) * 1000 / side) for place in divmod(k, side))
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), 0)
    return encoded(sheet, "PNG")


def checkerboard(side: int, square: int) -> bytes:
    y, x = np.mgrid[:side, :side] // square
    return encoded(Image.fromarray(np.uint8((y + x) % 2 * 255)), "PNG")
