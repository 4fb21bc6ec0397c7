"""Fingers: one scrolls the page on every map and chart, two move and zoom the map."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from aeviz.app import pages
from tests.e2e.main_job import DOT, READY

BARE = {"chooser", "anatomy", "reconstruct", "inpainting", "train"}
"""Pages that have no chart until a person does something."""
# The middles of all maps and charts, by place on the page; each scrolled into view by its number.
CHARTS = """() => [...document.querySelectorAll('[data-testid=stMain] *')].flatMap(
    (e) => [e, ...(e.shadowRoot?.querySelectorAll("*") ?? [])])
  .filter((e) => e.matches(".js-plotly-plot, .threshold .plot, .family .stage")
    && e.getClientRects().length)"""
MIDDLE = f"""k => {{
  const chart = ({CHARTS})()[k];
  chart.scrollIntoView({{ block: "center" }});
  const box = chart.getBoundingClientRect();
  return [box.left + 0.6 * box.width, box.top + box.height / 2];
}}"""
WIDTH = "() => document.querySelector('[data-testid=stMain]').scrollWidth"
SCROLLED = "() => document.querySelector('[data-testid=stMain]').scrollTop"
RANGES = """() => {
  const { xaxis, yaxis } = document.querySelector('.aeviz-map .plot')._fullLayout;
  return [xaxis.range, yaxis.range];
}"""
# Where a place (x, y) of the screen is on the map.
THERE = """([x, y]) => {
  const plot = document.querySelector('.aeviz-map .plot');
  const { xaxis, yaxis } = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  return [xaxis.p2d(x - box.left - xaxis._offset), yaxis.p2d(y - box.top - yaxis._offset)];
}"""


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors, f"The page had errors: {errors}"


def settle(page: Page) -> None:
    """Wait until no script runs and what it drew has come to rest."""
    page.locator("h1").first.wait_for()
    page.wait_for_timeout(300)  # until the script is under way
    running = page.get_by_test_id("stApp")
    expect(running).to_have_attribute("data-test-script-state", "notRunning", timeout=120_000)
    page.wait_for_timeout(700)


def touch(session: CDPSession, kind: str, *places: tuple[float, float]) -> None:
    points = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(places)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def swipe(page: Page, x: float, y: float, distance: float) -> None:
    """One finger along the screen, upwards."""
    session = page.context.new_cdp_session(page)
    touch(session, "touchStart", (x, y))
    for k in range(1, 13):
        touch(session, "touchMove", (x, y - distance * k / 12))
        page.wait_for_timeout(16)
    touch(session, "touchEnd")
    page.wait_for_timeout(250)
    session.detach()


@pytest.mark.parametrize("name", pages.PAGES)
def test_a_swipe_that_begins_on_a_chart_scrolls_the_page(phone: Page, app: str, name: str) -> None:
    phone.goto(f"{app}/{name if name != 'home' else ''}")
    if name not in BARE:
        phone.wait_for_function(f"() => ({CHARTS})().length")
    settle(phone)
    assert phone.evaluate(WIDTH) <= 390  # what is wider scrolls within itself
    for bar in phone.locator(".stPlotlyChart .modebar-container").all():
        expect(bar).to_be_hidden()  # it would lie over the legend
    charts = phone.evaluate(f"() => ({CHARTS})().length")
    for k in range(charts):
        x, y = phone.evaluate(MIDDLE, k)
        phone.wait_for_timeout(300)
        before = phone.evaluate(SCROLLED)
        up = before > 250  # where there is room
        swipe(phone, x, y, -200 if up else 200)
        moved = phone.evaluate(SCROLLED) - before
        assert (-moved if up else moved) > 100, f"chart {k} of {name}: moved {moved}"


def test_one_finger_leaves_the_map_as_it_is_and_a_tap_moves_the_probe(
    phone: Page, app: str
) -> None:
    phone.goto(app)
    phone.wait_for_function(READY)
    before = phone.evaluate(RANGES)
    place = phone.get_by_test_id("probe-coordinates").inner_text()
    x, y = phone.evaluate(MIDDLE, 0)
    swipe(phone, x, y, 150)
    assert phone.evaluate(RANGES) == before
    expect(phone.get_by_test_id("probe-coordinates")).to_have_text(place)
    x, y = phone.evaluate(MIDDLE, 0)
    phone.touchscreen.tap(x, y)
    expect(phone.get_by_test_id("probe-coordinates")).not_to_have_text(place)
    expect(phone.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")


def test_a_tap_on_a_dot_shows_its_copy(phone: Page, app: str) -> None:
    phone.goto(f"{app}/map")
    phone.wait_for_function(READY)
    phone.touchscreen.tap(*phone.evaluate(DOT))
    expect(phone.get_by_test_id("clicked")).to_contain_text("MSE")


@pytest.mark.parametrize("path", ["", "/map"])
def test_two_fingers_zoom_the_map_and_move_it(phone: Page, app: str, path: str) -> None:
    phone.goto(f"{app}{path}")
    phone.wait_for_function(READY)
    settle(phone)
    phone.locator(".aeviz-map .stage").evaluate(
        "stage => stage.scrollIntoView({ block: 'center' })"
    )
    phone.wait_for_timeout(200)
    x, y = phone.evaluate(MIDDLE, 0)
    phone.wait_for_timeout(200)
    (x0, x1), (y0, y1) = phone.evaluate(RANGES)
    scrolled, under = phone.evaluate(SCROLLED), phone.evaluate(THERE, [x, y])
    session = phone.context.new_cdp_session(phone)
    touch(session, "touchStart", (x - 30, y))
    touch(session, "touchStart", (x - 30, y), (x + 30, y))
    for k in range(1, 11):
        touch(session, "touchMove", (x - 30 - 3 * k, y), (x + 30 + 3 * k, y))
        phone.wait_for_timeout(16)
    phone.wait_for_function(
        "wide => { const [a, b] = (" + RANGES + ")()[0]; return b - a < 0.6 * wide }", arg=x1 - x0
    )
    phone.wait_for_timeout(200)
    (u0, u1), (v0, v1) = phone.evaluate(RANGES)
    assert (u1 - u0) / (x1 - x0) == pytest.approx(0.5, rel=0.02)
    assert (v1 - v0) / (y1 - y0) == pytest.approx(0.5, rel=0.02)
    assert phone.evaluate(THERE, [x, y]) == pytest.approx(under, abs=0.02 * (x1 - x0))
    for k in range(1, 11):
        touch(session, "touchMove", (x - 60 + 4 * k, y - 3 * k), (x + 60 + 4 * k, y - 3 * k))
        phone.wait_for_timeout(16)
    phone.wait_for_function(
        f"([place, [x, y], near]) => {{ const [u, v] = ({THERE})(place);"
        " return Math.hypot(u - x, v - y) < near }",
        arg=[[x + 40, y - 30], under, 0.02 * (x1 - x0)],
    )
    touch(session, "touchEnd")
    assert phone.evaluate(SCROLLED) == scrolled
    assert phone.evaluate("() => visualViewport.scale") == 1
    phone.wait_for_function("() => location.search.includes('view=')")


def test_the_mouse_still_zooms_a_chart_into_a_box(page: Page, app: str) -> None:
    page.goto(f"{app}/ladder")
    settle(page)
    chart = page.locator(".js-plotly-plot").first
    chart.scroll_into_view_if_needed()
    wide = """() => { const { range } = document.querySelector('.js-plotly-plot')._fullLayout.xaxis;
      return range[1] - range[0] }"""
    before = page.evaluate(wide)
    box = chart.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 80, y - 60)
    page.mouse.down()
    page.mouse.move(x + 80, y + 60, steps=8)
    page.mouse.up()
    page.wait_for_function(f"before => ({wide})() < 0.7 * before", arg=before)


def test_a_finger_moves_the_threshold_by_its_line_alone(phone: Page, app: str) -> None:
    phone.goto(f"{app}/anomaly")
    line = phone.get_by_role("slider", name="Threshold", exact=True)
    line.scroll_into_view_if_needed()
    settle(phone)
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = float(line.get_attribute("aria-valuenow") or 0)
    session = phone.context.new_cdp_session(phone)
    for start in (x - 60, x):
        assert float(line.get_attribute("aria-valuenow") or 0) == before
        touch(session, "touchStart", (start, y))
        for k in range(1, 9):
            touch(session, "touchMove", (start + 5 * k, y))
        touch(session, "touchEnd")
        phone.wait_for_timeout(200)
    assert float(line.get_attribute("aria-valuenow") or 0) > before
