"""What a first visitor waits for, beside an older commit: `python -m benchmarks.home`."""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
from playwright.sync_api import Browser, Page, expect

from benchmarks import browser, machine
from benchmarks.app import time_start
from benchmarks.map import HOOK, MOVES, drag, settle, stop, train_beside
from tests.e2e.conftest import ROOT

STROKES = 6
"""Digits that are drawn on the pad."""
POINTS = 60
"""Moves of the mouse in each of them."""
TICKS = 9
"""Of the mouse wheel, for one zoom: from here on tiles are halved, which is what is timed."""
# For each reconstruction that is another one: when it was painted, and the time stamps of the
# pointer's moves on the pad that it is the answer to, which are those before the drawing was given
# on. A message sent from inside a frame arrives after the frame's style, layout and paint steps.
STROKE_HOOK = """() => {
  const answers = (window.answers = []);
  let [moves, given, last] = [[], null, ""];
  const pad = document.querySelector("[data-testid=pad]");
  const note = (event) => {
    if (event.buttons) moves.push(...event.getCoalescedEvents().map((one) => one.timeStamp));
  };
  pad.addEventListener("pointermove", note, true);
  const read = CanvasRenderingContext2D.prototype.getImageData;
  CanvasRenderingContext2D.prototype.getImageData = function (...where) {
    if (this.canvas.width === 112 && this.canvas.height === 112) [given, moves] = [moves, []];
    return read.apply(this, where);
  };
  const put = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (image, ...where) {
    put.call(this, image, ...where);
    if (this.canvas.dataset.testid !== "reconstruction" || !given) return;
    const now = image.data.join();
    if (now === last) return;
    last = now;
    const answer = { moves: given };
    given = null;
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => answers.push({ ...answer, painted: performance.now() });
    port2.postMessage(null);
  };
}"""
# When the mouse wheel was turned last, and when other tiles were put on the map's ground.
ZOOM_HOOK = """() => {
  Object.assign(window, { wheeled: 0, sheets: [] });
  addEventListener("wheel", (event) => { window.wheeled = event.timeStamp; }, true);
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  let last = null;
  CanvasRenderingContext2D.prototype.drawImage = function (source, ...where) {
    draw.call(this, source, ...where);
    if (this.canvas.dataset.part !== "ground" || source === last) return;
    last = source;
    window.sheets.push(performance.now());
  };
}"""


@dataclass
class Figures:
    """What was measured of one commit; milliseconds but for the rates, seconds and bytes."""

    painted: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    rates_beside: list[float] = field(default_factory=list)
    strokes: list[float] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    zooms: list[float] = field(default_factory=list)
    finer: list[float] = field(default_factory=list)
    """Until tiles of the grid that the server decoded for the view."""
    sent: dict[str, int] = field(default_factory=dict)


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A folder with an older commit of this repository."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "older"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", str(place), commit], check=True)
        try:
            yield place
        finally:
            subprocess.run([*git, "remove", "--force", str(place)], check=True)


def strokes(page: Page) -> list[float]:
    """Milliseconds from each move on the pad to the painted reconstruction that has it."""
    page.evaluate(STROKE_HOOK)
    box = page.get_by_test_id("pad").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for k in range(STROKES):
        page.get_by_role("button", name="Clear", exact=True).click()
        across, up = (0.1 + 0.05 * k) * box["width"], 0.3 * box["height"]
        page.mouse.move(x, y - up)
        page.mouse.down()
        for turn in np.linspace(0, 2 * math.pi, POINTS):
            page.mouse.move(x + across * math.sin(turn), y - up * math.cos(turn))
            page.wait_for_timeout(16)
        page.mouse.up()
        page.wait_for_timeout(1500)
    found = page.evaluate("window.answers")
    return [one["painted"] - move for one in found for move in one["moves"]]


