"""The frames of a run, as the browser fetches them while it plays or follows its film.

An answer is the length of a text, the text (JSON: which steps the film has, whether the run has
ended, whether there is more), and frames, each behind its length; lengths are little-endian uint32.

A class that watches one run asks a hundred times a second: its folder is looked at ten times, and
each frame is read once.
"""

from __future__ import annotations

import functools
import json
import struct
import threading
import time
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

MOST = 40
"""So many frames come with an answer: the first picture is there before all of them are."""
FRESH = 0.1
"""Seconds for which a look at a run's folder is good for all who ask."""
RUNS = 64
"""So many looks are remembered."""


@dataclass(frozen=True)
class _Look:
    """What a run's film has at a moment: its steps, and when each frame was written."""

    when: float
    ended: bool
    written: dict[int, int]


_looks: dict[str, _Look] = {}
_looking = threading.Lock()


async def answer(request: Request) -> Response:
    """The frames of a run after a step; of a run that is not here, a sentence."""
    run = request.path_params["run"]
    asked = parse_qs(request.url.query)
    (after,), whole = asked.get("after", ["-1"])[:1], "whole" in asked
    try:
        start = -1 if whole else int(after)
    except ValueError:
        return Response("After which step? That is no number.", 400)
    known = _looks.get(run)
    if known and time.monotonic() - known.when < FRESH and start >= max(known.written, default=-1):
        return _answered(known, [], more=False)
    return await run_in_threadpool(_found, run, start, None if whole else MOST)


def _found(run: str, after: int, most: int | None) -> Response:
    from aeviz.training import place  # and with it torch, which the home page does not need

    if not place.is_run(run):
        return Response("This run is not here: it was made elsewhere, or removed.", 404)
    look = _look(run)
    wanted = [step for step in look.written if step > after]
    try:
        found = [_frame(run, step, look.written[step]) for step in wanted[:most]]
    except place.RunError as error:
        return Response(str(error), 404)
    more = most is not None and len(wanted) > most
    return _answered(look, [frame for frame in found if frame], more=more)


def _look(run: str) -> _Look:
    from aeviz.training import film, store

    with _looking:
        known, now = _looks.pop(run, None), time.monotonic()
        if known is None or now - known.when >= FRESH:
            ended = store.said(run).ended  # first: what it wrote at its end is there then
            written = {}
            for step, path in film.paths(run).items():
                try:
                    written[step] = path.stat().st_mtime_ns
                except OSError:  # a newer one has taken its place
                    continue
            known = _Look(now, ended, written)
        _looks[run] = known
        while len(_looks) > RUNS:
            del _looks[next(iter(_looks))]
        return known


@functools.lru_cache(maxsize=512)
def _frame(run: str, step: int, written: int) -> bytes | None:
    from aeviz.training import film

    return next((content for at, content in film.read(run, step - 1, 1) if at == step), None)


def _answered(look: _Look, frames: list[bytes], *, more: bool) -> Response:
    said = {"steps": list(look.written), "ended": look.ended, "more": more}
    parts = [json.dumps(said).encode(), *frames]
    body = b"".join(struct.pack("<I", len(part)) + part for part in parts)
    return Response(
        body, media_type="application/octet-stream", headers={"cache-control": "no-store"}
    )


ROUTE = Route("/film/{run}", answer)
