"""Parts of the ink: which make one digit, in which order, and where digits that touch part."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from PIL import Image
from scipy import ndimage

from aeviz.data.digits import masks

MOST_ROOM = 3.0
"""Digits whose boxes together are so many times as large as the picture run through each other, as
the stripes of a pattern do: it is taken as one."""
MAX_DIGITS = 40
"""More digits than this in one picture are left out: it is a page of text."""
WIDE = 1.1
"""What is wider than this share of its height may be two digits: 92 % of MNIST's are narrower."""
JOINT = 0.9
"""Digits that touch are joined by less ink than this share of a stroke's width..."""
LEAST_HEIGHT = 0.7
"""... and both are at least this share of their common height."""
LEAST_ROWS = 40
"""Smaller ones, as MNIST's own images, have too few pixels to tell a joint from a stroke."""
SEAM_ROWS = 48
"""A seam is looked for in a picture made this high, in pixels."""


def each_digit(core: np.ndarray) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """Each digit in reading order: a place with a pixel of paper around it, and its core in there.

    None where they run through each other.

    Args:
        core: where ink is for certain, (H, W) bool.
    """
    parts, _ = masks.label(core)
    boxes = np.array(
        [[(y.start, y.stop), (x.start, x.stop)] for y, x in ndimage.find_objects(parts)]
    )
    sizes = np.ptp(boxes, 2).max(1)
    largest = (-sizes).argsort(kind="stable")[: 2 * MAX_DIGITS]
    linked = _linked(_of_one_digit(boxes[largest], float(np.median(sizes)), len(boxes)))
    members = [largest[indices] for indices in linked]
    around = np.array(
        [np.stack([boxes[k, :, 0].min(0), boxes[k, :, 1].max(0)], 1) for k in members]
    )
    sizes = np.ptp(around, 2).max(1)
    kept = np.flatnonzero(sizes >= 0.4 * np.median(sizes))
    if np.ptp(around[kept], 2).prod(1).sum() > MOST_ROOM * core.size:
        return
    for k in kept[_reading_order(around[kept])][:MAX_DIGITS]:
        top, bottom, left, right = around[k].ravel().tolist()
        place = slice(max(top - 1, 0), bottom + 1), slice(max(left - 1, 0), right + 1)
        for digit in cut_apart(np.isin(parts[place], members[k] + 1)):
            yield place, digit


def _overlaps(boxes: np.ndarray) -> np.ndarray:
    """How far each two boxes overlap down and across, (2, N, N) pixels; below zero it is a gap.

    Args:
        boxes: first and last of the rows and of the columns, (N, 2, 2).
    """
    starts, ends = boxes.transpose(2, 1, 0)[..., None]
    return np.minimum(ends, ends.swapaxes(1, 2)) - np.maximum(starts, starts.swapaxes(1, 2))


def _of_one_digit(boxes: np.ndarray, usual: float, number: int) -> np.ndarray:
    """Which parts belong to the same digit, (N, N) above the diagonal.

    They do when one is small and near the other, as the upper stroke of a five, or when they lie
    one above the other nearly without a gap.

    Args:
        boxes: see `_overlaps`, the largest first.
        usual: the median of all parts' longer sides.
        number: how many parts there are.
    """
    heights, widths = np.ptp(boxes, 2).T
    sizes = np.maximum(heights, widths)
    large = sizes[:, None]
    down, across = _overlaps(boxes)
    attached = (sizes < 0.5 * large) & (np.minimum(down, across) > -0.15 * large)
    narrow = np.minimum(widths[:, None], widths)
    below = (across > 0.3 * narrow) & (down < 0.5 * np.minimum(heights[:, None], heights))
    common = heights[:, None] + heights - down  # from the top of one to the bottom of the other
    stacked = (number > 2) & (common > 1.6 * usual)  # two lines of digits
    joined = ((across >= 0.6 * narrow) | below) & (down > -0.12 * large) & ~stacked
    return np.triu(attached | joined, 1)


def _reading_order(boxes: np.ndarray) -> list[int]:
    """Indices of boxes from left to right, line by line; a line may run aslant."""
    heights = np.ptp(boxes[:, 0], 1)
    down, across = _overlaps(boxes)
    beside = (down > 0.4 * np.minimum(heights[:, None], heights)) & (
        across > -4 * np.maximum(heights[:, None], heights)
    )
    lines = sorted(_linked(beside), key=lambda line: boxes[line, 0].mean())
    return [k for line in lines for k in line[boxes[line, 1].sum(1).argsort(kind="stable")]]


def _linked(near: np.ndarray) -> list[np.ndarray]:
    """Indices in groups: of those that are near (N, N), directly or by way of others."""
    near = near | near.T | np.eye(len(near), dtype=bool)
    names = np.arange(len(near))
    for _ in names:  # no way is longer than through all of them
        names = np.where(near, names, len(near)).min(1)
    return [np.flatnonzero(names == name) for name in np.unique(names)]


def cut_apart(part: np.ndarray) -> list[np.ndarray]:
    """A digit's core (H, W), or the cores of digits that touch, from left to right.

    What is cut off must be little joined and nearly as high as the rest: then a wide two, whose
    left side is its foot, or a wide zero, of which a cut meets two strokes, stays whole.
    """
    box = masks.box_around(part)
    inside = part[box]
    height, width = inside.shape
    if width <= WIDE * height or height < LEAST_ROWS:
        return [part]
    seam, joint = _seam(inside)
    if joint > JOINT:
        return [part]
    left = np.zeros_like(part)
    left[box] = inside & (np.arange(width) < seam[:, None])
    right = part & ~left
    if any(len(masks.cropped(side)) < LEAST_HEIGHT * height for side in (left, right)):
        return [part]
    return [*cut_apart(left), *cut_apart(right)]


def _seam(mask: np.ndarray) -> tuple[np.ndarray, float]:
    """The way from top to bottom of a mask (H, W) that meets least ink: its column in each row.

    Also how much ink it meets, in widths of a stroke. It keeps to the middle half and moves one
    column a row at most.

    Source: Avidan & Shamir 2007, ACM Trans. Graphics 26(3):10, section 3.
    """
    height, width = mask.shape
    wide = max(round(width * SEAM_ROWS / height), 8)
    small = Image.fromarray(mask.astype(np.float32))
    small = np.asarray(small.resize((wide, SEAM_ROWS), Image.Resampling.BOX))
    first, last = wide // 4, wide - wide // 4
    costs = small[:, first:last] + 0.01  # of equal ways the shortest
    for above, row in itertools.pairwise(costs):
        row += ndimage.minimum_filter1d(above, 3, mode="nearest")
    column = int(costs[-1].argmin())
    way = [column]
    for above in costs[-2::-1]:
        start = max(column - 1, 0)
        column = start + int(above[start : column + 2].argmin())
        way.append(column)
    columns = first + np.array(way[::-1])
    scale = SEAM_ROWS / height
    met = float(small[np.arange(SEAM_ROWS), columns].sum()) / (masks.stroke_width(mask) * scale)
    middles = (np.arange(height) + 0.5) * scale - 0.5
    return np.interp(middles, np.arange(SEAM_ROWS), columns + 0.5) * width / wide, met
