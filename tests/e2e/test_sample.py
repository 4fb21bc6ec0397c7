"""What a person does on the sample page, in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e.conftest import go_to


def test_drawing_again_changes_the_images_and_the_seed_is_shared(page: Page, app: str) -> None:
    page.goto(app)
    go_to(page, "Sample")
    first = page.get_by_alt_text("sample 1", exact=True)
    first.wait_for(timeout=60_000)
    expect(page.get_by_alt_text("sample 36", exact=True)).to_be_visible()
    before = first.get_attribute("src")
    page.get_by_role("button", name="Draw again").click()
    expect(first).not_to_have_attribute("src", before or "", timeout=20_000)
    expect(page).to_have_url(re.compile("sample_seed=1"))
    after = first.get_attribute("src")
    page.reload()
    expect(first).to_have_attribute("src", after or "", timeout=20_000)


def test_a_sample_and_its_dot_on_the_map_point_to_each_other(page: Page, app: str) -> None:
    page.goto(f"{app}/sample")
    sample = page.get_by_alt_text("sample 3", exact=True)
    sample.wait_for(timeout=60_000)
    dots = page.get_by_test_id("marked-map").locator("circle")
    expect(dots).to_have_count(36, timeout=60_000)
    ring = page.get_by_test_id("ring")
    expect(ring).to_be_hidden()
    sample.hover()
    expect(ring).to_be_visible()
    box, dot = ring.bounding_box(), dots.nth(2).bounding_box()
    assert box
    assert dot
    for along, wide in (("x", "width"), ("y", "height")):
        assert abs(box[along] + box[wide] / 2 - dot[along] - dot[wide] / 2) < 3
    dots.nth(6).hover(force=True)
    expect(page.get_by_alt_text("sample 7", exact=True)).to_have_attribute("data-linked", "true")


def test_the_even_grid_is_one_large_image(page: Page, app: str) -> None:
    page.goto(app)
    go_to(page, "Sample")
    page.get_by_text("An even grid", exact=True).click()
    sheet = page.get_by_alt_text("20 by 20 images decoded from an even grid")
    sheet.wait_for(timeout=60_000)
    box = sheet.bounding_box()
    assert box
    assert box["width"] > 500
    assert abs(box["width"] - box["height"]) < 2
    assert sheet.evaluate("image => image.naturalWidth") == 20 * 28
