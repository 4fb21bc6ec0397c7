"""The contract that every autoencoder fulfils: Autoencoder, Loss."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from aeviz.models.settings import RECONSTRUCTION_UNITS, BaseConfig


@dataclass(frozen=True)
class Loss:
    """What one batch cost, in parts.

    terms: weighted scalars in nats per image (or the stated unit); what is drawn is minimised.
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
    """An encoder and a decoder for images (B, 1, 28, 28) in [0, 1].

    A variant is one file in aeviz/models/ that subclasses this once. Its class variables are
    what the pages show a student.
    """

    title: ClassVar[str]
    year: ClassVar[int]
    source: ClassVar[str]
    formula: ClassVar[str]
    """The loss as LaTeX."""
    idea: ClassVar[str]
    when: ClassVar[str]
    fails: ClassVar[str]
    presets: ClassVar[dict[str, BaseConfig]] = {}
    uses_labels: ClassVar[bool] = False
    """True: `labels` (B,) int64 goes into loss, encode and decode, and may be left out of the last
    two. Then encode takes those that `classify` finds, and decode averages over all ten."""
    uses_visible: ClassVar[bool] = False
    """True: `visible` (B, 28, 28) bool may go into encode; False where a pixel is hidden from it.
    Without it nothing is hidden."""
    reads_rows: ClassVar[bool] = False
    """True: with `visible`, only the rows above the first one with a hidden pixel are read."""
    no_prior: ClassVar[str] = "It was never told where its codes should lie."
    """Why there is no prior, where `sample_prior` returns None."""
    gaussian_prior: ClassVar[bool] = False
    """True: codes are pressed into N(0, I), whatever `sample_prior` draws from."""
    sampler: ClassVar[str] = "The prior"
    """What `sample_prior` draws from, as a page calls it."""
    order: ClassVar[int] = 100
    """Place in the picker: from simple to involved."""
    needs: ClassVar[tuple[str, ...]] = ()
    """What it is good for, keys of `NEEDS`, the one that it serves best first."""

    Config: ClassVar[type[BaseConfig]] = BaseConfig

    def __init__(self, config: BaseConfig | None = None) -> None:
        """Build the layers that the config describes; weights come from torch's global seed."""
        super().__init__()
        self.config: Any = config or self.Config()
        self.card: Any = None

    @property
    def variant(self) -> str:
        """The name of the variant's file."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def code_dim(self) -> int:
        """Width of the flat code."""
        return self.config.code_dim

    @property
    def unit(self) -> str:
        """What the loss terms are measured in."""
        return RECONSTRUCTION_UNITS[getattr(self.config, "reconstruction", "bernoulli")]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Point code (B, code_dim) of images (B, 1, 28, 28): the mean of a posterior."""

    @abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """Pixels (B, 1, 28, 28) in [0, 1] of codes (B, code_dim)."""

    @abstractmethod
    def loss(self, x: Tensor) -> Loss:
        """Loss of a batch (B, 1, 28, 28), drawing fresh noise where the variant has any."""

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor] | None:
        """Mean mu and log variance log_var of a Gaussian q(z|x), each (B, code_dim); None without.

        Where there is one, the prior is N(0, I), and `logits` (B, 1, 28, 28) of codes are those
        of the pixels' probabilities: what a likelihood needs.
        """
        return None

    def classify(self, x: Tensor) -> Tensor | None:
        """The labels (B,) int64 that suit images best; None for a variant that takes none."""
        return None

    def finish(self, codes: Tensor) -> None:
        """Fit, once after training, what is fitted to the codes (N, code_dim); kept as buffers."""

    def sample_prior(
        self, n: int, *, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor | None:
        """Codes (n, code_dim) from the prior, spread by the temperature; None without a prior."""
        return None


NEEDS = {
    "baseline": "The simplest baseline",
    "compression": "Good copies from few numbers",
    "noise": "Clean pictures from noisy ones",
    "features": "Features that can be read one by one",
    "stability": "Codes that small changes hardly move",
    "samples": "New pictures",
    "classes": "New pictures of a class that I name",
    "symbols": "Codes made of symbols",
    "images": "Layers made for images",
    "sequences": "Sequences, also cut short",
    "missing": "Pictures with missing parts",
}
"""What a person may need an autoencoder for, as they would say it."""


def reconstruction_loss(logits: Tensor, x: Tensor, kind: str) -> Tensor:
    """Summed over pixels, averaged over the batch: then beta = 1 is the true ELBO.

    Args:
        logits: decoder output before the sigmoid, (B, 1, 28, 28).
        x: target in [0, 1], same shape.
        kind: "bernoulli" (nats), "squared" (squared error) or "absolute" (absolute error).

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
