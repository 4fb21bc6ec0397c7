"""What a person takes home: pictures side by side as PNG, tables as CSV, many files as ZIP."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from aeviz import figures

GAP = 12
"""Pixels between pictures and around them."""
TYPE = 20
"""Height of the captions' type, pixels."""


def strip(columns: Sequence[tuple[Sequence[np.ndarray], str]], scale: int = 8) -> bytes:
    """Pictures side by side on white paper, crisp, as PNG bytes.

    Args:
        columns: pictures (H, W) or (H, W, 3) below each other, all of one size, uint8 or float in
            [0, 1], and the caption below them, in Latin letters.
        scale: each pixel becomes a square with that side.
    """
    high, wide = (scale * side for side in columns[0][0][0].shape[:2])
    font = ImageFont.load_default(TYPE)
    deep = max(len(pictures) for pictures, _ in columns)
    texts = [_wrapped(caption, font, wide) for _, caption in columns]
    lines = max(text.count("\n") + 1 for text in texts)
    foot = GAP + deep * (high + GAP)
    size = (GAP + len(columns) * (wide + GAP), foot + round(1.4 * TYPE * lines) + GAP)
    paper = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(paper)
    for k, ((pictures, _), text) in enumerate(zip(columns, texts, strict=True)):
        left = GAP + k * (wide + GAP)
        for row, picture in enumerate(pictures):
            tile = Image.open(io.BytesIO(figures.png(picture))).convert("RGB")
            place = (left, GAP + row * (high + GAP))
            paper.paste(tile.resize((wide, high), Image.Resampling.NEAREST), place)
        pen.multiline_text((left, foot), text, "black", font, spacing=0.4 * TYPE)
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
