"""What the film of a run costs and how it moves: `python -m benchmarks.timemachine`.

One server and one browser, without a GPU. A run of the default variational autoencoder, a thousand
epochs long, trains by itself, then with its page open, then with somebody who drags on its map, and
by itself again; a second one, of the default length, ends and is scrubbed.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from aeviz.models.zoo import MODELS
from aeviz.training import film, place, store
from benchmarks import browser, machine
from benchmarks.classroom import serving

STRETCH = 15.0
"""Seconds of each part."""
VARIANT = "variational"
FILM = "[data-testid=film][data-ready=true]"

# Counts the pictures that the browser paints and those of them in which the map is another one.
COUNT = """(seconds) => new Promise((resolve) => {
  const canvas = document.querySelector("[data-testid=film-map]")
    ?? [...document.querySelectorAll("*")].map((e) => e.shadowRoot
      ?.querySelector("[data-testid=film-map]")).find(Boolean);
  const root = canvas.closest(".film");
  const began = performance.now();
  let frames = 0, updates = 0, newest = root.dataset.newest;
  const tick = (now) => {
    frames += 1;
    if (root.dataset.newest !== newest) { updates += 1; newest = root.dataset.newest; }
    if (now - began < 1000 * seconds) requestAnimationFrame(tick);
    else {
      const each = 1000 / (now - began);
      resolve({ frames: frames * each, updates: updates * each });
    }
  };
  requestAnimationFrame(tick);
})"""

# Moves the slider there and back as fast as the screen draws; every picture is another moment.
SCRUB = """(seconds) => new Promise((resolve) => {
  const slider = [...document.querySelectorAll("*")].map((e) => e.shadowRoot
    ?.querySelector("[data-testid=film-slider]")).find(Boolean);
  const began = performance.now(), most = Number(slider.max), gaps = [];
  let before = began;
  const tick = (now) => {
    gaps.push(now - before);
    before = now;
    const turn = ((now - began) / 4000) % 2;
    slider.value = most * (turn < 1 ? turn : 2 - turn);
    slider.dispatchEvent(new Event("input"));
    if (now - began < 1000 * seconds) requestAnimationFrame(tick);
    else {
      gaps.sort((a, b) => a - b);
      const p95 = gaps[Math.floor(0.95 * gaps.length)];
      resolve({ frames: (1000 * gaps.length) / (now - began), p95 });
    }
  };
  requestAnimationFrame(tick);
})"""


def speed(run: str, work: Any = None) -> tuple[float, Any]:
    """Steps a second over a stretch, and what is measured meanwhile."""
    first = serving.stands(run)
    found = work() if work else time.sleep(STRETCH)
    last = serving.stands(run)
    if last.state != "running" or last.updated <= first.updated:
        raise RuntimeError(f"The run does not train: {last}")
    return (last.step - first.step) / (last.updated - first.updated), found


def dragged(page: Page) -> dict[str, float]:
    """Drag on the map for a stretch, and count meanwhile."""
    box = page.get_by_test_id("film-map").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.evaluate(f"window.counted = ({COUNT})({STRETCH})")
    end, k = time.monotonic() + STRETCH, 0
    while time.monotonic() < end:
        k += 1
        across, up = (k * 7) % 100 / 100, (k * 3) % 100 / 100
        page.mouse.move(box["x"] + across * box["width"], box["y"] + up * box["height"])
        page.wait_for_timeout(8)
    page.mouse.up()
    return page.evaluate("window.counted")


def measure(folder: Path) -> list[machine.Row]:
    """All rows."""
    found = MODELS[VARIANT].recipe
    recipe, endless = dataclasses.asdict(found), {"epochs": 1000.0, "lr": found.rate(1000)}
    with serving.app(folder) as server:
        asyncio.run(serving.warm(server))
        run = serving.create(variant=VARIANT, **(recipe | endless))
        asyncio.run(serving.training(run, 200))
        return watched(server, run, recipe)


def watched(server: serving.Server, run: str, recipe: dict[str, Any]) -> list[machine.Row]:
    """The rows, of a run that trains."""
    with browser.chromium() as chromium:
        alone, _ = speed(run)
        page = browser.new_page(chromium)
        page.goto(f"{server.address}/train?run={run}")
        page.locator(FILM).wait_for(timeout=60_000)
        page.wait_for_timeout(3000)
        open_page, seen = speed(run, lambda: page.evaluate(COUNT, STRETCH))
        held, drag = speed(run, lambda: dragged(page))
        page.close()
        again, _ = speed(run)
        store.control(run, "stop")
        serving.wait(lambda: serving.stands(run).ended, 60)
        short = serving.create(variant=VARIANT, **recipe, seed=1)
        serving.wait(lambda: serving.stands(short).ended, 180)
        sizes = {
            name: sum(path.stat().st_size for path in (place.path_of(short) / name).iterdir())
            for name in ("frames", "states", "snapshots")
        }
        frames = len(film.steps(short))
        page = browser.new_page(chromium)
        page.goto(f"{server.address}/train?run={short}&step=1")
        page.locator(f"{FILM}[data-ended=true]").wait_for(timeout=60_000)
        page.wait_for_timeout(8000)  # until the server has drawn what is below it
        scrub = page.evaluate(SCRUB, STRETCH)
    before = (alone + again) / 2
    kept, kept_drag = open_page / before, held / before
    row = machine.Row
    return [
        row(
            "updates of the map a second while it trains",
            "-",
            f"{seen['updates']:.1f}",
            "4",
            seen["updates"] >= 4,
        ),
        row(
            "training speed with the page open",
            f"{alone:.0f} and {again:.0f} steps a second without",
            f"{kept:.0%} ({open_page:.0f})",
            "80 %",
            kept >= 0.8,
        ),
        row(
            "pictures a second while one drags on the map",
            "-",
            f"{drag['frames']:.1f}",
            "60",
            round(drag["frames"]) >= 60,
        ),
        row("training speed meanwhile", "the same", f"{kept_drag:.0%} ({held:.0f})"),
        row(
            "pictures a second on the slider",
            "-",
            f"{scrub['frames']:.1f} (95 % within {scrub['p95']:.1f} ms)",
            "60",
            round(scrub["frames"]) >= 60,
        ),
        row(
            "megabytes of a default run's film",
            "-",
            f"{sizes['frames'] / 1e6:.1f} ({frames} frames)",
            "30",
            sizes["frames"] <= 30e6,
        ),
        row(
            "and of its states to go back to",
            "-",
            f"{sizes['states'] / 1e6:.1f}, snapshots {sizes['snapshots'] / 1e6:.1f}",
        ),
    ]


NOTES = (
    f"Each part takes {STRETCH:g} s. The worker, the server and the browser, which draws without a "
    "GPU, share two cores.",
    "How soon each variant's default run shows something is in presets.md, by "
    "`python -m benchmarks.presets`.",
    "An update is a frame that came and is shown; a picture is one that the browser painted.",
)


def main() -> None:
    """Measure, print, and write results/timemachine.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timemachine", description=__doc__)
    parser.parse_args()
    print(machine.line(), flush=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        rows = measure(Path(folder))
    machine.report("timemachine", "python -m benchmarks.timemachine", 0, rows, NOTES)


if __name__ == "__main__":
    main()
