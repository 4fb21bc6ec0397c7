"""A running app and a real browser for the tests of what a person does."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from aeviz.app import pages

ROOT = Path(__file__).parents[2]
expect.set_options(timeout=20_000)  # a busy machine of two cores takes its time
HOW = "no chromium: install one (Debian: apt-get install chromium), or name it in AEVIZ_CHROMIUM"


FEATURES_OFF = (
    "WebUIOmniboxPopup",  # two hidden pages for the address bar in each window: 0.4 s of computing
    "WebUIOmniboxAimPopup",
    # What Playwright turns off by itself: of two such lists only the second counts.
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)
CHROMIUM_ARGUMENTS = [
    f"--disable-features={','.join(FEATURES_OFF)}",
    "--no-sandbox",
    "--disable-gpu-compositing",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--no-first-run",
]


def find_chromium() -> str | None:
    """Path of a Chromium or Chrome on this machine."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    found = [os.environ.get("AEVIZ_CHROMIUM"), *(shutil.which(name) for name in names)]
    return next((path for path in found if path), None)


def find(*names: str) -> str:
    """Path of the first of some programs; without any the test is skipped, but fails in CI."""
    found = next((path for path in map(shutil.which, names) if path), None)
    return found or lacking(f'no {names[0]}: README\'s "Start" says which packages to install')


def lacking(what: str) -> NoReturn:
    """Skip the test because the machine lacks something, which in CI is a failure."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def settled(page: Page) -> Locator:
    """The app, once the page has nothing more to draw."""
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=60_000)
    return app


def eventually(page: Page, true: Callable[[], bool], what: str, *, seconds: float = 20) -> None:
    """Wait for what no selector tells."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"Still waiting for: {what}"
        page.wait_for_timeout(50)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium() or lacking(HOW)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


def go_to(page: Page, title: str, *, seconds: float = 60) -> None:
    """Open a page as a person does: its place in the navigation, then its name."""
    (place,) = (found.section for found in pages.PAGES.values() if found.title == title)
    menu = page.get_by_test_id("stTopNav").get_by_role("button", name=place, exact=True)
    menu.click(timeout=1000 * seconds)
    page.get_by_role("menuitem", name=title, exact=True).click()


def choose_model(page: Page, title: str) -> None:
    """Choose a model above the page, by its name, without waiting for what comes of it."""
    picker(page).click()
    page.get_by_test_id("stPopoverBody").get_by_role("button", name=title, exact=True).click()


def picker(page: Page) -> Locator:
    """What opens the list of models, and says which is chosen."""
    return page.locator(".st-key-top-row").get_by_role("button", name=re.compile("^Model "))


def expect_model(page: Page, title: str | re.Pattern[str], *, seconds: float = 20) -> None:
    """Wait until a model is the chosen one."""
    said = title if isinstance(title, re.Pattern) else re.compile(f"^Model {re.escape(title)}")
    expect(picker(page)).to_have_text(said, timeout=1000 * seconds)


def listed(page: Page) -> list[str]:
    """The names of all pages, as the menus of the four places have them."""
    settled(page)
    names: list[str] = []
    for place in page.get_by_test_id("stTopNavSection").all():
        place.click()
        items = page.get_by_role("menuitem")
        expect(items.first).to_be_visible()
        names += [name.strip() for name in items.all_inner_texts()]
        page.keyboard.press("Escape")
        expect(items).to_have_count(0)
    return names


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_app(
    folder: Path, *more: str, path: str = "", root: Path = ROOT, port: int | None = None
) -> tuple[subprocess.Popen[bytes], str]:
    """Start the app with its own runs and cache; returns the process and its address.

    Args:
        more: further options of `streamlit run`.
        path: below which it is served.
        root: of the repository; another one's for a comparison.
        port: of the address; a free one where left out.
    """
    port = port or free_port()
    environment = os.environ | {
        "AEVIZ_RUNS": str(folder / "runs"),
        "AEVIZ_CACHE": str(folder / "cache"),
    }
    options = ["--server.port", str(port), "--server.headless", "true"]
    options += ["--server.address", "127.0.0.1"]
    options += ["--server.baseUrlPath", path, *more]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *options]
    with (folder / "app.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=root, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    address = f"http://127.0.0.1:{port}/{path}".rstrip("/")
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
            return process, address
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"The app did not start: {(folder / 'app.log').read_text(encoding='utf-8')}")


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[str]:
    """Address of a running app that the whole session shares."""
    process, address = start_app(tmp_path_factory.mktemp("app"))
    yield address
    process.terminate()
    process.wait(20)


@pytest.fixture
def page(browser: Browser, app: str) -> Iterator[Page]:
    """A fresh tab of 1440x900; a request to another host or an error in the page fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    context.set_default_timeout(30_000)
    tab = context.new_page()
    strangers: list[str] = []
    errors: list[str] = []
    tab.on("request", lambda r: None if _own(r.url, app) else strangers.append(r.url))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    context.close()
    assert not strangers, f"The page asked other hosts: {strangers}"
    assert not errors, f"The page had errors: {errors}"


def _own(url: str, app: str) -> bool:
    return url.startswith((app, app.replace("http", "ws"), "data:", "blob:", "about:"))
