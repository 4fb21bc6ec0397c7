"""The film of a run: followed while it trains, rewound, branched, raced, and found again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import eventually, settled
from tests.e2e.test_train import PICTURE, film, open_page, progress, run_of, train_button

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(params=["laptop", "phone"])
def person(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(**(PHONE if request.param == "phone" else {}))
    yield context.new_page()
    context.close()


def shown_step(page: Page) -> int:
    return int(page.get_by_test_id("film").get_attribute("data-step") or 0)


def train_small(page: Page, app: str, epochs: str) -> str:
    """Train a small VAE; returns the run's id."""
    open_page(page, app, "?variant=variational")
    page.get_by_role("radio", name="epochs", exact=True).click()
    for kind, value in (("Width of the first layer", "48"), ("Epochs", epochs)):
        box = page.get_by_role("spinbutton", name=kind)
        box.fill(value)
        box.press("Enter")
        settled(page)
    page.get_by_text(f"Trains for {epochs} epochs").wait_for()
    train_button(page).click()
    page.wait_for_url(re.compile(r"run=run-"))
    return run_of(page.url)


def rewind_to(page: Page, below: int) -> int:
    """Go back frame by frame to one before a step, as the arrow keys do."""
    slider = page.get_by_test_id("film-slider")
    slider.focus()
    for _ in range(200):
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(20)
        if shown_step(page) < below:
            break
    settled(page)
    return shown_step(page)


def probe(page: Page) -> str:
    """Point at the middle of the map; returns what is decoded there."""
    canvas = page.get_by_test_id("film-map").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5, steps=6)
    page.mouse.up()
    peek = page.get_by_test_id("film-peek").first
    expect(peek).to_be_visible()
    page.wait_for_timeout(60)  # a frame of the screen
    return peek.evaluate(PICTURE)


def test_a_run_is_watched_rewound_branched_and_found_again(person: Page, app: str) -> None:
    run = train_small(person, app, "3")
    film(person)
    # The map glides while it trains.
    canvas = person.get_by_test_id("film-map").first
    before = canvas.evaluate(PICTURE)
    eventually(person, lambda: canvas.evaluate(PICTURE) != before, "a map that moves", seconds=60)
    expect(progress(person)).to_contain_text("finished", timeout=120_000)
    person.get_by_role("button", name="Train one minute more").wait_for(timeout=60_000)
    eventually(person, lambda: shown_step(person) > 200, "the last frame")
    last, late = shown_step(person), probe(person)

    step = rewind_to(person, 40)
    assert step < 40 < last
    assert probe(person) != late
    expect(person).to_have_url(re.compile(f"step={step}(&|$)"))
    person.reload()
    film(person)
    eventually(person, lambda: shown_step(person) == step, "the step of the address")

    # Another beta from here on, beside the run that it was branched from.
    person.get_by_role("button", name=f"Go on from step {step:,}").click()
    popover = person.get_by_test_id("stPopoverBody")
    beta = popover.get_by_role("slider", name="Beta")
    beta.focus()
    for _ in range(4):
        person.keyboard.press("ArrowRight")
    settled(person)
    popover.get_by_role("button", name="Train on from here").click()
    person.wait_for_url(lambda url: run_of(url) not in ("", run) and run in url)
    maps = person.get_by_test_id("film-map")
    expect(maps).to_have_count(2, timeout=60_000)
    branched = re.compile(f"^beta [0-9.]+ from step {step}$")
    expect(person.get_by_role("figure", name=branched)).to_be_visible()
    expect(progress(person)).to_contain_text("finished", timeout=120_000)
    settled(person)
    person.reload()
    expect(maps).to_have_count(2, timeout=60_000)
    expect(person.get_by_role("link", name=f"Branched at step {step:,}")).to_be_visible()
    assert person.get_by_test_id("stException").count() == 0


