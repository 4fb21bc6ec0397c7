"""Phones join: the button above every page, the code as a phone's camera reads it, the address."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from aeviz.app import join
from tests.e2e.conftest import CHROMIUM_ARGUMENTS, find_chromium, start_app
from tests.e2e.test_shell import open_page

SMALL = 120
"""So many pixels of a phone's camera see the code from the last row; it has 33 modules a side."""


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server that listens to everybody, as the README's command starts it, and its log."""
    folder = tmp_path_factory.mktemp("open")
    process, address = start_app(folder, "--server.address", "0.0.0.0")
    yield address, folder / "app.log"
    process.terminate()
    process.wait(20)


def seen(image: Locator) -> str:
    """What a camera far away reads in the code."""
    shot = Image.open(io.BytesIO(image.screenshot())).convert("L")
    found = zxingcpp.read_barcodes(shot.resize((SMALL, SMALL), Image.Resampling.BILINEAR))
    assert len(found) == 1
    return found[0].text


def test_phones_join_by_the_code_or_the_address(
    browser: Browser, open_server: tuple[str, Path]
) -> None:
    address, log = open_server
    lan = join.lan_address()
    expected = lan and address.replace("127.0.0.1", lan)
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    page = context.new_page()
    strangers: list[str] = []
    page.on("request", lambda r: None if address in r.url else strangers.append(r.url))
    open_page(page, f"{address}/sample")
    page.get_by_role("button", name="Join", exact=True).click()
    dialog = page.get_by_role("dialog")
    if expected is None:  # a machine without a network
        expect(dialog).to_contain_text("in no network")
        return
    expect(dialog).to_contain_text(expected)
    code = dialog.get_by_alt_text(f"QR code of {expected}")
    assert seen(code) == expected
    box = code.bounding_box()
    assert box
    assert box["height"] > 900 * 0.6  # for the last row
    assert not [url for url in strangers if not url.startswith(("data:", "blob:"))]
    said = log.read_text(encoding="utf-8")
    assert f"For phones in the same network: {expected}" in said
    assert "External" not in said  # for which a host outside would be asked
    context.close()


def test_where_nobody_else_is_heard_the_command_is_said(page: Page, app: str) -> None:
    open_page(page, f"{app}/sample")
    page.get_by_role("button", name="Join", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("streamlit run app.py --server.address 0.0.0.0")
    expect(dialog.locator("img")).to_have_count(0)


def test_the_address_that_the_visitor_has_used_is_passed_on(app: str, browser: Browser) -> None:
    chromium = browser.browser_type.launch(
        executable_path=find_chromium(),
        args=[*CHROMIUM_ARGUMENTS, "--host-resolver-rules=MAP class.example.org 127.0.0.1"],
    )
    try:
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        address = app.replace("127.0.0.1", "class.example.org")
        open_page(page, f"{address}/sample?sample_seed=3")
        page.get_by_role("button", name="Join", exact=True).click()
        code = page.get_by_role("dialog").get_by_alt_text(f"QR code of {address}", exact=True)
        assert seen(code) == address
    finally:
        chromium.close()


def test_the_address_is_there_while_one_presents_and_escape_closes_it_alone(
    page: Page, app: str
) -> None:
    open_page(page, f"{app}/sample?present=true")
    page.get_by_role("button", name="Join", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.wait_for_timeout(1000)
    expect(page).to_have_url(re.compile("present=true"))
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("present"))


BESIDE = """() => {
    const box = (found) => found.getBoundingClientRect();
    const row = box(document.querySelector(".st-key-top-row"));
    const places = document.querySelectorAll("[data-testid=stTopNavSection]");
    return row.top < 60 && row.left >= box([...places].at(-1)).right;
}"""
"""The row stands in the header, and covers none of the places."""


@pytest.mark.parametrize("width", [1249, 1440])
def test_the_row_covers_none_of_the_four_places(page: Page, app: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    open_page(page, f"{app}/sample?model=denoising-2d-masking")  # the longest name
    page.wait_for_function(BESIDE)