def zooms(page: Page, address: str, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds from the wheel's last turn to sharper tiles, and to the last of them."""
    first, last = [], []
    for k in range(rounds):
        browser.open_map(page, f"{address}/map")
        settle(page)
        page.wait_for_timeout(3000)
        page.evaluate(ZOOM_HOOK)
        box = page.locator(".aeviz-map .stage").bounding_box()
        assert box is not None
        away = 0.25 + 0.5 * (k + 0.5) / rounds
        page.mouse.move(box["x"] + away * box["width"], box["y"] + 0.5 * box["height"])
        for _ in range(TICKS):
            page.mouse.wheel(0, -240)
            page.wait_for_timeout(16)
        page.wait_for_timeout(4000)
        after = page.evaluate("window.sheets.map((t) => t - window.wheeled).filter((t) => t > 0)")
        first += after[:1]
        last += after[-1:]
    return first, last


def first_map(chromium: Browser, address: str) -> tuple[float, dict[str, int]]:
    """Seconds from the address to a draggable map in a fresh browser, and bytes by their kind."""
    page = browser.new_page(chromium)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    urls: dict[str, str] = {}
    sent = {"Streamlit's own": 0, "files": 0, "messages": 0}

    def finished(event: dict) -> None:
        own = "/static/" in urls.get(event["requestId"], "")
        sent["Streamlit's own" if own else "files"] += int(event["encodedDataLength"])

    def message(event: dict) -> None:
        response = event["response"]  # bytes come as base64
        sent["messages"] += (
            len(response["payloadData"]) * (3 if response["opcode"] == 2 else 4) // 4
        )

    session.on(
        "Network.requestWillBeSent", lambda e: urls.update({e["requestId"]: e["request"]["url"]})
    )
    session.on("Network.loadingFinished", finished)
    session.on("Network.webSocketFrameReceived", message)
    seconds = browser.until_draggable(page, address)
    expect(page.get_by_test_id("probe-digit")).not_to_have_attribute("data-shows", "earlier place")
    page.wait_for_timeout(5000)  # until all of it is there, the sheet of real digits last
    page.context.close()
    return seconds, sent


def measure(chromium: Browser, root: Path, args: argparse.Namespace) -> Figures:
    """All figures of the app in a folder."""
    found = Figures()
    found.starts = [time_start(chromium, root) for _ in range(args.starts)]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AEVIZ_RUNS"] = str(Path(folder) / "runs")  # the app's, where its worker looks
        with browser.app(Path(folder), root) as address:
            first_map(chromium, address)  # the first one also warms the server
            for _ in range(args.visits):
                seconds, found.sent = first_map(chromium, address)
                found.warm.append(seconds)
            page = browser.new_page(chromium)
            browser.open_map(page, address)
            page.evaluate(HOOK)
            phases = np.linspace(0, 2 * math.pi, args.drags + 1)
            drags = [drag(page, float(phase)) for phase in phases][1:]  # the first one warms up
            found.painted = [value for one in drags for value in one.painted]
            found.rates = [one.rate for one in drags]
            run = train_beside(3000)
            found.rates_beside = [drag(page, float(phase)).rate for phase in phases[1:]]
            stop(run)
            if page.get_by_test_id("pad").is_visible():
                page.reload()
                browser.open_map(page, address)
                settle(page)
                found.strokes = strokes(page)
            if page.locator('[data-part="ground"]').count():
                found.zooms, found.finer = zooms(page, address, args.zooms)
    print(
        found.sent, {k: len(v) for k, v in vars(found).items() if isinstance(v, list)}, flush=True
    )
    return found


def rows(ours: Figures, theirs: Figures | None) -> list[machine.Row]:
    """A line for each bar, with the older commit's figure beside it."""
    told: list[machine.Row] = []

    def row(
        what: str,
        of: Callable[[Figures], list[float]],
        say: Callable[[list[float]], str],
        must: str,
        held: Callable[[list[float]], bool],
    ) -> None:
        mine, before = of(ours), of(theirs) if theirs else []
        reference = say(before) if before else "-"
        told.append(machine.Row(what, reference, say(mine), must, bool(held(mine))))

    def spread(values: list[float]) -> str:
        p50, p95 = np.percentile(values, [50, 95])
        return f"median {p50:.0f}, p95 {p95:.0f} ms"

    def rate(values: list[float]) -> str:
        return f"{median(values):.1f} (by drag {min(values):.1f} to {max(values):.1f})"

    def seconds(values: list[float]) -> str:
        return f"median {median(values):.1f} s, longest {max(values):.1f} s"

    def p95(values: list[float], most: float) -> bool:
        return bool(np.percentile(values, 95) <= most)

    row(
        "pointer event to painted digit",
        lambda f: f.painted,
        lambda v: f"p50 {np.percentile(v, 50):.1f}, p95 {np.percentile(v, 95):.1f} ms",
        "p95 at most 14 ms",
        lambda v: p95(v, 14),
    )
    row("images per second", lambda f: f.rates, rate, "60", lambda v: round(median(v)) >= 60)
    row(
        "images per second while a run trains",
        lambda f: f.rates_beside,
        rate,
        "at least 55",
        lambda v: median(v) >= 55,
    )
    row(
        "stroke to code and reconstruction",
        lambda f: f.strokes,
        spread,
        "median at most 150, p95 300 ms",
        lambda v: median(v) <= 150 and p95(v, 300),
    )
    row(
        "start of `streamlit run` to a draggable map",
        lambda f: f.starts,
        seconds,
        "at most 5 s",
        lambda v: max(v) <= 5,
    )
    row(
        "first visit to a draggable map, warm server",
        lambda f: f.warm,
        seconds,
        "median at most 1.5 s",
        lambda v: median(v) <= 1.5,
    )
    row(
        "zoom to sharp tiles",
        lambda f: f.zooms,
        spread,
        "median at most 300 ms",
        lambda v: median(v) <= 300,
    )
    row(
        "bytes for a first map beside Streamlit's own",
        lambda f: [float(f.sent["files"] + f.sent["messages"])],
        lambda v: f"{v[0] / 1e6:.2f} MB",
        "at most 4 MB",
        lambda v: v[0] <= 4e6,
    )
    return told


def main() -> None:
    """Measure, print and write results/home.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.home", description=main.__doc__)
    parser.add_argument("--beside", metavar="COMMIT", help="an older commit, measured as well")
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--drags", type=int, default=5, help="idle, and beside a run")
    parser.add_argument("--zooms", type=int, default=5)
    args = parser.parse_args()
    theirs = None
    with browser.chromium() as chromium:
        if args.beside:
            with checked_out(args.beside) as older:
                theirs = measure(chromium, older, args)
        ours = measure(chromium, ROOT, args)
        version = chromium.version
    finer = f" (median {median(ours.finer):.0f} ms)" if ours.finer else ""
    machine.report(
        "home",
        f"python -m benchmarks.home{f' --beside {args.beside}' if args.beside else ''} --starts "
        f"{args.starts} --visits {args.visits} --drags {args.drags} --zooms {args.zooms}",
        0,
        rows(ours, theirs),
        [
            f"The reference is {f'commit {args.beside}' if args.beside else 'none'}, in the same "
            f"run; headless Chromium {version} without a GPU, 1440x900.",
            f"Pointer and images per second: {args.drags} drags of {MOVES} moves, as "
            "`benchmarks.map` has them.",
            f"Stroke: {STROKES} digits of {POINTS} moves on the pad; from the time stamp of each "
            "move to the painted reconstruction of a drawing that has it. Moves that come while "
            "one is under way wait for its answer.",
            f"Start: {args.starts} fresh processes with empty folders. Warm: {args.visits} fresh "
            "browsers, each with nothing in its cache, at a server that has shown the page.",
            f"Zoom: {args.zooms} times {TICKS} turns of the wheel; from the last one to the first "
            f"tiles of the new size, drawn by the browser; those of the grid that the server "
            f"decodes for the view come later{finer}.",
            "Bytes: "
            + ", ".join(f"{name} {value / 1e6:.2f} MB" for name, value in ours.sent.items())
            + ", until the map is there and its real digits too.",
        ],
    )


if __name__ == "__main__":
    main()
