"""Make the README's images from the running app: `python -m benchmarks.pictures`.

Writes PNGs and one GIF of a drag into .github/pictures/. Needs Chromium, see tests/e2e/conftest.py.
"""

from __future__ import annotations

import io
import math
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from tests.e2e.conftest import CHROMIUM_ARGUMENTS, find_chromium, start_app

OUT = Path(__file__).parent.parent / ".github" / "pictures"
SIZE: ViewportSize = {"width": 1440, "height": 900}
FRAMES = 45  # of a drag once around
PAGES = {  # page -> which model it shows, where not that of the home page
    "chooser": "",
    "anatomy": "masked-256d",
    "map": "",
    "interpolate": "",
    "sample": "",
    "reconstruct": "",
    "ladder": "",
    "denoise": "convolutional_denoising-128d",
    "inpainting": "masked-256d",
    "anomaly": "",
    "compare": "",
    "stability": "",
    "uses": "convolutional-32d",
    "few_labels": "convolutional-32d",
    "loss": "variational-32d",
    "beta": "",
    "train": "",
}


def settle(page: Page) -> None:
    """Wait until the server has nothing more to draw."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.wait_for_timeout(1500)


def save(page: Page, name: str) -> None:
    """A screenshot at two thirds of its size, in 128 colours: small enough to clone."""
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image = image.resize((960, 600), Image.Resampling.LANCZOS)
    image.quantize(128).save(OUT / f"{name}.png", optimize=True)
    print(OUT / f"{name}.png")


def record_drag(page: Page) -> None:
    """Drag the probe once around the map, a frame each step."""
    stage = page.locator(".aeviz-map .stage").bounding_box()
    probe = page.get_by_test_id("probe").bounding_box()
    assert stage is not None
    assert probe is not None
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    page.mouse.move(probe["x"] + probe["width"] / 2, probe["y"] + probe["height"] / 2)
    page.mouse.down()
    frames = []
    for step in range(FRAMES):
        turn = 2 * math.pi * step / FRAMES
        across, up = 0.25 * math.cos(turn), 0.3 * math.sin(turn)
        page.mouse.move(x + across * stage["width"], y - up * stage["height"], steps=2)
        shot = page.locator(".aeviz-map").screenshot()
        frame = Image.open(io.BytesIO(shot)).convert("RGB")
        width = 640
        frame = frame.resize((width, frame.height * width // frame.width))
        frames.append(frame.quantize(128, dither=Image.Dither.NONE))
    page.mouse.up()
    target = OUT / "drag.gif"
    frames[0].save(target, save_all=True, append_images=frames[1:], duration=100, loop=0)
    print(target)


def main() -> None:
    """Start the app with empty folders, visit each page and take its image."""
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        process, address = start_app(Path(folder))
        try:
            browser = playwright.chromium.launch(
                executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS
            )
            page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
            page.goto(address)
            expect(page.get_by_test_id("latent-map")).to_have_attribute(
                "data-ready", "true", timeout=60_000
            )
            settle(page)
            record_drag(page)
            page = browser.new_page(viewport=SIZE, color_scheme="light")
            for name, model in PAGES.items():
                page.goto(f"{address}/{name}" + (f"?model={model}" if model else ""))
                settle(page)
                save(page, name)
            browser.close()
        finally:
            process.terminate()
            process.wait(20)


if __name__ == "__main__":
    main()
