"""What stands around all pages: the row above, Present, the next step, Back and Forward."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from aeviz.app import pages
from tests.e2e.conftest import choose_model, eventually, expect_model, go_to, picker
from tests.e2e.test_boxes import settled


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("h1").first.wait_for(timeout=60_000)
    settled(page)


def test_present_leaves_the_exhibit_alone_until_escape_or_its_toggle(page: Page, app: str) -> None:
    open_page(page, f"{app}/denoise")
    cleaned = page.get_by_alt_text("cleaned", exact=True)
    page.get_by_text("Present", exact=True).click()
    expect(page).to_have_url(re.compile("present=true"))
    expect(page.locator("h1")).to_have_css("height", "44px")  # a small title
    for gone in (page.locator("header").first, picker(page), page.get_by_text("Next: ")):
        expect(gone).to_be_hidden()
    expect(page.get_by_text("What am I seeing?")).to_be_hidden()
    expect(cleaned).to_be_in_viewport()
    settled(page)
    page.keyboard.press("Escape")
    expect(page.locator("h1")).to_be_visible()
    expect(page).not_to_have_url(re.compile("present"))
    page.reload()
    page.goto(f"{app}/denoise?present=true")  # as a link says it
    expect(cleaned).to_be_in_viewport(timeout=60_000)
    expect(page.get_by_text("Where to start")).to_be_hidden()
    page.get_by_text("Present", exact=True).click()
    expect(page.get_by_text("Where to start")).to_be_visible()


MOVED = {"ladder": "Latent dimension", "denoise": "Gaussian noise: standard deviation"}
IMAGE = {"ladder": "Original, 1", "denoise": "cleaned"}


@pytest.mark.parametrize("key", MOVED)
def test_what_moves_an_exhibit_is_presented_with_it_and_its_images_grow(
    browser: Browser, app: str, key: str
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page, wide = context.new_page(), {}
    for how in ("large=true", "present=true", "large=false"):
        open_page(page, f"{app}/{key}?{how}")
        image = page.get_by_alt_text(IMAGE[key], exact=True).first
        expect(image).to_be_in_viewport(ratio=0.9)
        slider = page.get_by_test_id("stSlider").filter(has_text=MOVED[key])
        expect(slider).to_be_in_viewport()
        box = image.bounding_box()
        assert box is not None
        wide[how] = box["width"]
    assert wide["present=true"] > wide["large=false"]
    context.close()


def test_the_threshold_is_on_the_first_screen_in_large_type_and_presented(
    browser: Browser, app: str
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    for how in ("large=true", "present=true"):
        open_page(page, f"{app}/anomaly?{how}")
        line = page.get_by_role("slider", name="Threshold", exact=True)
        expect(line).to_be_in_viewport(timeout=60_000)
        expect(page.locator("h1")).to_be_in_viewport()
    context.close()


def test_in_another_sites_page_the_row_is_hidden(page: Page, app: str) -> None:
    open_page(page, f"{app}/reconstruct?embed=true")
    expect(picker(page)).to_be_hidden()
    expect(page.locator("h1")).to_be_visible()


def test_the_row_shows_the_map_of_the_chosen_model(page: Page, app: str) -> None:
    open_page(page, f"{app}/stability?model=vector_quantised-8d")  # seen on a plane
    stamp = page.get_by_alt_text("map of the chosen model")
    expect(stamp).to_be_in_viewport()
    before = stamp.get_attribute("src") or ""
    choose_model(page, "Linear, 2 dimensions")
    expect_model(page, "Linear, 2 dimensions")
    expect(stamp).not_to_have_attribute("src", before)
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)  # who has chosen wants to see


def test_the_lesson_is_walked_from_one_next_step_to_the_other(page: Page, app: str) -> None:
    open_page(page, app)
    for key in pages.LESSON[1:]:
        step = page.locator(".st-key-next-step").get_by_role("link")
        expect(step).to_have_text(f"Next: {pages.PAGES[key].question}", timeout=60_000)
        step.click()
        page.wait_for_url(re.compile(f"/{key}([?]|$)"))
        heading = page.get_by_role("heading", level=1, name=pages.PAGES[key].question)
        heading.wait_for(timeout=60_000)
        settled(page)


def test_back_and_forward_go_from_page_to_page_and_from_model_to_model(
    page: Page, app: str
) -> None:
    open_page(page, f"{app}/reconstruct")
    first = page.evaluate("history.length")
    go_to(page, "Sample")
    page.get_by_alt_text("sample 1", exact=True).wait_for(timeout=60_000)
    seed = page.get_by_role("spinbutton", name="Seed")
    for k in (1, 2, 3):
        page.get_by_role("button", name="Draw again").click()
        expect(page).to_have_url(re.compile(f"sample_seed={k}"))
        settled(page)
    assert page.evaluate("history.length") == first + 1
    choose_model(page, "Vanilla, 2 dimensions")
    expect(page).to_have_url(re.compile("model=vanilla-2d"))
    page.wait_for_timeout(1000)  # until the script is under way
    settled(page)
    go_to(page, "Reconstruct")  # the model goes along
    page.get_by_role("heading", name=pages.PAGES["reconstruct"].question).wait_for()
    expect(page).to_have_url(re.compile("/reconstruct[?]model=vanilla-2d"))
    settled(page)
    assert page.evaluate("history.length") == first + 3

    for go, key in (
        (page.go_back, "sample"),
        (page.go_forward, "reconstruct"),
        (page.go_back, "sample"),
    ):
        go()
        page.get_by_role("heading", level=1, name=pages.PAGES[key].question).wait_for()
        page.wait_for_timeout(2000)  # until the script is under way
        settled(page)
        if key == "sample":
            expect(seed).to_have_value("3")
    expect_model(page, "Vanilla, 2 dimensions")
    page.go_back()
    expect_model(page, "Variational, 2 dimensions")
    expect(page).to_have_url(re.compile("/sample[?]sample_seed=3$"))
    settled(page)
    page.go_back()
    page.get_by_role("heading", name=pages.PAGES["reconstruct"].question).wait_for()
    expect_model(page, "Variational, 2 dimensions")
    page.go_forward()
    page.go_forward()
    expect_model(page, "Vanilla, 2 dimensions")
    expect(seed).to_have_value("3")


def test_on_a_phone_the_four_places_are_one_tap_away(browser: Browser, app: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    open_page(page, f"{app}/sample")
    foot = page.locator(".st-key-four-places")
    for place, keys in pages.ORDER.items():
        link = foot.get_by_role("link", name=place, exact=True)
        expect(link).to_be_in_viewport()
        link.tap()
        page.get_by_role("heading", level=1, name=pages.PAGES[keys[0]].question).wait_for(
            timeout=60_000
        )
        settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    end = page.locator(".st-key-next-step")
    end.scroll_into_view_if_needed()
    below, above = end.bounding_box(), foot.bounding_box()
    assert below
    assert above
    assert below["y"] + below["height"] <= above["y"]  # the bar covers nothing at the end
    context.close()


def test_the_menus_of_the_places_are_opened_and_followed_by_keyboard(page: Page, app: str) -> None:
    open_page(page, f"{app}/sample")
    page.get_by_test_id("stTopNav").get_by_role("button", name="Lab").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/denoise"))


def test_on_a_phone_the_menu_closes_after_a_choice(browser: Browser, app: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    open_page(page, f"{app}/reconstruct")
    page.get_by_test_id("stExpandSidebarButton").tap()
    link = page.get_by_test_id("stSidebarNavLink").filter(has_text="Stability")
    expect(link).to_be_in_viewport()
    link.tap()
    page.wait_for_url(re.compile("/stability"))
    expect(link).not_to_be_in_viewport()
    context.close()


def test_the_keyboard_goes_into_the_list_of_models_and_chooses(page: Page, app: str) -> None:
    open_page(page, f"{app}/reconstruct")
    picker(page).focus()
    page.keyboard.press("Enter")
    body = page.get_by_test_id("stPopoverBody")
    expect(body).to_be_visible()
    page.wait_for_timeout(1000)  # until it has opened
    page.keyboard.press("Tab")
    expect(body.get_by_role("button").first).to_be_focused()
    page.keyboard.press("Enter")
    expect_model(page, "Linear, 2 dimensions")


def middle(part: Locator) -> float:
    """How far down the middle of it is."""
    box = part.bounding_box()
    return float("inf") if box is None else box["y"] + box["height"] / 2


def test_a_page_of_the_lesson_says_which_step_it_is_and_leads_to_the_next(
    page: Page, app: str
) -> None:
    open_page(page, f"{app}/holes")
    strip = page.locator(".st-key-lesson")
    expect(strip).to_be_in_viewport()
    expect(strip).to_contain_text("step 3 of 7")
    heading = page.locator("h1")
    eventually(page, lambda: abs(middle(strip) - middle(heading)) < 25, "both on one line")
    strip.get_by_role("link").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    expect(strip.get_by_role("link")).to_have_css("outline-style", "solid")
    strip.get_by_role("link").click()
    page.wait_for_url(re.compile("/beta"))
    open_page(page, f"{app}/sample")
    expect(page.locator(".st-key-lesson")).to_have_count(0)


def test_on_a_phone_a_table_that_is_cut_fades_until_its_end(browser: Browser, app: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    open_page(page, f"{app}/compare")
    table = page.locator(".st-key-compare-classes")
    expect(table).to_have_attribute("data-more", "", timeout=60_000)
    expect(table).to_have_css("mask-image", re.compile("linear-gradient"))
    table.evaluate("e => e.scrollTo(e.scrollWidth, 0)")
    expect(table).not_to_have_attribute("data-more", "")
    context.close()
