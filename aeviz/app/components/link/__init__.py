"""What only the browser knows: whose runs these are, what it can draw, whether the line is cut."""

from __future__ import annotations

from pathlib import Path

from aeviz.app import session
from aeviz.app.components import browser

HERE = Path(__file__).parent
COOKIE = "aeviz_owner"
"""Holds this person's token."""

# Not isolated: its one sentence stands outside of it, over whatever page is open.
_component = browser.declare(HERE, "<span hidden></span>", isolated=False)


def link(owner: str, *, replace: bool) -> None:
    """Have the browser keep a person's token for a month, and say when the server is not reached.

    It comes back as the cookie of the next connection: after a reload, or after a night.

    Args:
        replace: the one that the browser has, too; else that one stays, and `in_browser` says it.
    """
    data = {"cookie": COOKIE, "owner": owner, "replace": replace}
    _component(key="link", data=data, on_webgl_change=lambda: None, on_owner_change=lambda: None)


def in_browser() -> str | None:
    """The token that the browser had already; None where that is not known to be another one."""
    return (session.get("link") or {}).get("owner")


def has_webgl() -> bool:
    """False once the browser has said that it has none; the page is run again then."""
    return (session.get("link") or {}).get("webgl") is not False
