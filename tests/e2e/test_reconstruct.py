"""What a person does on the reconstruct page, in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e.conftest import go_to


def open_page(page: Page, app: str) -> None:
    page.goto(app)
    go_to(page, "Reconstruct")
    page.get_by_alt_text(re.compile(r"^Error of PCA, \d+ components, 10$")).wait_for(timeout=60_000)


def test_images_and_errors_change_with_the_choice_and_the_address_keeps_it(
    page: Page, app: str
) -> None:
    open_page(page, app)
    for row in (
        "Original",
        "Reconstruction by Variational, 2 dimensions",
        "Reconstruction by PCA, 2 components",
    ):
        image = page.get_by_alt_text(f"{row}, 10")
        expect(image).to_be_visible()
        box = image.bounding_box()
        assert box
        assert box["width"] > 60
        assert box["x"] + box["width"] < 1440
    expect(page.get_by_text(re.compile(r"^MSE 0\.\d{4}"))).to_have_count(20)
    metrics = page.get_by_test_id("stMetric")
    expect(metrics).to_have_count(3)
    expect(metrics.first).to_contain_text(re.compile(r"MSE.*0\.03\d\d.*PCA 0\.0554\d", re.S))

    original = page.get_by_alt_text("Original, 1", exact=True)
    before = original.get_attribute("src")
    page.get_by_text("Worst", exact=True).click()
    expect(original).not_to_have_attribute("src", before or "", timeout=20_000)
    expect(page).to_have_url(re.compile("copies=worst"))
    expect(page.get_by_role("button", name="Draw again")).to_have_count(0)
    worst = original.get_attribute("src")
    page.reload()
    expect(original).to_have_attribute("src", worst or "", timeout=60_000)


def test_drawing_again_and_one_digit_alone(page: Page, app: str) -> None:
    open_page(page, app)
    original = page.get_by_alt_text("Original, 1", exact=True)
    before = original.get_attribute("src")
    page.get_by_role("button", name="Draw again").click()
    expect(original).not_to_have_attribute("src", before or "", timeout=20_000)
    expect(page).to_have_url(re.compile("copies_seed=1"))
    page.get_by_test_id("stMain").get_by_role("radio", name="8", exact=True).click()
    expect(page.get_by_text(re.compile(r"^8\s*test image\s*\d+$"))).to_have_count(
        10, timeout=20_000
    )


def test_on_a_phone_the_rows_scroll_and_the_page_does_not(page: Page, app: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{app}/reconstruct")
    page.get_by_alt_text(re.compile(r"^Error of PCA, \d+ components, 10$")).wait_for(timeout=60_000)
    rows = page.locator(".aeviz-rows")
    assert rows.evaluate("element => element.scrollWidth > element.clientWidth + 100")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_alt_text("Original, 10").scroll_into_view_if_needed()
    expect(page.get_by_alt_text("Original, 10")).to_be_in_viewport()
    expect(page.get_by_role("heading", name="Original", exact=True)).to_be_in_viewport(ratio=1)
