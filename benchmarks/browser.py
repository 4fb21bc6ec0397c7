"""A running app and a Chromium for the programs that measure what a person sees."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect, sync_playwright

from tests.e2e.conftest import CHROMIUM_ARGUMENTS, HOW, ROOT, find_chromium, start_app


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser without a GPU, as the tests use it."""
    path = find_chromium()
    if path is None:
        raise SystemExit(HOW)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def app(folder: Path, root: Path = ROOT) -> Iterator[str]:
    """The address of an app of its own, with its runs and its cache in a folder.

    Args:
        root: of the repository.
    """
    process, address = start_app(folder, root=root)
    try:
        yield address
    finally:
        process.terminate()
        process.wait(20)


def new_page(browser: Browser) -> Page:
    """A tab of 1440x900 in which the probe of a map does not walk by itself."""
    size: ViewportSize = {"width": 1440, "height": 900}
    page = browser.new_page(viewport=size, reduced_motion="reduce")
    page.set_default_timeout(120_000)
    return page


def open_map(page: Page, address: str) -> Locator:
    """Open an address and wait for its map; returns the map."""
    page.goto(address)
    root = page.get_by_test_id("latent-map")
    expect(root).to_have_attribute("data-ready", "true", timeout=180_000)
    return root


def until_draggable(page: Page, address: str) -> float:
    """Seconds from an address until its map's probe can be dragged, and shows what is there.

    Older commits drew all of it at once, or nothing.
    """
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator("[data-testid=latent-map]:is([data-draggable=true], [data-ready=true])").wait_for(
        timeout=180_000
    )
    return time.perf_counter() - began
