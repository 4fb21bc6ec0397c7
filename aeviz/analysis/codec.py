"""Images to codes and back: a model, PCA with some components, or the pixels as they are."""

from __future__ import annotations

import copy
import hashlib
import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from aeviz.analysis import pca
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from aeviz.models.base import Autoencoder
from aeviz.models.zoo import describe


class Codec(Protocol):
    """What a model, PCA and raw pixels have in common, so that they can be compared."""

    @property
    def title(self) -> str:
        """What a person reads."""
        ...

    @property
    def key(self) -> str:
        """A short text that is the same for the same codec and another for any other."""
        ...

    @property
    def code_dim(self) -> int:
        """Width of the flat code."""
        ...

    @property
    def alphabet(self) -> int:
        """How many symbols there are to make a code of; 0 where it is made of numbers."""
        ...

    def symbols(self, codes: np.ndarray) -> np.ndarray | None:
        """Which symbol stands at each place of codes (N, code_dim), (N, places); None without."""
        ...

    def prior_bits(self, codes: np.ndarray) -> np.ndarray | None:
        """Bits (N,) of the symbols of codes under a prior that was learned; None without one."""
        ...

    def decoder_bytes(self, *, prior: bool = False) -> int:
        """Bytes of the weights that decoding needs, as a checkpoint keeps them.

        Args:
            prior: with those of the prior that was learned.
        """
        ...

    def classify(self, images: np.ndarray) -> np.ndarray | None:
        """The labels (N,) that belong to the codes of images; None where none do."""
        ...

    def encode(self, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Codes (N, code_dim) float32 of images (N, H, W), uint8 or float in [0, 1].

        Args:
            labels: (N,), for a codec that classifies; found by itself where left out.
        """
        ...

    def decode(self, codes: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Images (N, H, W) float32 in [0, 1] of codes (N, code_dim)."""
        ...


def _digest(*parts: object) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class ModelCodec:
    """An autoencoder's code. Where it takes labels, those that it finds belong to the code."""

    model: Autoencoder
    key: str
    title: str

    @property
    def code_dim(self) -> int:
        """Width of the flat code."""
        return self.model.code_dim

    @property
    def alphabet(self) -> int:
        """The size of the codebook."""
        return self.model.config.codebook_size

    @torch.no_grad()
    def symbols(self, codes: np.ndarray) -> np.ndarray | None:
        """Codebook entries."""
        return _joined([self.model.entries(some) for some in self._split(codes)])

    @torch.no_grad()
    def prior_bits(self, codes: np.ndarray) -> np.ndarray | None:
        """Of codebook entries, where a prior over them was learned."""
        grids = [self.model.entries(some) for some in self._split(codes)]
        nats = _joined([None if some is None else self.model.entries_nats(some) for some in grids])
        return None if nats is None else nats / math.log(2)

    def _split(self, codes: np.ndarray) -> tuple[torch.Tensor, ...]:
        return torch.from_numpy(codes).to(self.model.device).split(apply.BATCH)

    def decoder_bytes(self, *, prior: bool = False) -> int:
        """Of all weights that `decode` reads, and the prior where it is asked for."""
        return sum(map(checkpoint.kept_bytes, _read(self.model, prior)))

    def classify(self, images: np.ndarray) -> np.ndarray | None:
        """The labels that the model finds."""
        return apply.classify(self.model, images)

    def encode(self, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Point codes."""
        return apply.encode(self.model, images, labels)

    def decode(self, codes: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """The decoder's images."""
        return apply.decode(self.model, codes, labels)


def _joined(parts: list[torch.Tensor | None]) -> np.ndarray | None:
    """What a model says batch by batch; None where it says nothing."""
    found = [part.detach().cpu().numpy() for part in parts if part is not None]
    return np.concatenate(found) if found else None


@torch.no_grad()
def _read(model: Autoencoder, prior: bool) -> list[torch.Tensor]:
    """The weights that a reconstruction depends on: it is NaN where one of them is."""
    other = copy.deepcopy(model).eval()
    code = other.encode(torch.zeros(1, *other.shape, device=other.device))
    entries = other.entries(code) if prior else None

    def answers() -> list[torch.Tensor | None]:
        return [other.decode(code), None if entries is None else other.entries_nats(entries)]

    found = {}
    for weight in other.state_dict().values():
        if weight.is_floating_point():
            before = weight.clone()
            weight.fill_(torch.nan)
            if any(answer is not None and answer.isnan().any() for answer in answers()):
                found[weight.data_ptr()] = before  # once, also where two layers share it
            weight.copy_(before)
    return list(found.values())


@dataclass(frozen=True, eq=False)
class PCACodec:
    """PCA's code, its reconstructions clipped to [0, 1]."""

    linear: pca.PCA
    key: str
    alphabet: int = 0

    @property
    def title(self) -> str:
        """With how many components."""
        return f"PCA, {self.code_dim:,} component{'s' * (self.code_dim != 1)}"

    @property
    def code_dim(self) -> int:
        """How many components there are."""
        return len(self.linear.components)

    def symbols(self, codes: np.ndarray) -> np.ndarray | None:
        """It has none."""
        return None

    def prior_bits(self, codes: np.ndarray) -> np.ndarray | None:
        """It has none."""
        return None

    def decoder_bytes(self, *, prior: bool = False) -> int:
        """Of the mean and the components, rounded as weights of a model are."""
        parts = map(torch.from_numpy, (self.linear.mean, self.linear.components))
        return sum(checkpoint.kept_bytes(checkpoint.rounded(part)) for part in parts)

    def classify(self, images: np.ndarray) -> np.ndarray | None:
        """No labels belong to it."""
        return None

    def encode(self, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Coordinates along the components."""
        return self.linear.encode(images)

    def decode(self, codes: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """The mean and the components, clipped."""
        return np.clip(self.linear.decode(codes), 0, 1)


@dataclass(frozen=True)
class PixelsCodec:
    """Every pixel is a dimension of the code: what codes are compared with.

    shape: of an image as an array, (H, W), or (C, H, W) of several channels.
    """

    shape: tuple[int, ...]
    alphabet: int = 0
    title: str = "Raw pixels"

    @property
    def key(self) -> str:
        """Of the shape."""
        return _digest("pixels", self.shape)

    @property
    def code_dim(self) -> int:
        """How many pixels there are."""
        return math.prod(self.shape)

    def symbols(self, codes: np.ndarray) -> np.ndarray | None:
        """It has none."""
        return None

    def prior_bits(self, codes: np.ndarray) -> np.ndarray | None:
        """It has none."""
        return None

    def decoder_bytes(self, *, prior: bool = False) -> int:
        """Nothing is decoded."""
        return 0

    def classify(self, images: np.ndarray) -> np.ndarray | None:
        """No labels belong to it."""
        return None

    def encode(self, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """The pixels in a row, in [0, 1]."""
        return datasets.to_float(images).reshape(len(images), -1)

    def decode(self, codes: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """The pixels in their places, clipped."""
        return np.clip(codes, 0, 1).reshape(-1, *self.shape).astype(np.float32)


def of_model(model: Autoencoder) -> Codec:
    """A model's code; its key is of the settings and the weights as they are now."""
    weights = (weight.detach().cpu().numpy() for weight in model.state_dict().values())
    world = model.variant, model.config, model.shape, model.classes
    title = describe(model.variant, model.code_dim)
    return ModelCodec(model, _digest(*world, *weights), title)


def of_pca(dataset: datasets.Dataset, components: int) -> PCACodec:
    """The code of PCA fitted to the training images of a data set."""
    linear = pca.pca(dataset, components)
    return PCACodec(linear, _digest("pca", linear.shape, linear.mean, linear.components))


def of_pixels(dataset: datasets.Dataset) -> PixelsCodec:
    """The pixels of a data set's images as they are."""
    return PixelsCodec(dataset.train_images.shape[1:])
