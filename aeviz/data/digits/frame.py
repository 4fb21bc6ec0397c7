"""MNIST's frame: a digit scaled, centred and as thick as MNIST's are."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from aeviz.data.digits import masks

SIDE = 28
"""MNIST's images are this high and wide, in pixels..."""
LONGER = 20
"""... and the longer side of a digit in them is this long."""
MIN_STROKE = 1.6
"""Thinner strokes are made this wide, in pixels of the result: 98 % of MNIST's are wider."""
WIDENED_SIDE = 320
"""Fine strokes are widened in a picture made this small: a pixel of the result is 16 then."""


def fitted(strokes: np.ndarray) -> np.ndarray:
    """Strokes (h, w) as MNIST would hold them, (28, 28).

    Source: LeCun et al. 1998, Proc. IEEE 86:2278, section III-A: scaled into 20 by 20 with its
        shape kept, grey levels from the scaling, centred by centre of mass in 28 by 28.
    """
    return _centred(_scaled(_thick_enough(strokes)))


def square(grey: np.ndarray) -> np.ndarray:
    """The square in the middle of a picture (H, W) scaled by area, (28, 28)."""
    side = min(grey.shape)
    top, left = ((length - side) // 2 for length in grey.shape)
    image = Image.fromarray(grey[top : top + side, left : left + side])
    return np.clip(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX)), 0, 1)


def _thick_enough(value: np.ndarray) -> np.ndarray:
    """Strokes drawn with a fine pen made as wide as MNIST's thinnest.

    In a large picture each block of pixels becomes its brightest one before: the cost of widening
    grows with the fourth power of a side.
    """
    width = masks.stroke_width(value > value.max() / 2)
    wanted = MIN_STROKE * max(value.shape) / LONGER
    if round((wanted - width) / 2) < 1:
        return value
    block = -(-max(value.shape) // WIDENED_SIDE)
    value = masks.blocks(np.pad(value, [(0, -side % block) for side in value.shape]), block)
    value = value.max((1, 3))
    # A block reaches over half of itself beyond a stroke on each side of it.
    radius = round((wanted - (width + block - 1)) / 2 / block)
    if radius < 1:
        return value
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return ndimage.grey_dilation(np.pad(value, radius), footprint=x**2 + y**2 <= radius**2)


def _scaled(value: np.ndarray) -> np.ndarray:
    """Values (H, W) scaled to a longer side of 20 pixels, shape kept, antialiased."""
    scale = LONGER / max(value.shape)
    height, width = (max(round(side * scale), 1) for side in value.shape)
    image = Image.fromarray(value).resize((width, height), Image.Resampling.HAMMING)
    return np.clip(np.asarray(image), 0, 1)


def _centred(value: np.ndarray) -> np.ndarray:
    """Values (H, W) of at most 20 by 20 with their centre of mass in the middle of 28 by 28."""
    result = np.zeros((SIDE, SIDE), np.float32)
    top, left = (
        int(np.clip(np.round(SIDE // 2 - centre), 0, SIDE - side))
        for centre, side in zip(ndimage.center_of_mass(value), value.shape, strict=True)
    )
    result[top : top + value.shape[0], left : left + value.shape[1]] = value
    return result
