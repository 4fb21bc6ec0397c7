"""What a checkpoint is and how it was made.

A card is read by `Card.model_validate_json(text, context=MODELS)`: the context says which settings
a variant has.
"""

from __future__ import annotations

import re
import reprlib
import textwrap
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    InstanceOf,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from aeviz.data.datasets import MNIST
from aeviz.models.settings import BaseConfig

Side = Annotated[int, Field(ge=1, le=256)]


class Curve(BaseModel):
    """How the loss on training images fell: at some steps (K,), each term (K,) by its name.

    A term is averaged over the last steps before each of them, in the model's unit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: list[int]
    terms: dict[str, list[float]]

    @model_validator(mode="after")
    def _as_many(self) -> Self:
        if any(len(values) != len(self.steps) for values in self.terms.values()):
            raise ValueError("A curve has a value of each term for each step.")
        return self


class Card(BaseModel):
    """What a checkpoint is and how it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")

    variant: str
    config: InstanceOf[BaseConfig]
    """In a file its values by name."""
    data: str = "mnist"
    trained_on: int = Field(ge=0)
    """Number of training images seen; the first ones of the training set."""
    digit: int | None = Field(default=None, ge=0)
    """The only class among them, for a model that is to find what does not belong."""
    shape: tuple[Side, Side, Side] = Field(
        default=MNIST.shape, exclude_if=lambda it: it == MNIST.shape
    )
    """Channels, height and width of its images; a file says so where they are not MNIST's."""
    classes: int = Field(
        default=len(MNIST.classes), ge=1, le=1000, exclude_if=lambda it: it == len(MNIST.classes)
    )
    """Number of classes among all images of its data set; likewise."""
    seed: int
    steps: int = Field(ge=0)
    batch: int = Field(ge=1)
    lr: float = Field(gt=0, allow_inf_nan=False)
    command: str = ""
    """Makes the checkpoint again."""
    device: str = Field(default="cpu", pattern="^[a-z]+$")
    """Where it was trained, as torch says it; another one rounds otherwise, to other weights."""
    figures: dict[str, float] = {}
    """Measured on the test images of its data set."""
    errors: dict[str, float] = Field(default={}, exclude_if=lambda it: not it)
    """Their standard errors, by the same names."""
    curve: Curve | None = None
    """Of its training; None where it was not kept."""
    home: bool = False
    """Shown on the home page."""

    @field_validator("command")
    @classmethod
    def _as_it_is_now(cls, command: str) -> str:
        return re.sub(r"^python -m aeviz\.train\b", "python -m aeviz train", command)  # older cards

    @field_validator("config", mode="before")
    @classmethod
    def _of_the_variant(cls, values: Any, info: ValidationInfo) -> Any:
        variant = info.data.get("variant")
        if not isinstance(values, dict) or variant is None:
            return values
        known = info.context or {}
        if variant not in known:
            shown = reprlib.repr(variant)
            raise ValueError(f"There is no variant {shown} here; a newer aeviz may have it.")
        try:
            return known[variant].Config.from_file(values)
        except ValueError as error:
            reason = textwrap.shorten(str(error), 160, placeholder=" ...").rstrip(".")
            raise ValueError(f"This checkpoint does not fit {variant}: {reason}.") from error

    @field_serializer("config")
    def _by_name(self, config: BaseConfig) -> dict[str, Any]:
        return config.to_dict()

    @property
    def latent_dim(self) -> int:
        """The latent dimension that was chosen."""
        return self.config.latent_dim

    @property
    def code_dim(self) -> int:
        """Width of the flat code."""
        return self.config.code_dim(self.shape)
