"""Large type on a projector of 1280x720: nothing is cut off, and no page scrolls sideways."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from aeviz.app import pages
from tests.e2e.test_boxes import settled

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


@pytest.mark.parametrize("name", pages.PAGES)
def test_large_type_is_not_cut_off(page: Page, app: str, name: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{app}/{'' if name == 'home' else name}?large=true")
    page.locator("h1:visible").wait_for(timeout=60_000)
    expect(page.locator("html")).to_have_css("font-size", "22px")
    settled(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert page.evaluate(CLIPPED) == []
