"""Any picture a person hands in, turned into what MNIST holds: 28 by 28, bright ink on black."""

from aeviz.data.digits.parts import (
    HEIC,
    MAX_BYTES,
    MAX_DIGITS,
    BlankError,
    ImageError,
    Stages,
    digits,
    otsu,
    plain,
    stages,
    to_mnist,
)

__all__ = [
    "HEIC",
    "MAX_BYTES",
    "MAX_DIGITS",
    "BlankError",
    "ImageError",
    "Stages",
    "digits",
    "otsu",
    "plain",
    "stages",
    "to_mnist",
]
