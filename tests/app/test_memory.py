"""Memory is given back when people have left."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aeviz.app import memory


class Session:
    """Refers to itself by what it holds, as Streamlit's sessions do."""

    def __init__(self) -> None:
        self.held: list[Any] = [self]


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    gc.disable()  # it would come at any time
    yield
    gc.unfreeze()
    gc.enable()


def test_what_nobody_can_reach_is_freed() -> None:
    left, there = Session(), Session()
    seen, held = weakref.ref(left), weakref.ref(there)
    del left
    memory.give_back()
    assert seen() is None
    assert held() is there


def test_the_look_waits_until_what_is_imported_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[int] = []

    def look() -> None:
        looks.append(gc.get_freeze_count())
        if len(looks) == 3:
            raise RuntimeError("the end")

    async def wait(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            gc.freeze()

    slept: list[float] = []
    monkeypatch.setattr(asyncio, "sleep", wait)
    monkeypatch.setattr(memory, "give_back", look)
    with ThreadPoolExecutor(1) as thread:  # here a browser may have left its event loop
        end = thread.submit(asyncio.run, memory.keep_level()).exception()
    assert str(end) == "the end"
    assert slept == [memory.EVERY] * 4
    assert all(looks)
