"""The address of a run's frames, as a browser asks for them."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from aeviz.app import film as route
from aeviz.training import film, store
from tests.training.making import by_hand, small


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=[route.ROUTE])) as client:
        yield client


@pytest.fixture(scope="module")
def run() -> str:
    name = store.create(small(steps=60))
    by_hand(name)
    assert store.said(name).state == "finished"
    return name


def parts(content: bytes) -> list[bytes]:
    """What an answer holds, without the lengths."""
    found, at = [], 0
    while at < len(content):
        (length,) = struct.unpack_from("<I", content, at)
        found.append(content[at + 4 : at + 4 + length])
        at += 4 + length
    return found


def test_frames_come_after_the_step_that_is_known(client: TestClient, run: str) -> None:
    steps = film.steps(run)
    told, *frames = parts(client.get(f"/film/{run}").content)
    assert json.loads(told) == {"steps": steps, "ended": True, "more": len(steps) > route.MOST}
    assert [film.from_bytes(frame).step for frame in frames] == steps[: route.MOST]
    told, *frames = parts(client.get(f"/film/{run}?after={steps[-2]}").content)
    assert [film.from_bytes(frame).step for frame in frames] == steps[-1:]
    assert json.loads(told)["more"] is False
    told, *frames = parts(client.get(f"/film/{run}?after={steps[-1]}").content)
    assert frames == []
    _, *frames = parts(client.get(f"/film/{run}?whole=1&after=7").content)
    assert len(frames) == len(steps)


def test_a_film_of_many_frames_comes_in_parts(
    client: TestClient, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "MOST", 2)
    steps, seen = film.steps(run), []
    while True:
        told, *frames = parts(client.get(f"/film/{run}?after={seen[-1] if seen else -1}").content)
        seen += [film.from_bytes(frame).step for frame in frames]
        if not json.loads(told)["more"]:
            break
        assert len(frames) == 2
    assert seen == steps


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/film/run-20260101-000000-" + "0" * 32, 404, "not here"),
        ("/film/..%2F..%2Fetc%2Fpasswd", 404, ""),
        ("/film/RUN?after=x", 400, "no number"),
        ("/film/RUN?after=" + "9" * 5000, 400, "no number"),
    ],
)
def test_what_is_not_there_is_a_sentence(
    client: TestClient, run: str, address: str, status: int, said: str
) -> None:
    answer = client.get(address.replace("RUN", run))
    assert answer.status_code == status
    assert said in answer.text
