"""The variants by name, found in their folder."""

from __future__ import annotations

import importlib
import math
import pkgutil
from types import ModuleType

from aeviz.models import variants
from aeviz.models.base import Autoencoder


def discover(package: ModuleType) -> dict[str, type[Autoencoder]]:
    """Every variant of a package by its file's name, from simple to involved.

    Raises:
        TypeError: a file does not define exactly one Autoencoder. Import errors pass through.
    """
    found: dict[str, type[Autoencoder]] = {}
    for info in pkgutil.iter_modules(package.__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        classes = [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, Autoencoder)
            and value.__module__ == module.__name__
        ]
        if len(classes) != 1:
            raise TypeError(f"{module.__name__} defines {len(classes)} variants; one is wanted.")
        found[info.name] = classes[0]
    return dict(sorted(found.items(), key=lambda item: (item[1].order, item[0])))


MODELS = discover(variants)
"""Variant name -> class."""


def short_title(variant: str) -> str:
    """A variant's title without the word that all of them share."""
    return MODELS[variant].title.replace(" autoencoder", "")


def dimensions(count: int) -> str:
    """So many dimensions of a code, in words: "one latent dimension", "1,024 latent dimensions"."""
    return "one latent dimension" if count == 1 else f"{count:,} latent dimensions"


def places(model: Autoencoder) -> int:
    """How many codebook entries an image becomes, of a model with a codebook."""
    return model.code_dim // model.config.latent_dim


def code(model: Autoencoder) -> tuple[str, str]:
    """What an image becomes: whether it is "squeezed" or "turned" into its code, and that code.

    As in "squeezed", "49 symbols from a codebook of 64"; "turned", "1,024 latent dimensions, more
    than an image has pixels".
    """
    alphabet = model.config.codebook_size
    if alphabet:
        return "squeezed", f"{places(model):,} symbols from a codebook of {alphabet:,}"
    if 0 < model.most_active < model.code_dim:
        return "turned", f"{dimensions(model.code_dim)}, of which {model.most_active:,} are active"
    if model.code_dim >= math.prod(model.shape):
        more = "more than" if model.code_dim > math.prod(model.shape) else "as many as"
        return "turned", f"{dimensions(model.code_dim)}, {more} an image has pixels"
    return "squeezed", dimensions(model.code_dim)


def describe(variant: str, code_dim: int) -> str:
    """Variant and code width as a person reads them."""
    return f"{short_title(variant)}, {code_dim:,} dimension{'' if code_dim == 1 else 's'}"
