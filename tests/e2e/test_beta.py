"""What a person does on the page of beta: the slider, its keys, a dot, the other family."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Locator, Page, expect

from aeviz.analysis import families
from aeviz.data import datasets
from aeviz.models import apply, checkpoint

BETA_1 = families.members(checkpoint.pretrained(families.FOLDER), "beta")[1.0]
WIDTHS = "all => all.map((bar) => parseFloat(bar.style.width))"
# How many px of the map are one unit of the codes, by the bar that says it.
UNIT = """scale => parseFloat(scale.querySelector("i").style.width)
  / parseFloat(scale.querySelector("b").textContent)"""

CHANGES = """async (map, before) => {
  while (map.toDataURL() === before) await new Promise(requestAnimationFrame);
}"""


def open_page(page: Page, address: str) -> Locator:
    """The slider of the page, once all is drawn."""
    page.goto(address)
    page.locator('[data-testid="family"][data-ready="true"]').wait_for(timeout=90_000)
    return page.get_by_role("slider")


def shown(page: Page) -> tuple[Any, ...]:
    """What is drawn: the map, what comes back of an image, a sample, and the bars of the KL."""
    drawn = [
        page.get_by_test_id("family-map"),
        page.get_by_role("button", name="Follow 4, test image").locator("canvas").last,
        page.locator("[data-part=samples] canvas").first,
    ]
    images = [canvas.evaluate("canvas => canvas.toDataURL()") for canvas in drawn]
    return *images, page.get_by_test_id("family-kl").locator("b").evaluate_all(WIDTHS)


def test_the_slider_blends_between_betas_and_stops_at_a_model(page: Page, app: str) -> None:
    slider, now = open_page(page, f"{app}/beta?beta_stop=4"), page.get_by_test_id("family-now")
    expect(slider).to_have_attribute("aria-label", "Beta")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^beta 4: test MSE 0.0"))
    four, box = shown(page), slider.bounding_box()
    assert box is not None
    begin, end = (np.log(beta / 0.01) / np.log(3000) for beta in (4, 10))
    thumb, y = 24.0, box["y"] + box["height"] / 2
    across = [box["x"] + thumb / 2 + far * (box["width"] - thumb) for far in (begin, end)]
    page.mouse.move(across[0], y)
    page.mouse.down()
    page.mouse.move(0.3 * across[0] + 0.7 * across[1], y, steps=6)
    expect(now).to_have_text("Between beta 4 and beta 10")
    held = shown(page)
    page.mouse.up()
    expect(now).to_have_text("Beta 10")
    expect(page).to_have_url(re.compile("beta_stop=10"))
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^beta 10: "))
    ten = shown(page)
    assert all(a != b != c != a for a, b, c in zip(four, held, ten, strict=True))
    parts = [(b - a) / (c - a) for a, b, c in zip(four[-1], held[-1], ten[-1], strict=True)]
    assert max(abs(part - 0.7) for part in parts) < 0.05

    slider.focus()
    for key, name in (("ArrowLeft", "Beta 4"), ("Home", "Beta 0.01"), ("End", "Beta 30")):
        page.keyboard.press(key)
        expect(now).to_have_text(name)
    expect(page).to_have_url(re.compile("beta_stop=30"))
    expect(page.get_by_test_id("family-map")).to_have_attribute("aria-label", re.compile("beta 30"))


def test_a_dot_is_followed_through_all_members_and_seeds_are_aligned(page: Page, app: str) -> None:
    slider = open_page(page, f"{app}/beta")
    codes = apply.encode(checkpoint.load(checkpoint.FOLDER / BETA_1), datasets.load().test_images)
    inside = np.flatnonzero(np.abs(codes).max(1) < 2.5)
    gaps = np.linalg.norm(codes[inside[:400], None] - codes[None], axis=2)
    lonely = int(inside[np.sort(gaps, 1)[:, 1].argmax()])
    stage, unit = page.get_by_test_id("family-map"), page.locator(".scale").evaluate(UNIT)
    box = stage.bounding_box()
    assert box is not None
    x, y = codes[lonely] * (unit, -unit)
    stage.click(position={"x": box["width"] / 2 + x, "y": box["height"] / 2 + y})
    expect(page).to_have_url(re.compile(f"followed={lonely}($|&)"))
    followed = page.get_by_role("img", name="The image that is followed")
    expect(followed).to_have_attribute("aria-label", re.compile(f"test image {lonely}$"))

    page.get_by_text("Five seeds").click()
    expect(slider).to_have_attribute("aria-label", "Seed")
    expect(followed).to_have_attribute("aria-label", re.compile(f"test image {lonely}$"))
    zero = shown(page)
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("family-now")).to_have_text("Seed 1")
    expect(page).to_have_url(re.compile("seed_stop=1"))
    one = shown(page)
    assert all(a != b for a, b in zip(zero, one, strict=True))
    page.get_by_text("Align the maps").click()
    expect(page).to_have_url(re.compile("family_align=true"))
    stage.evaluate(CHANGES, one[0])
    assert shown(page)[1:] == one[1:]  # only where the dots are
    expect(page.get_by_test_id("family-figures")).to_contain_text("by chance 0.1 %")


def test_with_less_motion_it_plays_from_stop_to_stop(browser: Browser, app: str) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    slider = open_page(page, f"{app}/beta?beta_stop=10")
    page.get_by_test_id("family").evaluate(
        """root => new MutationObserver(() => {
          if (root.dataset.between === "true") root.dataset.blended = "true";
        }).observe(root, { attributes: true })"""
    )
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^beta 30: "))
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("beta_stop=30"))
    expect(page.get_by_test_id("family")).not_to_have_attribute("data-blended", "true")
    context.close()
