"""Memory is given back when people have left, also that of who came first."""

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
    memory.give_back(thoroughly=False)
    assert seen() is None
    assert held() is there


def test_a_session_that_was_frozen_is_freed_when_looked_at_thoroughly() -> None:
    first = Session()
    seen = weakref.ref(first)
    gc.freeze()
    del first
    memory.give_back(thoroughly=False)
    assert seen() is not None
    memory.give_back(thoroughly=True)
    assert seen() is None
    assert gc.get_freeze_count() > 0  # the next look is quick again


def test_everybody_is_held_up_only_once_nobody_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[bool] = []
    monkeypatch.setattr(memory, "EVERY", 0.001)
    monkeypatch.setattr(memory, "give_back", lambda *, thoroughly: looks.append(thoroughly))
    there = iter([0, 2, 1, 0, 0, 1, 0])

    def people() -> int:
        try:
            return next(there)
        except StopIteration:
            raise RuntimeError("the end") from None

    gc.freeze()
    with ThreadPoolExecutor(1) as thread:  # here a browser may have left its event loop
        end = thread.submit(asyncio.run, memory.keep_level(people)).exception()
    assert str(end) == "the end"
    assert looks == [False, False, False, True, False, False, True]
