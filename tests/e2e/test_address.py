"""Addresses in a real browser: a link shows what its sender saw, whatever was asked for before."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlparse

from playwright.sync_api import Browser, Page, expect

from aeviz import ui
from tests.e2e.conftest import start_app
from tests.e2e.test_map import open_map


def test_a_link_to_a_page_works_as_the_first_request_to_a_server(
    browser: Browser, tmp_path: Path
) -> None:
    process, address = start_app(tmp_path)
    try:
        page = browser.new_page()
        open_map(page, f"{address}/map?model=vanilla-32d")
        expect(page.get_by_role("heading", name="Where does each digit live?")).to_be_visible()
        expect(page.get_by_role("combobox", name="Model")).to_have_value("Vanilla, 32 numbers")
        expect(page.get_by_role("link", name="Interpolate")).to_be_visible()
        page.close()
    finally:
        process.terminate()
        process.wait(20)


def test_a_chosen_model_is_in_the_address_by_its_name(page: Page, app: str) -> None:
    open_map(page, app)
    page.get_by_role("combobox", name="Model").fill("vanilla, 2")  # only options in view exist
    page.get_by_role("option", name="Vanilla, 2 numbers", exact=True).click()
    page.wait_for_url("**model=vanilla-2d*")
    page.get_by_role("link", name="Sample").first.click()
    expect(page.get_by_role("heading", name="What does it draw on its own?")).to_be_visible()
    expect(page.get_by_role("combobox", name="Model")).to_have_value("Vanilla, 2 numbers")
    app_state = page.get_by_test_id("stApp")
    expect(app_state).to_have_attribute("data-test-script-state", "notRunning")
    assert parse_qs(urlparse(page.url).query)["model"] == ["vanilla-2d"]
    page.reload()
    expect(page.get_by_role("combobox", name="Model")).to_have_value("Vanilla, 2 numbers")


def test_a_walk_through_all_pages_meets_no_error(page: Page, app: str) -> None:
    page.goto(app)
    links = page.get_by_test_id("stSidebarNav").get_by_role("link")
    expect(page.get_by_test_id("latent-map")).to_have_attribute("data-ready", "true")
    titles = [title.strip() for title in links.all_inner_texts()]
    assert len(titles) == len(ui.PAGES)
    for title in titles[1:]:  # each page finds what the one before it left in the session
        before = page.locator("h1:visible").inner_text()
        links.get_by_text(title, exact=True).click()
        expect(page.locator("h1:visible")).not_to_have_text(before)
        state = page.get_by_test_id("stApp")
        expect(state).to_have_attribute("data-test-script-state", "notRunning", timeout=60_000)
        assert page.get_by_test_id("stException").count() == 0, title
