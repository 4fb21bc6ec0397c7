"""Ink: which pixels are ink for certain, and how bright a stroke is from its edge to its middle."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from aeviz.data.digits import masks
from aeviz.data.digits.reading import ImageError

MIN_CONTRAST = 0.06
"""Fainter ink than this share of the way from black to white is no ink."""
NEAR = 0.25
"""A part nearer to the main one than this share of its longer side belongs to it: 60 % of what is
apart in MNIST's digits is."""
MAX_PARTS = 1000
"""More parts than this are a pattern. A page of text has as many letters."""


class BlankError(ImageError):
    """It is a picture, but no digit was found on it; another threshold may find one."""


def certain_ink(
    ink: np.ndarray, threshold: float | None
) -> tuple[np.ndarray, tuple[float, float], float]:
    """Where ink (H, W) is for certain, bool; its levels for `cut_out`; and the threshold.

    Args:
        threshold: see `to_mnist`. Below the one that is found by itself paler strokes are wanted
            too: they become at least half as bright as full.

    Raises:
        BlankError: nowhere, or all over in a pattern.
    """
    found = masks.otsu(ink)
    by_hand = threshold is not None
    threshold = found if threshold is None else threshold
    above = ink > threshold
    paper, noise = _paper_level(ink, above)
    full = np.median(ink[above]) if above.any() else paper
    if by_hand and not above.any():
        raise BlankError("No ink is as bright as this threshold: lower it.")
    if not by_hand and full - paper < max(MIN_CONTRAST, 4 * noise):
        raise BlankError(
            "This picture is blank: use a darker pen, or go nearer to what is written."
        )
    main = _main_parts(above)
    if np.count_nonzero(masks.label(main)[1]) > MAX_PARTS:
        raise BlankError(
            f"This picture is a pattern of more than {MAX_PARTS:,} parts: hand in one digit, large."
        )
    low, full = min(paper + 3 * noise, threshold), float(full)
    if threshold < found:
        full = min(full, 2 * threshold - low)
    return main, (low, max(full, low + 1e-6)), threshold


def _paper_level(ink: np.ndarray, above: np.ndarray) -> tuple[float, float]:
    """The paper's brightness and its noise: a Gaussian's standard deviation, from its median."""
    if above.all():
        return 0.0, 0.0
    paper = np.median(ink[~above])
    return float(paper), float(1.4826 * np.median(np.abs(ink[~above] - paper)))


def _main_parts(mask: np.ndarray) -> np.ndarray:
    """The mask (H, W) without specks, and without what comes in from the border where it can be.

    A part at the border stays when it is near the others: a stroke of a digit in the corner.
    """
    parts, area = masks.label(mask)
    border = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    inner = area.copy()
    inner[border] = 0
    if inner.max() > area.max() / 10:
        main = parts == inner.argmax()
        gap = np.full(len(area), np.inf)
        np.minimum.at(gap, parts.ravel(), masks.to_edge(~main).ravel())
        area[border[gap[border] > NEAR * max(masks.cropped(main).shape)]] = 0
    return (area > area.max() / 30)[parts]


def cut_out(ink: np.ndarray, core: np.ndarray, levels: tuple[float, float]) -> np.ndarray:
    """The strokes of a core (H, W), cropped (h, w) float32: 1 inside, falling to 0 at their edges.

    Args:
        levels: how bright ink is where a stroke's edge begins, and where the stroke is full.
    """
    low, full = levels
    # The antialiased edge of a stroke is one pixel wide; what lies further out is dirt.
    body = ndimage.binary_dilation(core, np.ones((3, 3)))
    strokes = np.where(body, np.clip((ink - low) / (full - low), 0, 1), 0)
    return masks.cropped(strokes.astype(np.float32))
