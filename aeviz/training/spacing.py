"""Which steps of a run are kept: so many for each doubling, close at its start, wide at its end."""

from __future__ import annotations

import math
from collections.abc import Sequence


def slot(step: int, per_doubling: int) -> int:
    """Where a step stands among so many slots for each doubling; step 0 is before all."""
    return math.floor(per_doubling * math.log2(step)) if step else -1


def begins(step: int, per_doubling: int) -> bool:
    """True for the first step of a slot."""
    return step <= 1 or slot(step, per_doubling) > slot(step - 1, per_doubling)


def firsts(steps: Sequence[int], per_doubling: int) -> list[int]:
    """The first of the steps (rising) in each slot."""
    found: dict[int, int] = {}
    for step in steps:
        found.setdefault(slot(step, per_doubling), step)
    return list(found.values())


def thin(steps: Sequence[int], most: int) -> list[int]:
    """At most so many of the steps (rising), evenly in their logarithm, the first and the last."""
    left = list(steps)
    while len(left) > max(most, 2):
        # Of those between, the one goes whose neighbours are closest to each other.
        gaps = [(b + 1) / (a + 1) for a, b in zip(left, left[2:], strict=False)]
        del left[1 + gaps.index(min(gaps))]
    return left
