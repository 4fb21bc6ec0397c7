"""Terms that show what they mean: by the mouse, by the keyboard, by a finger."""

from __future__ import annotations

import time

from playwright.sync_api import Browser, Page, expect

from aeviz.app import texts
from tests.e2e.conftest import settled

# Streamlit does so when it runs a page again.
DRAW_ANEW = """() => {
  for (const term of document.querySelectorAll(".aeviz-term")) {
    const anew = term.cloneNode(true);
    for (const one of anew.querySelectorAll("*")) one.removeAttribute("style");
    term.replaceWith(anew);
  }
}"""


def test_a_term_shows_its_sentence_to_the_mouse_and_to_the_keyboard(page: Page, app: str) -> None:
    page.goto(f"{app}/map")
    term = page.locator(".aeviz-term", has_text="latent space").first
    sentence = term.get_by_role("tooltip", include_hidden=True)
    expect(term).to_be_visible()
    expect(sentence).to_be_hidden()
    assert "dotted" in term.evaluate("term => getComputedStyle(term).textDecoration")
    term.hover()
    expect(sentence).to_have_text(texts.glossary()["latent space"])
    expect(sentence).to_be_visible()
    page.mouse.move(0, 0)
    expect(sentence).to_be_hidden()
    while not term.evaluate("term => term === document.activeElement"):
        page.keyboard.press("Tab")
    expect(sentence).to_be_visible()
    page.keyboard.press("Tab")
    expect(sentence).to_be_hidden()


def test_escape_closes_a_term_until_it_is_asked_again(page: Page, app: str) -> None:
    page.goto(f"{app}/map")
    term = page.locator(".aeviz-term", has_text="latent space").first
    sentence = term.get_by_role("tooltip", include_hidden=True)
    expect(term).to_be_visible()
    settled(page)
    for ask, leave in (
        (term.focus, term.blur),
        (term.hover, lambda: page.mouse.move(0, 0)),
    ):
        for _ in range(2):
            ask()
            expect(sentence).to_be_visible()
            page.keyboard.press("Escape")
            expect(sentence).to_be_hidden()
            leave()
        ask()
        expect(sentence).to_be_visible()
        leave()

    term.hover()
    page.keyboard.press("Escape")
    page.evaluate(DRAW_ANEW)
    expect(sentence).to_be_hidden()
    time.sleep(0.3)
    expect(sentence).to_be_hidden()


def test_a_term_shows_its_sentence_to_a_finger(browser: Browser, app: str) -> None:
    phone = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    phone.goto(f"{app}/map")
    term = phone.locator(".aeviz-term", has_text="latent space").first
    sentence = term.get_by_role("tooltip", include_hidden=True)
    term.tap()
    expect(sentence).to_be_visible()
    box = sentence.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert box["y"] + box["height"] <= 844
    phone.get_by_role("heading").first.tap()
    expect(sentence).to_be_hidden()
    phone.close()
