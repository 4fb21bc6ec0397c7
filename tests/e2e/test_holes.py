"""What a person does on the page of holes, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect


def opened(page: Page, address: str) -> Locator:
    page.goto(address)
    maps = page.get_by_test_id("two-maps")
    expect(maps).to_have_attribute("data-ready", "true", timeout=90_000)
    expect(maps).to_have_attribute("data-index", re.compile(r"^\d+$"))
    return maps


def middle(element: Locator) -> tuple[float, float]:
    box = element.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_probe_is_dragged_and_the_other_follows_with_the_same_image(page: Page, app: str) -> None:
    maps = opened(page, f"{app}/holes?left=pca")
    left, right = page.get_by_test_id("probe-left"), page.get_by_test_id("probe-right")
    before, there = maps.get_attribute("data-index"), middle(right)
    x, y = middle(left)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 24, y - 16, steps=6)
    expect(maps).not_to_have_attribute("data-index", str(before))
    page.mouse.up()
    index = str(maps.get_attribute("data-index"))
    assert middle(right) != there
    for probe in (left, right):
        expect(probe).to_have_attribute("aria-valuetext", re.compile(f"test image {index}, at"))
    expect(page).to_have_url(re.compile(f"holes-image={index}"))
    expect(maps.locator("small", has_text="MSE")).to_have_count(2, timeout=60_000)

    # With the keys, also where the next code is farther than one step.
    right.focus()
    for _ in range(8):
        page.keyboard.press("ArrowDown")
    expect(maps).not_to_have_attribute("data-index", index)

    # What is under the mouse on one map is ringed on both.
    page.mouse.move(*middle(left))
    page.mouse.move(middle(left)[0] - 60, middle(left)[1] + 40, steps=25)
    for x_off in range(0, 120, 6):
        page.mouse.move(middle(left)[0] - 60 - x_off, middle(left)[1] + 40)
        if page.get_by_test_id("ring-left").is_visible():
            break
    expect(page.get_by_test_id("ring-left")).to_be_visible()
    expect(page.get_by_test_id("ring-right")).to_be_visible()


LINE = """() => {
    const [layer] = document.querySelectorAll("[data-below] [data-part=layer]");
    const { data } = layer.getContext("2d").getImageData(0, 0, layer.width, layer.height);
    let orange = 0;
    for (let k = 0; k < data.length; k += 4) if (data[k] - data[k + 2] > 60) orange++;
    return orange / (data.length / 4);
}"""


def test_holes_are_seen_with_their_shares_and_a_probe_goes_into_one(page: Page, app: str) -> None:
    maps = opened(page, f"{app}/holes")
    expect(page.locator(".st-key-hole-shares")).to_be_in_viewport(ratio=1)
    page.wait_for_function(f"() => ({LINE})() > 0.05")  # of the left map
    left, right = page.get_by_test_id("probe-left"), page.get_by_test_id("probe-right")
    half = page.locator('[data-above="0"]').bounding_box()
    assert half is not None
    corner = half["x"] + half["width"] - 12, half["y"] + 12
    page.mouse.move(*middle(left))
    page.mouse.down()
    page.mouse.move(*corner, steps=6)
    page.mouse.up()
    assert middle(left) == pytest.approx(corner, abs=3)
    expect(left).to_have_attribute("aria-valuetext", re.compile("hole"))
    expect(right).to_have_attribute("aria-valuetext", re.compile("test image"))
    expect(maps.locator("[data-part=left-text]")).to_have_text(re.compile("hole"))
    page.get_by_test_id("stMain").get_by_role("radio", name="Decoded images").click()
    expect(page.locator("[data-below] [data-part=layer]").first).to_be_hidden()


def test_on_a_phone_one_map_lies_below_the_other(page: Page, app: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, f"{app}/holes")
    left, right = (page.locator(f'[data-above="{k}"]').bounding_box() for k in (0, 1))
    assert left is not None
    assert right is not None
    assert left["y"] + left["height"] < right["y"]
    assert abs(left["width"] - left["height"]) < 2
    assert left["width"] > 300
