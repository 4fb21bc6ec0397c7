"""The contract that every autoencoder fulfils: Autoencoder, Loss, Likelihood."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from aeviz.data.datasets import MNIST, Shape
from aeviz.models.card import Card
from aeviz.models.settings import ERROR, ERRORS, LOG_P, RECONSTRUCTION_UNITS, BaseConfig, Recipe

EPSILON = 1e-6
"""Pixels of a decoder without logits are kept this far from 0 and 1 to have some."""


@dataclass(frozen=True)
class Loss:
    """What one batch cost, in parts.

    terms: weighted scalars in the model's `unit`; what is drawn is minimised.
    metrics: scalars or (D,) vectors that are watched, not minimised.
    """

    terms: dict[str, Tensor]
    metrics: dict[str, Tensor] = dataclasses.field(default_factory=dict)

    @property
    def total(self) -> Tensor:
        """The scalar that is minimised: the sum of the terms."""
        first, *others = self.terms.values()
        return sum(others, first)


class Autoencoder(nn.Module, ABC):
    """An encoder and a decoder for images (B, C, H, W) in [0, 1].

    A variant is one file in aeviz/models/variants/ that subclasses this once. Its class variables
    are what the pages show a student. It has `build`, `encode`, `loss`, and `logits` or `decode`;
    all else has a default, which says that it cannot.
    """

    title: ClassVar[str]
    year: ClassVar[int]
    source: ClassVar[str]
    formula: ClassVar[str]
    """The loss as LaTeX; where a person chooses the reconstruction loss, with the squared error."""
    idea: ClassVar[str]
    when: ClassVar[str]
    fails: ClassVar[str]
    presets: ClassVar[dict[str, BaseConfig]] = {}
    """Settings worth trying by their names; the first one is proposed."""
    recipe: ClassVar[Recipe] = Recipe()
    """How it is trained at first."""
    uses_labels: ClassVar[bool] = False
    """True: `labels` (B,) int64 goes into loss, encode, decode and logits, and may be left out of
    the last three. Then encode takes those that `classify` finds, and decode averages over all."""
    uses_visible: ClassVar[bool] = False
    """True: `visible` (B, H, W) bool may go into encode; False where a pixel is hidden from it.
    Without it nothing is hidden."""
    reads_rows: ClassVar[bool] = False
    """True: with `visible`, only the rows above the first one with a hidden pixel are read."""
    corrupts: ClassVar[bool] = False
    """True: it learns to reconstruct the clean image from what `corrupt` makes of it."""
    has_posterior: ClassVar[bool] = False
    """True: there is a Gaussian q(z|x), see `posterior`, and a `likelihood` of the pixels."""
    no_prior: ClassVar[str] = "It was never told where its codes should lie."
    """Why there is no prior, where `sample_prior` returns None."""
    gaussian_prior: ClassVar[bool] = False
    """True: codes are pressed into N(0, I), whatever `sample_prior` draws from."""
    sampler: ClassVar[str] = "The prior"
    """What `sample_prior` draws from, as a page calls it."""
    order: ClassVar[int] = 100
    """Place in a list of all: from simple to involved."""
    common: ClassVar[int] = 0
    """Place among those that the picker shows at once; 0: it stands behind "more"."""
    needs: ClassVar[tuple[str, ...]] = ()
    """What it is good for, keys of `NEEDS`, the one that it serves best first."""

    Config: ClassVar[type[BaseConfig]] = BaseConfig
    config: BaseConfig
    card: Card
    """What it is and how it was made; only a model out of a checkpoint has one."""
    likelihood: Likelihood
    """p(x|z); only a model that `has_posterior` has one."""

    def __init_subclass__(cls) -> None:
        """Refuse a variant whose `logits` and `decode` would wait for each other."""
        if cls.logits is Autoencoder.logits and cls.decode is Autoencoder.decode:
            raise TypeError(f"{cls.__name__} has neither logits nor decode.")

    def __init__(
        self,
        config: BaseConfig | None = None,
        *,
        shape: Shape = MNIST.shape,
        classes: int = len(MNIST.classes),
    ) -> None:
        """Build the layers that the config describes; weights come from torch's global seed.

        Args:
            shape: of the images, (C, H, W).
            classes: number of labels, for variants with `uses_labels`.

        Raises:
            ValueError: the variant cannot work on images of this shape.
        """
        super().__init__()
        self.config, self.shape, self.classes = config or self.Config(), shape, classes
        self.build()
        if self.has_posterior:
            self.likelihood = Likelihood(self.config.reconstruction)

    def build(self) -> None:
        """Make the layers that `config`, `shape` and `classes` describe."""

    @classmethod
    def formula_of(cls, config: BaseConfig) -> str:
        """What is minimised with these settings, for each image, as LaTeX."""
        kind = config.reconstruction
        if not cls.has_posterior:
            return cls.formula.replace(ERROR, ERRORS[kind])
        rows = [cls.formula, rf"\log p(x \mid z{', y' * cls.uses_labels}) = {LOG_P[kind]}"]
        if config.binarise:
            rows.append(r"x_i \sim \mathrm{Bernoulli}(\text{grey value of pixel } i)")
        return r"\begin{gathered} " + r" \\[4pt] ".join(rows) + r" \end{gathered}"

    @property
    def variant(self) -> str:
        """The name of the variant's file."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def code_dim(self) -> int:
        """Width of the flat code."""
        return self.config.code_dim(self.shape)

    @property
    def most_active(self) -> int:
        """So many units of a code are active on each image, by construction; 0 where none says."""
        return 0

    @property
    def unit(self) -> str:
        """What the loss terms are measured in."""
        if self.has_posterior:
            return "nats per image"
        return RECONSTRUCTION_UNITS[self.config.reconstruction]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Point code (B, code_dim) of images (B, C, H, W): the mean of a posterior."""

    def logits(self, z: Tensor) -> Tensor:
        """Decoder output (B, C, H, W) before the sigmoid, of codes (B, code_dim)."""
        return self.decode(z).logit(EPSILON)

    def decode(self, z: Tensor) -> Tensor:
        """Pixels (B, C, H, W) in [0, 1] of codes (B, code_dim).

        The sigmoid of the logits; a variant without a sigmoid has this instead of `logits`.
        """
        return self.logits(z).sigmoid()

    @abstractmethod
    def loss(self, x: Tensor) -> Loss:
        """Loss of a batch (B, C, H, W), drawing fresh noise where the variant has any."""

    def corrupt(self, x: Tensor) -> Tensor:
        """What it learns from in place of images x, same shape: x itself unless it `corrupts`."""
        return x

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor] | None:
        """Mean mu and log variance log_var of a Gaussian q(z|x), each (B, code_dim); None without.

        Where there is one, the prior is N(0, I), and `likelihood` says how probable pixels are
        given the `logits` of a code.
        """
        return None

    def classify(self, x: Tensor) -> Tensor | None:
        """The labels (B,) int64 that suit images best; None for a variant that takes none."""
        return None

    def active(self, z: Tensor) -> Tensor:
        """Where a unit of codes (B, code_dim) fires, bool."""
        return z != 0

    def activity(self, z: Tensor) -> Tensor:
        """How active each unit of codes (B, code_dim) is, from 0 to 1: 1 where it fires."""
        return self.active(z).float()

    def entries(self, z: Tensor) -> Tensor | None:
        """Which codebook entry stands at each place of codes (B, code_dim), (B, places) int64.

        None for a variant without a codebook, whose config has a `codebook_size` of 0.
        """
        return None

    def entries_nats(self, entries: Tensor) -> Tensor | None:
        """-log p (B,) of codebook entries (B, places) under the prior that was learned of them.

        None for a variant without such a prior.
        """
        return None

    def finish(self, codes: Tensor) -> None:
        """Fit, once after training, what is fitted to the codes (N, code_dim); kept as buffers."""

    def sample_prior(
        self, n: int, *, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor | None:
        """Codes (n, code_dim) from the prior, spread by the temperature; None without a prior."""
        if not self.gaussian_prior:
            return None
        z = torch.randn(n, self.code_dim, generator=generator)
        return temperature * z.to(self.device)


NEEDS = {
    "baseline": "The simplest baseline",
    "compression": "Good reconstructions from a short code",
    "noise": "Clean images from noisy ones",
    "features": "Features that can be read one by one",
    "stability": "Codes that pixel noise hardly moves",
    "samples": "New images",
    "classes": "New images of a class that I name",
    "symbols": "Codes made of symbols",
    "images": "Layers made for images",
    "sequences": "Sequences, also cut short",
    "missing": "Images with missing parts",
}
"""What a person may need an autoencoder for, as they would say it."""


def reconstruction_loss(logits: Tensor, x: Tensor, kind: str) -> Tensor:
    """How far a reconstruction is from its image, summed over pixels, averaged over the batch.

    Only the first kind is minus a log-likelihood; `Likelihood` makes one of each.

    Args:
        logits: decoder output before the sigmoid, (B, C, H, W).
        x: target in [0, 1], same shape.
        kind: "bernoulli" (cross-entropy, nats), "squared" (squared error) or "absolute"
            (absolute error).

    Source: Kingma & Welling 2013, arXiv:1312.6114, appendix C.1, for the Bernoulli case.
    """
    if kind == "bernoulli":
        total = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    elif kind == "squared":
        total = nn.functional.mse_loss(logits.sigmoid(), x, reduction="sum")
    elif kind == "absolute":
        total = nn.functional.l1_loss(logits.sigmoid(), x, reduction="sum")
    else:
        raise ValueError(f"There is no reconstruction loss {kind!r}.")
    return total / len(x)


class Likelihood(nn.Module):
    """p(x|z) of pixels x, of which a decoder gives the logits; log p and its mean are in nats.

    Bernoulli: a pixel is white with the sigmoid of its logit as the chance. For squared error a
    Gaussian about that sigmoid, for absolute error a Laplace distribution: both have one spread
    for all pixels of all images, the one that suits best. A batch in training takes its own; for
    all else `spread` keeps the moving mean, so that nothing is fitted to images that are measured.

    A density of grey pixels has the unit 1 / [0, 1] for each of them, and its logarithm may be
    above 0. A Bernoulli likelihood is one of black or white pixels: of grey ones it is no density
    (Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845).

    Source: Rybkin et al. 2021, arXiv:2006.13202, section 4.2 (optimal sigma).
    """

    START = {"squared": 0.5, "absolute": 1.0}
    """Spread before training: with it log p is minus the error alone, but for a constant."""
    MEMORY = 0.9
    """How much of its past stays in the spread after a batch."""
    LEAST = 1e-6
    """Of the spread. Pixels come in steps of 1/255: what is finer is no better."""

    spread: Tensor

    def __init__(self, kind: str) -> None:
        """A likelihood that goes with a kind of `reconstruction_loss`."""
        super().__init__()
        self.kind = kind
        if kind in self.START:
            self.register_buffer("spread", torch.tensor(self.START[kind]))

    def cost(self, logits: Tensor, x: Tensor) -> Tensor:
        """-log p(x|z), nats, averaged over a batch; both (B, C, H, W).

        In training the spread is that of the batch, the mean of its errors: there the derivative
        by the spread is 0, so that it may be held fixed.
        """
        error, pixels = reconstruction_loss(logits, x, self.kind), x[0].numel()
        if self.kind == "bernoulli":
            return error
        if not self.training:
            return self._density(error, pixels, self.spread)
        spread = (error.detach() / pixels).clamp(min=self.LEAST)
        self.spread.lerp_(spread, 1 - self.MEMORY)
        return self._density(error, pixels, spread)

    def log_prob(self, logits: Tensor, x: Tensor) -> Tensor:
        """Nats of log p(x|z) of each image, (K, B) for logits (K, B, P) and flat images (B, P)."""
        if self.kind == "bernoulli":
            # x log p + (1 - x) log(1 - p) = x logit - softplus(logit), summed over pixels.
            found = torch.einsum("kbp,bp->kb", logits, x)
            return found - nn.functional.softplus(logits).sum(2)
        error = logits.sigmoid() - x
        error = error.square() if self.kind == "squared" else error.abs()
        return -self._density(error.sum(2), x.shape[1], self.spread)

    def _density(self, error: Tensor, pixels: int, spread: Tensor) -> Tensor:
        """-log of a Gaussian density, `spread` its variance, or of a Laplace one, its scale."""
        if self.kind == "squared":
            return error / (2 * spread) + pixels / 2 * (2 * math.pi * spread).log()
        return error / spread + pixels * (2 * spread).log()
