"""Paper: what of a picture it is, and how far the ink stands out from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from aeviz.data.digits import masks

SHAPE_SIDE = 256
"""What is a glyph and what is a sheet is looked at with the longer side made this small."""
GLYPH = 0.15, 0.85
"""A printed glyph has between these shares of its box."""
DARKEST = 0.2
"""Where paper is darker than this there is more noise than light."""


def alone(grey: np.ndarray, inverted: bool | None) -> np.ndarray:
    """The picture (H, W) as if on a large sheet: with a margin, without the table around it.

    Args:
        inverted: see `to_mnist`.
    """
    level = _around_a_glyph(grey, inverted)
    if level is not None:
        return np.pad(grey, max(grey.shape) // 2, constant_values=level)
    return _without_table(grey, inverted)


def _around_a_glyph(grey: np.ndarray, inverted: bool | None) -> float | None:
    """How bright the paper is where a printed glyph fills the picture (H, W), None elsewhere.

    Of the two sides of Otsu's threshold the glyph is the one whose largest part reaches to all
    four sides of the picture: only one can, as it parts what is left of the other. Paper with a
    digit on it does so too, but takes nearly all of the border, or is a rectangle on a table.
    """
    step = -(-max(grey.shape) // SHAPE_SIDE)
    small = grey[::step, ::step]
    bright = small > masks.otsu(small)
    if min(small.shape) < 8 or not _two_levels(small, bright):
        return None
    for dark in (True, False) if inverted is None else (inverted,):
        glyph = bright != dark
        if inverted is None:
            parts, areas = masks.label(glyph)
            glyph = parts == areas.argmax()
        if _fills(glyph):
            return float(np.median(small[bright == dark]))
    return None


def _two_levels(grey: np.ndarray, bright: np.ndarray) -> bool:
    """Whether brightness (H, W) has just two levels, parted by a mask, and what is between."""
    share = bright.mean()
    if not 0 < share < 1:
        return False
    apart = grey[bright].mean() - grey[~bright].mean()
    return bool(apart > 0.3 and share * (1 - share) * apart**2 > 0.9 * grey.var())


def _fills(glyph: np.ndarray) -> bool:
    """Whether a mask (H, W) is a printed glyph that reaches to all four sides, or nearly."""
    sides = glyph[0], glyph[-1], glyph[:, 0], glyph[:, -1]
    ring = np.concatenate([glyph[0], glyph[1:, -1], glyph[-1, -2::-1], glyph[-2:0:-1, 0]])
    if not GLYPH[0] < glyph.mean() < GLYPH[1] or ring.mean() > 0.75:
        return False
    if sum(not side.all() for side in sides) < 3:  # paper, with a digit in its corner
        return False
    if np.count_nonzero(ring != np.roll(ring, 1)) > 16:  # ruled lines
        return False
    around = zip(masks.box_around(glyph), glyph.shape, strict=True)
    margin = max(max(box.start, length - box.stop) for box, length in around)
    return margin <= 0.08 * max(glyph.shape) and _rectangular(glyph) < 0.9


def _rectangular(mask: np.ndarray) -> float:
    """Which share a mask (H, W) with its holes filled has of the smallest rectangle around it."""
    filled: Any = ndimage.binary_fill_holes(mask)
    inside: Any = ndimage.binary_erosion(filled)
    edge = np.argwhere(filled & ~inside)
    turns = np.radians(np.arange(0, 90, 3))
    cos, sin = np.cos(turns), np.sin(turns)
    sides = [np.ptp(edge @ np.array(along), axis=0) + 1 for along in ((cos, sin), (-sin, cos))]
    return float(filled.sum() / (sides[0] * sides[1]).min())


def _without_table(grey: np.ndarray, inverted: bool | None) -> np.ndarray:
    """The picture (H, W) with the table around a sheet painted like the sheet.

    There is a table when most of the picture is of another brightness than its border. A person
    who says that the ink is what is as bright or as dark as that has no sheet.
    """
    around, most = _rim_level(grey), np.median(grey)
    if abs(most - around) < 0.2 or (inverted is not None and inverted == (most < around)):
        return grey
    threshold = masks.otsu(grey)
    parts, areas = masks.label((grey > threshold) == (most > threshold))
    sheet: Any = ndimage.binary_fill_holes(parts == areas.argmax())
    sheet = ndimage.binary_erosion(sheet, np.ones((3, 3)), max(min(grey.shape) // 100, 1))
    return grey if sheet.mean() < 0.25 else np.where(sheet, grey, np.median(grey[sheet]))


def _rim_level(grey: np.ndarray) -> float:
    """The median brightness along the four sides of a picture (H, W)."""
    rim = max(min(grey.shape) // 20, 1)
    border = np.ones(grey.shape, bool)
    border[rim:-rim, rim:-rim] = False
    return np.median(grey[border])


def is_brighter_than_ink(paper: np.ndarray) -> bool:
    """Is the ink on a picture (H, W) dark? Its border shows what the paper is."""
    level = _rim_level(paper)
    return bool(level - paper.min() > paper.max() - level)


def lifted(paper: np.ndarray, inverted: bool) -> np.ndarray:
    """How far each pixel (H, W) is from the paper around it, in [0, 1]; shadows are gone.

    What is wider than a third of the picture is paper (a top hat: Serra 1982). Dark ink takes a
    share of the light that falls on the paper, so it is divided by what the paper around it has.
    """
    bright = 1 - paper if inverted else paper
    around = ndimage.grey_opening(bright, max(bright.shape) // 3 + 1, mode="nearest")
    ink = bright - around
    return ink / np.maximum(1 - around, DARKEST) if inverted else ink
