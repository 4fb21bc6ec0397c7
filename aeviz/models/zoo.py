"""The variants by name, found in their folder."""

from __future__ import annotations

import importlib
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


def describe(variant: str, code_dim: int) -> str:
    """Variant and code width as a person reads them."""
    return f"{short_title(variant)}, {code_dim:,} dimension{'' if code_dim == 1 else 's'}"
