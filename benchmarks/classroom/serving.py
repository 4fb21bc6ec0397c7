"""A running app, its processes, and a class of visitors at it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from aeviz.training import store
from aeviz.training.spec import RunSpec
from aeviz.training.status import RunStatus
from benchmarks.visitor import Visitor
from tests.e2e.conftest import ROOT, start_app

T = TypeVar("T")
GIVEN_UP = 20.0
"""Seconds after which nobody waits for an answer any more; it counts as so many and as an error."""
SAMPLE, AGAIN = "sample", "Draw again"
"""What an event is: the page on which a class presses a button, and this button."""
LONG = {"variant": "variational", "epochs": 1000}
"""A run that lasts longer than anybody looks."""


# -- processes --------------------------------------------------------------------------------


@dataclass
class Server:
    """A running app."""

    address: str
    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    def cpu(self) -> float:
        """Seconds of processor time that it has used."""
        return cpu(self.process.pid)

    def memory(self) -> float:
        """Megabytes that it holds in memory, without its workers."""
        return memory(self.process.pid)

    def end(self) -> None:
        """End it as Ctrl-C does."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)


def cpu(process: int) -> float:
    """Seconds of processor time that a process has used."""
    _, _, rest = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")
    return sum(map(int, rest.split()[11:13])) / os.sysconf("SC_CLK_TCK")


def memory(process: int) -> float:
    """Megabytes of a process that are in memory."""
    pages = Path(f"/proc/{process}/statm").read_text(encoding="utf-8").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def sharing(runs: Path) -> Iterator[None]:
    """This program and what it starts look for runs in a folder."""
    before = os.environ.get("AEVIZ_RUNS")
    os.environ["AEVIZ_RUNS"] = str(runs)
    try:
        yield
    finally:
        if before is None:
            del os.environ["AEVIZ_RUNS"]
        else:
            os.environ["AEVIZ_RUNS"] = before


@contextmanager
def app(folder: Path, *options: str, port: int | None = None) -> Iterator[Server]:
    """The app with its own runs in a folder, which this program shares meanwhile."""
    with sharing(folder / "runs"):
        process, address = start_app(folder, *options, port=port)
        server = Server(address, process, folder)
        try:
            yield server
        finally:
            server.end()
            # A worker keeps its runs' state before it follows; the folder is taken away after that.
            wait(lambda: not workers(folder), 30)
            kill(workers(folder))


HOST = """
import sys, threading, time
from aeviz.training import process
gone = threading.Event()
threading.Thread(target=lambda: (sys.stdin.buffer.read(), gone.set()), daemon=True).start()
while not gone.wait(0.2):
    process.see_to_workers()
"""
"""What of a server has to do with runs: it looks after a worker as long as it lives."""


@contextmanager
def host(runs: Path) -> Iterator[None]:
    """Something that trains the runs of a folder, which this program shares meanwhile."""
    runs.mkdir(parents=True, exist_ok=True)
    with sharing(runs):
        process = subprocess.Popen([sys.executable, "-c", HOST], cwd=ROOT, stdin=subprocess.PIPE)
        try:
            yield
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(30)
            wait(lambda: not workers(runs), 30)
            kill(workers(runs))


def workers(runs: Path) -> list[int]:
    """The processes that train the runs of a folder, or of a folder within it."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            said = (path / "cmdline").read_bytes().split(b"\0")
            if b"worker" not in said or b"aeviz" not in said:
                continue
            inside = [
                Path(os.fsdecode(line.partition(b"=")[2]))
                for line in (path / "environ").read_bytes().split(b"\0")
                if line.startswith(b"AEVIZ_RUNS=")
            ]
            ended = (path / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[
                0
            ] in "ZX"
        except OSError:  # it has just ended
            continue
        if not ended and any(where == runs or runs in where.parents for where in inside):
            found.append(int(path.name))
    return sorted(found)


def kill(processes: Sequence[int]) -> None:
    """SIGKILL, and wait until they are gone."""
    for process in processes:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
    # Who started them has to notice; until then they are there, but do nothing.
    wait(lambda: not any(_runs(process) for process in processes), 10)


def _runs(process: int) -> bool:
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def wait(true: Callable[[], object], seconds: float, every: float = 0.02) -> bool:
    """Wait until something is true; False where it was not within so many seconds."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True


