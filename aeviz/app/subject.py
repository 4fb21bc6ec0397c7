"""A codec seen on a data set: what all sessions share of it, computed once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, Generic, TypeVar, cast

import numpy as np
import streamlit as st

from aeviz.analysis import (
    compare,
    errors,
    holes,
    inpainting,
    mechanism,
    neighbours,
    planes,
    sampling,
)
from aeviz.analysis.codec import Codec, ModelCodec, PCACodec, PixelsCodec, of_pca, of_pixels
from aeviz.analysis.estimate import Estimate
from aeviz.analysis.holes import Holes
from aeviz.app import library
from aeviz.data import corruption, datasets, perturb
from aeviz.data.datasets import Dataset
from aeviz.models import apply
from aeviz.models.base import Autoencoder
from aeviz.training.spec import training_set

SOME = 512
"""So many training codes are enough to begin a search from."""
WINDOWED = 2_000
"""So many test images are enough to show what a codebook entry encodes."""
MOVED = 500
"""So many test images are enough to say how far a change moves codes, to one or two per cent."""
DRAWN = 10_000
"""So many training codes, drawn at random, stand for all where all would take too long."""
MEASURED = 2_000
"""So many test codes, drawn at random, are measured where a search tree is no help."""
TRAINING_COST = 5_000
"""So many training images are enough to say what they cost."""

C = TypeVar("C", bound=Codec)
Method = TypeVar("Method", bound=Callable[..., Any])


def _shared(spinner: str, entries: int = 48) -> Callable[[Method], Method]:
    """A method whose result is computed once for everybody, kept under key, data and arguments.

    Results are shared and not copied, as a wide code is 40 MB: to be read only.
    """

    def decorate(method: Method) -> Method:
        def compute(key: str, data: str, _subject: Any, *args: Any) -> Any:
            return method(_subject, *args)

        compute.__qualname__ = method.__qualname__  # by which Streamlit tells caches apart
        kept = st.cache_resource(max_entries=entries, show_spinner=spinner)(compute)

        @wraps(method)
        def ask(self: Any, *args: Any) -> Any:
            return kept(self.key, self.data.name, self, *args)

        return cast(Method, ask)

    return decorate


@dataclass(frozen=True)
class Seen:
    """What a codec makes of images (N, H, W) in [0, 1]: codes (N, D), reconstructions."""

    images: np.ndarray
    codes: np.ndarray
    reconstructions: np.ndarray

    @cached_property
    def errors(self) -> errors.Errors:
        """Of each image, against its reconstruction."""
        return errors.compare(self.images, self.reconstructions)

    @property
    def differences(self) -> np.ndarray:
        """Reconstruction minus image, (N, H, W) in [-1, 1]."""
        return self.reconstructions - self.images


@dataclass(frozen=True)
class Subject(Generic[C]):
    """A codec seen on a data set."""

    codec: C
    data: Dataset

    @property
    def key(self) -> str:
        """The name of the model, or what else the codec is."""
        return self.codec.key

    @property
    def title(self) -> str:
        """What a person reads."""
        return self.codec.title

    @property
    def code_dim(self) -> int:
        """Width of a code."""
        return self.codec.code_dim

    @property
    def uses_labels(self) -> bool:
        """True for a model that is told the class of an image."""
        return False

    @property
    def told_bits(self) -> float:
        """What the class of an image tells at most beside its code, bits; 0 for who takes none."""
        return 0.0

    @property
    def learned_from(self) -> str:
        """Which images it was fitted to, as a person reads it; empty where to none."""
        if isinstance(self.codec, PixelsCodec):
            return ""
        return f"{len(self.data.train_images):,} training images of {self.data.title}"

    def see(self, images: np.ndarray, labels: np.ndarray | None = None) -> Seen:
        """What it makes of images (N, H, W) in [0, 1].

        Args:
            labels: (N,), for a model that is told the class; found by it where left out.
        """
        codes = self.codec.encode(images, labels)
        return Seen(images, codes, self.codec.decode(codes, labels))

    @_shared("Encoding the test images")
    def codes(self) -> np.ndarray:
        """Codes (N, D) of the test images."""
        return self.codec.encode(self.data.test_images, self.data.test_labels)

    @_shared("Encoding the training images", entries=8)
    def training_codes(self) -> np.ndarray:
        """Codes (N, D) of the training images."""
        return self.codec.encode(self.data.train_images, self.data.train_labels)

    @_shared("Reconstructing all test images")
    def errors(self) -> errors.Errors:
        """Errors of the reconstructions of all test images."""
        found = self.codec.decode(self.codes(), self.data.test_labels)
        return errors.compare(self.data.test_images, found)

    @_shared("Laying a plane through the codes")
    def plane(self) -> planes.Plane:
        """The plane on which the test codes are seen."""
        return planes.default_plane(self.codes())

    @_shared("Measuring the distances between codes", entries=96)
    def distance(self) -> Estimate:
        """Median distance between the codes of two test images."""
        return compare.typical_distance(self.codes())

    @_shared("Measuring how far codes move", entries=400)
    def moves(self, change: str, strength: float) -> Estimate:
        """How far a change of a strength moves the code, a mean in typical distances.

        Of the first 500 test images; a model that takes labels is told those.

        Args:
            change: a key of `perturb.KINDS`.
        """
        images = datasets.to_float(self.data.test_images[:MOVED])
        changed = perturb.KINDS[change].apply(images, strength).astype(np.float32)
        codes = self.codec.encode(changed, self.data.test_labels[:MOVED])
        return compare.mean_movement(codes, self.codes()[:MOVED], self.distance())

    @_shared("Measuring the spread of the codes", entries=96)
    def usual(self) -> np.ndarray:
        """Between which values (2, D) the middle 90 % of the test codes lie, in each dimension."""
        return np.percentile(self.codes(), (5, 95), axis=0)

    def trained_with(self) -> np.ndarray:
        """Indices of the training images that it was fitted to."""
        return np.arange(len(self.data.train_images))

    @_shared("Encoding some training images", entries=24)
    def drawn_codes(self) -> np.ndarray:
        """Codes (10000, D) of training images drawn at random.

        No more are encoded: a transformer takes a minute for all 60,000.
        """
        images, labels = self.data.train_images, self.data.train_labels
        some = np.random.default_rng(0).permutation(self.trained_with())[:DRAWN]
        return self.codec.encode(images[some], labels[some])

    @_shared("Encoding the training images", entries=24)
    def known(self) -> neighbours.Known:
        """The training codes that distances are measured to: all that it learned from.

        In more than 8 dimensions 10,000 of them: to all 60,000 the nearest would be a seventh
        nearer (vanilla, 16 and 32 dimensions; variational, 32: a fifth), for test codes and for
        whatever is compared with them alike.
        """
        if self.code_dim > neighbours.NARROW:
            return neighbours.Known(self.drawn_codes())
        return neighbours.Known(self.training_codes()[self.trained_with()])

    def _asked(self) -> np.ndarray:
        """Test codes whose distance to training codes is measured: all, of wide ones some."""
        codes = self.codes()
        if self.code_dim <= neighbours.NARROW:
            return codes
        return codes[np.random.default_rng(0).permutation(len(codes))[:MEASURED]]

    @_shared("Measuring the distances between codes")
    def gaps(self) -> np.ndarray:
        """Distance of test codes to the nearest training code: of all (N,), of wide ones 2,000."""
        return self.known().away(self._asked())

    def far(self) -> float:
        """The distance beyond which a place is far from every training code."""
        return holes.far(self.gaps())

    @_shared("Looking for holes", entries=96)
    def holes(self) -> Holes:
        """How much of the space among its test codes is far from every training code."""
        return holes.find(self._asked(), self.gaps(), self.known().away)

    def neighbours(
        self, code: np.ndarray, k: int, without: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k test images whose codes are nearest to one (D,): distances and indices (k,).

        Args:
            without: indices that do not count.
        """
        return compare.neighbours(self.codes(), code, k, without)

    def pca(self, width: int | None = None) -> Subject[PCACodec]:
        """PCA of the same data, as wide as this code where no width is given."""
        return Subject(of_pca(self.data, width or self.code_dim), self.data)

    def pixels(self) -> Subject[PixelsCodec]:
        """The pixels of the same data."""
        return Subject(of_pixels(self.data), self.data)


