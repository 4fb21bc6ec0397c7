"""The frames of a run, as the browser fetches them while it plays or follows its film.

An answer is the length of a text, the text (JSON: which steps the film has, whether the run has
ended, whether there is more), and frames, each behind its length; lengths are little-endian uint32.
"""

from __future__ import annotations

import json
import struct
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

MOST = 40
"""So many frames come with an answer: the first picture is there before all of them are."""


def answer(request: Request) -> Response:
    """The frames of a run after a step; of a run that is not here, a sentence."""
    from aeviz.training import film, place, store  # and with them torch, which home does not need

    run = request.path_params["run"]
    asked = parse_qs(request.url.query)
    (after,), whole = asked.get("after", ["-1"])[:1], "whole" in asked
    if not place.is_run(run):
        return Response("This run is not here: it was made elsewhere, or removed.", 404)
    try:
        start = -1 if whole else int(after)
    except ValueError:
        return Response("After which step? That is no number.", 400)
    try:
        ended = store.said(run).ended  # looked at first: what it wrote at its end is there then
        found = film.read(run, start, None if whole else MOST)
        steps = film.steps(run)
    except place.RunError as error:
        return Response(str(error), 404)
    more = bool(found) and found[-1][0] < steps[-1] if steps else False
    said = json.dumps({"steps": steps, "ended": ended, "more": more}).encode()
    parts = [said, *(content for _, content in found)]
    body = b"".join(struct.pack("<I", len(part)) + part for part in parts)
    return Response(
        body, media_type="application/octet-stream", headers={"cache-control": "no-store"}
    )


ROUTE = Route("/film/{run}", answer)
