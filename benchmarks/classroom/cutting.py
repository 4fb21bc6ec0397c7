"""Lines that are cut: of browsers that watch a run, and of people who have just pressed Train."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

from aeviz.training import place, store
from benchmarks import browser
from benchmarks.classroom import serving
from benchmarks.classroom.bars import Found, Options
from benchmarks.classroom.serving import LONG, Server
from benchmarks.visitor import Visitor

CUTS, TABS, SHARE = 100, 8, 0.72
"""Cuts in all; tabs that are cut at the same time; the share of cuts that are theirs."""
SHORTEST, LONGEST = 1.0, 20.0
BACK = 45.0
"""Seconds for a page to come back by itself."""
AFTER, AWAY = 0.5, 5.0
AT_ONCE = 7
"""People who press Train at the same time."""


class Line:
    """What lies between a browser and the server, and can be cut: it passes on what comes."""

    def __init__(self, port: int) -> None:
        self._to, self._writers = port, set[asyncio.StreamWriter]()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._server = self._do(asyncio.start_server(self._pass_on, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Every connection breaks, and new ones are refused."""

        async def cut() -> None:
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()

        self._do(cut())

    def mend(self) -> None:
        """Connections are taken again."""
        self._server = self._do(asyncio.start_server(self._pass_on, "127.0.0.1", self.port))

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.close()
            return
        both = {writer, back}
        self._writers |= both

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            try:
                while content := await source.read(65536):
                    target.write(content)
                    await target.drain()
            except OSError:
                pass
            finally:
                target.close()

        await asyncio.gather(copy(reader, back), copy(there, writer))
        self._writers -= both


@dataclass
class Cuts:
    """What became of them."""

    cuts: int = 0
    back: list[float] = field(default_factory=list)
    """Seconds from the mended line until a page showed a later step."""
    away: int = 0
    """Pages that did not come back."""
    lost: int = 0
    doubled: int = 0
    again: int = 0
    """Presses that never reached the server: the form stands there, and they press again."""


def cutting(options: Options) -> Iterator[Found]:
    """Cut the lines of both kinds of people."""
    cuts = options.count(CUTS, 4)
    tabs = min(TABS, max(cuts // 2, 1))
    rounds = max(round(cuts * SHARE / tabs), 1)
    found = Cuts()
    with tempfile.TemporaryDirectory() as folder, serving.app(Path(folder)) as server:
        asyncio.run(serving.warm(server, "train"))
        run = serving.create(**LONG)
        asyncio.run(serving.training(run))
        longest = options.seconds(LONGEST, 2 * SHORTEST)
        with browser.chromium() as chromium:
            _cut_tabs(chromium, server, run, tabs, np.geomspace(SHORTEST, longest, rounds), found)
        alive = not serving.stands(run).ended
        store.control(run, "stop")
        asyncio.run(_cut_presses(server, cuts - found.cuts, options, found))
    longest_back = max(found.back, default=float("inf"))
    said = f"{found.cuts} cuts: back after {np.median(found.back or [0]):.1f} s, at most "
    said += f"{longest_back:.1f} s, {found.away} not; runs lost {found.lost}, doubled "
    said += f"{found.doubled}, pressed again {found.again}"
    held = found.cuts >= cuts and alive and not (found.away or found.lost or found.doubled)
    yield Found("cut", said, held, held and found.cuts >= 200)


def _cut_tabs(
    chromium: Browser, server: Server, run: str, many: int, lengths: np.ndarray, found: Cuts
) -> None:
    """Tabs that watch a run, all behind one line, as on a class's wireless network."""
    line = Line(server.port)
    tabs: list[Page] = []
    for _ in range(many):
        page = browser.new_page(chromium)
        page.goto(f"http://127.0.0.1:{line.port}/train?run={run}")
        page.locator('[data-testid=watch][data-step]:not([data-step=""])').wait_for()
        page.evaluate("window.same = true")
        tabs.append(page)
    for length in lengths:
        line.cut()
        time.sleep(length)
        step = serving.stands(run).step  # none of them can have seen a later one
        line.mend()
        mended = time.monotonic()
        waiting = list(tabs)
        while waiting and time.monotonic() < mended + BACK:
            for page in list(waiting):
                if page.evaluate(LATER, step):
                    waiting.remove(page)
                    found.back.append(time.monotonic() - mended)
            time.sleep(0.1)
        found.cuts += many
        found.away += len(waiting)
    for page in tabs:
        page.context.close()


LATER = """(step) => {
  const watch = document.querySelector('[data-testid=watch][data-step]:not([data-step=""])');
  return window.same === true && watch !== null && Number(watch.dataset.step) > step;
}"""


# -- who has just pressed Train ---------------------------------------------------------------


async def _cut_presses(server: Server, many: int, options: Options, found: Cuts) -> None:
    random = np.random.default_rng(options.seed)
    await serving.warm(server, "train")
    for start in range(0, many, AT_ONCE):
        seeds = range(1000 + start, 1000 + min(start + AT_ONCE, many))
        await asyncio.gather(
            *(
                _press(server, seed, random.uniform(0, AFTER), random.uniform(1, AWAY), found)
                for seed in seeds
            )
        )


async def _press(server: Server, seed: int, after: float, away: float, found: Cuts) -> None:
    """Press Train for a short run of one's own; the line is cut a moment later."""
    visitor = Visitor(server.address, "train", "variant=vanilla", serving.owner(seed))
    await visitor.come()
    await visitor.choose("Length in", "epochs")
    await visitor.put("number_input", "Epochs", double_value=0.1)
    await visitor.put("number_input", "Seed", double_value=seed)
    pressed = asyncio.create_task(visitor.click("Train"))
    await asyncio.sleep(after)
    await visitor.lose()
    await asyncio.gather(pressed, return_exceptions=True)
    found.cuts += 1
    await asyncio.sleep(away)
    await asyncio.wait_for(visitor.come_back(), BACK)

    # What was drawn while the line was cut never came: the page is whole after another run of it.
    async def whole() -> bool:
        return bool(visitor.run()) or _form(visitor)

    async def listed() -> bool:
        shown = visitor.query + "".join(str(part.element) for part in visitor.shown("page_link"))
        return any(run in shown for run in _runs(server, seed))

    await serving.until(whole, BACK)
    await asyncio.sleep(1)
    if not _runs(server, seed) and _form(visitor):
        found.again += 1
        await asyncio.wait_for(visitor.click("Train"), BACK)
    # Its page, or the list of this person's runs.
    found.lost += not await serving.until(listed, serving.GIVEN_UP)
    found.doubled += len(_runs(server, seed)) > 1
    await visitor.close()


def _form(visitor: Visitor) -> bool:
    """True where the page has the button."""
    return any(part.element.button.label == "Train" for part in visitor.shown("button"))


def _runs(server: Server, seed: int) -> list[str]:
    """The runs of a seed."""
    runs = []
    for run in serving.runs_of(server.folder / "runs"):
        try:
            runs += [run] if store.spec(run).seed == seed else []
        except place.RunError:
            continue
    return runs
