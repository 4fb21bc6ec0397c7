"""Workers and servers that are killed while they train."""

from __future__ import annotations

import contextlib
import multiprocessing
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aeviz.training import store
from aeviz.training.task import TURN
from benchmarks.classroom import serving
from benchmarks.classroom.bars import Found, Options
from benchmarks.classroom.serving import LONG, Server
from benchmarks.visitor import Visitor

KILLS, LANES, EACH = 50, 2, 5
"""Kills in all, in so many folders at the same time, each run so often."""
AFTER = 2.0
"""Seconds after which a run that went on is killed again, at most."""
STARTING = 5
"""Of so many kills one comes while the worker starts."""
PATIENCE = 120.0
"""Seconds for a run to go on, or to end."""
SMALL = {"config": {"width": 32, "depth": 1}, "batch": 128}
VARIANTS = ("vanilla", "variational")
STEPS = 2_500
"""A few seconds."""


def weights(run: str) -> dict[str, torch.Tensor]:
    """What a run's final.safetensors holds."""
    return store.load_model(run).state_dict()


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    """True where two models have the same weights, bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def undisturbed(folder: Path, **settings: Any) -> dict[str, torch.Tensor]:
    """The weights with which a run ends that nobody disturbs."""
    with serving.host(folder):
        run = serving.create(**settings)
        serving.wait(lambda: serving.stands(run).ended, PATIENCE)
        return weights(run)


@dataclass
class Killed:
    """What became of the runs of some folders."""

    kills: int = 0
    finished: int = 0
    identical: int = 0
    others: list[str] = field(default_factory=list)
    """What those say that did not finish."""
    waits: list[float] = field(default_factory=list)
    """Seconds from a kill until the run had kept a further state."""

    def add(self, other: Killed) -> None:
        """Count those of another folder too."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def worker(options: Options) -> Iterator[Found]:
    """Kill workers, and compare what their runs end with."""
    kills = options.count(KILLS, LANES)
    found = Killed()
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(LANES, spawn) as pool:
        work = [
            pool.submit(
                lane,
                Path(folder) / f"lane-{k}",
                VARIANTS[k % len(VARIANTS)],
                kills // LANES + (k < kills % LANES),
                options.seed + k,
            )
            for k in range(LANES)
        ]
        for done in as_completed(work):
            found.add(done.result())
    runs = found.finished + len(found.others)
    said = (
        f"{found.kills} kills: {found.finished} of {runs} runs finish, {found.identical} of them "
    )
    said += "bit-identical"
    if found.waits:
        said += (
            f"; they go on after {np.median(found.waits):.1f} s, at most {max(found.waits):.1f} s"
        )
    said += "".join(f"; {text}" for text in found.others[:2])
    yield Found("kill-worker", said, found.kills == kills and found.identical == runs)


def lane(folder: Path, variant: str, kills: int, seed: int, steps: int = STEPS) -> Killed:
    """Kill the worker of a folder at random moments, each of its runs a few times."""
    random, found = np.random.default_rng(seed), Killed()
    settings = SMALL | {"variant": variant, "steps": steps}
    expected = undisturbed(folder / "whole" / "runs", **settings)
    left, starting = kills, 0
    number = 0
    while left > 0:
        many, left, number = min(EACH, left), left - EACH, number + 1
        runs = folder / f"run-{number}"  # one each: the same spec would be the same run
        with serving.host(runs):
            run = serving.create(**settings)
            for _ in range(many):
                starting = (starting + 1) % STARTING
                _kill(runs, run, random, starting == 0, found)
            serving.wait(lambda: serving.stands(run).ended, PATIENCE)  # noqa: B023
            said = serving.stands(run)
            if said.state == "finished":
                found.finished += 1
                found.identical += equal(weights(run), expected)
            else:
                found.others.append(f"{said.state} at step {said.step}: {said.message}")
    return found


