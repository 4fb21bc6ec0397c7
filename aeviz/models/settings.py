"""Settings of a variant: a knob for each, a config of them, and the knobs that variants share."""

from __future__ import annotations

import dataclasses
import math
import reprlib
import sys
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from aeviz.data.datasets import Shape
from aeviz.models.nets import ACTIVATIONS


@dataclass(frozen=True)
class Knob:
    """Range, label and help of one setting; a form is drawn and a config validated from it.

    when: values of other settings with which it counts, by their names; always where empty.
    live: it may change while a model trains: a weight or a strength that no layer is built from.
    """

    label: str
    help: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] | None = None
    when: Mapping[str, Collection[Any]] = dataclasses.field(default_factory=dict)
    live: bool = False

    def counts(self, values: Mapping[str, Any]) -> bool:
        """Whether it changes anything beside these values of the others, by name.

        Where it does not it keeps its value and is not shown. A setting that there is not, as the
        number of hidden layers of a convolutional variant, forbids nothing.
        """
        return all(values[name] in those for name, those in self.when.items() if name in values)

    def condition(self, names: Container[str]) -> str:
        """With what it counts, among settings of these names: "kind L1 or KL"; empty if always."""
        return ", ".join(
            f"{name} {those[0]} to {those[-1]}"
            if isinstance(those, range)
            else f"{name} {' or '.join(map(str, those))}"
            for name, those in self.when.items()
            if name in names
        )

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
    when: Mapping[str, Collection[Any]] | None = None,
    live: bool = False,
) -> Any:
    """A field of a Config: its default, its range or its choices, and what a student reads.

    Args:
        when: values of other settings with which it counts, by their names; always if left out.
        live: it may change while a model trains; `loss` then reads it from `config` each time.
    """
    return dataclasses.field(
        default=default,
        metadata={"knob": Knob(label, help, low, high, choices, when or {}, live)},
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

    # What holds for a variant that has no such knob.
    reconstruction = "bernoulli"
    binarise = False
    """Whether grey pixels become black or white by chance."""
    corruption, level = "none", 0.0
    """What it learns to undo, a key of `aeviz.data.corruption.CORRUPTIONS`, and how strong."""
    codebook_size = 0
    before: ClassVar[dict[str, Any]] = {}
    """What a file means that does not have a setting, since it is older than that."""

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

    @classmethod
    def from_file(cls, values: dict[str, Any]) -> BaseConfig:
        """A config from a file, which may be older than some settings.

        Raises:
            ValueError: see `from_dict`.
        """
        return cls.from_dict(cls.before | values)

    def code_dim(self, shape: Shape) -> int:
        """Width of the flat code of images (C, H, W)."""
        return self.latent_dim

    def to_dict(self) -> dict[str, Any]:
        """The values by name, ready for JSON."""
        return dataclasses.asdict(self)


GENTLEST = 1 / 8
"""Share of a recipe's learning rate below which a run is not proposed, however long it is."""


@dataclass(frozen=True)
class Recipe:
    """How long and how fast a variant is trained at first: for what it shows within 15 seconds.

    Chosen on held-out training images, on one thread: `python -m benchmarks.presets`.
    """

    epochs: float = 3.0
    batch: int = 64
    lr: float = 4e-3
    """Highest learning rate of Adam."""

    def rate(self, epochs: float) -> float:
        """Highest learning rate of a run of so many epochs: less for one that lasts longer.

        What a short run bears is too much for long: in twenty epochs at the rate of three, one of
        two default variational autoencoders collapsed.
        """
        return self.lr * max(min(self.epochs / epochs, 1.0), GENTLEST)


def knobs(config_class: type[BaseConfig]) -> dict[str, tuple[Knob, Any]]:
    """Each setting of a config class: its knob and its default, in the order of a form."""
    return {
        field.name: (field.metadata["knob"], field.default)
        for field in dataclasses.fields(config_class)
    }


def live_knobs(config: BaseConfig) -> dict[str, Knob]:
    """The settings that may change while a model with this config trains."""
    values = config.to_dict()
    return {
        name: setting
        for name, (setting, _) in knobs(type(config)).items()
        if setting.live and setting.counts(values)
    }


# -- what more than one variant lets a person choose --------------------------------------------


RECONSTRUCTION_UNITS = {
    "bernoulli": "nats per image",
    "squared": "squared error per image",
    "absolute": "absolute error per image",
}


ERROR = r"\lVert x - \hat x \rVert^2"
"""What stands for the reconstruction loss in the formula of a variant, as the usual one of them."""
ERRORS = {
    "bernoulli": r"-\textstyle\sum_i \bigl(x_i \ln \hat x_i + (1 - x_i) \ln (1 - \hat x_i)\bigr)",
    "squared": ERROR,
    "absolute": r"\lVert x - \hat x \rVert_1",
}
LOG_P = {
    "bernoulli": r"\textstyle\sum_i x_i \ln \hat x_i"
    r" \\ {} + \textstyle\sum_i (1 - x_i) \ln (1 - \hat x_i)",
    "squared": r"-\tfrac{1}{2 \sigma^2} \lVert x - \hat x \rVert^2"
    r" - \tfrac{P}{2} \ln (2 \pi \sigma^2) \\[4pt]"
    r" \sigma^2 = \tfrac{1}{P}\, \mathbb{E}\, \lVert x - \hat x \rVert^2",
    "absolute": r"-\tfrac{1}{b} \lVert x - \hat x \rVert_1 - P \ln (2 b) \\[4pt]"
    r" b = \tfrac{1}{P}\, \mathbb{E}\, \lVert x - \hat x \rVert_1",
}
"""Log p(x|z) of an image x with P pixels, as LaTeX."""
LIKELIHOODS = {
    "bernoulli": "Bernoulli likelihood",
    "squared": "Gaussian density",
    "absolute": "Laplace density",
}


def likelihood_of(config: BaseConfig) -> str:
    """What the ELBO of a model is of; those of different things share no column and no curve."""
    pixels = "black or white" if config.binarise else "grey"
    return f"{LIKELIHOODS[config.reconstruction]} of {pixels} pixels"


def bounds_a_density(config: BaseConfig) -> bool:
    """False where grey pixels are taken for Bernoulli variables, which are black or white.

    Source: Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845.
    """
    return config.binarise or config.reconstruction != "bernoulli"


def reconstruction_knob(default: str, when: Mapping[str, Collection[Any]] | None = None) -> Any:
    """The setting that chooses between the kinds of `reconstruction_loss`."""
    return knob(
        default,
        choices=tuple(RECONSTRUCTION_UNITS),
        when=when,
        label="Reconstruction loss",
        help="How a pixel's error is counted. Bernoulli: cross-entropy in nats, kind to grey "
        "pixels. Squared: what MSE and PSNR measure. Absolute: forgiving of a few large errors. "
        "Variational models make a Bernoulli, Gaussian or Laplace likelihood of it.",
    )


def beta_knob() -> Any:
    """Weight of the KL term."""
    return knob(
        1.0,
        low=0.0,
        high=30.0,
        live=True,
        label="Beta",
        help="Weight of the KL term. With 1 the loss is minus the ELBO; more gives a rounder, "
        "simpler map, and dimensions that collapse.",
    )


def binarise_knob() -> Any:
    """Whether grey pixels become black or white by chance, afresh in each step."""
    return knob(
        False,
        label="Black or white pixels",
        help="Each pixel is drawn white with its grey value as the chance, anew in each step. "
        "Most published likelihoods are of such images; a Bernoulli one of grey pixels is none.",
    )


HIDDEN = {"depth": range(1, 7)}
"""With at least one hidden layer, where their number can be chosen."""


def width_knob(default: int = 512) -> Any:
    """Width of the first hidden layer."""
    return knob(
        default,
        low=16,
        high=2048,
        label="Width of the first layer",
        help="Units in the encoder's first hidden layer. Wider learns more and trains slower.",
        when=HIDDEN,
    )


def depth_knob(default: int = 3) -> Any:
    """Number of hidden layers."""
    return knob(
        default,
        low=0,
        high=6,
        label="Hidden layers",
        help="Each hidden layer is half as wide as the one before; the decoder mirrors them. "
        "With none, encoder and decoder are one linear layer each.",
    )


def activation_knob(default: str = "silu") -> Any:
    """Nonlinearity between layers."""
    return knob(
        default,
        choices=tuple(ACTIVATIONS),
        label="Activation",
        help="What bends the layers. ReLU is the fastest, SiLU smooth; tanh "
        "gives the map with the gentlest bends.",
        when=HIDDEN,
    )


def batch_norm_knob() -> Any:
    """Whether hidden layers are normalised over the batch."""
    return knob(
        False,
        label="Batch normalisation",
        help="Gives each hidden unit mean 0 and variance 1 over the batch. It helps deep networks.",
        when=HIDDEN,
    )


def dropout_knob() -> Any:
    """Fraction of hidden units that is silenced in each step."""
    return knob(
        0.0,
        low=0.0,
        high=0.9,
        label="Dropout",
        help="Fraction of hidden units switched off at random in each step. Against "
        "overfitting, which a narrow code prevents already.",
        when=HIDDEN,
    )


def channels_knob() -> Any:
    """Feature maps after the first convolution."""
    return knob(
        16,
        low=4,
        high=64,
        label="Feature maps",
        help="Channels after the first convolution; the second has twice as many.",
    )


def hidden_knob() -> Any:
    """Units between the feature maps and the code."""
    return knob(
        256,
        low=16,
        high=1024,
        label="Hidden units",
        help="Units of the fully connected layer between the feature maps and the code.",
    )


TRUNK = ("width", "depth", "channels", "hidden", "activation", "batch_norm", "dropout")


def layers_of(config: BaseConfig) -> dict[str, Any]:
    """The settings of a config that a trunk takes, by name: `MLPEncoder(out, **layers_of(c))`."""
    return {name: value for name, value in config.to_dict().items() if name in TRUNK}


def corruption_knob() -> Any:
    """How images are corrupted in training."""
    return knob(
        "gaussian",
        choices=("gaussian", "masking", "salt and pepper"),
        label="Corruption",
        help="Gaussian adds noise to every pixel, masking blacks pixels out, "
        "salt and pepper sets them to black or white.",
    )


def level_knob() -> Any:
    """How much they are corrupted."""
    return knob(
        0.5,
        low=0.0,
        high=1.0,
        live=True,
        label="Corruption level",
        help="Standard deviation of the Gaussian noise, or the fraction of corrupted pixels.",
    )
