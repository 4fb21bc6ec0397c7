"""How a person hands in a picture, in a real browser: uploads, and a drawing with the mouse."""

from __future__ import annotations

import io
import re

from PIL import Image, ImageDraw
from playwright.sync_api import FilePayload, Page, expect

from aeviz import figures, images


def open_page(page: Page, app: str, source: str) -> str:
    """Open the denoise page with a source; returns the address of the test picture."""
    page.goto(app)
    page.get_by_role("link", name="Denoise", exact=True).first.click()
    clean = page.get_by_alt_text("clean", exact=True)
    clean.wait_for(timeout=60_000)
    before = clean.get_attribute("src") or ""
    page.get_by_test_id("stMain").get_by_text(source, exact=True).click()
    expect(page).to_have_url(re.compile(f"picture_from={source.lower()}"))
    return before


def a_number() -> bytes:
    """A one and a seven, drawn with a black pen on white paper."""
    paper = Image.new("L", (800, 500), 255)
    pen = ImageDraw.Draw(paper)
    pen.line([(200, 100), (190, 400)], fill=15, width=34)
    pen.line([(450, 110), (650, 110), (530, 400)], fill=15, width=34, joint="curve")
    buffer = io.BytesIO()
    paper.save(buffer, "PNG")
    return buffer.getvalue()


def test_a_file_is_uploaded_and_one_of_its_digits_chosen(page: Page, app: str) -> None:
    before = open_page(page, app, "Upload")
    clean = page.get_by_alt_text("clean", exact=True)
    letter = FilePayload(
        name="<i>letter</i>.png", mimeType="image/png", buffer=b"Dear aeviz, no picture."
    )
    number = FilePayload(name="number.png", mimeType="image/png", buffer=a_number())
    files = page.locator("input[type=file]")
    files.set_input_files(letter)
    problems = page.get_by_role("alert").filter(has_text="not a picture that can be read")
    expect(problems).to_be_visible()
    expect(problems).to_contain_text("<i>letter</i>.png")  # as text
    expect(clean).to_have_attribute("src", before)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_text("Traceback")).to_have_count(0)
    files.set_input_files(number)
    one, seven = (figures.data_uri(digit) for digit in images.digits(a_number()))
    expect(clean).to_have_attribute("src", one)
    used = page.get_by_test_id("stButtonGroup").filter(has_text="Digits that are used")
    used.get_by_text("1", exact=True).click()  # both are at first; the page shows the first
    expect(clean).to_have_attribute("src", seven)


def test_a_seven_is_drawn_with_the_mouse_taken_back_and_drawn_again(page: Page, app: str) -> None:
    before = open_page(page, app, "Draw")
    clean = page.get_by_alt_text("clean", exact=True)
    expect(page.get_by_text("Nothing is drawn yet.")).to_be_visible()
    # Two canvases lie on each other; the upper one takes the pen.
    canvas = page.get_by_test_id("stMain").locator("canvas.upper-canvas")

    def draw(*points: tuple[int, int]) -> None:
        box = canvas.bounding_box()
        assert box
        page.mouse.move(box["x"] + points[0][0], box["y"] + points[0][1])
        page.mouse.down()
        for x, y in points[1:]:
            page.mouse.move(box["x"] + x, box["y"] + y, steps=8)
        page.mouse.up()

    draw((60, 60), (210, 60), (120, 230))
    expect(clean).not_to_have_attribute("src", before)
    expect(page.get_by_text("Nothing is drawn yet.")).to_have_count(0)
    seven = clean.get_attribute("src") or ""
    draw((90, 150), (200, 150))  # a bar through it
    expect(clean).not_to_have_attribute("src", seven)
    page.get_by_role("button", name="Undo", exact=True).last.click()
    expect(clean).to_have_attribute("src", seven)
    page.get_by_role("button", name="New noise").click()  # other controls leave it alone
    expect(page).to_have_url(re.compile("noise_seed=1"))
    expect(clean).to_have_attribute("src", seven)
    page.get_by_role("link", name="Home", exact=True).first.click()
    page.get_by_test_id("latent-map").wait_for()
    page.get_by_role("link", name="Denoise", exact=True).first.click()
    page.get_by_test_id("stMain").get_by_text("Draw", exact=True).click()
    expect(clean).to_have_attribute("src", seven)  # and so do other pages
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_text("Nothing is drawn yet.")).to_be_visible()
    expect(clean).to_have_attribute("src", before)
