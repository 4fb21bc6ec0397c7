"""What a person takes home: images side by side as PNG, tables as CSV, many files as ZIP."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from aeviz.analysis import anomaly
from aeviz.charts import pixels

GAP = 12
"""Pixels between images and around them."""
TYPE = 20
"""Height of the captions' type, pixels."""
SHEET, ACROSS = 240, 16
"""Images on a sheet of what was selected, at most, and in each of its rows."""
ROW_SCALE = 4
"""Where many images stand in a row each pixel becomes a square with that side."""


def strip(columns: Sequence[tuple[Sequence[np.ndarray], str]], scale: int = 8) -> bytes:
    """Images side by side on white paper, crisp, as PNG bytes.

    Args:
        columns: images (H, W) or (H, W, 3) below each other, all of one size, uint8 or float in
            [0, 1], and the caption below them, in Latin letters.
        scale: each pixel becomes a square with that side.
    """
    high, wide = (scale * side for side in columns[0][0][0].shape[:2])
    font = ImageFont.load_default(TYPE)
    deep = max(len(images) for images, _ in columns)
    texts = [_wrapped(caption, font, wide) for _, caption in columns]
    lines = max(text.count("\n") + 1 for text in texts)
    foot = GAP + deep * (high + GAP)
    size = (GAP + len(columns) * (wide + GAP), foot + round(1.4 * TYPE * lines) + GAP)
    paper = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(paper)
    for k, ((images, _), text) in enumerate(zip(columns, texts, strict=True)):
        left = GAP + k * (wide + GAP)
        for row, image in enumerate(images):
            paper.paste(_tile(image, (wide, high)), (left, GAP + row * (high + GAP)))
        pen.multiline_text((left, foot), text, "black", font, spacing=0.4 * TYPE)
    return _content(paper)


def rows(table: Sequence[tuple[str, np.ndarray, Sequence[str]]], note: str = "") -> bytes:
    """Rows of images below each other on white paper, crisp, as PNG bytes.

    Args:
        table: for each row what stands above it, its images (N, H, W) or (N, H, W, 3), uint8 or
            float in [0, 1], of one size in all rows, and the text below each of them, if any.
        note: a line at the bottom.
    """
    high, wide = (ROW_SCALE * side for side in table[0][1].shape[1:3])
    font, line = ImageFont.load_default(TYPE), round(1.4 * TYPE)
    texts = [[_wrapped(_drawable(text), font, wide) for text in row] for _, _, row in table]
    deep = [line * max((text.count("\n") + 1 for text in row), default=0) for row in texts]
    columns = GAP + max(len(images) for _, images, _ in table) * (wide + GAP)
    lines = [_drawable(text) for text in (*(name for name, _, _ in table), note)]
    across = max(columns, *(2 * GAP + round(font.getlength(text)) for text in lines))
    down = GAP + sum(line + high + foot + GAP for foot in deep) + (line + GAP if note else 0)
    paper = Image.new("RGB", (across, down), "white")
    pen, top = ImageDraw.Draw(paper), GAP
    for name, (_, images, _), row, foot in zip(lines[:-1], table, texts, deep, strict=True):
        pen.text((GAP, top), name, "black", font)
        top += line
        for k, image in enumerate(images):
            paper.paste(_tile(image, (wide, high)), (GAP + k * (wide + GAP), top))
        top += high
        for k, text in enumerate(row):
            pen.multiline_text(
                (GAP + k * (wide + GAP), top), text, "black", font, spacing=0.4 * TYPE
            )
        top += foot + GAP
    pen.text((GAP, top), lines[-1], "black", font)
    return _content(paper)


def _drawable(text: str) -> str:
    """A text without what the typeface has no letters for, such as Hiragana."""
    return text.encode("latin-1", "ignore").decode("latin-1").strip()


def _tile(image: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """An image (H, W) or (H, W, 3) in a size (width, height) with crisp pixels."""
    tile = Image.open(io.BytesIO(pixels.png(image))).convert("RGB")
    return tile.resize(size, Image.Resampling.NEAREST)


def _content(paper: Image.Image) -> bytes:
    """A sheet of paper as PNG bytes."""
    buffer = io.BytesIO()
    paper.save(buffer, "PNG")
    return buffer.getvalue()


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    """A text whose lines are no longer than a width in pixels, as far as words allow."""
    lines = []
    for line in text.splitlines():
        now = ""
        for word in line.split(" "):
            longer = f"{now} {word}" if now else word
            if now and font.getlength(longer) > width:
                lines.append(now)
                longer = word
            now = longer
        lines.append(now)
    return "\n".join(lines)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Rows below a header as CSV in UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def archive(files: dict[str, bytes]) -> bytes:
    """Files by name as one ZIP; the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in files.items():
            bundle.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def selection_table(
    indices: np.ndarray, labels: Sequence[str], codes: np.ndarray, points: np.ndarray
) -> bytes:
    """A line for each test image that was selected on a map, as CSV.

    Args:
        indices: of the images (N,); labels: N names of their classes.
        codes: (N, D), called z1 to zD; points: where they lie on the map (N, 2), called x and y.
    """
    header = ["index", "label", *(f"z{k + 1}" for k in range(codes.shape[1])), "x", "y"]
    lines = (
        [index, label, *(f"{value:.6g}" for value in (*code, *point))]
        for index, label, code, point in zip(
            indices.tolist(), labels, codes.tolist(), points.tolist(), strict=True
        )
    )
    return table(header, lines)


def selection_sheet(indices: np.ndarray, labels: Sequence[str], images: np.ndarray) -> bytes:
    """Test images (N, H, W) that were selected on a map, each over its class and index, as PNG.

    Of many those that are spread evenly over the selection.
    """
    shown = np.linspace(0, len(indices) - 1, min(len(indices), SHEET)).astype(int)
    texts = [f"{labels[k]}\n{indices[k]}" for k in shown]
    parts = range(0, len(shown), ACROSS)
    lines = [
        ("", images[shown[first : first + ACROSS]], texts[first : first + ACROSS])
        for first in parts
    ]
    note = "Below each test image: its class and its index."
    if len(shown) < len(indices):
        note += f" {len(shown)} of {len(indices):,} selected, spread evenly."
    return rows(lines, note)


def flagged_table(found: anomaly.Flagged) -> bytes:
    """A table with a line for each flagged image: its file in the archive, name, truth, score."""
    rows = zip(found.files, found.images.names, found.truth, found.scores, strict=True)
    # What a spreadsheet would take for a formula is a text: a name may come from a file's.
    cells = ((f, n.lstrip("=+-@\t\r"), t, f"{s:.6g}") for f, n, t, s in rows)
    return table(["file", "name", "truth", "score"], cells)


def flagged_archive(found: anomaly.Flagged) -> bytes:
    """A ZIP archive of the flagged images as PNG files."""
    images = zip(found.files, found.images.images, strict=True)
    return archive({file: pixels.png(image) for file, image in images})
