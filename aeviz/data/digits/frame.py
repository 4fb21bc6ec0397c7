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
    strokes = _thick_enough(strokes)
    scale = LONGER / max(strokes.shape)
    height, width = (max(round(side * scale), 1) for side in strokes.shape)
    image = Image.fromarray(strokes).resize((width, height), Image.Resampling.HAMMING)
    small = np.clip(np.asarray(image), 0, 1)
    top, left = (
        int(np.clip(np.round(SIDE // 2 - centre), 0, SIDE - side))
        for centre, side in zip(ndimage.center_of_mass(small), small.shape, strict=True)
    )
    result = np.zeros((SIDE, SIDE), np.float32)
    result[top : top + height, left : left + width] = small
    return result


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
