"""Many files at once: an answer with how far it is, nobody else's, and the memory comes back."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from benchmarks import strangers
from tests.e2e.conftest import settled, start_app

MEGABYTE = 1_000_000


def photo(label: int) -> bytes:
    scene = strangers.Scene(label, "blue pen", size=(1600, 1200), ink=strangers.BLUE)
    content = strangers.photograph(scene, np.random.default_rng(label))
    large = io.BytesIO()
    Image.open(io.BytesIO(content)).convert("RGB").save(large, "PNG", compress_level=1)
    return large.getvalue()


def written(folder: Path, contents: Iterable[bytes]) -> list[Path]:
    """Files with these contents."""
    folder.mkdir()
    paths = []
    for k, content in enumerate(contents):
        paths.append(folder / f"{k}.png")
        paths[-1].write_bytes(content)
    return paths


def resident(process: int) -> float:
    """Megabytes of a process that are in memory."""
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def test_sixty_photos_are_answered_with_how_far_it_is_and_are_nobody_elses(
    browser: Browser, app: str, tmp_path: Path
) -> None:
    context, other = browser.new_context(), browser.new_context()
    page, beside = context.new_page(), other.new_page()
    address = f"{app}/compare?compare_show=own&compare_picture_from=upload"
    for tab in (page, beside):
        tab.goto(address)
        expect(tab.get_by_text("Nothing is uploaded yet.")).to_be_visible(timeout=120_000)
        settled(tab)
    digits = [photo(label) for label in range(10)]
    # Each is another file, if only by its last byte.
    files = written(tmp_path / "photos", (digits[k % 10] + bytes([k]) for k in range(60)))
    with page.expect_response(lambda r: "/upload_file/" in r.url and r.request.method == "PUT"):
        page.locator("input[type=file]").set_input_files(files)
    reading = page.get_by_text(re.compile(r"Reading photos \d+ to \d+ of 60"))
    reading.first.wait_for(timeout=120_000)
    expect(page.get_by_text("Nothing is uploaded yet.")).to_have_count(0, timeout=120_000)
    expect(page.get_by_alt_text("digit 60", exact=True)).to_be_attached(timeout=120_000)
    settled(page)
    beside.get_by_text("Large type", exact=True).click()
    settled(beside)
    expect(beside.get_by_text("Nothing is uploaded yet.")).to_be_visible()
    context.close()
    other.close()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_the_memory_of_who_has_left_comes_back(browser: Browser, tmp_path: Path) -> None:
    process, address = start_app(tmp_path, "--server.disconnectedSessionTTL", "1")

    def visit(files: list[Path]) -> float:
        """Memory at the end of a visit."""
        page = browser.new_page()
        page.goto(f"{address}/denoise?picture_from=upload")
        expect(page.get_by_text("Nothing is uploaded yet.")).to_be_visible(timeout=120_000)
        settled(page)
        if files:
            page.locator("input[type=file]").set_input_files(files)
            expect(page.get_by_text("No digit was found.")).to_be_visible(timeout=120_000)
            settled(page)
        most = resident(process.pid)
        page.close()
        return most

    try:
        visit([])
        before = visit([])  # the first one, of a server's life, is kept
        # No pictures: what is kept of a file is the same, and these are quickly refused.
        noise = np.random.default_rng(0)
        files = written(tmp_path / "noise", (noise.bytes(5 * MEGABYTE) for _ in range(40)))
        held = visit(files)
        assert held - before > 150
        visit([])  # Streamlit lets go of a session when the next one comes
        for _ in range(60):
            time.sleep(1)
            if resident(process.pid) < held - 100:
                break
        assert resident(process.pid) < held - 100
    finally:
        process.terminate()
        process.wait(20)
