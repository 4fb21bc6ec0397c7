"""The contract that every autoencoder fulfils: Autoencoder, Loss, knob."""

from __future__ import annotations

import dataclasses
import math
import reprlib
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn


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


@dataclass(frozen=True)
class Knob:
    """Range, label and help of one setting; a form is drawn and a config validated from it."""

    label: str
    help: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] | None = None

    def check(self, name: str, value: Any, kind: type) -> Any:
        """Return the value as the knob's type, or raise a ValueError that names the knob."""
        shown = reprlib.repr(value)  # a file can hold a million letters where a number belongs
        if self.choices is not None:
            if value not in self.choices:
                raise ValueError(f"{name} must be one of {', '.join(self.choices)}, not {shown}.")
            return value
        if kind is bool:
            if not isinstance(value, bool):
                raise ValueError(f"{name} must be true or false, not {shown}.")
            return value
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not abs(value) <= sys.float_info.max  # JSON has whole numbers that no float holds
        ):
            raise ValueError(f"{name} must be a number, not {shown}.")
        if kind is int and value != int(value):
            raise ValueError(f"{name} must be a whole number, not {shown}.")
        if not self.low <= value <= self.high:
            raise ValueError(f"{name} must be from {self.low:g} to {self.high:g}, not {shown}.")
        return kind(value)


def knob(
    default: Any,
    *,
    label: str,
    help: str,
    low: float = -math.inf,
    high: float = math.inf,
    choices: tuple[str, ...] | None = None,
) -> Any:
    """A field of a Config: its default, its range or its choices, and what a student reads."""
    return dataclasses.field(
        default=default, metadata={"knob": Knob(label, help, low, high, choices)}
    )


@dataclass(frozen=True, kw_only=True)
class BaseConfig:
    """Settings that every variant has.

    Raises:
        ValueError: a value is outside its knob's range; the message names the knob.
    """

    latent_dim: int = knob(
        2,
        low=1,
        high=64,
        label="Latent dimension D",
        help="How many numbers the code has. Two can be drawn as a map; more keep more detail.",
    )

    def __post_init__(self) -> None:
        """Check each value against its knob."""
        for name, (setting, default) in knobs(type(self)).items():
            checked = setting.check(name, getattr(self, name), type(default))
            object.__setattr__(self, name, checked)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> BaseConfig:
        """A config from a file, a URL or a form.

        Raises:
            ValueError: an unknown name, or a value outside its knob's range.
        """
        unknown = sorted(set(values) - set(knobs(cls)))
        if unknown:
            raise ValueError(f"There is no setting {', '.join(unknown)}.")
        return cls(**values)

    @property
    def code_dim(self) -> int:
        """Width of the flat code."""
        return self.latent_dim

    def to_dict(self) -> dict[str, Any]:
        """The values by name, ready for JSON."""
        return dataclasses.asdict(self)


def knobs(config_class: type[BaseConfig]) -> dict[str, tuple[Knob, Any]]:
    """Each setting of a config class: its knob and its default, in the order of a form."""
    return {
        field.name: (field.metadata["knob"], field.default)
        for field in dataclasses.fields(config_class)
    }


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


RECONSTRUCTION_UNITS = {
    "bernoulli": "nats per image",
    "squared": "squared error per image",
    "absolute": "absolute error per image",
}


def reconstruction_knob(default: str) -> Any:
    """The setting that chooses between the kinds of `reconstruction_loss`."""
    return knob(
        default,
        choices=tuple(RECONSTRUCTION_UNITS),
        label="Reconstruction loss",
        help="How a pixel's error is counted. Bernoulli: cross-entropy in nats, kind to grey "
        "pixels. Squared: what MSE and PSNR measure. Absolute: forgiving of a few large errors.",
    )


def beta_knob() -> Any:
    """Weight of the KL term."""
    return knob(
        1.0,
        low=0.0,
        high=20.0,
        label="Beta",
        help="Weight of the KL term. 1 is the true ELBO; more gives a rounder, simpler map.",
    )


def binarise_knob() -> Any:
    """Whether grey pixels become black or white by chance, afresh in each step."""
    return knob(
        False,
        label="Black or white pixels",
        help="Each pixel is drawn white with its grey value as the chance, anew in each step. "
        "Published likelihoods are of such pictures.",
    )


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
