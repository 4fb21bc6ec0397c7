"""What several stages measure, on brightness (H, W) in [0, 1] or on a mask (H, W) of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage


def otsu(values: np.ndarray) -> float:
    """The threshold that parts values in [0, 1] into two groups of least variance.

    Source: Otsu 1979, IEEE Trans. SMC 9:62.
    """
    counts, edges = np.histogram(values, 256, (0, 1))
    below = counts.cumsum()
    sums = (counts * np.arange(256)).cumsum()
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    between = np.nan_to_num(between)
    best = np.flatnonzero(between == between.max())  # many where nothing lies between the groups
    return float(edges[best[len(best) // 2] + 1])


def label(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Connected parts (H, W) numbered from 1, and the pixels of each; 0 is none and has none."""
    found: Any = ndimage.label(mask, np.ones((3, 3)))  # scipy's types say int for the pair
    parts, count = found
    areas = np.bincount(parts.ravel(), minlength=count + 1)
    areas[0] = 0
    return parts, areas


def box_around(values: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns (H, W) from the first to the last that are not empty."""
    rows, columns = np.flatnonzero(values.any(1)), np.flatnonzero(values.any(0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def cropped(values: np.ndarray) -> np.ndarray:
    """Values (H, W) without the empty rows and columns around them."""
    return values[box_around(values)]


def blocks(values: np.ndarray, side: int) -> np.ndarray:
    """Squares of so many pixels a side, (H // side, side, W // side, side); what is over is cut."""
    height, width = (length // side for length in values.shape)
    return values[: height * side, : width * side].reshape(height, side, width, side)


def to_edge(mask: np.ndarray) -> np.ndarray:
    """Distance (H, W) of each pixel of a mask to the nearest one outside it, in pixels."""
    distances: Any = ndimage.distance_transform_edt(mask)  # scipy's types say also None, or a pair
    return distances


def stroke_width(mask: np.ndarray) -> float:
    """How wide the strokes of a mask are, in pixels.

    In a stroke of width w the mean distance to its edge is w / 4.
    """
    inside = np.pad(mask, 1)
    return float(4 * to_edge(inside)[inside].mean())
