"""Any picture that a person hands in, turned into what MNIST holds: 28 by 28, bright ink on black.

A picture's path, one file after the other, as `stages` runs them; `masks` measures for them:

- `reading`: a stranger's file, decoded safely: upright, made smaller, grey.
- `paper`: what is paper in it and around it; the ink is lifted off, without shadows.
- `ruling`: the lines that the paper is ruled with are taken out.
- `ink`: which pixels are ink for certain, and how bright a full stroke is.
- `parts`: the digits of one picture, told apart, in reading order.
- `frame`: a digit scaled and centred as MNIST's are.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from aeviz.data.digits import frame, paper, parts, reading, ruling
from aeviz.data.digits.frame import SIDE
from aeviz.data.digits.ink import BlankError, certain_ink, cut_out
from aeviz.data.digits.reading import MAX_BYTES, ImageError

__all__ = ["MAX_BYTES", "SIDE", "BlankError", "ImageError", "Stages", "plain", "stages", "to_mnist"]


@dataclass(frozen=True)
class Stages:
    """A picture on its way into 28 by 28.

    uploaded: (H, W, 3) uint8, upright, made smaller; grey: how bright it is, (H, W); ink: bright
    ink on black, (H, W), without shadows and ruled lines; strokes: the ink alone, cropped, (h, w);
    result: (28, 28); digits: (N, 28, 28), each digit by itself in reading order, the same as the
    result where there is one. All but the first are float32 in [0, 1].
    inverted: dark ink was made bright; threshold: what is brighter in `ink` is taken for ink.
    """

    uploaded: np.ndarray
    grey: np.ndarray
    ink: np.ndarray
    strokes: np.ndarray
    result: np.ndarray
    digits: np.ndarray
    inverted: bool
    threshold: float

    @property
    def strip(self) -> list[tuple[str, np.ndarray]]:
        """The images in their order, each with its name."""
        return [
            ("as uploaded", self.uploaded),
            ("grey", self.grey),
            ("inverted" if self.inverted else "not inverted", self.ink),
            ("cropped", self.strokes),
            (f"{SIDE} by {SIDE}", self.result),
        ]


def to_mnist(
    picture: reading.Picture, *, inverted: bool | None = None, threshold: float | None = None
) -> np.ndarray:
    """A picture as MNIST would hold it, (28, 28) float32 in [0, 1].

    Args:
        picture: a file's bytes, its path, or a PIL image.
        inverted: the ink is darker than the paper; found by itself where None.
        threshold: how much brighter than the paper ink is, in [0, 1]; found by itself where None.

    Raises:
        ImageError: not a picture, damaged, too large, or blank.

    Source: LeCun et al. 1998, see `frame.fitted`.
    """
    return stages(picture, inverted=inverted, threshold=threshold).result


def stages(
    picture: reading.Picture, *, inverted: bool | None = None, threshold: float | None = None
) -> Stages:
    """The images on the way to `to_mnist`, what was found by itself, and each digit alone.

    Two digits that touch are cut apart where little ink joins them; ones that run into each other
    stay together.

    Args and Raises: see `to_mnist`.
    """
    image = reading.opened(picture)
    grey = reading.grey(image)
    sheet = paper.alone(grey, inverted)
    if inverted is None:
        inverted = paper.is_brighter_than_ink(sheet)
    ink = ruling.without_lines(paper.lifted(sheet, inverted))
    core, levels, threshold = certain_ink(ink, threshold)
    strokes = cut_out(ink, core, levels)
    result = frame.fitted(strokes)
    found = itertools.islice(parts.each_digit(core), parts.MAX_DIGITS)
    each = [cut_out(ink[place], digit, levels) for place, digit in found]
    return Stages(
        uploaded=np.asarray(image.convert("RGB")),
        grey=grey,
        ink=ink,
        strokes=strokes,
        result=result,
        digits=np.stack([frame.fitted(one) for one in each]) if len(each) > 1 else result[None],
        inverted=inverted,
        threshold=threshold,
    )


def plain(picture: reading.Picture) -> np.ndarray:
    """A picture as it is but for its size, (28, 28) float32 in [0, 1]: its noise stays.

    Grey, the square in its middle, scaled by area; inverted where most of its border is bright.
    One of MNIST's size keeps all its pixels.

    Raises:
        ImageError: not a picture, damaged, or too large.
    """
    scaled = frame.square(reading.brightness(reading.opened(picture)))
    border = np.concatenate([scaled[[0, -1]].ravel(), scaled[:, [0, -1]].ravel()])
    return 1 - scaled if np.median(border) > 0.5 else scaled
