"""Autoencoders on MNIST, small enough to read and fast enough to play with.

>>> import aeviz
>>> digits = aeviz.load_dataset("mnist")
>>> model = aeviz.load_model("variational-2d")
>>> codes = aeviz.encode(model, digits.test_images[:3])
>>> codes.shape, aeviz.decode(model, codes).shape
((3, 2), (3, 28, 28))

Each name is looked up when it is first used, so that the import itself loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aeviz.data.datasets import load as load_dataset
    from aeviz.data.digits import ImageError, to_mnist
    from aeviz.models.apply import decode, encode
    from aeviz.models.checkpoint import load as load_model
    from aeviz.models.checkpoint import save as save_model
    from aeviz.models.zoo import MODELS
    from aeviz.training.loop import fit

__all__ = [
    "MODELS",
    "ImageError",
    "decode",
    "encode",
    "fit",
    "load_dataset",
    "load_model",
    "save_model",
    "to_mnist",
]

_DOORS = {
    "MODELS": "aeviz.models.zoo.MODELS",
    "ImageError": "aeviz.data.digits.ImageError",
    "decode": "aeviz.models.apply.decode",
    "encode": "aeviz.models.apply.encode",
    "fit": "aeviz.training.loop.fit",
    "load_dataset": "aeviz.data.datasets.load",
    "load_model": "aeviz.models.checkpoint.load",
    "save_model": "aeviz.models.checkpoint.save",
    "to_mnist": "aeviz.data.digits.to_mnist",
}


def __getattr__(name: str) -> Any:
    if name not in _DOORS:
        raise AttributeError(f"module 'aeviz' has no attribute {name!r}")
    module, _, there = _DOORS[name].rpartition(".")
    return getattr(importlib.import_module(module), there)
