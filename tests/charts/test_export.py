"""Files that a person takes home: opened again, they hold what was put in."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
from PIL import Image

from aeviz.charts import export, pixels
from aeviz.data import datasets

MNIST = datasets.load()


def test_a_strip_has_each_image_crisp_in_its_place_and_a_caption_below() -> None:
    first, second = MNIST.test_images[:2] / np.float32(255)
    error = pixels.signed(second - first)
    columns = [([first, error], "Clean"), ([second, error], "Cleaned by the model\nPSNR 9.1 dB")]
    content = export.strip(columns, scale=5)
    image = np.asarray(Image.open(io.BytesIO(content)))
    side, gap = 28 * 5, export.GAP
    assert image.shape[1:] == (gap + 2 * (side + gap), 3)
    for k, (images, _) in enumerate(columns):
        left = gap + k * (side + gap)
        for row, expected in enumerate(images):
            top = gap + row * (side + gap)
            tile = image[top : top + side, left : left + side]
            if expected.ndim == 2:
                expected = np.round(expected * 255)[..., None].repeat(3, 2)
            assert np.array_equal(tile, expected.repeat(5, 0).repeat(5, 1))
    foot = image[gap + 2 * (side + gap) :]
    ink = np.all(foot < 128, axis=2)
    line = round(1.4 * export.TYPE)
    assert ink[:line, : side + gap].any()
    assert not ink[line:, : side + gap].any()  # one short line on the left
    assert ink[line : 2 * line, side + gap :].any()  # on the right one that is broken in two,
    assert ink[2 * line : 3 * line, side + gap :].any()  # and the number below it
    assert not ink[:, [0, 1, -1, -2]].any()
    assert not ink[[0, -1, -2]].any()


def test_rows_stand_below_each_other_each_under_its_name_with_its_texts() -> None:
    images = MNIST.test_images[:3]
    errors = pixels.signed(images / np.float32(255) - 0.5)
    table = [("Original", images, ["お o\n#1", "7", "2"]), ("Error of a model", errors, [])]
    paper = np.asarray(Image.open(io.BytesIO(export.rows(table, "What the colours mean."))))
    side, gap, line = 28 * export.ROW_SCALE, export.GAP, round(1.4 * export.TYPE)
    assert paper.shape[1] == gap + 3 * (side + gap)
    ink = np.all(paper < 128, axis=2)
    top = gap
    for _, shown, texts in table:
        assert ink[top : top + line].any()  # its name
        top += line
        for k, expected in enumerate(shown):
            left = gap + k * (side + gap)
            tile = paper[top : top + side, left : left + side]
            if expected.ndim == 2:
                expected = expected[..., None].repeat(3, 2)
            assert np.array_equal(tile[:: export.ROW_SCALE, :: export.ROW_SCALE], expected)
        top += side
        if texts:
            assert ink[top + line : top + 2 * line, gap : gap + side].any()
            assert not ink[top + line : top + 2 * line, gap + side :].any()
            top += 2 * line
        top += gap
    assert ink[top : top + line].any()  # the note
    assert paper.shape[0] == top + line + gap


def test_a_name_longer_than_its_row_is_not_cut() -> None:
    name = "Error and MSE: a model with a name that is longer than one image is wide"
    table = [(name, MNIST.test_images[:1], [])]
    paper = np.asarray(Image.open(io.BytesIO(export.rows(table))))
    assert (paper[:, -export.GAP :] == 255).all()
    assert (paper[export.GAP : export.GAP + export.TYPE, 400:] < 128).any()


def test_a_table_is_read_again_as_it_was() -> None:
    content = export.table(("picture", "psnr_db"), [(1, 9.5), ('a "b", c', float("inf"))])
    rows = list(csv.reader(io.StringIO(content.decode())))
    assert rows == [["picture", "psnr_db"], ["1", "9.5"], ['a "b", c', "inf"]]


def test_an_archive_holds_its_files_and_is_always_the_same() -> None:
    files = {"picture-001.png": pixels.png(MNIST.test_images[0]), "scores.csv": b"a,b\n"}
    content = export.archive(files)
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        assert bundle.testzip() is None
        assert {name: bundle.read(name) for name in bundle.namelist()} == files
    assert content == export.archive(files)
