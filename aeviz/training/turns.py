"""Whose turn it is: nobody has a second run before everybody who waits had a first.

Among equals those that had fewer turns come first, then short runs, then whoever came first.
"""

from __future__ import annotations

import functools
import heapq
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from aeviz.training import owners, place, process, store, tickets
from aeviz.training.spec import TRAINED_ON, RunSpec
from aeviz.training.status import RunStatus
from aeviz.training.task import TURN

RECENT = 3600.0
"""Seconds for which it counts that a person's run had its turn."""
FRESH = 0.5
"""Seconds for which all who look see the same order."""
ANYTIME = 30.0
"""Seconds that a run is taken to need which ends when it stops improving."""
MEASURED = Path(__file__).parent / "speeds.json"
"""Images a second that each variant trains on, one thread: `python -m benchmarks.speeds`."""


# -- how long a run takes -----------------------------------------------------------------------


@functools.cache
def _measured() -> dict[str, float]:
    return json.loads(MEASURED.read_text(encoding="utf-8"))


def speed(variant: str) -> float:
    """Images a second that a variant trains on here, as far as is known.

    One that was not trained here yet: as measured elsewhere, times what the others are slower or
    faster here.
    """
    seen, measured = store.speeds(), _measured()
    if variant in seen:
        return seen[variant]
    here = [seen[name] / measured[name] for name in seen.keys() & measured.keys()]
    usual = measured.get(variant, median(measured.values()))
    return usual * (median(here) if here else 1.0)


@functools.lru_cache(maxsize=1000)
def _spec(path: Path, name: str, changed: float) -> RunSpec | None:
    try:
        return store.spec(name)
    except place.RunError:
        return None  # its worker will say so


def expected(name: str, status: RunStatus) -> float:
    """About how many seconds a run will still train."""
    if status.seconds_left is not None:
        return status.seconds_left
    path = place.path_of(name) / "spec.json"
    try:
        spec = _spec(path, name, path.stat().st_mtime)
    except OSError:
        spec = None
    if spec is None:
        return 0.0
    if spec.seconds:
        return spec.seconds * (1 - status.fraction)
    if spec.until and status.steps is None:
        return ANYTIME
    steps = status.steps or round((spec.epochs or 0) * spec.per_epoch)
    return (steps - status.step) * min(spec.batch, TRAINED_ON) / speed(spec.variant)


# -- the order ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a run stands in the queue.

    before: so many runs have their turn before it; seconds: about how long that takes.
    """

    before: int
    seconds: float

    def __str__(self) -> str:
        whom = f"{self.before} before you" if self.before else "you are next"
        minutes = round(self.seconds / 60)
        if self.seconds < 50:
            return f"{whom}, about {max(round(self.seconds / 5) * 5, 5)} seconds"
        return f"{whom}, about {minutes} minute{'s' if minutes > 1 else ''}"


@dataclass
class _Run:
    name: str
    seconds: float
    """That it will still train."""
    owners: set[str]
    turns: int
    """That it has had: of two long runs the shorter one shall not go on for ever."""
    came: float


@dataclass
class Queue:
    """All runs that want to train at a moment: those that do, and those that wait, in turn."""

    training: list[_Run] = field(default_factory=list)
    waiting: list[_Run] = field(default_factory=list)

    def places(self) -> dict[str, Place]:
        """Where each run that waits stands."""
        many = max(process.slots(), len(self.training))
        free = [0.0] * (many - len(self.training))
        free += [_turn(run, self.waiting) for run in self.training]
        heapq.heapify(free)
        found = {}
        for before, run in enumerate(self.waiting):
            begins = heapq.heappop(free)
            found[run.name] = Place(before + len(self.training), begins)
            heapq.heappush(free, begins + _turn(run, self.waiting[before + 1 :]))
        return found


def _turn(run: _Run, waiting: list[_Run]) -> float:
    """Seconds of a run's turn: all that it needs, unless it needs much and others wait."""
    return TURN if waiting and run.seconds > 2 * TURN else run.seconds


def look() -> Queue:
    """The queue as it is now."""
    queue, open_runs, served = Queue(), [], Counter[str]()
    for name in tickets.listed():
        status = store.said(name)
        if status.ended or store.wish(name) != "resume" or not place.is_run(name):
            continue
        came = tickets.came(name)
        had = int(status.trained // TURN)
        run = _Run(name, expected(name, status), owners.of(name) or {name}, had, came)
        if tickets.is_claimed(name):
            queue.training.append(run)
        else:
            open_runs.append(run)
    if not open_runs:
        return queue
    for name in place.made_since(time.time() - 2 * RECENT):
        status = store.said(name)
        if status.began and time.time() - status.began < RECENT:
            served.update(owners.of(name) or {name})
    while open_runs:
        first = min(
            open_runs,
            key=lambda run: (
                min(served[owner] for owner in run.owners),
                run.turns,
                run.seconds,
                run.came,
            ),
        )
        open_runs.remove(first)
        queue.waiting.append(first)
        served.update(first.owners)
    return queue


_looked: dict[Path, tuple[float, dict[str, Place]]] = {}


def place_of(name: str) -> Place | None:
    """Where a run stands in the queue; None when it does not wait. All who ask share one look."""
    where, now = place.folder(), time.monotonic()
    when, found = _looked.get(where, (-FRESH, {}))
    if now - when > (FRESH if name in found else FRESH / 5):
        found = look().places()
        _looked[where] = now, found
    return found.get(name)


def status(name: str) -> RunStatus:
    """Where a run stands, and while it waits, where in the queue."""
    found = store.status(name)
    if found.state == "queued" and not found.message and (trouble := process.trouble()):
        return found.model_copy(update={"message": f"Waiting: {trouble[:1].lower()}{trouble[1:]}"})
    if found.state != "queued" or found.message or not (place := place_of(name)):
        return found
    return found.model_copy(
        update={"message": f"waiting: {place}" if found.step else f"Waiting: {place}"}
    )


def next_run(busy: set[str]) -> tuple[str, tickets.Claim] | None:
    """Take the run whose turn it is; None where none waits.

    Args:
        busy: runs that cannot be taken, whatever the queue says.

    Raises:
        OSError: the folder cannot be written.
    """
    if not tickets.listed():
        return None
    with tickets.choosing():
        for run in look().waiting:
            if run.name not in busy and (claim := tickets.claim(run.name)):
                return run.name, claim
    return None


def ending(busy: set[str]) -> list[tuple[str, tickets.Claim]]:
    """Take the runs that wait and shall stop or pause: they need no turn.

    Raises:
        OSError: the folder cannot be written.
    """
    asked = [n for n in tickets.listed() if n not in busy and store.wish(n) != "resume"]
    return [(n, claim) for n in asked if place.is_run(n) and (claim := tickets.claim(n))]
