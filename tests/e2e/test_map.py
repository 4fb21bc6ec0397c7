"""The latent map in a real browser: what a person does with the probe, the dots and the address."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Locator, Page, expect


def open_map(page: Page, address: str) -> Locator:
    page.goto(address)
    root = page.get_by_test_id("latent-map")
    expect(root).to_have_attribute("data-ready", "true", timeout=60_000)
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    return root


def digit(page: Page) -> list[int]:
    """Grey values of the digit under the probe."""
    return page.get_by_test_id("probe-digit").evaluate(
        "c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"
        ".filter((_, i) => i % 4 == 0)"
    )


def coordinates(page: Page) -> tuple[float, float]:
    x, y = page.get_by_test_id("probe-coordinates").inner_text().split(",")
    return float(x), float(y)


def difference(a: list[int], b: list[int]) -> float:
    return sum(abs(p - q) for p, q in zip(a, b, strict=True)) / len(a)


def drag(page: Page, dx: float, dy: float, *, steps: int = 20, release: bool = True) -> None:
    box = page.get_by_test_id("probe").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=steps)
    if release:
        page.mouse.up()


def test_dragging_changes_the_digit_before_and_after_release(page: Page, app: str) -> None:
    open_map(page, app)
    before, place = digit(page), coordinates(page)
    drag(page, 180, -150, release=False)
    moved = digit(page)
    assert difference(before, moved) > 5, "the digit did not change under the moving probe"
    assert coordinates(page)[0] > place[0]
    assert coordinates(page)[1] > place[1]
    page.mouse.up()
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    assert difference(moved, digit(page)) < 3, "blend and exact decode show different digits"


def test_the_digit_is_large_and_the_map_stays_in_its_page(page: Page, app: str) -> None:
    open_map(page, app)
    for width, height in ((1440, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        box = page.get_by_test_id("probe-digit").bounding_box()
        assert box is not None
        assert box["width"] >= 280
        assert box["x"] + box["width"] <= width
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_touch_drags_the_probe(browser, app: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    open_map(page, app)
    place = coordinates(page)
    box = page.get_by_test_id("probe").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = context.new_cdp_session(page)
    session.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
    )
    for step in range(1, 11):
        point = {"x": x + 6 * step, "y": y - 6 * step}
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    assert coordinates(page)[0] > place[0]
    assert coordinates(page)[1] > place[1]
    context.close()


def test_arrow_keys_move_the_probe_and_shift_moves_it_further(page: Page, app: str) -> None:
    open_map(page, app)
    page.get_by_test_id("probe").focus()
    x0, y0 = coordinates(page)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("probe-coordinates")).not_to_have_text(f"{x0:.2f}, {y0:.2f}")
    x1, y1 = coordinates(page)
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_test_id("probe-coordinates")).not_to_have_text(f"{x1:.2f}, {y1:.2f}")
    x2, _ = coordinates(page)
    assert x1 > x0
    assert y1 == y0
    assert (x2 - x1) / (x1 - x0) == pytest.approx(5, rel=0.2)


def test_the_address_gives_the_same_image_again(page: Page, app: str) -> None:
    open_map(page, app)
    drag(page, 120, 60)
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    page.wait_for_function(
        "p => location.search.includes('probe=') && location.search != p", arg=""
    )
    x, y = coordinates(page)
    page.wait_for_function(
        "x => Math.abs(parseFloat(new URLSearchParams(location.search).get('probe')) - x) < 0.01",
        arg=x,
    )
    shown = digit(page)
    assert "probe" in parse_qs(urlparse(page.url).query)
    open_map(page, page.url)
    assert coordinates(page) == (x, y)
    assert difference(shown, digit(page)) < 0.5


def test_clicking_a_dot_shows_its_copy_and_moves_the_probe(page: Page, app: str) -> None:
    open_map(page, app)
    place = coordinates(page)
    spot = page.evaluate(
        """() => {
          const plot = document.querySelector('[data-testid=latent-map] [data-part=plot]');
          const trace = plot.data[0], axes = plot._fullLayout, box = plot.getBoundingClientRect();
          const at = trace.x.findIndex((x, i) => x < axes.xaxis.range[1] && x > axes.xaxis.range[0]
            && trace.y[i] < axes.yaxis.range[1] && trace.y[i] > axes.yaxis.range[0]);
          return [box.left + axes.xaxis._offset + axes.xaxis.d2p(trace.x[at]),
                  box.top + axes.yaxis._offset + axes.yaxis.d2p(trace.y[at])];
        }"""
    )
    page.mouse.move(*spot)
    expect(page.locator(".aeviz-map .tip")).to_be_visible()
    expect(page.locator(".aeviz-map .tip")).to_contain_text("test image")
    page.mouse.click(*spot)
    clicked = page.get_by_test_id("clicked")
    expect(clicked).to_be_visible()
    expect(clicked).to_contain_text(re.compile(r"MSE 0\.\d{4}, PSNR \d+\.\d dB"))
    assert coordinates(page) != place


def test_zooming_in_asks_for_a_finer_grid(page: Page, app: str) -> None:
    root = open_map(page, f"{app}/map")
    images = "document.querySelectorAll('[data-testid=latent-map] .background img').length"
    assert page.evaluate(images) == 1
    box = root.locator(".stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(6):
        page.mouse.wheel(0, -240)
        page.wait_for_timeout(60)
    page.wait_for_function(f"{images} == 2")
    assert "view=" in page.url


def test_a_lasso_shows_the_selected_digits(page: Page, app: str) -> None:
    root = open_map(page, f"{app}/map")
    root.hover()
    root.locator(".modebar-btn[data-val=lasso]").click()
    box = root.locator(".stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 60, y - 60)
    page.mouse.down()
    for dx, dy in ((60, -60), (60, 60), (-60, 60), (-60, -60)):
        page.mouse.move(x + dx, y + dy, steps=8)
    page.mouse.up()
    expect(page.get_by_role("heading", name=re.compile(r"\d+ selected"))).to_be_visible()
    expect(page.locator(".aeviz-gallery img").first).to_be_visible()


def test_a_far_place_is_warned_of(page: Page, app: str) -> None:
    open_map(page, f"{app}/map?probe=400,400")
    expect(page.locator(".aeviz-map [data-part=far]").last).to_contain_text("Far from every code")


@pytest.mark.parametrize("plane", ["pca", "axes"])
def test_codes_wider_than_two_have_planes(page: Page, app: str, plane: str) -> None:
    open_map(page, f"{app}/map?model=vanilla-32d&plane={plane}")
    before = digit(page)
    drag(page, 60, -60)
    expect(page.get_by_test_id("probe-digit")).to_have_attribute("data-shows", "exact")
    assert difference(before, digit(page)) > 0.5
