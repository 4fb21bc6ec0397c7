"""Any picture that a person hands in, turned into what MNIST holds: 28 by 28, bright ink on black.

A picture's path, one file after the other; `pipeline` runs them, `masks` measures for them:

- `reading`: a stranger's file, decoded safely: upright, made smaller, grey.
- `paper`: what is paper in it and around it; the ink is lifted off, without shadows.
- `ruling`: the lines that the paper is ruled with are taken out.
- `ink`: which pixels are ink for certain, and how bright a full stroke is.
- `parts`: the digits of one picture, told apart, in reading order.
- `frame`: a digit scaled and centred as MNIST's are.
"""

from aeviz.data.digits.frame import SIDE
from aeviz.data.digits.ink import BlankError
from aeviz.data.digits.pipeline import Stages, plain, stages, to_mnist
from aeviz.data.digits.reading import MAX_BYTES, ImageError

__all__ = ["MAX_BYTES", "SIDE", "BlankError", "ImageError", "Stages", "plain", "stages", "to_mnist"]
