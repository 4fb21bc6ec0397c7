"""What a person mainly does with the app, in any engine: look, drag, click, choose, draw, train."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Protocol

from playwright.sync_api import Page
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver

Point = tuple[float, float]


class Driver(Protocol):
    """A browser with one tab; its mouse and its keys are real ones to the page."""

    def goto(self, address: str) -> None: ...

    def call(self, function: str, *given: Any) -> Any:
        """What a JavaScript function gives."""

    def drag(self, path: list[Point]) -> None:
        """Press the mouse at the first place, let go at the last; at one place it is a click."""

    def hover(self, place: Point) -> None: ...

    def type(self, text: str) -> None: ...

    def replace(self, text: str) -> None:
        """Type over what stands in the field, and press Enter."""


class Playwright:
    """Chromium."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def goto(self, address: str) -> None:
        self.page.goto(address)

    def call(self, function: str, *given: Any) -> Any:
        return self.page.evaluate(f"given => ({function})(...given)", list(given))

    def drag(self, path: list[Point]) -> None:
        self.page.mouse.move(*path[0])
        self.page.mouse.down()
        for place in path[1:]:
            self.page.mouse.move(*place, steps=8)
        self.page.mouse.up()

    def hover(self, place: Point) -> None:
        self.page.mouse.move(*place, steps=3)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def replace(self, text: str) -> None:
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")


class Selenium:
    """Firefox, WebKit."""

    def __init__(self, driver: WebDriver) -> None:
        self.driver = driver

    def goto(self, address: str) -> None:
        self.driver.get(address)

    def call(self, function: str, *given: Any) -> Any:
        return self.driver.execute_script(f"return ({function}).apply(null, arguments)", *given)

    def _pointer(self, path: list[Point], press: bool) -> None:
        actions = ActionBuilder(self.driver, duration=30)
        mouse = actions.pointer_action
        mouse.move_to_location(*map(round, path[0]))
        if press:
            mouse.pointer_down()
        for (x0, y0), (x1, y1) in pairwise(path):
            for k in range(1, 9):
                mouse.move_to_location(round(x0 + (x1 - x0) * k / 8), round(y0 + (y1 - y0) * k / 8))
        if press:
            mouse.pointer_up()
        actions.perform()

    def drag(self, path: list[Point]) -> None:
        self._pointer(path, press=True)

    def hover(self, place: Point) -> None:
        x, y = place
        self._pointer([(x - 6, y - 6), place], press=False)

    def type(self, text: str) -> None:
        actions = ActionBuilder(self.driver)
        actions.key_action.send_keys(text)
        actions.perform()

    def replace(self, text: str) -> None:
        actions = ActionBuilder(self.driver)
        keys = actions.key_action
        keys.key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL)
        keys.send_keys(text).send_keys(Keys.ENTER)
        actions.perform()


