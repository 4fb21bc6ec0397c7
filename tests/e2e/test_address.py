"""Addresses in a real browser: a link shows what its sender saw, whatever was asked for before."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlparse

from playwright.sync_api import Browser, Page, expect

from aeviz.app import pages
from tests.e2e.conftest import choose_model, expect_model, go_to, listed, start_app
from tests.e2e.test_map import open_map

# Keeps every navigation and every title that is in the page at any moment, from the first on.
SEEN = """window.seen = { navigations: [], titles: [] };
new MutationObserver(() => {
  const links = [...document.querySelectorAll("[data-testid=stTopNavSection]")];
  const { navigations, titles } = window.seen;
  if (links.length) navigations.push(links.map((link) => link.textContent.trim()).join());
  if (document.title) titles.push(document.title);
}).observe(document, { subtree: true, childList: true, characterData: true });
"""


def test_the_first_requests_to_a_server_meet_the_app_and_nothing_else(
    browser: Browser, tmp_path: Path
) -> None:
    process, address = start_app(tmp_path)
    try:
        tabs = []
        for place in ("map?model=vanilla-32d", "train?variant=sparse", ""):  # all at once
            tab = browser.new_page()
            tab.add_init_script(SEEN)
            tab.goto(f"{address}/{place}", wait_until="commit")
            tabs.append(tab)
        for tab, heading in zip(
            tabs,
            (
                "Where does each digit live?",
                "What does it learn while it trains?",
                "An image becomes a point and comes out again",
            ),
            strict=True,
        ):
            expect(tab.get_by_role("heading", name=heading)).to_be_visible(timeout=60_000)
            seen = tab.evaluate("window.seen")
            assert seen["navigations"][-1] == ",".join(pages.ORDER)
            # While Streamlit measures how many of them fit it says "15 more".
            names = {name for some in seen["navigations"] for name in some.split(",")}
            names = {name for name in names if not re.fullmatch(r"\d+ more", name)}
            assert names == set(pages.ORDER)
            assert set(seen["titles"]) <= {"Streamlit", "aeviz"}  # before its script, and after
        deep, _, home = tabs
        expect_model(deep, "Vanilla, 32 dimensions")
        for tab in (deep, home):
            ready = tab.get_by_test_id("latent-map")
            expect(ready).to_have_attribute("data-ready", "true", timeout=60_000)
        for tab in tabs:
            tab.close()
    finally:
        process.terminate()
        process.wait(20)


def test_a_chosen_model_is_in_the_address_by_its_name(page: Page, app: str) -> None:
    open_map(page, app)
    choose_model(page, "Vanilla, 2 dimensions")
    page.wait_for_url("**model=vanilla-2d*")
    go_to(page, "Sample")
    expect(page.get_by_role("heading", name="What does it draw on its own?")).to_be_visible()
    expect_model(page, "Vanilla, 2 dimensions")
    app_state = page.get_by_test_id("stApp")
    expect(app_state).to_have_attribute("data-test-script-state", "notRunning")
    assert parse_qs(urlparse(page.url).query)["model"] == ["vanilla-2d"]
    page.reload()
    expect_model(page, "Vanilla, 2 dimensions")


# What is wider than its place: the page, a heading, a label, a button, a choice.
CLIPPED = """() => {
  const wide = [];
  for (const element of [document.documentElement, document.querySelector("[data-testid=stMain]"),
      ...document.querySelectorAll("h1, h2, h3, h4, h5, h6, label, button, [role=radio]")]) {
    const { clientWidth, scrollWidth } = element;
    if (clientWidth < 2 || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (scrollWidth > clientWidth + 1)
      wide.push(`${element.tagName} ${element.textContent.trim().slice(0, 40)}: ` +
        `${scrollWidth} px in ${clientWidth}`);
  }
  return wide;
}"""


def test_a_walk_through_all_pages_in_large_type_meets_no_error_and_nothing_cut_off(
    page: Page, app: str
) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{app}?large=true")
    expect(page.get_by_test_id("latent-map")).to_have_attribute("data-ready", "true")
    expect(page.locator("html")).to_have_css("font-size", "22px")
    for title in listed(page)[1:]:  # each page finds what the one before it left in the session
        before = page.locator("h1:visible").inner_text()
        go_to(page, title)
        expect(page.locator("h1:visible")).not_to_have_text(before)
        state = page.get_by_test_id("stApp")
        expect(state).to_have_attribute("data-test-script-state", "notRunning", timeout=60_000)
        assert page.get_by_test_id("stException").count() == 0, title
        assert page.evaluate(CLIPPED) == [], title


def test_the_addresses_of_pages_that_moved_lead_to_them(page: Page, app: str) -> None:
    for old, new in pages.MOVED.items():
        page.goto(f"{app}/{old}?model=vanilla-2d")
        expect(page.get_by_role("heading", name=pages.PAGES[new].question)).to_be_visible()
        assert urlparse(page.url).path == f"/{new}"
        expect_model(page, "Vanilla, 2 dimensions")
    assert listed(page) == [found.title for found in pages.PAGES.values()]
