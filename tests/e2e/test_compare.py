"""What a person does on the compare page, in a real browser."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from aeviz.analysis import errors, pca
from aeviz.charts import export
from aeviz.data import datasets
from aeviz.models import checkpoint
from tests.e2e.conftest import go_to


def test_the_vae_is_compared_with_pca_and_what_was_seen_is_downloaded(page: Page, app: str) -> None:
    page.goto(app)
    go_to(page, "Compare")
    expect(
        page.get_by_alt_text("Reconstruction by Variational, 2 dimensions, 1", exact=True)
    ).to_be_visible(timeout=90_000)
    expect(
        page.get_by_alt_text("Reconstruction by PCA, 2 components, 1", exact=True)
    ).to_be_visible()
    expect(page.get_by_alt_text("Original, 20", exact=True)).to_have_count(1)
    # An image and its codes on both maps point to each other.
    maps = page.get_by_test_id("two-maps")
    expect(maps).to_have_attribute("data-ready", "true", timeout=60_000)
    page.get_by_alt_text("Reconstruction by PCA, 2 components, 3", exact=True).hover()
    page.get_by_alt_text("Original, 3", exact=True).hover()
    for side in ("left", "right"):
        expect(page.get_by_test_id(f"ring-{side}")).not_to_have_attribute("hidden", "")
    state = page.get_by_test_id("stApp")
    expect(state).to_have_attribute("data-test-script-state", "notRunning", timeout=60_000)
    worst_by = page.get_by_role("combobox", name="Worst reconstructed by")
    worst_by.evaluate("box => box.scrollIntoView({ block: 'center' })")
    worst_by.click()
    page.get_by_role("option", name="PCA, 2 components").click()
    expect(page).to_have_url(re.compile("compare_worst=2"))
    images = datasets.load().test_images
    squared = errors.mse(images, pca.pca(datasets.load(), 2).reconstruct(images))
    worst = squared.argsort()[::-1][:20]
    expect(page.locator(".aeviz-rows").first).to_contain_text(
        f"{datasets.load().test_labels[worst[0]]}{worst[0]}"
    )
    with page.expect_download() as download:
        page.get_by_role("button", name="Download errors as CSV").click()
    with download.value.path().open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert download.value.suggested_filename == "aeviz-compare.csv"
    assert [int(row["image"].rsplit(" ", 1)[1]) for row in rows] == worst.tolist()
    written = [float(row["MSE of PCA, 2 components"]) for row in rows]
    assert np.array(written) == pytest.approx(squared[worst], rel=1e-4)
    assert all(0 < float(row["MSE of Variational, 2 dimensions"]) < 1 for row in rows)

    # The images: the same originals, crisp, in the same order.
    with page.expect_download() as download:
        page.get_by_role("button", name="Download images as PNG").click()
    assert download.value.suggested_filename == "aeviz-compare.png"
    image = np.asarray(Image.open(download.value.path()))
    side, scale = 28 * export.ROW_SCALE, export.ROW_SCALE
    top = export.GAP + round(1.4 * export.TYPE)
    for k, number in enumerate(worst):
        left = export.GAP + k * (side + export.GAP)
        tile = image[top : top + side : scale, left : left + side : scale]
        assert np.array_equal(tile, images[number][..., None].repeat(3, 2))


def test_eight_models_stand_below_each_other_on_a_phone(page: Page, app: str) -> None:
    names = [name for name, card in checkpoint.pretrained().items() if card.latent_dim == 2]
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{app}/compare?compare_maps=false&compared={','.join(names[:8])}")
    page.get_by_text("Which classes are hard?").wait_for(timeout=240_000)
    expect(page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=120_000
    )
    rows = page.locator(".aeviz-rows").first
    last = rows.get_by_alt_text("Reconstruction by PCA, 2 components, 20", exact=True)
    rows.evaluate("area => area.scrollTo(area.scrollWidth, 0)")
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport()
    chart = page.locator(".st-key-compare-classes .js-plotly-plot")
    expect(chart).to_have_count(1)
    expect(chart).to_be_visible()
    wide = page.evaluate(
        """() => {
          const main = document.querySelector("[data-testid=stMain]");
          const area = document.querySelector(".st-key-compare-classes");
          return [main.scrollWidth - main.clientWidth, area.scrollWidth - area.clientWidth];
        }"""
    )
    assert wide[0] == 0  # the page itself does not scroll sideways,
    assert wide[1] > 300  # the table of classes does, and is not pressed together
