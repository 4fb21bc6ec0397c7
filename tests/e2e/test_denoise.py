"""What a person does on the denoise page, in a real browser."""

from __future__ import annotations

import io
import re

import numpy as np
from PIL import Image, ImageDraw
from playwright.sync_api import FilePayload, Page, expect

from aeviz import figures, images


def open_page(page: Page, app: str) -> None:
    page.goto(app)
    page.get_by_role("link", name="Denoise", exact=True).first.click()
    page.get_by_alt_text("cleaned", exact=True).wait_for(timeout=60_000)


def source(page: Page, alt: str) -> str:
    return page.get_by_alt_text(alt, exact=True).get_attribute("src") or ""


def a_seven() -> bytes:
    """Drawn with a black pen on white paper."""
    paper = Image.new("L", (500, 600), 255)
    ImageDraw.Draw(paper).line(
        [(120, 120), (380, 120), (230, 480)], fill=15, width=38, joint="curve"
    )
    buffer = io.BytesIO()
    paper.save(buffer, "PNG")
    return buffer.getvalue()


def upload(page: Page, name: str, content: bytes) -> None:
    page.get_by_text("Upload", exact=True).first.click()
    file = FilePayload(name=name, mimeType="image/png", buffer=content)
    page.locator("input[type=file]").set_input_files(file)


def test_the_slider_adds_noise_and_the_seed_changes_it(page: Page, app: str) -> None:
    open_page(page, app)
    for alt in ("clean", "noisy", "cleaned", "error"):
        box = page.get_by_alt_text(alt, exact=True).bounding_box()
        assert box
        assert box["width"] > 180
    clean, noisy = source(page, "clean"), source(page, "noisy")
    slider = page.get_by_role("slider", name="Noise: standard deviation")
    slider.press("ArrowLeft")
    expect(page.get_by_alt_text("noisy", exact=True)).not_to_have_attribute("src", noisy)
    expect(page).to_have_url(re.compile(r"sigma=0\.45"))
    assert source(page, "clean") == clean
    noisy = source(page, "noisy")
    page.get_by_role("button", name="New noise").click()
    expect(page.get_by_alt_text("noisy", exact=True)).not_to_have_attribute("src", noisy)
    expect(page).to_have_url(re.compile("noise_seed=1"))
    slider.press("Home")
    expect(page.get_by_alt_text("noisy", exact=True)).to_have_attribute("src", clean)
    expect(page.get_by_text("the same, pixel by pixel")).to_be_visible()


def test_a_picture_of_ones_own_is_cleaned(page: Page, app: str) -> None:
    open_page(page, app)
    upload(page, "seven.png", a_seven())
    clean = page.get_by_alt_text("clean", exact=True)
    expect(clean).to_have_attribute("src", figures.data_uri(images.to_mnist(a_seven())))
    ink = images.to_mnist(a_seven()) > 0.5
    rows = np.flatnonzero(ink.any(1))
    assert ink[rows[1]].sum() > 10  # a seven stands upright: its bar is above, its foot below
    assert ink[rows[-2]].sum() < 5
    noisy, cleaned = (page.get_by_text(re.compile(rf"^{n}\s*PSNR")) for n in ("Noisy", "Cleaned"))
    expect(noisy).to_be_visible()
    expect(cleaned).to_be_visible()
    expect(page.locator(".js-plotly-plot .annotation")).to_have_count(3)
    expect(page.locator(".js-plotly-plot")).to_contain_text("cleaned")


def test_what_is_not_a_picture_is_one_sentence(page: Page, app: str) -> None:
    open_page(page, app)
    before = source(page, "clean")
    upload(page, "letter.png", b"Dear aeviz, this is not a picture.")
    expect(page.get_by_text("This is not a picture that can be read")).to_be_visible()
    expect(page.get_by_alt_text("clean", exact=True)).to_have_attribute("src", before)
    expect(page.get_by_text("Traceback")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_the_denoising_model_is_one_press_away(page: Page, app: str) -> None:
    open_page(page, app)
    before = source(page, "cleaned")
    expect(page.get_by_text("is not trained to clean")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Use ")).click()
    expect(page.get_by_alt_text("cleaned", exact=True)).not_to_have_attribute(
        "src", before, timeout=60_000
    )
    expect(page.get_by_text("is not trained to clean")).to_have_count(0)
    expect(page).to_have_url(re.compile("model=denoising"))