@dataclass(frozen=True)
class ModelSubject(Subject[ModelCodec]):
    """A model seen on a data set."""

    @property
    def model(self) -> Autoencoder:
        """The model itself."""
        return self.codec.model

    @property
    def uses_labels(self) -> bool:
        """True for a model that is told the class of an image."""
        return self.model.uses_labels

    @property
    def told_bits(self) -> float:
        """log2 of the number of classes."""
        return math.log2(self.model.classes) if self.uses_labels else 0.0

    @property
    def learned_from(self) -> str:
        """Number, class and corruption of its training images, by its card."""
        card = self.model.card
        source = datasets.SOURCES[card.data]
        text = f"{card.trained_on:,} training images of {source.title}"
        if card.digit is not None:
            text += f", all of class {source.classes[card.digit]}"
        if self.model.corrupts:
            kind = corruption.CORRUPTIONS[card.config.corruption]
            text += f", corrupted ({kind.title}, {kind.strength} {card.config.level:g})"
        return text

    def see(self, images: np.ndarray, labels: np.ndarray | None = None) -> Seen:
        """What it makes of images; a model that takes labels is told those that it finds itself."""
        return super().see(images, apply.classify(self.model, images) if labels is None else labels)

    @_shared("Encoding some images", entries=24)
    def some_codes(self) -> np.ndarray:
        """Codes (512, D) of the first training images."""
        images, labels = self.data.train_images, self.data.train_labels
        return self.codec.encode(images[:SOME], labels[:SOME])

    def trained_with(self) -> np.ndarray:
        """Indices of the training images that it was trained on, as far as they are known."""
        data, spec = self.data, library.spec(self.key)
        if self.model.card.data != data.name:
            return super().trained_with()
        seen = slice(max(self.model.card.trained_on, 1))
        if spec:
            seen = training_set(spec, data.train_labels)
        return np.arange(len(data.train_images))[seen]

    @_shared("Fitting the mixture", entries=24)
    def mixture(self, components: int) -> sampling.Mixture:
        """A Gaussian mixture fitted to codes of training images drawn at random."""
        return sampling.fit_mixture(self.drawn_codes(), components)

    def draw(
        self, source: str, n: int, temperature: float, seed: int, components: int = 1
    ) -> np.ndarray:
        """Codes (n, D) drawn anew.

        Args:
            source: "prior", "normal" for N(0, I), or "mixture", fitted to its codes.
            components: of the mixture.
        """
        if source == "mixture":
            return sampling.sample_mixture(self.mixture(components), n, temperature, seed)
        if source == "normal":
            return sampling.sample_normal(self.code_dim, n, temperature, seed)
        codes = sampling.sample_prior(self.model, n, temperature, seed)
        if codes is None:
            raise ValueError(f"{self.title} has no prior.")
        return codes

    @_shared("Comparing draws with codes", entries=200)
    def told_apart(
        self, source: str, temperature: float, components: int
    ) -> tuple[Estimate, Estimate]:
        """How often the nearest neighbour of a draw is a draw, and that of a test code a code.

        N(0, I) is compared with draws from the posteriors, which it is the prior of; what was
        fitted to codes with codes.
        """
        images, labels = self.data.test_images, self.data.test_labels
        # Drawn at random: neighbours in the test set are of one hand, and its first half is easier.
        some = np.random.default_rng(0).permutation(len(images))[: sampling.TOLD]
        some = some[: len(some) // sampling.GROUPS * sampling.GROUPS]
        if source in ("prior", "normal"):
            codes = sampling.posterior_codes(self.model, images[some], labels[some], seed=1)
        else:
            codes = self.codes()[some]
        return sampling.told_apart(self.draw(source, len(some), temperature, 0, components), codes)

    def fill(self, image: np.ndarray, visible: np.ndarray) -> inpainting.Filled:
        """An image (H, W) whose hidden part the model filled in by its own way.

        Args:
            visible: (H, W) bool, False where a pixel is hidden.
        """
        return _filled(self.key, self.data.name, image, visible, self)

    @_shared("Measuring each term of the loss")
    def costs(self) -> tuple[mechanism.Cost, mechanism.Cost]:
        """What all test images cost the model, and what some that it was trained on do."""
        data = self.data
        some = np.random.default_rng(0).permutation(self.trained_with())[:TRAINING_COST]
        return (
            mechanism.cost(self.model, data.test_images, data.test_labels),
            mechanism.cost(self.model, data.train_images[some], data.train_labels[some]),
        )

    @_shared("Measuring how steep the encoder is")
    def spectrum(self) -> np.ndarray | None:
        """Singular values (N, R) of the encoder at some test images; None where it jumps."""
        return mechanism.spectrum(self.model, self.data.test_images, self.data.test_labels)

    @_shared("Counting codebook entries")
    def entries(self) -> tuple[np.ndarray, np.ndarray]:
        """Share of all places that each codebook entry has (K,), what stands there (K, H, W)."""
        codes, images = self.codes(), self.data.test_images
        seen = mechanism.windows(self.model, codes[:WINDOWED], images[:WINDOWED])
        return mechanism.usage(self.model, codes), seen


@st.cache_data(max_entries=200, show_spinner=False)
def _filled(
    key: str, data: str, image: np.ndarray, visible: np.ndarray, _subject: ModelSubject
) -> inpainting.Filled:
    model = _subject.model
    search = not model.gaussian_prior and inpainting.way(model) == "search"
    return inpainting.fill(model, image, visible, _subject.some_codes() if search else None)
