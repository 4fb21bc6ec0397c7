"""What a person does on the denoise page, in a real browser."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import FilePayload, Page, expect

from aeviz.charts import pixels
from aeviz.data import corruption, digits
from tests.e2e.conftest import go_to


def open_page(page: Page, app: str) -> None:
    page.goto(app)
    go_to(page, "Denoise")
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


ONE_ROW = """names => {
    const boxes = names.map((name) =>
        document.querySelector(`img[alt="${name}"]`).getBoundingClientRect());
    return boxes.every((box) => box.width > 100 && box.y === boxes[0].y);
}"""


def decoded(uri: str) -> np.ndarray:
    """The image of a data: URI."""
    content = base64.b64decode(uri.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_a_digit_is_corrupted_cleaned_and_taken_home(page: Page, app: str) -> None:
    open_page(page, app)
    names = ("clean", "noisy", "cleaned", "median", "nlm", "wiener", "linear", "control")
    for name in names:
        expect(page.get_by_alt_text(name, exact=True)).to_be_visible()
    page.wait_for_function(ONE_ROW, arg=names)  # what is above them may still be coming
    clean, noisy = source(page, "clean"), source(page, "noisy")
    slider = page.get_by_role("slider", name="Gaussian noise: standard deviation")
    slider.press("ArrowLeft")
    expect(page.get_by_alt_text("noisy", exact=True)).not_to_have_attribute("src", noisy)
    expect(page).to_have_url(re.compile(r"gaussian=0\.45"))
    assert source(page, "clean") == clean
    noisy = source(page, "noisy")
    page.get_by_role("button", name="New noise").click()
    expect(page.get_by_alt_text("noisy", exact=True)).not_to_have_attribute("src", noisy)
    expect(page).to_have_url(re.compile("noise_seed=1"))
    noisy = source(page, "noisy")
    page.get_by_role("combobox", name=re.compile("Corruption")).click()
    page.get_by_role("option", name="Blur", exact=True).click()
    expect(page.get_by_alt_text("noisy", exact=True)).not_to_have_attribute("src", noisy)
    expect(page).to_have_url(re.compile("noise=blur"))
    expect(page.get_by_role("button", name="New noise")).to_have_count(0)
    expect(
        page.get_by_text(re.compile(r"^Wiener-Hunt filter\s*PSNR [\d.]+ dB\s*SSIM"))
    ).to_be_visible()

    with page.expect_download() as png:
        page.get_by_role("button", name="Download this row as PNG").click()
    assert png.value.suggested_filename == "aeviz-cleaned.png"
    with Image.open(png.value.path()) as file:
        strip = np.asarray(file.convert("RGB"))
    side, gap = 8 * 28, 12
    for k, name in enumerate(names):
        left = gap + k * (side + gap)
        tile = strip[gap : gap + side : 8, left : left + side : 8]
        assert np.array_equal(tile, decoded(source(page, name))), name


def test_an_image_that_came_noisy_is_cleaned_as_it_is(page: Page, app: str) -> None:
    open_page(page, app)
    page.get_by_text("Use my own noisy image", exact=True).click()
    expect(page.get_by_text("Nothing is uploaded yet")).to_be_visible()
    letter = FilePayload(name="n.png", mimeType="image/png", buffer=b"Dear aeviz, look.")
    page.locator("input[type=file]").set_input_files(letter)
    expect(page.get_by_text("This is not a picture that can be read")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    noisy = np.round(corruption.noisy(digits.to_mnist(a_seven()), 0.4, 0) * 255).astype(np.uint8)
    file = FilePayload(name="n.png", mimeType="image/png", buffer=pixels.png(noisy))
    page.locator("input[type=file]").set_input_files(file)
    shown = page.get_by_alt_text("noisy", exact=True).first  # the old page stands below meanwhile
    expect(shown).to_have_attribute("src", pixels.data_uri(noisy))
    expect(page.get_by_text("Nobody knows the clean version")).to_be_visible()
    expect(page.get_by_text(re.compile(r"PSNR [\d.]+ dB"))).to_have_count(0)


def test_the_page_cleans_at_once_and_the_chosen_model_is_one_press_away(
    page: Page, app: str
) -> None:
    open_page(page, app)
    best = source(page, "cleaned")
    # The first: while a page is drawn anew the old one stands below.
    cleaned = page.get_by_alt_text("cleaned", exact=True).first
    expect(page.get_by_text("which was trained to clean")).to_be_visible()
    expect(page.get_by_text("This model was not trained to clean")).to_have_count(0)
    page.get_by_role("button", name=re.compile("^Use the chosen model")).click()
    expect(cleaned).not_to_have_attribute("src", best, timeout=60_000)
    expect(page).to_have_url(re.compile("denoise_with=chosen"))
    home = cleaned.get_attribute("src") or ""
    page.reload()
    expect(cleaned).to_have_attribute("src", home, timeout=60_000)
    expect(page.get_by_text("This model was not trained to clean")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Use ")).click()
    expect(cleaned).to_have_attribute("src", best, timeout=60_000)
    expect(page.get_by_text("This model was not trained to clean")).to_have_count(0)
    expect(page).to_have_url(re.compile("model=convolutional_denoising"))


THREE_COLUMNS = """() => {
    const boxes = [...document.querySelectorAll(".aeviz-gallery figure")]
        .map((figure) => figure.getBoundingClientRect());
    const inFirstRow = boxes.filter((box) => box.y === boxes[0].y);
    const [first, last] = [boxes[0], inFirstRow[inFirstRow.length - 1]];
    return boxes.length === 8 && inFirstRow.length === 3
        && first.left >= 0 && last.right <= innerWidth
        && last.right - first.left > 0.85 * innerWidth;
}"""


@pytest.mark.parametrize("width", [360, 390, 430])
def test_on_a_phone_three_images_side_by_side_fill_the_screen(
    page: Page, app: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{app}/denoise")
    page.wait_for_function(THREE_COLUMNS, timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_models_of_the_curve_come_back_with_the_address(page: Page, app: str) -> None:
    page.goto(f"{app}/denoise?strength_curve=true&strength_beside=")
    expect(page.get_by_text("squared error of the first 1,000 test images")).to_be_visible(
        timeout=60_000
    )
    box = page.get_by_role("combobox", name="Models to compare")
    expect(box).to_be_visible()
    expect(page).to_have_url(re.compile("strength_beside="))
    box.click()
    box.press_sequentially("vanilla, 2")  # only options in view exist
    page.get_by_role("option", name="Vanilla, 2 dimensions", exact=True).click()
    expect(page).to_have_url(re.compile("strength_beside=vanilla-2d"))
    page.reload()
    expect(page.get_by_text("squared error of the first 1,000 test images")).to_be_visible(
        timeout=60_000
    )
    expect(page).to_have_url(re.compile("strength_beside=vanilla-2d"))
    expect(page.get_by_test_id("stMultiSelect").get_by_text("Vanilla, 2")).to_be_visible()
