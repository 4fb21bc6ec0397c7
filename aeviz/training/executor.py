"""What a worker needs of the place where runs train: this process, or a cluster."""

from __future__ import annotations

from typing import Protocol

from aeviz.training.task import Task


class Training(Protocol):
    """A run that a worker has."""

    name: str

    @property
    def over(self) -> bool:
        """True when the worker has nothing more to do with it: it ended, pauses, or gave way."""
        ...

    @property
    def trains(self) -> bool:
        """True while it takes a place; a run that has ended may still be measured."""
        ...

    @property
    def has_had_its_turn(self) -> bool:
        """True when it shall give way to a run that waits."""
        ...

    def advance(self, leaving: bool = False) -> bool:
        """Go on for a moment; False when there was nothing to do. It never raises an error.

        Args:
            leaving: the worker ends: keep all that another one needs to go on.
        """
        ...

    def give_way(self) -> None:
        """Go back into the queue, at the next moment."""
        ...


class Executor(Protocol):
    """A place where runs train."""

    @property
    def slots(self) -> int:
        """How many runs train there at a time."""
        ...

    def take(self, name: str) -> Training:
        """Begin with a run, or go on from its newest full state."""
        ...

    def close(self) -> None:
        """Nothing more is asked of it."""
        ...


class Local:
    """This process: one run, on as many threads as torch was given."""

    slots = 1

    def take(self, name: str) -> Training:
        """Begin with a run, or go on from its newest full state."""
        return Task(name)

    def close(self) -> None:
        """Nothing is left."""
