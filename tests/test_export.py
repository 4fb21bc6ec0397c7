"""Files that a person takes home: opened again, they hold what was put in."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
from PIL import Image

from aeviz import data, export, figures

MNIST = data.load()


def test_a_strip_has_each_picture_crisp_in_its_place_and_a_caption_below() -> None:
    first, second = MNIST.test_images[:2] / np.float32(255)
    error = figures.signed(second - first)
    columns = [([first, error], "Clean"), ([second, error], "Cleaned by the model\nPSNR 9.1 dB")]
    content = export.strip(columns, scale=5)
    picture = np.asarray(Image.open(io.BytesIO(content)))
    side, gap = 28 * 5, export.GAP
    assert picture.shape[1:] == (gap + 2 * (side + gap), 3)
    for k, (pictures, _) in enumerate(columns):
        left = gap + k * (side + gap)
        for row, expected in enumerate(pictures):
            top = gap + row * (side + gap)
            tile = picture[top : top + side, left : left + side]
            if expected.ndim == 2:
                expected = np.round(expected * 255)[..., None].repeat(3, 2)
            assert np.array_equal(tile, expected.repeat(5, 0).repeat(5, 1))
    foot = picture[gap + 2 * (side + gap) :]
    ink = np.all(foot < 128, axis=2)
    line = round(1.4 * export.TYPE)
    assert ink[:line, : side + gap].any()
    assert not ink[line:, : side + gap].any()  # one short line on the left
    assert ink[line : 2 * line, side + gap :].any()  # on the right one that is broken in two,
    assert ink[2 * line : 3 * line, side + gap :].any()  # and the number below it
    assert not ink[:, [0, 1, -1, -2]].any()
    assert not ink[[0, -1, -2]].any()


def test_a_table_is_read_again_as_it_was() -> None:
    content = export.table(("picture", "psnr_db"), [(1, 9.5), ('a "b", c', float("inf"))])
    rows = list(csv.reader(io.StringIO(content.decode())))
    assert rows == [["picture", "psnr_db"], ["1", "9.5"], ['a "b", c', "inf"]]


def test_an_archive_holds_its_files_and_is_always_the_same() -> None:
    files = {"picture-001.png": figures.png(MNIST.test_images[0]), "scores.csv": b"a,b\n"}
    content = export.archive(files)
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        assert bundle.testzip() is None
        assert {name: bundle.read(name) for name in bundle.namelist()} == files
    assert content == export.archive(files)
