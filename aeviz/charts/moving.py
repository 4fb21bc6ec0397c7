"""A run in motion, as a GIF to take home: its map, images and loss, moment after moment."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from aeviz.charts import theme

PAPER, INK, ACCENT = (250, 249, 246), (33, 37, 41), (194, 37, 92)
MAP, GAP, SIDE = 400, 16, 30
"""Pixels: the map's side, room between things, an image's side."""
DOT = 1
COLOURS = 128
"""Of the palette; more make the file larger and look the same."""
Window = tuple[float, float, float, float]
"""Left, right, bottom, top."""


@dataclass(frozen=True)
class Shot:
    """A moment.

    title: above all, such as the step.
    points: (N, 2), codes on the map; window: what of it is seen.
    tiles: (H, W) uint8, images of the plane over an extent, the first row at its top; None without.
    worth: how far the tiles are inked, in [0, 1].
    rows: names and images (K, 28, 28) uint8 below each other.
    curve: (M, 2) float, along the steps and the loss, both in [0, 1]; at: where this moment is.
    """

    title: str
    points: np.ndarray
    window: Window
    tiles: np.ndarray | None
    extent: Window
    worth: float
    rows: Sequence[tuple[str, np.ndarray]]
    curve: np.ndarray
    at: float


def gif(shots: Iterable[Shot], labels: np.ndarray, *, seconds: float = 10.0) -> bytes:
    """Moments one after the other as an endless GIF; the last one rests.

    Args:
        labels: (N,), of the points.
    """
    pictures = [_drawn(shot, labels) for shot in shots]
    # One palette, of a late moment: one of their own for each would flicker.
    palette = pictures[-1].quantize(COLOURS, Image.Quantize.MEDIANCUT)
    first, *others = (
        picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures
    )
    each = max(round(1000 * seconds / len(pictures)), 20)
    content = io.BytesIO()
    first.save(
        content,
        "GIF",
        save_all=True,
        append_images=others,
        duration=[each] * len(others) + [1500],
        loop=0,
        optimize=True,
    )
    return content.getvalue()


def _drawn(shot: Shot, labels: np.ndarray) -> Image.Image:
    width = 3 * GAP + MAP + 10 * SIDE
    paper = Image.new("RGB", (width, 3 * GAP + MAP + 20), PAPER)
    pen = ImageDraw.Draw(paper)
    pen.text((GAP, GAP // 2), shot.title, INK, ImageFont.load_default(20))
    paper.paste(_map(shot, labels), (GAP, 2 * GAP + 16))
    pen.rectangle((GAP, 2 * GAP + 16, GAP + MAP, 2 * GAP + 16 + MAP), outline=(221, 219, 212))
    left, top = 2 * GAP + MAP, 2 * GAP + 10
    font = ImageFont.load_default(14)
    for name, images in shot.rows:
        pen.text((left, top), name, INK, font)
        for k, image in enumerate(images[:10]):
            ink = Image.fromarray(255 - image).resize((SIDE, SIDE), Image.Resampling.BOX)
            tinted = Image.composite(Image.new("RGB", ink.size, PAPER), _ink(ink.size), ink)
            paper.paste(tinted, (left + k * SIDE, top + 20))
        top += SIDE + 34
    _curve(pen, shot, (left, top, left + 10 * SIDE, 2 * GAP + 16 + MAP), font)
    return paper


def _ink(size: tuple[int, int]) -> Image.Image:
    return Image.new("RGB", size, INK)


def _map(shot: Shot, labels: np.ndarray) -> Image.Image:
    left, right, bottom, top = shot.window
    scale = np.array([MAP / (right - left), MAP / (top - bottom)])
    picture = Image.new("RGB", (MAP, MAP), PAPER)
    if shot.tiles is not None and shot.worth > 0:
        x0, x1, y0, y1 = shot.extent
        box = (
            ((left - x0) / (x1 - x0), (y1 - top) / (y1 - y0)),
            ((right - x0) / (x1 - x0), (y1 - bottom) / (y1 - y0)),
        )
        high, wide = shot.tiles.shape
        area = (box[0][0] * wide, box[0][1] * high, box[1][0] * wide, box[1][1] * high)
        sheet = Image.fromarray((shot.tiles * (0.55 * shot.worth)).astype(np.uint8))
        mask = sheet.transform((MAP, MAP), Image.Transform.EXTENT, area, Image.Resampling.BILINEAR)
        picture.paste(Image.new("RGB", (MAP, MAP), (90, 94, 100)), (0, 0), mask)
    places = (shot.points - [left, bottom]) * scale
    places[:, 1] = MAP - places[:, 1]
    pen = ImageDraw.Draw(picture)
    colours = [_rgb(colour) for colour in theme.DIGITS]
    for k in np.random.default_rng(0).permutation(len(places)):  # no class covers another
        x, y = places[k]
        colour = colours[labels[k] % len(colours)]
        pen.rectangle((x - DOT, y - DOT, x + DOT, y + DOT), fill=colour)
    font = ImageFont.load_default(22)
    for label in np.unique(labels):
        x, y = np.median(places[labels == label], axis=0)
        pen.text(
            (x, y),
            str(label),
            colours[label % len(colours)],
            font,
            "mm",
            stroke_width=3,
            stroke_fill=PAPER,
        )
    return picture


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return red, green, blue


def _curve(
    pen: ImageDraw.ImageDraw,
    shot: Shot,
    box: tuple[float, float, float, float],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    left, top, right, bottom = box
    pen.text((left, top), "Loss on held-out images", INK, font)
    top += 22
    pen.line((left, bottom, right, bottom), fill=(180, 178, 172))
    x = left + shot.curve[:, 0] * (right - left)
    y = bottom - np.clip(shot.curve[:, 1], 0, 1) * (bottom - top)
    seen = shot.curve[:, 0] <= shot.at + 1e-9
    points = [tuple(map(float, one)) for one in np.column_stack([x, y])[seen]]
    if len(points) > 1:
        pen.line(points, fill=INK, width=2)
    at = left + shot.at * (right - left)
    pen.line((at, top, at, bottom), fill=ACCENT, width=2)
