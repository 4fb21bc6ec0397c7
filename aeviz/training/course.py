"""How a run goes: the learning rate and the settings of each step, and what changes on its way."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from aeviz.models import optim
from aeviz.models.settings import BaseConfig

RATE, DECAY = "lr", "decay"
"""Knobs of every run, beside the live ones of its variant."""
PLATEAU = 0.25
"""Share of the highest learning rate at which a run goes on that has no end yet. What is good at
the top of a cosine is too much for long: at all of it the default variational autoencoder diverged
after 1,876 and 2,381 steps (two seeds), at half of it one of three did within 6,000, at a quarter
none of six within 8,000."""
MOST_DECAY, DECAY_SHARE = 400, 0.15
"""Steps of a decay: this share of all before it, at most so many."""


class Change(BaseModel):
    """A knob that has another value from a step on.

    step: how many steps were done when it changed.
    knob: "lr", a live knob of the variant, or "decay": over so many steps the learning rate falls
        to zero, where the run ends; with 0 it goes on at `PLATEAU`, as if it had never fallen.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: int = Field(ge=0)
    knob: str
    value: int | float | str


def decay_of(step: int) -> int:
    """Over how many steps the learning rate falls where a run is told to end after a step."""
    return max(1, min(MOST_DECAY, round(DECAY_SHARE * step)))


@dataclass
class Course:
    """The learning rate and the settings of each step; it may be changed between two steps.

    lr: highest learning rate.
    steps: after which the run ends; None until that is known.
    cosine: steps of a schedule of warm-up and cosine; None: warm-up, then `PLATEAU` of it.
    config: of the model as it begins; None where no knob of it changes.
    """

    lr: float
    steps: int | None
    cosine: int | None
    changes: tuple[Change, ...] = ()
    config: BaseConfig | None = None

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        return self._rate(step, [change for change in self.changes if change.step <= step])

    def _rate(self, step: int, changes: list[Change]) -> float:
        lr = last(changes, RATE, self.lr)
        decays = [change for change in changes if change.knob == DECAY]
        if not decays:
            if self.cosine is not None:
                return optim.learning_rate(step, self.cosine, lr)
            return PLATEAU * lr * min((step + 1) / optim.WARM_UP, 1)
        began, many = decays[-1].step, int(decays[-1].value)
        if many == 0:
            return PLATEAU * lr
        earlier = [change for change in changes if change is not decays[-1]]
        # What changes of the rate itself come later count, but not in the share that it began at.
        at_start = [change for change in earlier if change.step <= began]
        share = self._rate(began, at_start) / last(at_start, RATE, self.lr)
        return lr * share * max(began + many - step, 0) / many

    def settings(self, step: int) -> BaseConfig | None:
        """The model's config in a step, counted from 0."""
        if self.config is None:
            return None
        own = {c.knob: c.value for c in self.changes if c.step <= step}
        live = [(name, value) for name, value in own.items() if name not in (RATE, DECAY)]
        return _replaced(self.config, *live) if live else self.config


@functools.lru_cache(maxsize=64)  # it is asked for at every step
def _replaced(config: BaseConfig, *values: tuple[str, Any]) -> BaseConfig:
    return dataclasses.replace(config, **dict(values))


def last(changes: Iterable[Change], knob: str, default: float) -> float:
    """The value that a knob has after some changes."""
    return float(next((c.value for c in reversed(list(changes)) if c.knob == knob), default))
