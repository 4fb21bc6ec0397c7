"""What only the browser knows: whose runs these are, what it can draw, whether the line is cut."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aeviz.app import session
from aeviz.app.components import browser

HERE = Path(__file__).parent
COOKIE = "aeviz_runs"
"""Names this person's runs, newest last, with dots between them."""
MOST = 20
"""Runs in the cookie."""

# Not isolated: its one sentence stands outside of it, over whatever page is open.
_component = browser.declare(HERE, "<span hidden></span>", isolated=False)


def link(runs: Sequence[str]) -> None:
    """Have the browser keep this person's runs for a month, and say when the server is not reached.

    They come back as the cookie of the next connection: after a reload, or after a night.
    """
    data = {"cookie": COOKIE, "runs": list(runs), "most": MOST}
    _component(key="link", data=data, on_webgl_change=lambda: None)


def has_webgl() -> bool:
    """False once the browser has said that it has none; the page is run again then."""
    return (session.get("link") or {}).get("webgl") is not False
