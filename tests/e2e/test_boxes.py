"""A box that the page sets too: whatever a person does fast is what they chose, and no more."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from aeviz.data import datasets
from tests.e2e.conftest import eventually, expect_model, settled

# What is pressed when the answer to the press before it is, is not, or is half there.
PAUSES = (0, 150)
IMAGES = {  # what the other pages offer is one and the same
    "interpolate": ("A: test image", "A: class", "from", 4542),
    "denoise": ("Test image", "Class", "picture", 1),
}


def open_page(page: Page, app: str, name: str) -> None:
    page.goto(f"{app}/{name}")
    page.get_by_text("What am I seeing?").wait_for(timeout=120_000)
    settled(page)


@pytest.mark.parametrize("name", IMAGES)
def test_fast_clicks_and_held_keys_count_and_draw_no_other_image(
    page: Page, app: str, name: str
) -> None:
    index, its_class, key, number = IMAGES[name]
    open_page(page, app, name)
    box = page.get_by_role("spinbutton", name=index)
    expect(box).to_have_value(str(number))
    plus = page.get_by_test_id("stNumberInput").filter(has=box)
    for pause in PAUSES:
        for _ in range(6):
            plus.get_by_test_id("stNumberInputStepUp").click()
            page.wait_for_timeout(pause)
        number += 6
        settled(page)
        expect(box).to_have_value(str(number))
    for _ in range(9):  # a key that is held
        box.press("ArrowUp")
        page.wait_for_timeout(40)
    box.press("Enter")
    number += 9
    expect(page).to_have_url(re.compile(rf"[?&]{key}={number}(&|$)"))
    settled(page)
    expect(box).to_have_value(str(number))
    of_class = page.get_by_role("combobox", name=its_class)
    expect(of_class).to_have_value(str(datasets.load().test_labels[number]))


@pytest.mark.parametrize("pause", PAUSES)
def test_each_of_two_fast_clicks_draws_again(page: Page, app: str, pause: int) -> None:
    open_page(page, app, "sample")
    again = page.get_by_role("button", name="Draw again")
    again.click()
    page.wait_for_timeout(pause)
    again.click()
    seed = page.get_by_role("spinbutton", name="Seed")
    settled(page)
    expect(seed).to_have_value("2")
    expect(page).to_have_url(re.compile("sample_seed=2"))


def test_a_model_chosen_by_a_button_stays_though_a_click_follows(page: Page, app: str) -> None:
    open_page(page, app, "ladder")
    page.get_by_role("button", name=re.compile("Use the model with 16 ")).click()
    page.wait_for_timeout(60)
    page.get_by_role("button", name="Other images").click()
    settled(page)
    expect(page).to_have_url(re.compile("model=vanilla-16d"))
    expect_model(page, "Vanilla, 16 dimensions")


def test_a_class_and_a_random_image_are_still_drawn(page: Page, app: str) -> None:
    open_page(page, app, "interpolate")
    box = page.get_by_role("spinbutton", name="A: test image")
    of_class = page.get_by_role("combobox", name="A: class")
    of_class.click()
    page.get_by_role("option", name="7", exact=True).click()
    labels = datasets.load().test_labels
    eventually(page, lambda: labels[int(box.input_value() or 0)] == 7, "an image of a 7")
    settled(page)
    number = int(box.input_value())
    assert labels[number] == 7
    expect(of_class).to_have_value("7")
    page.get_by_role("button", name="Random A").click()
    expect(box).not_to_have_value(str(number))
    settled(page)
    expect(of_class).to_have_value(str(datasets.load().test_labels[int(box.input_value())]))


def test_the_same_patch_is_hidden_again_after_a_shortcut(page: Page, app: str) -> None:
    open_page(page, app, "inpainting")
    show_all = page.get_by_role("button", name="Show all")
    hidden = page.get_by_test_id("patches").locator("button[aria-pressed=true]")
    patch = page.get_by_role("button", name="Hide the patch in row 3, column 4", exact=True)
    for _ in range(2):
        show_all.click()
        expect(page).to_have_url(re.compile("[?&]hidden=0{49}(&|$)"))
        expect(hidden).to_have_count(0)
        patch.click()
        expect(page).to_have_url(re.compile("[?&]hidden=0{17}10{31}(&|$)"))
        expect(hidden).to_have_count(1)


def test_the_same_key_moves_the_threshold_again_after_it_was_set_back(page: Page, app: str) -> None:
    open_page(page, app, "anomaly")
    line = page.get_by_role("slider", name="Threshold", exact=True)
    for _ in range(2):
        line.press("ArrowRight")
        expect(page).to_have_url(re.compile("threshold="))
        settled(page)
        page.get_by_role("button", name="Back to 95 %").click()
        expect(page).not_to_have_url(re.compile("threshold="))
        settled(page)
