"""What a person does on the inpainting page, in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import settled


def open_page(page: Page, app: str, hidden: str) -> Locator:
    page.goto(f"{app}/inpainting?hidden={hidden}")
    grid = page.get_by_test_id("patches")
    expect(grid.get_by_role("button")).to_have_count(49, timeout=60_000)
    return grid


def hidden(grid: Locator) -> Locator:
    return grid.locator('button[aria-pressed="true"]')


def drag(page: Page, grid: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From one place to another, each as shares of width and height."""
    expect(grid).to_have_count(1)  # while a page is drawn anew there may be two
    grid.hover()  # waits until nothing above moves it any more
    box = grid.bounding_box()
    assert box
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=3)
    page.mouse.up()


def test_a_click_hides_a_patch_another_shows_it_and_a_drag_paints(page: Page, app: str) -> None:
    grid = open_page(page, app, "0" * 49)
    expect(page.get_by_text("Nothing is hidden.")).to_be_visible()
    drawn = page.get_by_alt_text("filled in by").first
    before = drawn.get_attribute("src") or ""
    cell = grid.get_by_role("button", name="row 4, column 4")
    cell.click()
    expect(cell).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("2% of the pixels are hidden")).to_be_visible()
    expect(drawn).not_to_have_attribute("src", before)
    expect(page).to_have_url(re.compile("hidden=0{24}10{24}"))
    cell.click()
    expect(page.get_by_text("Nothing is hidden.")).to_be_visible()
    expect(hidden(grid)).to_have_count(0)

    drag(page, grid, (0.07, 2.5 / 7), (0.93, 2.5 / 7))  # quick: no patch is left out
    expect(page.get_by_text("14% of the pixels are hidden")).to_be_visible()
    expect(hidden(grid)).to_have_count(7)
    page.reload()
    expect(hidden(page.get_by_test_id("patches"))).to_have_count(7, timeout=60_000)

    page.get_by_role("button", name="Hide half").click()
    expect(hidden(grid)).to_have_count(24)
    page.get_by_role("button", name="Show all").click()
    expect(hidden(grid)).to_have_count(0)


def test_a_patch_that_is_clicked_while_the_page_answers_stays_hidden(page: Page, app: str) -> None:
    grid = open_page(page, app, "0" * 49)
    settled(page)
    grid.evaluate(
        """async (grid) => {
          window.takenBack = 0;
          const options = {
            subtree: true, attributeOldValue: true, attributeFilter: ["aria-pressed"],
          };
          new MutationObserver((changes) => {
            for (const { target, oldValue } of changes)
              if (oldValue === "true" && target.getAttribute("aria-pressed") === "false")
                window.takenBack++;
          }).observe(grid, options);
          // Each comes a little later after the one before: some while its answer is on its way.
          for (const [k, cell] of [...grid.querySelectorAll("button")].slice(0, 14).entries()) {
            cell.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
            await new Promise((resolve) => setTimeout(resolve, 15 * k));
          }
        }"""
    )
    expect(page.get_by_text("29% of the pixels are hidden")).to_be_visible(timeout=60_000)
    expect(hidden(grid)).to_have_count(14)
    assert page.evaluate("takenBack") == 0


def test_a_stroke_of_the_brush_hides_what_it_passes_and_another_wipes_it_off(
    page: Page, app: str
) -> None:
    open_page(page, app, "0" * 49)
    page.get_by_text("By painting").click()
    grid = page.get_by_test_id("patches")
    expect(grid.get_by_role("button")).to_have_count(784)
    page.get_by_role("button", name="Show all").click()
    expect(hidden(grid)).to_have_count(0)
    expect(page.get_by_text("Nothing is hidden.")).to_be_visible()
    images = [page.get_by_alt_text("filled in by").nth(k) for k in range(4)]
    before = [image.get_attribute("src") or "" for image in images]

    across = ((0.2, 0.5), (0.8, 0.5))
    drag(page, grid, *across)
    expect(page.get_by_text("of the pixels are hidden")).to_be_visible()
    painted = hidden(grid).count()
    assert 4 * 16 <= painted <= 5 * 22  # about four pixels high and 17 long
    for image, was in zip(images, before, strict=True):
        expect(image).not_to_have_attribute("src", was)
    expect(page).to_have_url(re.compile("painted=[0-9a-f]{196}"))

    grid.get_by_role("button", name="row 4, column 4", exact=False).first.focus()
    page.keyboard.press("Enter")
    expect(hidden(grid)).to_have_count(painted + 13)  # centres within two pixels
    expect(page.get_by_text(f"{round((painted + 13) / 7.84)}% of the pixels")).to_be_visible()
    page.reload()
    expect(hidden(page.get_by_test_id("patches"))).to_have_count(painted + 13, timeout=60_000)
    drag(page, grid, *across)
    expect(hidden(grid)).to_have_count(13)
    expect(page.get_by_text("2% of the pixels are hidden")).to_be_visible()


def test_the_keyboard_moves_over_the_patches_and_hides_them(page: Page, app: str) -> None:
    grid = open_page(page, app, "0" * 49)
    grid.get_by_role("button", name="row 1, column 1").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(grid.get_by_role("button", name="row 2, column 2")).to_be_focused()
    page.keyboard.press("Space")
    expect(page).to_have_url(re.compile("hidden=0{8}10{40}"))
    expect(grid.get_by_role("button", name="row 2, column 2")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # there is no row above
    expect(grid.get_by_role("button", name="row 1, column 2")).to_be_focused()


def test_on_a_phone_nothing_is_cut_off(page: Page, app: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    grid = open_page(page, app, "1" * 20 + "0" * 29)
    expect(hidden(grid)).to_have_count(20)
    box = grid.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