# -- runs -------------------------------------------------------------------------------------


def create(**settings: object) -> str:
    """Queue a run; returns its id."""
    return store.create(RunSpec.model_validate(settings))


def stands(run: str) -> RunStatus:
    """Where a run stands; this program only looks, and starts no worker."""
    return store.said(run)


def runs_of(folder: Path) -> list[str]:
    """The ids of all runs in a folder."""
    return sorted(path.name for path in folder.glob("run-*") if "." not in path.name)


# -- people -----------------------------------------------------------------------------------


def owner(number: int) -> str:
    """The token in the cookie of somebody's browser."""
    return f"{number:032x}"


async def come(server: Server, people: int, page: str = "", query: str = "") -> list[Visitor]:
    """People who open a page, eight at a time."""
    visitors = [Visitor(server.address, page, query, owner(k + 1)) for k in range(people)]
    for start in range(0, people, 8):
        await asyncio.gather(*(visitor.come() for visitor in visitors[start : start + 8]))
    return visitors


async def leave(visitors: Sequence[Visitor]) -> None:
    """They close their tabs, and the server notices."""
    await asyncio.gather(*(visitor.close() for visitor in visitors), return_exceptions=True)
    await asyncio.sleep(1)


async def warm(server: Server, *pages: str) -> None:
    """Somebody was at the home page and some others before, as in any class but the first's."""
    for page in ("", *pages):
        visitor = Visitor(server.address, page)
        await visitor.come()
        await visitor.close()
    # The worker starts behind the first page.
    for _ in range(100):
        if workers(server.folder):
            break
        await asyncio.sleep(0.2)
    await asyncio.sleep(3)


@dataclass
class Answers:
    """How long events took, and how many of them went wrong."""

    seconds: list[float] = field(default_factory=list)
    errors: int = 0

    def p95(self) -> float:
        """In seconds; endless where there was no answer at all."""
        return float(np.percentile(self.seconds, 95)) if self.seconds else float("inf")

    def __str__(self) -> str:
        if not self.seconds:
            return f"no answer, {self.errors} errors"
        middle = 1000 * float(np.median(self.seconds))
        return (
            f"p95 {1000 * self.p95():.0f} ms (median {middle:.0f}, longest "
            f"{1000 * max(self.seconds):.0f}; {len(self.seconds):,} events), {self.errors} errors"
        )


async def event(visitor: Visitor, answers: Answers) -> float:
    """Press the button of the page; returns the seconds that it took."""
    try:
        took = await asyncio.wait_for(visitor.click(AGAIN), GIVEN_UP)
        answers.errors += bool(visitor.troubles())
    except (TimeoutError, OSError, LookupError):
        took = GIVEN_UP
        answers.errors += 1
    answers.seconds.append(took)
    return took


async def act(
    visitors: Sequence[Visitor], seconds: float, every: float, answers: Answers | None = None
) -> Answers:
    """People press their button at a pace each, or as soon as one was answered.

    Nobody presses before the last press was answered: a second one would stop what is under way.
    """
    answers = answers or Answers()
    end = time.perf_counter() + seconds

    async def one(number: int) -> None:
        due = time.perf_counter() + every * number / max(len(visitors), 1)
        while due < end:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if time.perf_counter() >= end:
                return
            await event(visitors[number], answers)
            due = max(due + every, time.perf_counter())

    await asyncio.gather(*(one(number) for number in range(len(visitors))))
    return answers


async def until(true: Callable[[], Awaitable[object]], seconds: float, every: float = 0.05) -> bool:
    """Wait until something is true; False where it was not within so many seconds."""
    end = time.monotonic() + seconds
    while not await true():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(every)
    return True


async def training(run: str, step: int = 0, seconds: float = 60.0) -> None:
    """Wait until a run has gone beyond a step.

    Raises:
        RuntimeError: it has not.
    """

    async def on() -> bool:
        return stands(run).step > step

    if not await until(on, seconds, 0.1):
        raise RuntimeError(f"The run does not train: {stands(run)}")
