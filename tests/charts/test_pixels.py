"""Arrays as image files, read back and compared."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from aeviz.charts import pixels, theme
from aeviz.data import datasets

MNIST = datasets.load()
X = MNIST.test_images


def test_a_signed_error_is_white_at_zero_blue_below_and_red_above() -> None:
    error = np.array([[-1.0, -0.5, 0.0, 0.5, 1.0, 7.0]])
    colours = pixels.signed(error)
    assert colours.shape == (1, 6, 3)
    assert colours.dtype == np.uint8
    below, half_below, zero, half_above, above, far = colours[0].astype(int)
    assert zero.tolist() == [247, 247, 247]
    assert below[2] > 1.5 * below[:2].max()
    assert above[0] > 1.5 * above[1:].max()
    assert np.abs(half_below - (below + zero) / 2).max() <= 1
    assert np.abs(half_above - (above + zero) / 2).max() <= 1
    assert (far == above).all()
    assert pixels.signed(np.zeros((4, 28, 28))).shape == (4, 28, 28, 3)


def test_png_gives_the_pixels_back() -> None:
    read = Image.open(io.BytesIO(pixels.png(X[0])))
    assert (read.format, read.mode) == ("PNG", "L")
    assert np.array_equal(np.asarray(read), X[0])
    floats = np.asarray(Image.open(io.BytesIO(pixels.png(X[0] / 255))))
    assert np.array_equal(floats, X[0])
    wide = np.asarray(Image.open(io.BytesIO(pixels.png(np.array([[-1.0, 0.5, 9.0]])))))
    assert wide.tolist() == [[0, 128, 255]]
    colours = pixels.signed(X[0] / 255 - X[1] / 255)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(pixels.png(colours)))), colours)


def test_a_data_uri_holds_the_png() -> None:
    head, _, body = pixels.data_uri(X[3]).partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == pixels.png(X[3])


def test_tiles_stand_row_by_row_and_end_blank() -> None:
    sheet = pixels.tiles(X[:5], 3)
    assert sheet.shape == (56, 84)
    for k in range(5):
        row, column = divmod(k, 3)
        assert np.array_equal(sheet[28 * row :, 28 * column :][:28, :28], X[k])
    assert not sheet[28:, 56:].any()


def test_enlarge_repeats_pixels() -> None:
    large = pixels.enlarge(X[:2], 3)
    assert large.shape == (2, 84, 84)
    assert np.array_equal(large[:, 1::3, 2::3], X[:2])
    assert np.array_equal(large, np.kron(X[:2], np.ones((3, 3), np.uint8)))


def test_a_gif_runs_there_and_back() -> None:
    frames = X[:4] / 255
    film = Image.open(io.BytesIO(pixels.gif(frames, seconds=1.5, scale=2)))
    assert film.format == "GIF"
    assert film.size == (56, 56)
    assert film.info["loop"] == 0
    shown = []
    for k in range(film.n_frames):  # type: ignore[attr-defined]
        film.seek(k)
        assert film.info["duration"] == 500
        shown.append(np.asarray(film.convert("L"))[::2, ::2])
    assert len(shown) == 6
    for image, k in zip(shown, (0, 1, 2, 3, 2, 1), strict=True):
        assert np.abs(image.astype(int) - X[k]).max() <= 1


def test_a_gif_is_never_faster_than_a_browser_shows() -> None:
    film = Image.open(io.BytesIO(pixels.gif(X[:200] / 255, seconds=0.1, scale=1)))
    assert film.info["duration"] == 20


def test_a_thumbnail_has_a_dot_of_the_digits_colour_where_the_code_is() -> None:
    corners = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    image = pixels.code_thumbnail(corners, np.array([0, 1, 2]), size=64)
    assert image.shape == (64, 64, 4)
    assert image.dtype == np.uint8
    assert image[20:40, 20:40, 3].max() == 0  # nothing in the middle
    for (x, y), label in zip(corners, range(3), strict=True):
        part = image[: 32 if y else 64, : 64 if x else 32][0 if y else 32 :, 32 if x else 0 :]
        seen = {tuple(colour[:3]) for colour in part.reshape(-1, 4).tolist() if colour[3]}
        name = theme.DIGITS[label]
        assert seen == {tuple(int(name[i : i + 2], 16) for i in (1, 3, 5))}
    assert pixels.code_thumbnail(np.zeros((3, 2)), np.arange(3)).any()  # all in one place
