"""What only the browser knows: what it keeps for this person, and whether the server is reached."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit.components.v2 as components

HERE = Path(__file__).parent
COOKIE = "aeviz_runs"
"""Names this person's runs, newest last, with dots between them."""
MOST = 20
"""Runs in the cookie."""

_component = components.component(
    "aeviz.link",
    html="<span hidden></span>",
    css=(HERE / "link.css").read_text(encoding="utf-8"),
    js=(HERE / "link.js").read_text(encoding="utf-8"),
    isolate_styles=False,  # its one sentence stands outside of it, over whatever page is open
)


def link(runs: Sequence[str]) -> None:
    """Have the browser keep this person's runs for a month, and say when the server is not reached.

    They come back as the cookie of the next connection: after a reload, or after a night.
    """
    _component(key="link", data={"cookie": COOKIE, "runs": list(runs), "most": MOST})
