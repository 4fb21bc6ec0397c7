"""Nothing is asked for in vain, and the console stays clean, on a link to any page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.e2e.conftest import go_to, start_app


def watched(page: Page) -> list[str]:
    """What the console and the server complain of from now on."""
    found: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        contexts = "WebGL contexts" in message.text
        if message.type == "error" or contexts:
            found.append(message.text)

    page.on("console", hear)
    page.on("response", lambda r: found.append(r.url) if r.status >= 400 else None)
    return found


def opened(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("heading", level=1).first.wait_for(timeout=60_000)
    settled(page)


def settled(page: Page) -> None:
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=90_000)


def test_a_link_to_a_page_asks_for_nothing_in_vain(page: Page, app: str) -> None:
    found = watched(page)
    for name in ("train", "denoise", "reconstruct", ""):
        opened(page, f"{app}/{name}")
    assert found == []


def test_nor_below_a_path(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    process, address = start_app(tmp_path_factory.mktemp("below"), path="class")
    page = browser.new_page()
    try:
        found = watched(page)
        opened(page, f"{address}/reconstruct")
        assert found == []
    finally:
        page.close()
        process.terminate()
        process.wait(20)


def test_maps_that_are_gone_give_their_contexts_back(page: Page, app: str) -> None:
    found = watched(page)
    opened(page, f"{app}/train")
    for _ in range(3):
        for name in ("Interpolate", "Latent map", "Train"):
            go_to(page, name)
            page.wait_for_timeout(1800)
            settled(page)
    assert found == []
