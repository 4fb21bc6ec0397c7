"""Where a run stands, and what it can be asked."""

from __future__ import annotations

import time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["queued", "running", "paused", "stopped", "finished", "failed", "interrupted"]
ENDED: tuple[State, ...] = ("stopped", "finished", "failed", "interrupted")
Wish = Literal["resume", "pause", "stop"]
WAY_OUT: dict[State, str] = {
    "stopped": "Train it again.",
    "failed": "Change its settings, or train it again.",
    "interrupted": "Train it again: the same settings and seed give the same model.",
}
"""What to do about a run that left no model."""


class RunStatus(BaseModel):
    """Where a run stands. A run that ended keeps the numbers of its last step."""

    model_config = ConfigDict(allow_inf_nan=False)

    state: State = "queued"
    step: int = 0
    steps: int | None = None
    epoch: float = 0.0
    images_per_second: float | None = None
    seconds_left: float | None = None
    unit: str = ""
    """What the loss terms are measured in; known when the model is built."""
    message: str = ""
    """One sentence, where there is something to say."""
    updated: float = Field(default_factory=time.time)
    restarts: int = 0
    """How often it went on from the same step, after a worker that was killed."""
    restarted_at: int = -1
    """That step."""
    began: float | None = None
    """When it had its first turn, in seconds of the clock."""
    trained: float = 0.0
    """Seconds that it has trained so far, all turns together."""
    measuring: bool = False
    """It has ended and can be used; its figures on the test images come in a moment."""

    @property
    def ended(self) -> bool:
        """True when nothing more will happen."""
        return self.state in ENDED

    @property
    def fraction(self) -> float:
        """How much of the run is done, in [0, 1]."""
        return min(self.step / self.steps, 1.0) if self.steps else 0.0

    @property
    def progress(self) -> str:
        """Step, epoch, speed and time left as a person reads them."""
        if not self.step:
            said = f"{self.state.capitalize()}, before its first step"
            return said if self.ended else self.message or said
        steps = f" of {self.steps:,}" if self.steps else ""
        parts = [f"Step {self.step:,}{steps}", f"epoch {self.epoch:.1f}"]
        if self.images_per_second and not self.ended:
            parts.append(f"{self.images_per_second:,.0f} images a second")
        if self.message and not self.ended:
            parts.append(self.message)
        elif self.step == self.steps and not self.ended:
            parts.append("measuring on the test images")
        elif self.seconds_left is not None:
            minutes, seconds = divmod(round(self.seconds_left), 60)
            parts.append(f"{minutes} min {seconds} s left" if minutes else f"{seconds} s left")
        if self.state not in ("running", "queued"):
            parts.append(self.state)
        if self.measuring:
            parts.append("measuring on the test images")
        return ", ".join(parts)
