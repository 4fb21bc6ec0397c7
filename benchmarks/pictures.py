"""Make the README's images from the running app: `python -m benchmarks.pictures`.

Writes PNGs, a GIF of a drag and the film of a run into .github/pictures/; `--film` makes only the
last. With `--all FOLDER` every page as a
laptop, a projector with large type and a phone show it, in both themes, for looking at: a picture
of each, and contact sheets of them. Needs Chromium, see tests/e2e/conftest.py.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import math
import tempfile
from itertools import product
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from aeviz.app import pages
from aeviz.models.zoo import MODELS
from aeviz.training import filmed, store, task
from aeviz.training.spec import RunSpec
from benchmarks.classroom import serving
from tests.e2e.conftest import CHROMIUM_ARGUMENTS, find_chromium, start_app

OUT = Path(__file__).parent.parent / ".github" / "pictures"
SIZE: ViewportSize = {"width": 1440, "height": 900}
FRAMES = 45  # of a drag once around
PROJECTOR: ViewportSize = {"width": 1280, "height": 720}
PHONE: ViewportSize = {"width": 390, "height": 844}
SCREENS = {"laptop": SIZE, "projector": PROJECTOR, "phone": PHONE}
"""A projector has large type, a phone has touch."""
ColorScheme = Literal["light", "dark"]
SCHEMES: tuple[ColorScheme, ...] = ("light", "dark")
SHEET = 2400  # width of a contact sheet, px
UNROLLED = (
    ".stApp, .stApp :has(.stMain), .stMain { position: static; overflow: visible; height: auto; }"
)
"""What scrolls within Streamlit's own frame becomes as high as it is."""
PAGES = {  # page -> which model it shows, where not that of the home page
    "chooser": "",
    "anatomy": "masked-256d",
    "map": "",
    "holes": "",
    "interpolate": "",
    "arithmetic": "variational-32d",
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
    state = page.get_by_test_id("stApp")
    expect(state).to_have_attribute("data-test-script-state", "notRunning", timeout=120_000)
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


def record_film(folder: Path) -> None:
    """Train the default variational autoencoder as the app does, and keep its film."""
    with serving.sharing(folder):
        recipe = dataclasses.asdict(MODELS["variational"].recipe)
        run = store.create(RunSpec.model_validate({"variant": "variational", **recipe}))
        training = task.Task(run)
        while not training.over:
            training.advance()
        (OUT / "film.gif").write_bytes(filmed.gif(run))
    print(OUT / "film.gif")


def visit(page: Page, address: str, key: str, **more: str) -> None:
    """Open a page with its model, and wait until there is nothing more to draw."""
    model = PAGES.get(key)
    query = urlencode(({"model": model} if model else {}) | more)
    page.goto(f"{address}/{'' if key == 'home' else key}?{query}")
    page.locator("h1").first.wait_for(timeout=60_000)
    settle(page)


def look(
    browser: Browser,
    address: str,
    out: Path,
    keys: list[str],
    screens: list[str],
    schemes: list[ColorScheme],
    *,
    whole: bool,
) -> None:
    """Pages on screens in themes, into a folder.

    Args:
        whole: the pages from top to bottom in place of their first screens.
    """
    out.mkdir(parents=True, exist_ok=True)
    for screen, scheme in product(screens, schemes):
        touch, large = screen == "phone", {"large": "true"} if screen == "projector" else {}
        context = browser.new_context(
            viewport=SCREENS[screen], color_scheme=scheme, has_touch=touch, is_mobile=touch
        )
        page, taken = context.new_page(), []
        for key in keys:
            visit(page, address, key, **large)
            taken.append(out / f"{screen}-{scheme}-{key}.png")
            if whole:
                page.add_style_tag(content=UNROLLED)
                page.wait_for_timeout(300)
            page.screenshot(path=taken[-1], full_page=whole)
        context.close()
        print(contact_sheet(taken, out / f"all-{screen}-{scheme}.png"), flush=True)


def contact_sheet(pictures: list[Path], out: Path) -> Path:
    """Pictures beside each other on one sheet."""
    images = [Image.open(path).convert("RGB") for path in pictures]
    columns = 8 if images[0].width < 600 else 4
    width = SHEET // columns
    small = [image.resize((width, image.height * width // image.width)) for image in images]
    lines = [small[k : k + columns] for k in range(0, len(small), columns)]
    heights = [max(image.height for image in line) for line in lines]
    sheet = Image.new("RGB", (SHEET, sum(heights)), "#888")
    for at, line in enumerate(lines):
        for k, image in enumerate(line):
            sheet.paste(image, (k * width, sum(heights[:at])))
    sheet.save(out)
    return out


def for_readme(browser: Browser, address: str) -> None:
    """The pictures and the GIF that the README shows."""
    OUT.mkdir(parents=True, exist_ok=True)
    page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
    page.goto(address)
    expect(page.get_by_test_id("latent-map")).to_have_attribute(
        "data-ready", "true", timeout=60_000
    )
    settle(page)
    record_drag(page)
    page = browser.new_page(viewport=SIZE, color_scheme="light")
    for name in PAGES:
        visit(page, address, name)
        save(page, name)


def main() -> None:
    """Start the app with empty folders, visit each page and take its image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page on every screen")
    parser.add_argument("--whole", action="store_true", help="pages from top to bottom")
    parser.add_argument("--only", nargs="+", choices=pages.PAGES, default=list(pages.PAGES))
    parser.add_argument("--screens", nargs="+", choices=SCREENS, default=list(SCREENS))
    parser.add_argument("--schemes", nargs="+", choices=SCHEMES, default=list(SCHEMES))
    parser.add_argument("--film", action="store_true", help="only the film of a run")
    chosen = parser.parse_args()
    if chosen.film:
        with tempfile.TemporaryDirectory() as folder:
            record_film(Path(folder))
        return
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        process, address = start_app(Path(folder))
        try:
            browser = playwright.chromium.launch(
                executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS
            )
            if chosen.all:
                which = (chosen.only, chosen.screens, chosen.schemes)
                look(browser, address, chosen.all, *which, whole=chosen.whole)
            else:
                for_readme(browser, address)
                record_film(Path(folder) / "film")
            browser.close()
        finally:
            process.terminate()
            process.wait(20)


if __name__ == "__main__":
    main()
