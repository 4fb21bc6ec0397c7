"""The rows of the table: what is measured, what it was, what it must be and what it should be."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from benchmarks import machine

PEOPLE = 40


@dataclass(frozen=True)
class Options:
    """How much is measured.

    people: in the class. share: of all times and counts; less than 1 only tries the programs out.
    seed: of all that is drawn.
    """

    people: int = PEOPLE
    share: float = 1.0
    seed: int = 0

    def count(self, many: int, least: int = 1) -> int:
        """That share of a number of things."""
        return max(round(many * self.share), least)

    def seconds(self, long: float, least: float = 2.0) -> float:
        """That share of a stretch of time."""
        return max(long * self.share, least)


@dataclass(frozen=True)
class Bar:
    """A row before it is measured; `{people}` in its words is how many there are."""

    name: str
    what: str
    today: str
    """What it was before anything was done about it."""
    must: str
    aim: str = ""


@dataclass(frozen=True)
class Found:
    """What was measured for the row of a name.

    held, reached: the bar, and the aim; None where it could not be measured, or there is none.
    """

    name: str
    ours: str
    held: bool | None
    reached: bool | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it; numpy's truth values become Python's."""
        verdicts = {"held": self.held, "reached": self.reached}
        return asdict(self) | {k: None if v is None else bool(v) for k, v in verdicts.items()}

    def row(self, options: Options) -> machine.Row:
        """As a line of the table."""
        bar = BARS[self.name]
        aim = f"; aim {bar.aim}" if bar.aim else ""
        if bar.aim and self.reached is not None:
            aim += ": reached" if self.reached else ": not reached"
        return machine.Row(
            bar.what.format(people=options.people), bar.today, self.ours, bar.must + aim, self.held
        )


BARS = {
    bar.name: bar
    for bar in (
        Bar(
            "act",
            "{people} sessions, one event in 2 s each, for 60 s: p95, errors",
            "at 3/s: 1.64 s",
            "300 ms, 0",
            "150 ms",
        ),
        Bar("act-train", "the same while a run trains", "at 3/s: 1.94 s", "500 ms, 0", "250 ms"),
        Bar(
            "watch-refreshes",
            "{people} watch a run at its page: refreshes a second each",
            "0",
            "1",
            "2",
        ),
        Bar(
            "watch-events",
            "meanwhile one more person's events: p95",
            "no answer",
            "500 ms",
            "250 ms",
        ),
        Bar("watch-speed", "meanwhile the run's speed, of that unwatched", "-", "80 %", "90 %"),
        Bar("saturation", "events served a second at saturation", "32", "60", "120"),
        Bar("homes", "{people} homes opened within 5 s: longest", "12.4 s", "2 s", "1 s"),
        Bar(
            "drag",
            "one session's drag while the others act and a run trains: pictures a second",
            "-",
            "55",
            "60",
        ),
        Bar(
            "train-same",
            "{people} press Train within 1 s, the same spec",
            "20 min",
            "one run, all see its first point in 3 s",
        ),
        Bar(
            "train-ten",
            "{people} press Train within 1 s, ten specs",
            "20 min",
            "all finish in the time of ten, each told its wait in 1 s",
        ),
        Bar(
            "kill-worker",
            "worker SIGKILLed at 50 random moments",
            "0 of 20 resumed",
            "all finish, weights bit-identical to the undisturbed run's",
        ),
        Bar(
            "kill-server",
            "server SIGKILLed in training",
            "runs stopped",
            "back in 10 s, every run goes on, at most 5 s of work lost",
        ),
        Bar(
            "cut",
            "websocket cut 100 times for 1 to 20 s",
            "-",
            "no run lost or doubled, the page comes back by itself",
            "200 times",
        ),
        Bar(
            "full-disk",
            "runs on a full 8 MB disk, 20 times",
            "all workers die",
            "0 corrupt states, 0 others disturbed",
        ),
        Bar(
            "truncated",
            "a file of a run truncated at random, 200 times",
            "all workers die",
            "0 corrupt states, 0 others disturbed",
        ),
        Bar(
            "mutated-files",
            "2,000 mutated states and checkpoints: uncaught, longest, memory",
            "0 uncaught",
            "0, 250 ms, +50 MB",
            "10,000",
        ),
        Bar(
            "pictures",
            "2,000 mutated pictures: uncaught, longest, memory",
            "0 uncaught",
            "0, 500 ms, +50 MB",
            "10,000",
        ),
        Bar(
            "queries",
            "500 query strings: uncaught, longest, the server's memory",
            "0 uncaught",
            "0, 250 ms, +50 MB",
            "10,000",
        ),
        Bar(
            "sessions",
            "500 sessions opened and closed: memory after the first 100 against the end",
            "-",
            "+10 %",
            "+5 %",
        ),
        Bar(
            "memory",
            "the server's memory with {people} sessions",
            "1.1 GB (30)",
            "1.2 GB",
            "800 MB",
        ),
    )
}
"""By name, in the order of the table."""