def _kill(runs: Path, run: str, random: np.random.Generator, starting: bool, found: Killed) -> None:
    """One kill; while the worker starts where it may, else after the run went on."""
    before = max(store.states(run), default=0)
    began = time.monotonic()

    def on() -> bool:
        return max(store.states(run), default=0) > before or serving.stands(run).ended

    if not starting:
        serving.wait(on, PATIENCE)
        if found.kills:
            found.waits.append(time.monotonic() - began)
    serving.wait(lambda: serving.workers(runs), PATIENCE)
    time.sleep(random.uniform(0, AFTER))
    found.kills += 1
    serving.kill(serving.workers(runs))


# -- the server -------------------------------------------------------------------------------

SERVERS = 3
BACK, GO_ON, LOST = 10.0, 40.0, 5.0
TURNS = 2 * TURN + 20
"""Seconds in which each of two runs has had its turn."""
TRAINED = 6.0
"""Seconds that a run trains before its server is killed, and up to so many more."""


async def server(options: Options) -> AsyncIterator[Found]:
    """Kill a server that trains a run and has another one waiting, and start it again.

    After it the one that waited has the first turn: the runs change places every half minute.
    """
    rounds = options.count(SERVERS, 2)
    random = np.random.default_rng(options.seed)
    back, gone_on, lost = [], [], []
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as servers:
        now = servers.enter_context(serving.app(Path(folder)))
        await serving.warm(now)
        runs = [serving.create(**LONG), serving.create(variant="vanilla", epochs=1000)]
        for number in range(rounds):
            await serving.training(await _trains(runs))
            time.sleep(options.seconds(TRAINED) + random.uniform(0, 4))
            at = await _trains(runs)
            step, speed = await _speed(at)
            serving.kill([now.process.pid])
            if number % 2:
                serving.kill(serving.workers(now.folder))
            began = time.monotonic()
            now = servers.enter_context(serving.app(Path(folder), port=now.port))
            await _home(now)
            back.append(time.monotonic() - began)
            # A worker that was not killed keeps its state as it leaves.
            serving.wait(lambda: _advances(runs, began), GO_ON)  # noqa: B023
            gone_on.append(time.monotonic() - began)
            kept = max(store.states(at), default=0)
            lost.append(max(0.0, (step - kept) / speed))
        last = {run: serving.stands(run).step for run in runs}
        on = sum(
            serving.wait(lambda: serving.stands(run).step > last[run], TURNS)  # noqa: B023
            for run in runs
        )
        for run in runs:
            store.control(run, "stop")
    said = f"{rounds} times: back after at most {max(back):.1f} s, going on after "
    said += f"{max(gone_on):.1f} s, {on} of {len(runs)} runs to the end, at most "
    said += f"{max(lost):.1f} s of work lost"
    held = max(back) <= BACK and max(gone_on) < GO_ON and on == len(runs) and max(lost) <= LOST
    yield Found("kill-server", said, held)


async def _trains(runs: list[str]) -> str:
    """Which of some runs trains now."""
    at = ""

    async def found() -> bool:
        nonlocal at
        at = next((run for run in runs if serving.stands(run).state == "running"), "")
        return bool(at)

    if not await serving.until(found, PATIENCE):
        raise RuntimeError(f"No run trains: {[serving.stands(run) for run in runs]}")
    return at


def _advances(runs: list[str], since: float) -> bool:
    """Whether one of some runs has trained since then, on the monotonic clock."""
    age = time.monotonic() - since
    states = [serving.stands(run) for run in runs]
    return any(
        said.state == "running" and said.images_per_second and said.updated > time.time() - age + 1
        for said in states
    )


async def _speed(run: str) -> tuple[int, float]:
    """The step of a run, and how many it did in a second of its training."""
    said = serving.stands(run)
    return said.step, said.step / max(said.trained, 1e-3)


async def _home(server: Server) -> None:
    """Somebody's home page, also where the server is not ready yet."""
    visitor = Visitor(server.address)
    await visitor.come()
    await visitor.close()
