"""Which function measures which rows, in the order in which they are measured."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from benchmarks.classroom import (
    acting,
    cutting,
    damaging,
    dragging,
    killing,
    mutating,
    pressing,
)
from benchmarks.classroom.bars import Found, Options


@dataclass(frozen=True)
class Part:
    """A function that measures some rows.

    limit: seconds after which it is ended.
    notes: what exactly it measures, a sentence each, below the table.
    """

    rows: tuple[str, ...]
    measure: Callable[[Options], Iterator[Found]]
    limit: float
    notes: tuple[str, ...] = ()


def _run(
    measure: Callable[[Options], AsyncIterator[Found]],
) -> Callable[[Options], Iterator[Found]]:
    """An asynchronous function's rows, one by one."""

    def rows(options: Options) -> Iterator[Found]:
        with asyncio.Runner() as runner:
            found = measure(options)
            while (row := runner.run(_next(found))) is not None:
                yield row

    return rows


async def _next(found: AsyncIterator[Found]) -> Found | None:
    return await anext(found, None)


PARTS = {
    "acting": Part(
        ("act", "act-train", "saturation", "homes", "memory"),
        _run(acting.acting),
        300,
        (
            "Saturation: all press again as soon as they were answered, for "
            f"{acting.SATURATED:g} s. Memory: what the server's process holds while all are there, "
            "without its worker.",
        ),
    ),
    "watching": Part(
        ("watch-refreshes", "watch-events", "watch-speed"),
        _run(acting.watching),
        150,
        (
            f"Watching: of one run, {acting.UNWATCHED:g} s unwatched, {acting.WATCHED:g} s watched "
            f"and {acting.UNWATCHED:g} s unwatched again; its speed is kept against the mean of "
            "before and after. Refreshes: new frames that came, of the watcher who has the fewest. "
            f"The other one's events come every {acting.CLICK_EVERY:g} s.",
        ),
    ),
    "dragging": Part(
        ("drag",),
        dragging.dragging,
        120,
        (
            "Drag: in headless Chromium without a GPU, as `benchmarks.map` has it; the median of "
            f"{dragging.DRAGS} drags.",
        ),
    ),
    "same": Part(
        ("train-same",),
        _run(pressing.same),
        120,
        (
            "First point: from a person's press until the first frame of the run's film is there, "
            "which has one.",
        ),
    ),
    "ten": Part(
        ("train-ten",),
        _run(pressing.ten),
        200,
        (
            f"Ten specs: {pressing.EPOCHS:g} epochs of vanilla with ten seeds; in the time of ten "
            f"is at most {pressing.ABOUT:g} times the time of the same ten without a class, "
            "measured before.",
        ),
    ),
    "kill-worker": Part(
        ("kill-worker",),
        killing.worker,
        360,
        (
            f"Killed worker: in {killing.LANES} folders at the same time, each run "
            f"{killing.EACH} times before it may end; four of five kills come up to "
            f"{killing.AFTER:g} s after it went on, the fifth while the worker starts.",
        ),
    ),
    "kill-server": Part(
        ("kill-server",),
        _run(killing.server),
        150,
        (
            "Killed server: every other time its worker is killed with it, as by a machine that "
            "loses its power. Back: from the start of the next server until somebody's home page "
            "is there.",
        ),
    ),
    "cutting": Part(
        ("cut",),
        cutting.cutting,
        300,
        (
            f"Cut lines: {cutting.TABS} tabs in Chromium watch a run behind a line that is cut for "
            "all of them at once, for 1 to 20 s, evenly in its logarithm; a page is back when it "
            "shows a later step without having been loaded anew. The rest are people whose line is "
            f"cut within {cutting.AFTER:g} s after they pressed Train, for up to "
            f"{cutting.AWAY:g} s, which is less than 20 so that all fits into the time.",
        ),
    ),
    "full-disk": Part(
        ("full-disk",),
        damaging.full,
        200,
        (
            "Full disk: a tmpfs of 8 MB with random room left, a run that fills it and another "
            "person's small one behind it, which must end with the weights that it has elsewhere. "
            "Skipped where nobody may mount.",
        ),
    ),
    "truncated": Part(
        ("truncated",),
        damaging.truncated,
        330,
        (
            "Truncated: copies of a run in the middle, each with one file cut at a random byte, "
            "taken up by one worker with whole ones between them. A corrupt state was taken where "
            "a run finishes with other weights than the undisturbed one.",
        ),
    ),
    "files": Part(
        ("mutated-files", "pictures"),
        mutating.files,
        240,
        (
            "Mutated files: half of them states, a third of these with a digest that fits again. "
            "Times are of the processor. A state whose digest does not fit and which is taken "
            "counts as uncaught.",
        ),
    ),
    "queries": Part(
        ("queries",),
        _run(mutating.queries),
        150,
        ("Query strings: each a page opened by a new visitor, one after the other.",),
    ),
    "coming": Part(
        ("sessions",),
        _run(acting.coming),
        200,
        ("Sessions: five at a time, at the home page twice, Sample, the map and Train.",),
    ),
}
"""By name. A further row is a `Bar` in bars.py and a line here."""