def test_a_step_is_watched_in_slow_motion_stage_by_stage(page: Page, app: str) -> None:
    train_small(page, app, "0.5")
    film(page)
    expect(progress(page)).to_contain_text("finished", timeout=120_000)
    page.get_by_role("button", name="One step in slow motion").click()
    slow = page.get_by_test_id("slow")
    expect(slow).to_have_attribute("data-stage", "encoder", timeout=60_000)  # it plays by itself
    slider = slow.get_by_role("slider")
    slider.focus()
    stages = ("batch", "encoder", "cloud", "draw", "decoder", "loss", "gradient", "step")
    page.keyboard.press("Home")
    for k, stage in enumerate(stages):
        expect(slow).to_have_attribute("data-stage", stage)
        expect(slow).to_contain_text(f"{k + 1} of {len(stages)}")
        page.keyboard.press("ArrowRight")
    expect(slow.get_by_role("button", name="Play")).to_be_visible()
    assert slow.locator("[data-state=later]").count() == 0
    pictures = [one.evaluate(PICTURE) for one in slow.locator(".pair canvas").all()]
    assert len(set(pictures[:2])) == 2  # the last step of a run moves nothing that one sees
    page.get_by_role("button", name="Hide the slow motion").click()
    expect(slow).to_have_count(0)
    assert page.get_by_test_id("stException").count() == 0


def test_beta_is_turned_while_it_trains_and_kept_in_the_run(page: Page, app: str) -> None:
    train_small(page, app, "200")
    film(page)
    beta = page.locator(".st-key-knobs").get_by_role("slider", name="Beta")
    beta.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    settled(page)
    # It is marked on the curves, so it was heard; then the run is asked to end well.
    eventually(page, lambda: changed(page), "a change that is marked", seconds=60)
    page.get_by_role("button", name="Finish soon").click()
    expect(progress(page)).to_contain_text("finished", timeout=120_000)
    assert page.get_by_test_id("stException").count() == 0


def changed(page: Page) -> bool:
    return int(page.get_by_test_id("film").get_attribute("data-changes") or 0) > 0


def test_a_race_stands_side_by_side_under_one_slider(page: Page, app: str) -> None:
    open_page(page, app, "?variant=variational")
    page.get_by_role("radio", name="epochs", exact=True).click()
    box = page.get_by_role("spinbutton", name="Epochs")
    box.fill("0.5")
    box.press("Enter")
    page.get_by_text("Trains for 0.5 epochs").wait_for()
    settled(page)
    page.get_by_role("button", name="Race", exact=True).click()
    page.get_by_role("button", name="Beta 0.1, 1, 10").click()
    page.wait_for_url(re.compile("beside=run-"))
    maps = page.get_by_test_id("film-map")
    expect(maps).to_have_count(3, timeout=60_000)
    for beta in ("0.1", "1", "10"):
        expect(page.get_by_text(f"beta {beta}", exact=True).first).to_be_visible()
    root = page.get_by_test_id("film")
    expect(root).to_have_attribute("data-ended", "true", timeout=180_000)
    eventually(page, lambda: different(page), "three maps that differ", seconds=30)


def different(page: Page) -> bool:
    pictures = [one.evaluate(PICTURE) for one in page.get_by_test_id("film-map").all()]
    return len(set(pictures)) == 3


def test_a_film_goes_home_as_a_page_that_plays_by_itself(
    page: Page, app: str, browser: Browser, tmp_path: Path
) -> None:
    train_small(page, app, "0.5")
    film(page)
    expect(progress(page)).to_contain_text("finished", timeout=120_000)
    expect(page.get_by_test_id("film")).to_have_attribute("data-ended", "true", timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save film").click()
    file = tmp_path / "film.html"
    download.value.save_as(file)
    assert download.value.suggested_filename.endswith(".html")
    context = browser.new_context(offline=True)
    alone = context.new_page()
    errors: list[str] = []
    alone.on("pageerror", lambda error: errors.append(str(error)))
    alone.goto(file.as_uri())
    film(alone)
    first = shown_step(alone)
    eventually(alone, lambda: shown_step(alone) > first, "a film that plays", seconds=30)
    assert probe(alone)
    assert errors == []
    context.close()
