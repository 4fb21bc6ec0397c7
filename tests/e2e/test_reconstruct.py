"""What a person does on the reconstruct page, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import eventually, go_to


def open_page(page: Page, app: str) -> None:
    page.goto(app)
    go_to(page, "Reconstruct")
    page.get_by_alt_text(re.compile(r"^Error of PCA, \d+ components, 10$")).wait_for(timeout=60_000)


def test_images_and_errors_change_with_the_choice_and_the_address_keeps_it(
    page: Page, app: str
) -> None:
    open_page(page, app)
    for row in (
        "Original",
        "Reconstruction by Variational, 2 dimensions",
        "Reconstruction by PCA, 2 components",
    ):
        image = page.get_by_alt_text(f"{row}, 10")
        expect(image).to_be_visible()
        box = image.bounding_box()
        assert box
        assert box["width"] > 60
        assert box["x"] + box["width"] < 1440
    expect(page.get_by_text(re.compile(r"^MSE 0\.\d{4}"))).to_have_count(20)
    metrics = page.get_by_test_id("stMetric")
    expect(metrics).to_have_count(3)
    expect(metrics.first).to_contain_text(re.compile(r"MSE.*0\.03\d\d.*PCA 0\.0554\d", re.S))

    original = page.get_by_alt_text("Original, 1", exact=True)
    before = original.get_attribute("src")
    page.get_by_text("Worst", exact=True).click()
    expect(original).not_to_have_attribute("src", before or "", timeout=20_000)
    expect(page).to_have_url(re.compile("copies=worst"))
    expect(page.get_by_role("button", name="Draw again")).to_have_count(0)
    worst = original.get_attribute("src")
    page.reload()
    expect(original).to_have_attribute("src", worst or "", timeout=60_000)


def test_drawing_again_and_one_digit_alone(page: Page, app: str) -> None:
    open_page(page, app)
    original = page.get_by_alt_text("Original, 1", exact=True)
    before = original.get_attribute("src")
    page.get_by_role("button", name="Draw again").click()
    expect(original).not_to_have_attribute("src", before or "", timeout=20_000)
    expect(page).to_have_url(re.compile("copies_seed=1"))
    page.get_by_test_id("stMain").get_by_role("radio", name="8", exact=True).click()
    expect(page.get_by_text(re.compile(r"^8\s*test image\s*\d+$"))).to_have_count(
        10, timeout=20_000
    )


CUT_OFF = """() => [...document.querySelectorAll(".aeviz-rows img, .stButtonGroup button")]
    .filter((one) => {
        let box = one.getBoundingClientRect(), around = one.parentElement;
        if (box.left < 0 || box.right > innerWidth) return true;
        for (; around; around = around.parentElement) {
            const room = around.getBoundingClientRect();
            if (getComputedStyle(around).overflowX !== "visible"
                && (box.left < room.left - 1 || box.right > room.right + 1)) return true;
        }
        return false;
    }).map((one) => one.alt ?? one.innerText)"""


@pytest.mark.parametrize("where", ["reconstruct", "ladder", "compare"])
@pytest.mark.parametrize("size", [(390, 844, ""), (1280, 720, "?large=true")], ids=str)
def test_no_image_of_a_row_and_no_button_is_cut_off(
    page: Page, app: str, where: str, size: tuple[int, int, str]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{app}/{where}{size[2]}")
    page.locator(".aeviz-rows").last.wait_for(timeout=60_000)
    state = page.get_by_test_id("stApp")
    expect(state).to_have_attribute("data-test-script-state", "notRunning", timeout=60_000)
    assert page.evaluate(CUT_OFF) == []

    def first_above_next() -> bool:
        """All rows of the first images stand above all rows of the next.

        Ten images of the ladder have room beside each other on a projector.
        """
        first, last = (
            [
                page.get_by_alt_text(re.compile(rf"^{name}, {k}$")).first.evaluate(TOP)
                for name in ("Original", "Reconstruction by .*")
            ]
            for k in (1, 20 if where == "compare" else 10)
        )
        if (where, size[0]) == ("ladder", 1280):
            return first == last and first[0] < first[1]
        return first[0] < first[1] < last[0] < last[1]

    eventually(page, first_above_next, "rows that are laid out")


TOP = "element => element.getBoundingClientRect().top"
