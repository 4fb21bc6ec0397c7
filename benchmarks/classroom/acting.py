"""Forty people who press buttons, with and without a run; who watch one; who come and go."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from aeviz.training import store
from benchmarks.classroom import serving
from benchmarks.classroom.bars import Found, Options
from benchmarks.classroom.serving import LONG, SAMPLE, Answers, Server
from benchmarks.visitor import Visitor

EVERY, LAST = 2.0, 60.0
SATURATED = 20.0
OPEN_WITHIN = 5.0


async def acting(options: Options) -> AsyncIterator[Found]:
    """One server: people act, alone and beside a run; as fast as they can; and come home."""
    with tempfile.TemporaryDirectory() as folder, serving.app(Path(folder)) as server:
        await serving.warm(server, SAMPLE)
        visitors = await serving.come(server, options.people, SAMPLE)
        await serving.act(visitors, 4, EVERY)  # nobody measures the first press of a class
        found = await serving.act(visitors, options.seconds(LAST), EVERY)
        yield _acted("act", found, 0.3, 0.15)
        yield _memory(server)
        began, busy = time.perf_counter(), server.cpu()
        hurried = await serving.act(visitors, options.seconds(SATURATED), 0.0)
        took = time.perf_counter() - began
        rate, share = len(hurried.seconds) / took, (server.cpu() - busy) / took
        said = f"{rate:.0f} ({hurried}; server {share:.0%} of a core)"
        yield Found("saturation", said, rate >= 60 and not hurried.errors, rate >= 120)
        run = serving.create(**LONG)
        await serving.training(run)
        found = await serving.act(visitors, options.seconds(LAST), EVERY)
        yield _acted("act-train", found, 0.5, 0.25)
        store.control(run, "stop")
        await serving.leave(visitors)
        yield await _homes(server, options)


def _acted(name: str, found: Answers, must: float, aim: float) -> Found:
    p95 = found.p95()
    return Found(name, str(found), p95 <= must and not found.errors, p95 <= aim)


def _memory(server: Server) -> Found:
    beside = sum(map(serving.memory, serving.workers(server.folder)))
    megabytes = server.memory()
    said = f"{megabytes:,.0f} MB (its idle worker {beside:,.0f} MB more)"
    return Found("memory", said, megabytes <= 1200, megabytes <= 800)


async def _homes(server: Server, options: Options) -> Found:
    visitors = [Visitor(server.address) for _ in range(options.people)]

    async def come(number: int) -> float:
        await asyncio.sleep(number * OPEN_WITHIN / options.people)
        return await visitors[number].come()

    seconds = await asyncio.gather(*(come(number) for number in range(options.people)))
    errors = sum(bool(visitor.troubles()) for visitor in visitors)
    await serving.leave(visitors)
    found = Answers(list(seconds), errors)
    longest = max(seconds)
    said = f"{1000 * longest:.0f} ms ({found})"
    return Found("homes", said, longest <= 2 and not errors, longest <= 1)


# -- watching ---------------------------------------------------------------------------------

UNWATCHED, WATCHED, CLICK_EVERY = 15.0, 30.0, 1.0


async def watching(options: Options) -> AsyncIterator[Found]:
    """A run's speed before, while and after it is watched, and what another person's presses take.

    Before and after, so that what the machine does otherwise is not taken for the watchers' share.
    """
    alone, long = options.seconds(UNWATCHED), options.seconds(WATCHED)
    with tempfile.TemporaryDirectory() as folder, serving.app(Path(folder)) as server:
        await serving.warm(server, SAMPLE)
        run = serving.create(**LONG)
        await serving.training(run)
        await asyncio.sleep(3)  # its first points and previews come thick
        unwatched = [await _speed(run, alone)]
        visitors = await serving.come(server, options.people, "train", f"run={run}")
        clicker = Visitor(server.address, SAMPLE)
        await clicker.come()
        await asyncio.sleep(3)
        began = time.perf_counter()
        watched, clicks = await asyncio.gather(
            _speed(run, long), serving.act([clicker], long, CLICK_EVERY)
        )
        took = time.perf_counter() - began
        each = [sum(t > began for t in visitor.refreshed) / took for visitor in visitors]
        errors = sum(bool(visitor.troubles()) for visitor in visitors)
        await serving.leave([*visitors, clicker])
        unwatched.append(await _speed(run, alone))
        store.control(run, "stop")
    least, mean = min(each), sum(each) / len(each)
    said = f"{mean:.2f} (least {least:.2f}; {errors} errors)"
    yield Found("watch-refreshes", said, least >= 1 and not errors, least >= 2)
    yield _acted("watch-events", clicks, 0.5, 0.25)
    before = sum(unwatched) / 2
    kept = watched / before if before else 0.0
    beside = ", ".join(f"{speed:.0f}" for speed in unwatched)
    said = f"{kept:.0%} ({watched:.0f} steps a second; unwatched before and after {beside})"
    yield Found("watch-speed", said, kept >= 0.8, kept >= 0.9)


async def _speed(run: str, seconds: float) -> float:
    """Steps a second over a stretch of time, by when the run's status was written."""
    first = serving.stands(run)
    await asyncio.sleep(seconds)
    last = serving.stands(run)
    took = last.updated - first.updated
    return (last.step - first.step) / took if took > 0 else 0.0


# -- coming and going -------------------------------------------------------------------------

SESSIONS, FIRST = 500, 100
AT_ONCE = 5
PAGES = ("", SAMPLE, "map", "train", "")


async def coming(options: Options) -> AsyncIterator[Found]:
    """Sessions that are opened and closed, five at a time."""
    many = options.count(SESSIONS, 2 * AT_ONCE)
    first = max(many * FIRST // SESSIONS // AT_ONCE, 1) * AT_ONCE
    before = errors = 0
    with tempfile.TemporaryDirectory() as folder, serving.app(Path(folder)) as server:
        await serving.warm(server, *PAGES)
        for start in range(0, many, AT_ONCE):
            if start == first:
                before = server.memory()
            visitors = [Visitor(server.address, page) for page in PAGES]
            await asyncio.gather(*(visitor.come() for visitor in visitors))
            errors += sum(bool(visitor.troubles()) for visitor in visitors)
            await asyncio.gather(*(visitor.close() for visitor in visitors))
        after = server.memory()
    grown = after / before - 1
    said = (
        f"{grown:+.1%} ({before:,.0f} MB after {first}, {after:,.0f} after {many}; {errors} errors)"
    )
    yield Found("sessions", said, grown <= 0.1 and not errors, grown <= 0.05)
