"""What a person does who does not know which autoencoder to take, in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from aeviz.models.base import NEEDS


def test_a_need_leads_to_a_pretrained_model_on_the_page_that_shows_it_off(
    page: Page, app: str
) -> None:
    page.goto(f"{app}/chooser")
    page.get_by_role("heading", level=1, name="Which autoencoder?").wait_for(timeout=60_000)
    page.get_by_text(NEEDS["noise"], exact=True).click()
    expect(page.get_by_role("heading", name=re.compile("Denoising autoencoder"))).to_be_visible()
    for row in ("Noisy", "Reconstruction"):
        expect(page.get_by_alt_text(f"{row}, 8")).to_be_visible()
    expect(page).to_have_url(re.compile("need=noise"))
    page.reload()
    expect(page.get_by_alt_text("Noisy, 8")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="See its layers").click()
    page.get_by_role("heading", level=1, name="How is it built?").wait_for(timeout=60_000)
    boxes = page.get_by_test_id("stGraphVizChart").locator("g.node")
    expect(boxes.first).to_be_visible(timeout=60_000)
    assert boxes.count() > 6
    expect(
        page.get_by_text(re.compile("^A denoising autoencoder.* turns an image into"))
    ).to_be_visible()


def test_the_ladder_is_climbed_with_the_slider(page: Page, app: str) -> None:
    page.goto(f"{app}/ladder")
    page.get_by_role("heading", level=1, name="How narrow can a code be?").wait_for(timeout=60_000)
    slider = page.get_by_role("slider", name="Latent dimension")
    image = page.get_by_alt_text(re.compile(r"^Reconstruction by Vanilla, .*, 10$")).first
    expect(image).to_be_visible()
    box = image.bounding_box()
    assert box
    assert box["x"] + box["width"] < 1440
    before = image.get_attribute("src")
    slider.press("ArrowLeft")
    expect(image).not_to_have_attribute("src", before or "", timeout=20_000)
    expect(page).to_have_url(re.compile(r"rung=\d+"))
    chart = page.locator(".st-key-curve .js-plotly-plot")
    expect(chart).to_have_count(1)  # while it is drawn anew the one before is there as well
    expect(chart).to_be_visible()


def test_on_a_phone_the_new_pages_are_no_wider_than_it(page: Page, app: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for name, title in (
        ("chooser", "Which autoencoder?"),
        ("ladder", "How narrow can a code be?"),
        ("anatomy", "How is it built?"),
    ):
        page.goto(f"{app}/{name}")
        page.get_by_role("heading", level=1, name=title).wait_for(timeout=60_000)
        page.get_by_text("What am I seeing?").wait_for(timeout=60_000)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
