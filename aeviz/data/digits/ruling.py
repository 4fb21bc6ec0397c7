"""The lines that paper is ruled with: found, followed and taken out, strokes made whole again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from aeviz.data.digits import masks

LINE_SIDE = 256
"""Lines are looked for with the longer side made this small, in pixels."""
MAX_PIECES = 4000
"""More pieces are a pattern: the lines of a sheet with squares of 5 mm cross 2,500 times."""


def without_lines(ink: np.ndarray) -> np.ndarray:
    """The ink (H, W) without the lines that the paper is ruled with, and strokes made whole."""
    if min(ink.shape) < 100:  # too small for a line that is not a stroke
        return ink
    # A line that is above Otsu's threshold here and there is above this throughout.
    mask = ink > 0.7 * masks.otsu(ink)
    step = -(-max(ink.shape) // LINE_SIDE)
    small = np.asarray(masks.blocks(mask, step).any((1, 3)))
    across, down = _lines(small), _lines(small.T)
    if not across and not down:
        return ink
    rest = small.copy()
    for lines, view in ((across, rest), (down, rest.T)):
        for line in lines:
            view &= ~line.band(view.shape, 1)
    # A pen's own stroke may cross the picture too, the bar of a seven for one. Lines are finer
    # than the pen, or they are many. Of so few pixels half a one is at each edge of a stroke.
    pen = masks.stroke_width(rest) - 2 if rest.any() else 0.0
    ink = ink.copy()
    for lines, view in ((across, ink), (down, ink.T)):
        for line in lines:
            if len(lines) >= 3 or line.thickness <= 0.7 * pen:
                _erase(view, line, step)
    return ink


@dataclass(frozen=True)
class Line:
    """A ruled line from left to right: its middle in each column (W,), its thickness, in pixels."""

    middle: np.ndarray
    thickness: float

    def band(self, shape: tuple[int, ...], margin: float) -> np.ndarray:
        """True (H, W) on the line and a margin of pixels above and below."""
        rows = np.arange(shape[0])[:, None]
        return np.abs(rows - self.middle) <= self.thickness / 2 + margin


def _lines(mask: np.ndarray) -> list[Line]:
    """Thin lines of a mask (H, W) that run through most of its width, up to 18 degrees aslant.

    The mask is sheared until most of it is level. Of what is thin, what is at least an eighth of
    the width long is left (an opening by a long line: Serra 1982), and pieces that follow each
    other are a line.
    """
    height, width = mask.shape
    most = 2 * max(round(0.015 * height), 1) + 3  # pixels; what is higher is no line
    length = width // 8
    columns = np.arange(width)
    best, found = 0.0, ()
    for degrees in range(-16, 17, 4):
        shift = np.round(np.tan(np.radians(degrees)) * (columns - width / 2)).astype(int)
        room = int(np.abs(shift).max()) + 1
        rows = np.arange(-room, height + room)[:, None] + shift
        inside = (rows >= 0) & (rows < height)
        level = mask[np.clip(rows, 0, height - 1), columns] & inside
        high = ndimage.minimum_filter1d(level, most, axis=0)
        high = np.asarray(ndimage.maximum_filter1d(high, most, axis=0), bool)
        thin = level & ~high
        tall = ndimage.maximum_filter1d(thin, 3, axis=0)
        ink, free = (
            ndimage.uniform_filter1d(x.astype(np.float32), length, axis=1, mode="nearest")
            for x in (tall, ~high)
        )
        long = (ink > 0.9 * free) & (free > 0.3)  # a stroke that crosses a line hides it
        long = ndimage.maximum_filter1d(long, length, axis=1) & thin
        # Level lines lie in few rows: the sum of squares tells, as for the skew of scanned pages.
        if (score := float(np.square(long.sum(1)).sum())) > best:
            best, found = score, (long, inside.sum(1), shift - room)
    return follow(*found) if found else []


def follow(long: np.ndarray, there: np.ndarray, shift: np.ndarray) -> list[Line]:
    """The lines that the parts of a mask (H, W) make, each followed from left to right.

    Args:
        there: how many columns of each row lie in the picture.
        shift: how much lower each column (W,) is in the picture.
    """
    width = long.shape[1]
    parts, areas = masks.label(long)
    if len(areas) > MAX_PIECES:
        return []
    pieces = []
    for number, box in enumerate(ndimage.find_objects(parts), 1):
        part = parts[box] == number
        count = part.sum(0)
        heights = (part * np.arange(len(part))[:, None]).sum(0) / count + box[0].start
        pieces.append((np.arange(box[1].start, box[1].stop), heights, count))
    pieces.sort(key=lambda piece: piece[0][0])
    chains: list[list[Any]] = []
    ends = np.empty((2, len(pieces)))  # the column and the height where each chain ends by now
    for piece in pieces:
        gap = piece[0][0] - ends[0, : len(chains)]
        away = np.abs(piece[1][:5].mean() - ends[1, : len(chains)])
        away[(gap <= 0) | (away >= 2 + 0.04 * gap)] = np.inf
        nearest = int(away.argmin()) if np.isfinite(away).any() else len(chains)
        if nearest == len(chains):
            chains.append([])
        chains[nearest].append(piece)
        ends[:, nearest] = piece[0][-1], piece[1][-5:].mean()
    lines, short = [], []
    for chain in chains:
        columns, heights, counts = (np.concatenate(column) for column in zip(*chain, strict=True))
        span = np.ptp(columns) + 1
        most = there[np.round(heights).astype(int)].max()
        if span < max(0.7 * most, 0.3 * width) or len(columns) < 0.25 * most:
            continue
        heights = ndimage.median_filter(heights, min(9, len(heights)), mode="nearest")
        middle = np.interp(np.arange(width), columns, heights) + shift
        line = Line(middle, float(np.median(counts)))
        (lines if span > 0.7 * width else short).append(line)
    return lines + short if len(lines) > 1 else lines  # short ones cut off a corner


def _erase(ink: np.ndarray, line: Line, step: int) -> None:
    """Take a line out of the ink (H, W), in place; strokes that cross it are bridged.

    Args:
        step: pixels of the ink for one of the line.
    """
    height, width = ink.shape
    columns = np.arange(width)
    middle = np.interp(columns, (np.arange(len(line.middle)) + 0.5) * step, line.middle) * step
    middle += (step - 1) / 2
    reach = int(np.ceil((line.thickness / 2 + 1) * step))
    centre = np.round(middle).astype(int)

    def beside(offset: int) -> np.ndarray:
        """The ink above or below, a little to both sides as well: strokes run aslant."""
        values = ink[np.clip(centre + offset, 0, height - 1), columns]
        return ndimage.maximum_filter1d(values, reach + 1)

    bridge = np.minimum(beside(-reach - 1), beside(reach + 1))
    rows = centre + np.arange(-reach, reach + 1)[:, None]
    near = ink[np.clip(rows, 0, height - 1), columns]
    # Where the pen is darker than the line there is nothing to guess.
    stroke = near > 1.5 * np.median(near.max(0))
    on, place = (rows >= 0) & (rows < height), np.broadcast_to(columns, rows.shape)
    ink[rows[on], place[on]] = np.where(stroke, near, np.minimum(near, bridge))[on]
