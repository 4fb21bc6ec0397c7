"""What surrounds a page: paper, a projector with large type, a wide screen, a keyboard."""

from __future__ import annotations

import re
from itertools import combinations

from playwright.sync_api import Browser, Page, expect

from tests.e2e.main_job import READY
from tests.e2e.test_boxes import settled

MENUS = ("header", ".st-key-top-row", ".st-key-four-places", ".st-key-next-step", ".stButton")
# The places of all that is written in the chart with the threshold.
WRITTEN = """() => [...document.querySelectorAll("[data-testid=stMain] *")]
  .flatMap((e) => [...(e.shadowRoot?.querySelectorAll(".plot text, .plot .corner") ?? [])])
  .filter((e) => e.checkVisibility() && e.textContent)
  .map((e) => { const b = e.getBoundingClientRect();
    return [e.textContent, b.left, b.top, b.right, b.bottom]; })"""
STAGE = "() => document.querySelector('.aeviz-map .stage').getBoundingClientRect().width"
TOP = "() => document.querySelector('.st-key-exhibit').getBoundingClientRect().top"
FOCUSED = """() => { const { activeElement: e } = document;
  return e !== document.body && e.closest(".st-key-exhibit") !== null; }"""


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("h1").first.wait_for(timeout=60_000)
    page.wait_for_timeout(300)  # until the script is under way
    settled(page)


def test_a_page_on_paper_is_its_question_and_its_exhibit_without_the_menus(
    page: Page, app: str
) -> None:
    open_page(page, f"{app}/ladder")
    page.emulate_media(media="print")
    for menu in MENUS:
        for one in page.locator(menu).all():
            expect(one).to_be_hidden()
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".st-key-exhibit .stPlotlyChart")).to_be_visible()
    sheets = len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))
    assert sheets > 1  # all of the page, not only what is in view


def test_in_large_type_nothing_that_is_written_covers_another(browser: Browser, app: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    open_page(page, f"{app}/anomaly?large=true")
    page.wait_for_function(f"() => ({WRITTEN})().length > 8")
    found = page.evaluate(WRITTEN)
    context.close()
    for (what, *a), (other, *b) in combinations(found, 2):
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] + 2 or b[3] <= a[1] + 2
        assert apart, f"{what} and {other} are in one place"


def test_the_map_grows_with_large_type_and_with_the_screen(browser: Browser, app: str) -> None:
    wide = {}
    for width, height, large in ((1280, 720, False), (1280, 720, True), (2560, 1440, False)):
        context = browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        page.goto(f"{app}/?large={str(large).lower()}")
        page.wait_for_function(READY, timeout=60_000)
        settled(page)
        wide[width, large] = page.evaluate(STAGE)
        context.close()
    assert wide[1280, True] >= wide[1280, False] > 500
    assert wide[2560, False] > 1.8 * wide[1280, False]


def test_who_presses_train_stays_with_the_run(browser: Browser, app: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    open_page(page, f"{app}/train")
    train = page.get_by_test_id("stMain").get_by_role("button", name="Train", exact=True)
    train.scroll_into_view_if_needed()
    train.focus()
    page.get_by_test_id("stMain").evaluate("e => { e.scrollTop = 1500; }")  # down at the settings
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("run=run-"))
    expect(page.get_by_test_id("watch-text").last).to_be_in_viewport(timeout=60_000)
    page.wait_for_function(f"() => ({TOP})() >= 0")  # its name and its buttons, too
    page.wait_for_function(FOCUSED)
    hold = page.get_by_role("button", name="Pause", exact=True)
    hold.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_focused(timeout=30_000)
    page.get_by_role("button", name="Stop", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Train again").wait_for(timeout=60_000)
    settled(page)
    page.wait_for_function(FOCUSED)
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)
    context.close()
