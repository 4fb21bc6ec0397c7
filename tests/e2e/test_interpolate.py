"""What a person does on the interpolate page, in a real browser."""

from __future__ import annotations

import re

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect


def grey(page: Page, title: str) -> np.ndarray:
    """The image on one of the player's screens."""
    values = page.get_by_role("img", name=title, exact=True).evaluate(
        "c => Array.from(c.getContext('2d').getImageData(0, 0, 28, 28).data)"
    )
    return np.array(values, np.uint8).reshape(28, 28, 4)[:, :, 0]


def open_page(page: Page, app: str, query: str = "") -> None:
    page.goto(app)
    page.get_by_role("heading", level=1).wait_for(timeout=60_000)
    page.goto(f"{app}/interpolate{query}")
    page.get_by_role("slider", name="Position on the path").wait_for(timeout=60_000)


def test_a_path_plays_pauses_and_is_scrubbed(page: Page, app: str) -> None:
    open_page(page, app)
    button = page.get_by_role("button", name="Pause", exact=True)
    scrubber = page.get_by_role("slider", name="Position on the path")
    expect(button).to_be_visible()
    page.wait_for_timeout(900)
    before = grey(page, "Decoded along the path")
    page.wait_for_timeout(600)
    assert not np.array_equal(grey(page, "Decoded along the path"), before)

    button.click()
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    held = grey(page, "Decoded along the path")
    page.wait_for_timeout(400)
    assert np.array_equal(grey(page, "Decoded along the path"), held)
    scrubber.fill("0")
    start = grey(page, "Pixels cross-faded")
    scrubber.fill("1")
    end = grey(page, "Pixels cross-faded")
    scrubber.fill("0.5")
    middle = grey(page, "Pixels cross-faded")
    assert np.abs(middle - (start / 2 + end / 2)).max() <= 1.5
    assert page.get_by_text("50% of the way.").is_visible()
    box = page.get_by_role("img", name="Decoded along the path").bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= 224


def test_another_end_changes_the_strip_and_the_address(page: Page, app: str) -> None:
    open_page(page, app)
    last = page.get_by_alt_text("decoded, step 11")
    before = last.get_attribute("src")
    index = page.get_by_role("spinbutton", name="B: test image")
    index.fill("18")
    index.press("Enter")
    expect(last).not_to_have_attribute("src", before or "", timeout=20_000)
    expect(page).to_have_url(re.compile("to=18"))
    after = last.get_attribute("src")
    page.reload()
    expect(last).to_have_attribute("src", after or "", timeout=20_000)


def middle(page: Page, name: str) -> tuple[float, float]:
    """Of a pin of the path, px on the screen."""
    box = page.get_by_test_id(f"pin-{name}").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_ends_are_dragged_and_a_click_on_the_path_puts_a_waypoint_there(
    page: Page, app: str
) -> None:
    open_page(page, app)
    expect(page.get_by_test_id("path-map")).to_have_attribute("data-ready", "true", timeout=60_000)
    last = page.get_by_alt_text("decoded, step 11")
    before = last.get_attribute("src")
    x, y = middle(page, "B")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y - 80, steps=8)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"[?&]to=\d+"), timeout=60_000)
    expect(last).not_to_have_attribute("src", before or "", timeout=60_000)
    said = page.get_by_test_id("pin-B").get_attribute("aria-valuetext") or ""
    (index,) = re.findall(r"test image (\d+)", said)
    expect(page.get_by_role("spinbutton", name="B: test image")).to_have_value(index)

    path = page.get_by_test_id("path")
    expect(path).to_have_attribute("data-known", "true")
    (ax, ay), (bx, by) = middle(page, "A"), middle(page, "B")
    page.mouse.click((ax + bx) / 2, (ay + by) / 2)
    expect(page.get_by_test_id("pin-1")).to_be_visible()
    waypoints = page.get_by_role("searchbox", name="Waypoints")
    expect(waypoints).to_have_value(re.compile(r"^\d+$"), timeout=60_000)
    expect(page).to_have_url(re.compile("via="))

    page.get_by_test_id("pin-A").focus()
    for _ in range(10):
        page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile(r"[?&]from=\d+"), timeout=60_000)


def test_the_path_is_downloaded_as_gif_and_png(page: Page, app: str) -> None:
    open_page(page, app, "?path_steps=5")
    expect(page.get_by_alt_text("decoded, step 5")).to_be_visible()
    with page.expect_download() as gif:
        page.get_by_role("button", name="Download GIF").click()
    a, b = (page.get_by_role("spinbutton", name=f"{e}: test image").input_value() for e in "AB")
    assert gif.value.suggested_filename == f"path-{a}-{b}.gif"
    with Image.open(gif.value.path()) as film:
        frames = film.n_frames  # type: ignore[attr-defined]
        assert (film.format, frames, film.size) == ("GIF", 2 * 5 - 2, (280, 280))
    with page.expect_download() as png:
        page.get_by_role("button", name="Download PNG").click()
    with Image.open(png.value.path()) as image:
        assert (image.format, image.size) == ("PNG", (5 * 112, 2 * 112))


def test_less_motion_finds_the_film_paused(browser: Browser, app: str) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    open_page(page, app)
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    held = grey(page, "Decoded along the path")
    page.wait_for_timeout(1200)
    assert np.array_equal(grey(page, "Decoded along the path"), held)
    context.close()


RUNNER = """share => {
    const dot = document.querySelector("[data-testid=runner]");
    const path = document.querySelector("[data-testid=path]");
    const lines = [...path.querySelectorAll("line")];
    if (!dot || path.dataset.known !== "true" || !lines.length) return null;
    const at = path.getBoundingClientRect(), box = dot.getBoundingClientRect();
    const k = Math.round(share * lines.length), line = lines[Math.min(k, lines.length - 1)];
    const end = k === lines.length ? "2" : "1";
    return [at.x + Number(line.getAttribute("x" + end)) - box.x - box.width / 2,
            at.y + Number(line.getAttribute("y" + end)) - box.y - box.height / 2];
}"""


def test_a_dot_runs_along_the_map_with_the_film(page: Page, app: str) -> None:
    open_page(page, app)
    page.get_by_test_id("runner").wait_for()
    page.get_by_role("button", name="Pause", exact=True).click()
    for share in (0, 0.5, 1):
        page.get_by_role("slider", name="Position on the path").fill(str(share))
        away = page.wait_for_function(RUNNER, arg=share).json_value()
        assert np.abs(away).max() < 3, share
