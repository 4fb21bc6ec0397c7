"""What a person does on the train page, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

from aeviz.models import checkpoint
from aeviz.models.zoo import MODELS, short_title
from tests.e2e.conftest import eventually, expect_model, go_to

PICTURE = "canvas => canvas.toDataURL()"


def open_page(page: Page, app: str, query: str = "") -> None:
    page.goto(f"{app}/train{query}")
    page.get_by_role("heading", level=1, name="What does it learn").wait_for(timeout=60_000)


def train_for(page: Page, seconds: int) -> None:
    """Fill in a length and press Train."""
    page.get_by_role("radio", name="seconds", exact=True).click()
    length = page.get_by_role("spinbutton", name="Seconds")
    length.fill(str(seconds))
    length.press("Enter")
    page.get_by_text(f"Trains for {seconds} seconds").wait_for()
    train_button(page).click()
    page.wait_for_url(re.compile(r"run=run-"))


def run_of(address: str) -> str:
    """The id of a run in an address; empty without one."""
    found = re.search(r"run=(run-[\w-]+)", address)
    return found[1] if found else ""


def progress(page: Page) -> Locator:
    live = page.locator('[data-testid=watch][data-state]:not([data-state=""])')  # not the notice
    # While the page is drawn anew for the end of a run, the one before may be there below it.
    return live.get_by_test_id("watch-text").first


def step(page: Page) -> int:
    """The step that the progress bar tells."""
    text = progress(page).inner_text()
    found = re.search(r"Step ([\d,]+)", text)
    return int(found[1].replace(",", "")) if found else 0


def wait_for_step(page: Page, after: int) -> int:
    """Wait until the progress bar tells a step after this one."""
    for _ in range(600):
        if step(page) > after:
            return step(page)
        page.wait_for_timeout(100)
    raise AssertionError(f"no step after {after}: {progress(page).inner_text()}")


def film(page: Page) -> Locator:
    """The film of the run, once it has a frame."""
    found = page.get_by_test_id("film")
    expect(found).to_have_attribute("data-ready", "true", timeout=60_000)
    return found


def until_changed(page: Page, canvas: Locator, before: str) -> None:
    """Wait until a canvas shows something else."""
    eventually(page, lambda: canvas.evaluate(PICTURE) != before, "another picture", seconds=60)


def train_button(page: Page) -> Locator:
    """The one of the form; one of the four places is called so as well."""
    return page.get_by_test_id("stMain").get_by_role("button", name="Train", exact=True)


def expect_own_model(page: Page, name: str) -> None:
    """An own model is the chosen one."""
    expect_model(page, re.compile(rf"^Model Yours, [0-9:]+: {name}, 2 dimensions"), seconds=60)


def test_a_model_is_trained_while_one_watches_then_used_downloaded_and_loaded_again(
    page: Page, app: str, tmp_path: Path
) -> None:
    page.goto(app)
    go_to(page, "Train")
    page.get_by_role("button", name="Variational", exact=True).click()
    expect(page).to_have_url(re.compile("variant=variational"))
    expect(page.get_by_role("spinbutton", name="Beta")).to_be_visible()
    train_for(page, 5)
    legend = film(page).locator("[data-part=legend]")
    for term in ("held-out images", "reconstruction", "kl", "images trained on"):
        expect(legend).to_contain_text(term)
    code_map = page.get_by_test_id("film-map")
    expect(code_map).to_have_attribute("aria-label", re.compile("^Map of 2,000 test codes at step"))
    made = film(page).get_by_label("Their reconstructions").locator("canvas").first
    before = code_map.evaluate(PICTURE), made.evaluate(PICTURE)
    until_changed(page, code_map, before[0])
    until_changed(page, made, before[1])
    explore = page.get_by_role("button", name="Explore its map")
    explore.wait_for(timeout=120_000)
    expect(progress(page)).to_contain_text("finished")
    expect(page.get_by_test_id("film-now")).to_contain_text(f"Step {step(page):,},")
    expect(page.get_by_text("On all test images: MSE")).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("button", name="Download model").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert checkpoint.load(file).variant == "variational"
    run = run_of(page.url)

    explore.click()
    page.get_by_role("heading", name="Where does each digit live?").wait_for()
    page.get_by_test_id("latent-map").wait_for(timeout=60_000)
    expect_own_model(page, "Variational")
    for link, heading in (
        ("Interpolate", "What lies between two digits?"),
        ("Sample", "What does it draw on its own?"),
    ):
        go_to(page, link)
        page.get_by_role("heading", name=heading).wait_for(timeout=60_000)
        expect_own_model(page, "Variational")
        expect(page.get_by_test_id("stException")).to_have_count(0)
    page.get_by_alt_text("sample 1", exact=True).wait_for(timeout=60_000)

    go_to(page, "Train")
    page.wait_for_url(lambda url: run_of(url) == run and "/train" in url)  # in view again
    page.get_by_role("button", name="Explore its map").wait_for()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    page.wait_for_url(lambda url: run_of(url) not in ("", run))
    expect(progress(page)).to_contain_text("finished")
    page.get_by_role("button", name="Sample", exact=True).click()
    page.get_by_alt_text("sample 1", exact=True).wait_for(timeout=60_000)
    expect_own_model(page, "Variational")


def test_a_run_is_found_again_in_the_middle_paused_resumed_and_stopped(
    page: Page, app: str
) -> None:
    open_page(page, app, "?variant=vanilla")
    train_for(page, 600)
    run = run_of(page.url)
    seen = wait_for_step(page, after=0)
    page.reload()
    seen = wait_for_step(page, after=seen)
    assert run_of(page.url) == run
    film(page)
    go_to(page, "Home")
    page.get_by_role("heading", name="An image becomes a point and comes out again").wait_for()
    go_to(page, "Train")
    page.wait_for_url(lambda url: run_of(url) == run)
    wait_for_step(page, after=seen)

    page.get_by_role("button", name="Pause", exact=True).click()
    expect(progress(page)).to_contain_text("paused")
    held = step(page)
    page.wait_for_timeout(1200)
    assert step(page) == held
    page.get_by_role("button", name="Resume", exact=True).click()
    held = wait_for_step(page, after=held)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(progress(page)).to_contain_text("stopped")
    page.get_by_role("button", name="Explore its map").wait_for()
    held = step(page)
    page.wait_for_timeout(1200)
    assert step(page) == held
    page.get_by_role("button", name="Train again", exact=True).click()
    expect(train_button(page)).to_be_visible()
    expect(page.get_by_text(re.compile(r"Vanilla, 2 dimensions, [\d:]+, stopped"))).to_be_visible()


def test_a_file_that_is_no_model_is_one_sentence(page: Page, app: str, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"GIF89a" * 100)
    open_page(page, app)
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    expect(page.get_by_text("This is not a safetensors file.")).to_be_visible()
    expect(train_button(page)).to_be_visible()


def test_a_card_on_the_home_page_leads_to_its_variant(page: Page, app: str) -> None:
    name = short_title(list(MODELS)[-1])
    page.goto(app)
    page.get_by_role("link", name=name).first.click(timeout=60_000)
    chosen = page.locator(".st-key-chosen-variant").get_by_role("button", name=name)
    expect(chosen).to_be_visible(timeout=60_000)


def test_a_click_on_the_picture_of_a_card_chooses_it(page: Page, app: str) -> None:
    open_page(page, app)
    for title, key in (
        ("variational autoencoder", "variational"),
        ("linear autoencoder", "linear"),
    ):
        picture = page.get_by_alt_text(f"map of a {title}", exact=True)
        if not picture.is_visible():
            page.get_by_text("more variants").click()
        picture.scroll_into_view_if_needed()
        box = picture.bounding_box()
        assert box
        page.mouse.click(box["x"] + 4, box["y"] + 4)
        expect(page).to_have_url(re.compile(f"variant={key}"))
        expect(
            page.locator(".st-key-chosen-variant").get_by_alt_text(f"map of a {title}")
        ).to_be_visible()


def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Browser, app: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    open_page(page, app, "?variant=variational")
    train_button(page).wait_for()
    train_for(page, 2)
    page.get_by_role("button", name="Explore its map").wait_for(timeout=120_000)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") <= 0
    context.close()
