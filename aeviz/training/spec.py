"""What a run shall do: its settings, the images that it sees and those that are held out."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    InstanceOf,
    field_serializer,
    model_validator,
)

from aeviz.data import datasets
from aeviz.models.base import Autoencoder
from aeviz.models.settings import BaseConfig, knobs, live_knobs
from aeviz.models.zoo import MODELS, describe
from aeviz.training.course import DECAY, RATE, Change, Course, decay_of, last

TRAINED_ON = 50_000
"""A run sees the first images of the training set, so many of MNIST; `data.held_out` says how many
of the last are held out."""
VALIDATED_ON = 2_000
"""So many of the held-out images are looked at for each point of a curve."""


class RunSpec(BaseModel):
    """What a run shall do: all that decides its weights, so that it can be repeated.

    `steps` is known at once for epochs, after timing for seconds, and for `until` once it ends.

    Raises:
        ValidationError: a ValueError; `sentence` makes one readable sentence of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: str
    config: InstanceOf[BaseConfig] = BaseConfig()
    """Of the variant; in a file its values by name."""
    data: str = "mnist"
    seed: int = Field(0, ge=0, lt=2**31)
    batch: int = Field(256, ge=1, le=4096)
    lr: float = Field(2e-3, gt=0, le=1)
    """Highest learning rate of Adam."""
    epochs: float | None = Field(None, gt=0, le=1000)
    seconds: float | None = Field(None, gt=0, le=3600)
    steps: int | None = Field(None, ge=0)
    classes: tuple[int, ...] | None = None
    """The only classes that are trained on, for a model that finds the others odd; None: all."""
    contamination: float = Field(0.0, ge=0, le=0.5)
    """Share of images of other classes among those that are trained on."""
    until: Literal["flat"] | None = None
    """Until it stops improving: the learning rate stays at a plateau, and falls at the end, see
    `Course`."""
    cosine: int | None = Field(None, ge=1)
    """Steps of the cosine, where the run does not end with it; None: `steps`."""
    changes: tuple[Change, ...] = ()
    """What changes on its way, in the order of their steps."""
    parent: str | None = None
    """The run that it was branched from: its weights do not depend on it."""
    branched_at: int | None = Field(None, ge=0)
    """The step of the parent after which it is on its own."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        if not isinstance(values, dict):  # a file can hold anything
            raise ValueError("The settings of a run have names.")
        variant, config = values.get("variant"), values.get("config", {})
        if not isinstance(variant, str) or variant not in MODELS:
            raise ValueError(f"There is no variant {variant!r}.")
        if isinstance(config, dict):
            config = MODELS[variant].Config.from_dict(config)
        if type(config) is not MODELS[variant].Config:
            raise ValueError("The settings of a variant have names.")
        return {**values, "config": config}

    @field_serializer("config")
    def _by_name(self, config: BaseConfig) -> dict[str, Any]:
        return config.to_dict()

    @model_validator(mode="after")
    def _check(self) -> RunSpec:
        if self.data not in datasets.SOURCES:
            raise ValueError(f"There is no data set {self.data!r}.")
        if self.epochs and self.seconds:
            raise ValueError("A run is given either epochs or seconds, not both.")
        if not self.epochs and not self.seconds and not self.until and self.steps is None:
            raise ValueError("A run needs a length: epochs or seconds.")
        if self.until and (self.epochs or self.seconds):
            raise ValueError("A run that ends when it stops improving is given no length.")
        known = set(range(len(datasets.SOURCES[self.data].classes)))
        if self.classes is not None and (not self.classes or not set(self.classes) <= known):
            raise ValueError(f"Classes are numbers from 0 to {max(known)}, at least one.")
        if self.contamination and (self.classes is None or set(self.classes) == known):
            raise ValueError("Contamination comes from other classes: leave some out.")
        if [change.step for change in self.changes] != sorted(c.step for c in self.changes):
            raise ValueError("Changes stand in the order of their steps.")
        for change in self.changes:
            self.checked(change.knob, change.value)
        return self

    def checked(self, knob: str, value: Any) -> Any:
        """A value that a knob may take while this run trains.

        Raises:
            ValueError: there is no such knob, or it cannot have that value.
        """
        known = live_knobs(self.config)
        if knob in known:
            kind = type(knobs(type(self.config))[knob][1])
            return known[knob].check(knob, value, kind)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if knob == RATE:
            if not number or not 0 < value <= 1:
                raise ValueError("lr must be above 0, at most 1.")
            return float(value)
        if knob != DECAY:
            can = ", ".join([RATE, *known])
            raise ValueError(f"{knob} cannot change while this run trains: {can} can.")
        if not number or value != value // 1 or not 0 <= value < 2**31:
            raise ValueError("decay must be a whole number of steps.")
        return int(value)

    @property
    def course(self) -> Course:
        """The learning rate and the settings of each step."""
        cosine = None if self.until else self.cosine or self.steps
        return Course(self.lr, self.steps, cosine, self.changes, self.config)

    def changed(self, step: int, **knobs: Any) -> RunSpec:
        """The same with knobs that have other values after a step, and changes of later ones gone.

        Raises:
            ValueError: a knob cannot change, or not to that value.
        """
        kept = [change for change in self.changes if change.step <= step]
        for knob, value in knobs.items():
            value = self.checked(knob, value)
            kept = [c for c in kept if (c.step, c.knob) != (step, knob)]
            start = {**self.config.to_dict(), RATE: self.lr}.get(knob)
            if value != next((c.value for c in reversed(kept) if c.knob == knob), start):
                kept.append(Change(step=step, knob=knob, value=value))
        return self.model_copy(update={"changes": tuple(kept)})

    def ending(self, step: int) -> RunSpec:
        """The same, that after a step lets its learning rate fall to zero and ends there."""
        if last((c for c in self.changes if c.step <= step), DECAY, 0) > 0:
            return self  # it does already
        many = decay_of(step)
        cosine = None if self.until else self.cosine or self.steps
        ended = self.changed(step, **{DECAY: many})
        return ended.model_copy(update={"steps": step + many, "cosine": cosine})

    @property
    def per_epoch(self) -> int:
        """Steps that make one pass over the training images of all classes, as far as known."""
        n = datasets.count(self.data)
        return -(-(TRAINED_ON if n is None else trained_on(n)) // self.batch)

    @property
    def digit(self) -> int | None:
        """The only class that is seen, where there is just one and no contamination."""
        only = self.classes is not None and len(self.classes) == 1 and not self.contamination
        return self.classes[0] if self.classes and only else None

    @property
    def model_class(self) -> type[Autoencoder]:
        """The class of the variant."""
        return MODELS[self.variant]

    @property
    def title(self) -> str:
        """Variant and code width as a person reads them."""
        return describe(self.variant, self.config.code_dim(datasets.SOURCES[self.data].shape))


def sentence(error: ValueError) -> str:
    """What is wrong with a RunSpec, as one sentence for the person who wrote it."""
    first = error.errors()[0] if hasattr(error, "errors") else {"msg": str(error), "loc": ()}  # pyright: ignore[reportAttributeAccessIssue]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"].removeprefix("Value error, ")


def trained_on(n: int) -> int:
    """How many of n training images a run of all classes sees: those that are not held out."""
    return min(TRAINED_ON, n - datasets.held_out(n))


def summary(spec: RunSpec) -> str:
    """What a run will do, in a sentence; "up to" where its data is not here to be counted."""
    if spec.epochs:
        steps = max(round(spec.epochs * spec.per_epoch), 1)
        length = f"{spec.epochs:.4g} epoch{'s' * (spec.epochs != 1)}"
        if spec.classes is None:  # how many images there are of a class is in the data
            length += f" ({steps:,} steps)"
    elif spec.until and spec.steps is None:
        length = "as long as it improves"
    else:
        length = f"{spec.seconds:g} seconds" if spec.seconds else f"{spec.steps:,} steps"
    source, n = datasets.SOURCES[spec.data], datasets.count(spec.data)
    seen, others = (
        (TRAINED_ON, VALIDATED_ON) if n is None else (trained_on(n), datasets.held_out(n))
    )
    others, up_to = min(others, VALIDATED_ON), "up to " if n is None else ""
    images = f"{up_to}{seen:,} images of {source.title}"
    held_out = f"{up_to}{others:,} held-out image{'s' if others > 1 else ''}"
    if spec.classes is not None:
        images = f"those of {', '.join(source.classes[k] for k in spec.classes)} among {images}"
        if spec.contamination:
            images += f" with {100 * spec.contamination:.3g} % of other classes mixed in"
        held_out = f"up to {others:,} held-out images of them"
    return (
        f"Trains for **{length}** on {images} with batch size {min(spec.batch, seen):,}, "
        f"validated on {held_out}."
    )


def _first_held_out(spec: RunSpec, labels: np.ndarray) -> int:
    """Where the held-out images begin in a training set with labels (N,).

    Of a small set the last ones, or the others, may show none of the run's classes: then it is at
    the last of those that do.

    Raises:
        ValueError: there are too few images to train on some and hold out another.
    """
    classes = np.arange(256) if spec.classes is None else spec.classes
    places = np.flatnonzero(np.isin(labels, classes))
    if len(places) < 2:
        raise ValueError("There are too few images: a run trains on one and holds out another.")
    start = len(labels) - datasets.held_out(len(labels))
    both = places[0] < start <= places[-1]
    return start if both else int(places[-datasets.held_out(len(places))])


def training_set(spec: RunSpec, labels: np.ndarray) -> slice | np.ndarray:
    """Which images of a training set with labels (N,) a run sees: a slice or indices.

    Of those that are not held out, at most the first 50,000, it sees those of its classes, and of
    the others so many, drawn with its seed, that they make up the share of its contamination.

    Raises:
        ValueError: there are too few, of its classes or of the others.
    """
    end = min(TRAINED_ON, _first_held_out(spec, labels))
    if spec.classes is None:
        return slice(end)
    normal = np.isin(labels[:end], spec.classes)
    others = np.flatnonzero(~normal)
    mixed_in = round(normal.sum() * spec.contamination / (1 - spec.contamination))
    if mixed_in > len(others):
        raise ValueError("There are too few images of other classes for this contamination.")
    drawn = np.random.default_rng(spec.seed).permutation(others)[:mixed_in]
    return np.sort(np.append(np.flatnonzero(normal), drawn))


def held_out_set(spec: RunSpec, labels: np.ndarray) -> slice | np.ndarray:
    """Which of the held-out images are looked at for each point: the first 2,000 of its classes.

    Raises:
        ValueError: there are too few images.
    """
    start = _first_held_out(spec, labels)
    if spec.classes is None:
        return slice(start, min(start + VALIDATED_ON, len(labels)))
    return start + np.flatnonzero(np.isin(labels[start:], spec.classes))[:VALIDATED_ON]