def within(driver: Driver, function: str, *given: Any, seconds: float) -> Any:
    """What a JavaScript function gives once that is something; None where it never is."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if found := driver.call(function, *given):
            return found
        time.sleep(0.1)
    return None


def wait(driver: Driver, function: str, *given: Any, seconds: float = 60) -> Any:
    """The same, of one that must be."""
    if found := within(driver, function, *given, seconds=seconds):
        return found
    address, shown = driver.call("() => [location.href, document.body.innerText]")
    raise AssertionError(f"It did not come: {function} {given}\n{address}\n{shown[:3000]}")


# The middle of the first visible element of a role that has a name, or that matches a selector.
PLACE = r"""(role, name) => {
  const every = {
    link: "a[href]", button: "[data-testid=stMain] button", field: "input",
    option: "[role=option]", heading: "h1, h2",
  };
  const said = (e) =>
    (e.getAttribute("aria-label") || e.labels?.[0]?.innerText || e.innerText || "").trim();
  const found = [...document.querySelectorAll(every[role] ?? role)].find((e) =>
    (name === null || said(e) === name) && e.getClientRects().length && !e.disabled);
  if (!found) return null;
  found.scrollIntoView({ block: "center" });
  const box = found.getBoundingClientRect();
  return [box.left + box.width / 2, box.top + box.height / 2];
}"""
# Touched, as the probe walks until then, and at rest.
READY = """() => {
  const root = document.querySelector('[data-testid=latent-map][data-ready=true]');
  root?.dispatchEvent(new PointerEvent("pointerdown"));
  return root && document.querySelector('[data-testid=probe-digit]').dataset.shows === 'exact';
}"""
DIGIT = """() => Array.from(document.querySelector('[data-testid=probe-digit]').getContext('2d')
  .getImageData(0, 0, 28, 28).data).filter((_, i) => i % 4 === 3)"""
COORDINATES = "() => document.querySelector('[data-testid=probe-coordinates]').innerText"
# A visible dot of the map that is far from the probe.
DOT = """() => {
  const plot = document.querySelector('[data-testid=latent-map] [data-part=plot]');
  plot.scrollIntoView({ block: "center" });
  const { xaxis, yaxis } = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  const probe = document.querySelector('[data-testid=probe]').getBoundingClientRect();
  for (const trace of plot.data)
    for (let k = 0; k < trace.x.length; k++) {
      const [x, y] = [xaxis.d2p(trace.x[k]), yaxis.d2p(trace.y[k])];
      if (x < 30 || x > xaxis._length - 60 || y < 30 || y > yaxis._length - 30) continue;
      const at = [box.left + xaxis._offset + x, box.top + yaxis._offset + y];
      if (Math.hypot(at[0] - probe.left - 24, at[1] - probe.top - 24) > 80) return at;
    }
}"""


CLICKED = """() => {
  const part = document.querySelector('[data-testid=clicked]');
  return !part.hidden && part.innerText;
}"""


def place(driver: Driver, role: str, name: str | None = None, seconds: float = 60) -> Point:
    """Where the first visible element of a role and a name is, scrolled into view and at rest."""
    before, found = None, wait(driver, PLACE, role, name, seconds=seconds)
    while found != before:  # what comes in above it moves it on
        time.sleep(0.3)
        before, found = found, wait(driver, PLACE, role, name)
    return found[0], found[1]


def click(driver: Driver, role: str, name: str | None = None) -> None:
    driver.drag([place(driver, role, name)])


def go(driver: Driver, place_: str, page: str) -> None:
    """Open a page as a person does: its place in the navigation, then its name."""
    click(driver, "[data-testid=stTopNavSection]", place_)
    click(driver, "[data-testid=stTopNavDropdownLink]", page)


def difference(a: list[int], b: list[int]) -> float:
    return sum(abs(p - q) for p, q in zip(a, b, strict=True)) / len(a)


def drag_the_probe(driver: Driver) -> None:
    """The digit changes with the probe, and where it rests the exact one is shown."""
    before, start = driver.call(DIGIT), driver.call(COORDINATES)
    x, y = place(driver, "[data-testid=probe]")
    driver.drag([(x, y), (x + 90, y - 40), (x + 180, y - 130)])
    wait(driver, f"start => ({COORDINATES})() !== start", start)
    wait(driver, READY)
    assert difference(before, driver.call(DIGIT)) > 5


def click_a_dot(driver: Driver) -> None:
    """A dot under the mouse shows its image; a click on it shows its copy and the error."""
    spot = wait(driver, DOT)
    driver.hover(spot)
    wait(driver, "() => !document.querySelector('.aeviz-map .tip').hidden")
    text, tries = "", 0
    while not text:  # where the map is drawn anew at that moment, a person clicks once more
        driver.drag([wait(driver, DOT)])
        tries += 1
        text = within(driver, CLICKED, seconds=60 if tries == 3 else 10)
        assert text or tries < 3, "No click on a dot was answered."
    assert re.search(r"MSE 0\.\d{4}", text)


def main_job(driver: Driver, address: str, *, train: bool = True) -> None:
    """From the home page to a model of one's own."""
    step: Callable[[str], Any] = lambda function: wait(driver, function)  # noqa: E731
    driver.goto(address)
    step(READY)
    drag_the_probe(driver)
    go(driver, "Explore", "Latent map")
    step("() => /\\/map(\\?|$)/.test(location.href)")
    wait(driver, PLACE, "heading", "Where does each digit live?")
    step(READY)
    click_a_dot(driver)

    click(driver, ".st-key-top-row [data-testid=stPopover] button")
    click(driver, "[data-testid=stPopoverBody] button", "Vanilla, 2 dimensions")
    step("() => /Vanilla/.test(document.querySelector('.st-key-top-row').innerText)")
    step("() => location.search.includes('model=vanilla')")
    step(READY)

    go(driver, "Explore", "Sample")
    step("() => document.querySelector('img[alt=\"sample 1\"]')?.naturalWidth > 0")
    if not train:
        return
    go(driver, "Train", "Train")
    click(driver, "field", "Epochs")
    driver.replace("0.5")
    step("() => /Trains for 0.5 epochs/.test(document.body.innerText)")  # the page is drawn anew
    click(driver, "button", "Train")
    step("() => /run=run-/.test(location.search)")
    wait(
        driver,
        "() => /\\bfinished\\b/i.test(document.querySelector('[data-testid=stMain]').innerText)"
        " || [...document.querySelectorAll('button')].some((b) => /its map/.test(b.innerText))",
        seconds=180,
    )
