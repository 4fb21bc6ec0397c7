"""A drag in a real browser, while the rest of the class acts and a run trains."""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import tempfile
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median

import numpy as np

from aeviz.training import store
from benchmarks import browser
from benchmarks.classroom import serving
from benchmarks.classroom.acting import EVERY
from benchmarks.classroom.bars import Found, Options
from benchmarks.classroom.serving import LONG, SAMPLE
from benchmarks.map import HOOK, drag
from benchmarks.visitor import Visitor

DRAGS = 5
MOST = 100.0
"""Seconds for which the class acts at most."""


def dragging(options: Options) -> Iterator[Found]:
    """Drag the probe of the home page's map."""
    with tempfile.TemporaryDirectory() as folder, serving.app(Path(folder)) as server:
        asyncio.run(serving.warm(server, SAMPLE))
        run = serving.create(**LONG)
        asyncio.run(serving.training(run))
        context = multiprocessing.get_context("spawn")
        there, enough = context.Event(), context.Event()
        others = context.Process(
            target=_act, args=(server.address, options.people - 1, there, enough), daemon=True
        )
        others.start()
        with browser.chromium() as chromium:
            page = browser.new_page(chromium)
            browser.open_map(page, server.address)
            page.evaluate(HOOK)
            if not there.wait(60):
                raise RuntimeError("The class did not come.")
            many = options.count(DRAGS)
            phases = np.linspace(0, 2 * math.pi, many + 1)
            rates = [drag(page, float(phase)).rate for phase in phases][
                1:
            ]  # the first one warms up
        enough.set()
        others.join(20)
        if serving.stands(run).state != "running":
            raise RuntimeError(f"The run ended before the drags did: {serving.stands(run)}")
        store.control(run, "stop")
    rate = median(rates)
    said = f"{rate:.1f} (by drag {min(rates):.1f} to {max(rates):.1f})"
    yield Found("drag", said, rate >= 55, round(rate) >= 60)


def _act(address: str, people: int, there: Event, enough: Event) -> None:
    asyncio.run(_class(address, people, there, enough))


async def _class(address: str, people: int, there: Event, enough: Event) -> None:
    """People act until it is enough; in a process of their own, which takes nothing of a drag's."""
    visitors = [Visitor(address, SAMPLE) for _ in range(people)]
    for start in range(0, people, 8):
        await asyncio.gather(*(visitor.come() for visitor in visitors[start : start + 8]))
    there.set()
    acting = asyncio.create_task(serving.act(visitors, MOST, EVERY))
    while not (enough.is_set() or acting.done()):
        await asyncio.sleep(0.1)
    acting.cancel()
    await asyncio.gather(acting, return_exceptions=True)
