"""The address of a run's frames, as a browser asks for them."""

from __future__ import annotations

import asyncio
import json
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.requests import Request
from starlette.responses import Response

from aeviz.app import film as route
from aeviz.training import film, store
from tests.training.making import by_hand, small


def ask(run: str, query: str = "") -> Response:
    """The answer to an address of a run's film."""
    scope = {"type": "http", "method": "GET", "path": f"/film/{run}", "headers": []}
    scope |= {"path_params": {"run": run}, "query_string": query.encode()}
    with ThreadPoolExecutor(1) as thread:  # here a browser may have left its event loop
        return thread.submit(asyncio.run, route.answer(Request(scope))).result()


@pytest.fixture(scope="module")
def run() -> str:
    name = store.create(small(steps=60))
    by_hand(name)
    assert store.said(name).state == "finished"
    return name


def parts(content: bytes | memoryview) -> list[bytes]:
    """What an answer holds, without the lengths."""
    found, at = [], 0
    while at < len(content):
        (length,) = struct.unpack_from("<I", content, at)
        found.append(content[at + 4 : at + 4 + length])
        at += 4 + length
    return found


def test_frames_come_after_the_step_that_is_known(run: str) -> None:
    steps = film.steps(run)
    told, *frames = parts(ask(run).body)
    assert json.loads(told) == {"steps": steps, "ended": True, "more": len(steps) > route.MOST}
    assert [film.from_bytes(frame).step for frame in frames] == steps[: route.MOST]
    told, *frames = parts(ask(run, f"after={steps[-2]}").body)
    assert [film.from_bytes(frame).step for frame in frames] == steps[-1:]
    assert json.loads(told)["more"] is False
    told, *frames = parts(ask(run, f"after={steps[-1]}").body)
    assert frames == []
    _, *frames = parts(ask(run, "whole=1&after=7").body)
    assert len(frames) == len(steps)


def test_a_film_of_many_frames_comes_in_parts(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "MOST", 2)
    steps, seen = film.steps(run), []
    while True:
        told, *frames = parts(ask(run, f"after={seen[-1] if seen else -1}").body)
        seen += [film.from_bytes(frame).step for frame in frames]
        if not json.loads(told)["more"]:
            break
        assert len(frames) == 2
    assert seen == steps


@pytest.mark.parametrize("name", ["run-20260101-000000-" + "0" * 32, "../../etc/passwd", ""])
def test_a_run_that_is_not_here_is_a_sentence(name: str) -> None:
    answer = ask(name)
    assert answer.status_code == 404
    assert b"This run is not here" in answer.body


@pytest.mark.parametrize("after", ["x", "9" * 5000, "1e3"])
def test_a_step_that_is_no_number_is_a_sentence(run: str, after: str) -> None:
    answer = ask(run, f"after={after}")
    assert answer.status_code == 400
    assert b"no number" in answer.body


def test_a_class_that_watches_shares_one_look_and_reads_each_frame_once(
    run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, reads = [], []
    paths, read = film.paths, film.read
    monkeypatch.setattr(film, "paths", lambda name: looks.append(name) or paths(name))
    monkeypatch.setattr(film, "read", lambda *given: reads.append(given) or read(*given))
    monkeypatch.setattr(route, "FRESH", 60.0)
    monkeypatch.setattr(route, "_looks", {})
    route._frame.cache_clear()
    last = film.steps(run)[-1]
    looks.clear()
    for _ in range(40):
        ask(run)
        ask(run, f"after={last}")
    assert len(looks) == 1 + len(reads)  # a read looks for its file
    assert len({given[1] for given in reads}) == len(reads) <= route.MOST
