"""A way from images to codes and back: a model, PCA or the pixels themselves, asked alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from aeviz.analysis import pca
from aeviz.data import datasets
from aeviz.data.datasets import Dataset
from aeviz.models import apply
from aeviz.models.base import Autoencoder


class Codec(Protocol):
    """Images to codes and back."""

    @property
    def key(self) -> str:
        """The same for the same codec, different for any other."""
        ...

    @property
    def title(self) -> str:
        """What a person reads."""
        ...

    @property
    def code_dim(self) -> int:
        """Width of a code."""
        ...

    def encode(self, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Codes (N, code_dim) of images (N, H, W), uint8 or float in [0, 1]."""
        ...

    def decode(self, codes: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Images (N, H, W) float32 in [0, 1] of codes (N, code_dim)."""
        ...


@dataclass(frozen=True)
class Model:
    """A trained model; labels (N,) that it uses are found by itself where left out."""

    key: str
    title: str
    model: Autoencoder

    @property
    def code_dim(self) -> int:
        """Width of a code."""
        return self.model.code_dim

    def encode(self, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Codes (N, code_dim) of images (N, H, W)."""
        return apply.encode(self.model, images, labels)

    def decode(self, codes: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Images (N, H, W) of codes; the mean over all classes where no labels are given."""
        return apply.decode(self.model, codes, labels)


@dataclass(frozen=True)
class Components:
    """PCA fitted to the training images of a data set; there are no more axes than pixels."""

    data: Dataset
    width: int

    @property
    def code_dim(self) -> int:
        """How many components."""
        return min(self.width, self.data.test_images[0].size)

    @property
    def key(self) -> str:
        """Says how many components."""
        return f"pca-{self.code_dim}"

    @property
    def title(self) -> str:
        """Says how many components."""
        return f"PCA, {self.code_dim:,} component{'' if self.code_dim == 1 else 's'}"

    def encode(self, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Codes (N, code_dim) of images (N, H, W)."""
        return pca.pca(self.data.name, self.code_dim).encode(images)

    def decode(self, codes: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Images (N, H, W) of codes, clipped to [0, 1] as pixels are."""
        return np.clip(pca.pca(self.data.name, self.code_dim).decode(codes), 0, 1)


@dataclass(frozen=True)
class Pixels:
    """No code at all: each pixel is a dimension."""

    shape: tuple[int, int]
    key: str = "pixels"
    title: str = "raw pixels"

    @property
    def code_dim(self) -> int:
        """How many pixels."""
        return self.shape[0] * self.shape[1]

    def encode(self, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """The pixels of images (N, H, W) in a row, (N, H * W)."""
        return datasets.to_float(images).reshape(len(images), -1)

    def decode(self, codes: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """The images themselves."""
        return codes.reshape(-1, *self.shape)
