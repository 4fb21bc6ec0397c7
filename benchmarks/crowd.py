"""Forty people at one server, without browsers: `python -m benchmarks.crowd`."""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

import numpy as np

from aeviz.training import store
from aeviz.training.spec import RunSpec
from benchmarks import machine
from benchmarks.visitor import Visitor
from tests.e2e.conftest import start_app

OPEN_WITHIN, OPEN_MUST = 5.0, 0.5
WATCHERS = (5, 12)
CLICK_EVERY, CLICK_MUST, GIVEN_UP = 1.0, 0.5, 20.0
RERUNS, RERUN_SECONDS = 3, 30
SAMPLE, AGAIN = "sample", "Draw again"
RUN = {"variant": "variational", "epochs": 1000}
"""Longer than anybody watches; it is stopped at the end."""


@dataclass
class Server:
    """A running app: its address, and the id of its process."""

    address: str
    process: int

    def cpu(self) -> float:
        """Seconds of processor time that it has used."""
        _, _, rest = Path(f"/proc/{self.process}/stat").read_text(encoding="utf-8").rpartition(")")
        return sum(map(int, rest.split()[11:13])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Used:
    """Processor time of the server and of this program over a stretch of time, in shares of one."""

    seconds: float
    server: float
    client: float

    def __str__(self) -> str:
        return (
            f"server {self.server:.1f} s of CPU ({self.server / self.seconds:.0%}), "
            f"client {self.client / self.seconds:.0%}"
        )


@contextmanager
def app(folder: Path, *options: str) -> Iterator[Server]:
    """The app with its own runs in a folder, which this program shares."""
    process, address = start_app(folder, *options)
    before = os.environ.get("AEVIZ_RUNS")
    os.environ["AEVIZ_RUNS"] = str(folder / "runs")
    try:
        yield Server(address, process.pid)
    finally:
        process.terminate()
        process.wait(30)
        if before is None:
            del os.environ["AEVIZ_RUNS"]
        else:
            os.environ["AEVIZ_RUNS"] = before


class Meter:
    """Reads two clocks at its start; `used` reads them again."""

    def __init__(self, server: Server) -> None:
        self._server, self._before = server, self._read(server)

    def used(self) -> Used:
        """What was used since the meter was made."""
        return Used(*(b - a for a, b in zip(self._before, self._read(self._server), strict=True)))

    @staticmethod
    def _read(server: Server) -> tuple[float, float, float]:
        return time.perf_counter(), server.cpu(), time.process_time()


async def all_of(work: Sequence[Awaitable[float]]) -> list[float]:
    """The results of many at the same time."""
    return list(await asyncio.gather(*work))


async def close(visitors: Sequence[Visitor]) -> None:
    """Close all tabs, and wait until the server has noticed."""
    await asyncio.gather(*(visitor.close() for visitor in visitors))
    await asyncio.sleep(1)


async def warm(server: Server) -> None:
    """Somebody was at the home page and at Sample before, as in any class but the first's."""
    for page in ("", SAMPLE):
        visitor = Visitor(server.address, page)
        await visitor.come()
        await visitor.close()
    await asyncio.sleep(3)  # the training worker starts behind the first page


async def opening(server: Server, people: int) -> tuple[list[float], Used]:
    """Seconds until each home was there that people open one after the other within 5 s."""
    visitors = [Visitor(server.address) for _ in range(people)]

    async def come(number: int) -> float:
        await asyncio.sleep(number * OPEN_WITHIN / people)
        return await visitors[number].come()

    meter = Meter(server)
    seconds = await all_of([come(number) for number in range(people)])
    used = meter.used()
    await close(visitors)
    return seconds, used


async def click(visitor: Visitor, clicks: int) -> list[float]:
    """Seconds to the answer of clicks on Sample, one a second or as soon as one was answered.

    One that has no answer after 20 s counts as 20; after three of them in a row nobody goes on.
    """
    seconds: list[float] = []
    while len(seconds) < clicks and seconds[-3:] != [GIVEN_UP] * 3:
        try:
            seconds.append(await asyncio.wait_for(visitor.click(AGAIN), GIVEN_UP))
        except TimeoutError:
            seconds.append(GIVEN_UP)
        await asyncio.sleep(max(0.0, CLICK_EVERY - seconds[-1]))
    return seconds


@dataclass
class Watched:
    """How it went while some people watched a run and another one clicked."""

    clicks: list[float]
    refreshes: float
    """All watchers' together, in a second."""
    age: float
    """Mean of how long ago that was drawn which a watcher has before his eyes, in seconds."""
    used: Used


async def watching(server: Server, run: str, watchers: int, clicks: int) -> Watched:
    """People watch a run that trains, and one more person draws samples."""
    visitors = [Visitor(server.address, "train", f"run={run}") for _ in range(watchers)]
    clicker = Visitor(server.address, SAMPLE)
    await clicker.come()
    await all_of([visitor.come() for visitor in visitors])
    await asyncio.sleep(2)
    meter, began = Meter(server), time.perf_counter()
    seconds = await click(clicker, clicks)
    used, ended = meter.used(), time.perf_counter()
    times = [[t for t in visitor.finished if began <= t <= ended] for visitor in visitors]
    # From one refresh to the next what is seen grows older from 0 to their distance.
    gaps = [np.diff([began, *drawn, ended]) for drawn in times]
    age = fmean((gap**2).sum() / 2 / (ended - began) for gap in gaps)
    await close([*visitors, clicker])
    return Watched(seconds, sum(map(len, times)) / (ended - began), age, used)


async def reruns(server: Server, people: int, seconds: float) -> tuple[list[float], Used]:
    """Seconds to the answers of clicks on Sample: people's, three a second each at most.

    Nobody clicks before the last click was answered: a second click would stop what is under way.
    """
    visitors = [Visitor(server.address, SAMPLE) for _ in range(people)]
    await all_of([visitor.come() for visitor in visitors])
    meter, end = Meter(server), time.perf_counter() + seconds
    answers: list[float] = []

    async def hurry(number: int) -> None:
        await asyncio.sleep(number / people / RERUNS)
        while time.perf_counter() < end:
            took = await visitors[number].click(AGAIN)
            answers.append(took)
            await asyncio.sleep(max(0.0, 1 / RERUNS - took))

    await asyncio.gather(*(hurry(number) for number in range(people)))
    used = meter.used()
    await close(visitors)
    return answers, used


def spread(seconds: Sequence[float]) -> str:
    """Median, 95th percentile and longest in words."""
    middle, most = np.percentile(seconds, (50, 95)).tolist()
    return f"median {middle:.2f} s, p95 {most:.2f} s, longest {max(seconds):.2f} s"


async def watching_rows(server: Server, people: int, clicks: int) -> list[machine.Row]:
    """One row for each number of watchers: what another person's clicks take, what they see."""
    run = store.create(RunSpec.model_validate(RUN))
    rows = []
    try:
        while not store.status(run).step:
            await asyncio.sleep(0.2)
        for watchers in sorted({*WATCHERS, people}):
            found = await watching(server, run, watchers, clicks)
            rows.append(
                machine.Row(
                    f"{watchers} watch a run, another one clicks",
                    "-",
                    f"{len(found.clicks)} clicks: {spread(found.clicks)}",
                    f"p95 at most {1000 * CLICK_MUST:g} ms",
                    bool(np.percentile(found.clicks, 95) <= CLICK_MUST),
                )
            )
            rows.append(
                machine.Row(
                    f"what the {watchers} see meanwhile",
                    "-",
                    f"{found.refreshes:.1f} refreshes a second in all, {found.age:.1f} s old on "
                    f"average; {found.used}",
                )
            )
            print(*rows[-2:], sep="\n", flush=True)
    finally:
        store.control(run, "stop")
    return rows


async def measure(people: int, clicks: int, watcher: bool) -> list[machine.Row]:
    """All rows of the table."""
    reference = "-"
    with tempfile.TemporaryDirectory() as folder:
        if watcher:
            with app(Path(folder), "--server.fileWatcherType", "auto") as server:
                await warm(server)
                seconds, used = await opening(server, people)
                reference = f"file watcher on: {spread(seconds)}; {used}"
                print(reference, flush=True)
        with app(Path(folder)) as server:
            await warm(server)
            seconds, used = await opening(server, people)
            rows = [
                machine.Row(
                    f"{people} homes opened within {OPEN_WITHIN:g} s",
                    reference,
                    f"{spread(seconds)}; {used}",
                    f"median at most {1000 * OPEN_MUST:g} ms",
                    median(seconds) <= OPEN_MUST,
                )
            ]
            print(rows[0], flush=True)
            answers, used = await reruns(server, people, RERUN_SECONDS)
            hurried = machine.Row(
                f"{people} people, up to {RERUNS} clicks a second each on Sample",
                "-",
                f"{len(answers) / used.seconds:.0f} answers a second, {spread(answers)}; {used}",
            )
            print(hurried, flush=True)
            rows += await watching_rows(server, people, clicks)
    return [*rows, hurried]


def main() -> None:
    """Measure, print and write results/crowd.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowd", description=main.__doc__)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--clicks", type=int, default=60, help="of the one who does not watch")
    parser.add_argument(
        "--watcher", action="store_true", help="open the homes also with Streamlit's file watcher"
    )
    args = parser.parse_args()
    rows = asyncio.run(measure(args.people, args.clicks, args.watcher))
    machine.report(
        "crowd",
        f"python -m benchmarks.crowd --people {args.people} --clicks {args.clicks}"
        + " --watcher" * args.watcher,
        0,
        rows,
        [
            "One server with the project's own settings, and one process on the same machine that "
            "plays all the people: Streamlit's messages over websockets, without browsers, so "
            "pictures, fonts and scripts are not fetched. Somebody was there before.",
            "A click is answered when the first run of the page that began after it has ended. "
            f"Without an answer it counts as {GIVEN_UP:g} s, and after three of those in a row "
            "nobody clicks any more.",
            "Watchers have /train?run= open while the worker trains that run, and ask as the page "
            "tells a browser to. How old: since what is seen was drawn, averaged over time and "
            "people.",
            "CPU in shares of one core: the server's process, without the training worker, and "
            "this program's, which takes its share from the same cores.",
        ],
    )


if __name__ == "__main__":
    main()
