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


def test_a_selection_is_a_table_of_indices_labels_codes_and_places() -> None:
    chosen = np.array([4, 9, 7000])
    codes = np.array([[0.5, -1.25, 1e-7], [3, 4, 5], [6, 7, 8]], np.float32)
    points = np.array([[1.5, 2], [3, 4], [-5, 1 / 3]])
    content = export.selection_table(chosen, ["4", "9", "=x"], codes, points)
    found = list(csv.DictReader(io.StringIO(content.decode())))
    assert list(found[0]) == ["index", "label", "z1", "z2", "z3", "x", "y"]
    assert [row["index"] for row in found] == ["4", "9", "7000"]
    assert [row["label"] for row in found] == ["4", "9", "=x"]
    read = np.array([[float(row[k]) for k in ("z1", "z2", "z3", "x", "y")] for row in found])
    np.testing.assert_allclose(read, np.hstack([codes, points]), rtol=1e-5)


def test_a_selection_is_a_sheet_of_its_images_of_many_an_even_share() -> None:
    side, gap = 28 * export.ROW_SCALE, export.GAP
    few = np.array([3, 5, 8])
    paper = np.asarray(
        Image.open(io.BytesIO(export.selection_sheet(few, list("abc"), MNIST.test_images[few])))
    )
    line = round(1.4 * export.TYPE)
    for k, index in enumerate(few):
        top, left = gap + line, gap + k * (side + gap)
        tile = paper[top : top + side, left : left + side, 0]
        assert np.array_equal(tile, pixels.enlarge(MNIST.test_images[index], export.ROW_SCALE))
    many = np.arange(1000)
    sheet = Image.open(
        io.BytesIO(export.selection_sheet(many, ["0"] * 1000, MNIST.test_images[:1000]))
    )
    assert sheet.width == gap + export.ACROSS * (side + gap)
    assert export.SHEET // export.ACROSS * side < sheet.height < 4000
