"""From the last control to the answer on each lab page: `python -m benchmarks.labs`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from playwright.sync_api import Page, expect

from benchmarks import browser, machine

MUST = 0.3
TURN = 8
"""The use of a slider that takes it to its right end, before it has come to the left one."""
CLEANER = "denoise?model=convolutional_denoising-128d"
LABS = {  # what is measured -> the page's address, and the button or slider that is used
    "Denoise, the home model": ("denoise", "Random image"),
    "Denoise, 128 dimensions": (CLEANER, "Random image"),
    "Denoise, a strength not seen yet": (CLEANER, "Gaussian noise: standard deviation"),
    "Inpainting, four models": ("inpainting?model=masked-256d", "Random image"),
    "Inpainting, rows cut off": ("inpainting?model=masked-256d&hide=rows", "Rows shown"),
    "Anomalies, one digit": ("anomaly", "Random image"),
    "Compare, 20 images": ("compare?compare_show=random", "Draw again"),
    "Stability, two models": ("stability", "Random image"),
    "Stability, another strength": ("stability", "Shift to the right, pixels"),
}

# Resolves with the milliseconds from the time stamp of a click or a key until the last change of a
# image, a chart or the script's state; nothing of that changes for 0.6 s afterwards.
WATCH = """() => {
  let clicked = Infinity;
  let last = 0;
  let pictures = 0;  // and charts
  for (const kind of ["click", "keydown"]) {
    addEventListener(kind, (e) => { clicked = e.timeStamp; }, { capture: true, once: true });
  }
  const app = document.querySelector("[data-testid=stApp]");
  const what = "img, .main-svg";
  const holds = (node) => node.matches?.(what) || node.querySelector?.(what);
  const seen = new MutationObserver((records) => {
    for (const { type, target, addedNodes } of records) {
      const picture = type === "attributes" ? target.nodeName === "IMG"
        : [...addedNodes].some(holds);
      if (picture) pictures += 1;
      if (picture || target === app) last = performance.now();
    }
  });
  const attributeFilter = ["src", "data-test-script-state"];
  seen.observe(app, { subtree: true, childList: true, attributes: true, attributeFilter });
  window.answered = new Promise((resolve, reject) => {
    const look = () => {
      const now = performance.now();
      const ended = app.dataset.testScriptState === "notRunning";
      if (pictures && ended && now - last > 600) { seen.disconnect(); resolve(last - clicked); }
      else if (now - clicked > 20_000) reject(new Error("no answer in 20 s"));
      else setTimeout(look, 20);
    };
    look();
  });
  window.answered.catch(() => {});
}"""


def time_control(page: Page, address: str, control: str, rounds: int) -> list[float]:
    """Seconds from each use of a page's control to its answer; the first is not kept.

    A button is clicked, a slider moved to the left by a key, and at `TURN` to its right end.
    """
    page.goto(address)
    button = page.get_by_role("button", name=control)
    slider = page.get_by_role("slider", name=control)
    button.or_(slider).first.wait_for()
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=120_000)
    page.wait_for_timeout(2000)
    seconds = []
    for k in range(rounds + 1):
        page.evaluate(WATCH)
        if slider.count():
            slider.press("End" if k == TURN else "ArrowLeft")
        else:
            button.first.click()
        seconds.append(page.evaluate("window.answered") / 1000)
    return seconds[1:]


def main() -> None:
    """Measure, print and write results/labs.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labs", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="times each control is used")
    args = parser.parse_args()
    rows = []
    with (
        browser.chromium() as chromium,
        tempfile.TemporaryDirectory() as folder,
        browser.app(Path(folder)) as address,
    ):
        page = browser.new_page(chromium)
        browser.open_map(page, address)
        page.wait_for_timeout(3000)  # the training worker starts behind the first page
        for what, (place, control) in LABS.items():
            seconds = time_control(page, f"{address}/{place}", control, args.rounds)
            print(what, [round(value, 3) for value in seconds], flush=True)
            most = float(np.percentile(seconds, 95))
            ours = f"median {1000 * median(seconds):.0f} ms, p95 {1000 * most:.0f} ms"
            must = f"p95 at most {1000 * MUST:g} ms"
            rows.append(machine.Row(what, "-", ours, must, most <= MUST))
    machine.report(
        "labs",
        f"python -m benchmarks.labs --rounds {args.rounds}",
        0,
        rows,
        [
            f"{args.rounds} real clicks on the button that asks for another image, or presses of "
            "the key that moves a slider, in one tab of headless Chromium without a GPU. From the "
            "event's own time stamp until the last change of a picture or chart on the page or of "
            "the script's state. The pictures are drawn by chance; the seed is not the program's. "
            "Before a strength's first picture the three classical filters are set for it.",
        ],
    )


if __name__ == "__main__":
    main()
