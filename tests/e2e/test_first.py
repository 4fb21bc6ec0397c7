"""A first visitor, while the server is still loading torch."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import picker, settled, start_app

# Python runs this file at its start: torch waits until there is a file beside it.
SLOW = """
import sys, time
from pathlib import Path

class Slow:
    def find_spec(self, name, path=None, target=None):
        while name == "torch" and not (Path(__file__).parent / "go").exists():
            time.sleep(0.1)

sys.meta_path.insert(0, Slow())
"""


def test_the_map_is_there_before_torch_and_stays_where_it_is(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    process, address = start_app(tmp_path)
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        page.goto(address)
        root = page.get_by_test_id("latent-map")
        digit = page.get_by_test_id("probe-digit")
        expect(root).to_have_attribute("data-draggable", "true", timeout=60_000)
        expect(digit).to_have_attribute("data-shows", "exact")
        expect(page.get_by_test_id("reconstruction")).to_be_visible()
        expect(root).to_have_attribute("data-ready", "true", timeout=60_000)
        root.evaluate("root => { root.same = true; }")
        before = page.get_by_test_id("probe-coordinates").inner_text()
        probe = page.locator(".aeviz-map .probe").bounding_box()
        assert probe is not None
        x, y = probe["x"] + probe["width"] / 2, probe["y"] + probe["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 60, y - 40, steps=5)
        page.mouse.up()
        expect(digit).to_have_attribute("data-shows", "blend")
        dragged = page.get_by_test_id("probe-coordinates").inner_text()
        assert dragged != before
        expect(picker(page)).to_have_count(0)  # nothing that needs torch is there
        expect(page.get_by_text("Loading the models")).to_be_visible()
        (tmp_path / "go").touch()
        expect(picker(page)).to_be_visible(timeout=90_000)
        settled(page)
        expect(digit).to_have_attribute("data-shows", "exact", timeout=30_000)
        expect(page.get_by_test_id("probe-coordinates")).to_have_text(dragged)
        assert root.evaluate("root => root.same") is True
        expect(page.get_by_text("Loading the models")).to_have_count(0)
        assert not errors
    finally:
        context.close()
        process.terminate()
        process.wait(20)
