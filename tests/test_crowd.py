"""The visitor of benchmarks/crowd.py speaks to a real server as a browser does."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.crowd import app
from benchmarks.visitor import Visitor


async def walk(address: str) -> None:
    visitor = Visitor(address, "sample", "model=variational-2d&sample_seed=7")
    await visitor.come()
    pictures = [part.element.html.body for part in visitor.shown("html")]
    assert visitor.find("number_input", "Seed").element.number_input.default == 7
    await visitor.click("Draw again")
    assert visitor.find("number_input", "Seed").element.number_input.default == 8
    assert [part.element.html.body for part in visitor.shown("html")] != pictures
    await visitor.put("number_input", "Seed", double_value=7)
    assert [part.element.html.body for part in visitor.shown("html")] == pictures
    with pytest.raises(LookupError, match="no button 'Stop'"):
        await visitor.click("Stop")
    await visitor.close()


def test_a_visitor_opens_a_page_presses_a_button_and_sees_what_changes(tmp_path: Path) -> None:
    # In a thread of its own: in this one a browser of another test may have left its event loop.
    with app(tmp_path) as server, ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, walk(server.address)).result()
        assert server.cpu() > 0
