"""What a person does on the compare page, in a real browser."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from aeviz import data, evaluate


def test_the_vae_is_compared_with_pca_and_what_was_seen_is_downloaded(page: Page, app: str) -> None:
    page.goto(app)
    page.get_by_role("link", name="Compare", exact=True).first.click()
    expect(page.get_by_alt_text("Copy by Variational, 2 numbers, 1", exact=True)).to_be_visible(
        timeout=90_000
    )
    expect(page.get_by_alt_text("Copy by PCA, 2 numbers, 1", exact=True)).to_be_visible()
    page.get_by_text("Worst 20", exact=True).click()
    expect(page).to_have_url(re.compile("compare_show=worst"))
    expect(page.get_by_alt_text("Original, 20", exact=True)).to_have_count(1)
    page.get_by_text("PCA, 2 numbers", exact=True).first.click()
    expect(page).to_have_url(re.compile("compare_worst=2"))
    images = data.load().test_images
    errors = evaluate.mse(images, evaluate.pca("mnist", 2).reconstruct(images))
    worst = errors.argsort()[::-1][:20]
    expect(page.locator(".aeviz-rows").first).to_contain_text(f"#{worst[0]}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download errors as CSV").click()
    with download.value.path().open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert download.value.suggested_filename == "aeviz-compare.csv"
    assert [int(row["picture"].rsplit("#", 1)[1]) for row in rows] == worst.tolist()
    written = [float(row["MSE of PCA, 2 numbers"]) for row in rows]
    assert np.array(written) == pytest.approx(errors[worst], rel=1e-4)
    assert all(0 < float(row["MSE of Variational, 2 numbers"]) < 1 for row in rows)
