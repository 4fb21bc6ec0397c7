"""How far something is, and what it looks like meanwhile; a Streamlit component.

It runs its fragment again only when the answer to the time before is there, and the later the
longer answers take, so that a class that watches leaves time for others. Streamlit's `run_every`
asks at a fixed pace whether it was answered or not. A page that nobody sees asks for nothing.

What is drawn is a file of the server's, made once for all who watch (see `drawing`): where nothing
has changed its address has not, and the browser leaves the charts as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from aeviz.app import session
from aeviz.app.components import browser
from aeviz.charts import pixels

HERE = Path(__file__).parent
EVERY = 400
"""Milliseconds from an answer to the next question, at least."""

_HTML = (HERE / "watch.html").read_text(encoding="utf-8")
# Not isolated: Plotly's own style rules live in the page's head.
_component = browser.declare(HERE, _HTML, isolated=False)


def watch(
    key: str,
    text: str,
    fraction: float,
    *,
    ended: bool = False,
    state: str = "",
    step: int | None = None,
    drawn: bytes | None = None,
) -> None:
    """Show a bar with a text, and below it what `drawing` made; for a fragment that asks again.

    Args:
        fraction: of the bar that is filled, in [0, 1].
        ended: ask no more.
        state, step: of a run, for programs that look at the page.
    """
    counter = f"{key}-answers"
    session.note(counter, session.get(counter, 0) + 1)
    data: dict[str, Any] = {
        "n": session.get(counter),  # another one each time: this is the answer
        "every": None if ended else EVERY,
        "text": text,
        "fraction": fraction,
        "state": state,
        "step": step,
    }
    if drawn is not None:
        data["drawing"] = browser.serve(drawn, "application/json", f"{key}-drawing")
        data["plotly"] = browser.plotly_url(f"{key}-plotly")
    _component(key=key, data=data, on_tick_change=lambda: None)


def drawing(
    columns: Sequence[tuple[Mapping[str, np.ndarray], str]],
    charts: Sequence[tuple[go.Figure, str, str]],
    *,
    caption: str,
    numbers: Mapping[str, str],
    note: str = "",
) -> bytes:
    """What is drawn below the bar, for every browser that watches.

    Args:
        columns: images (H, W) below each other by their names, and the text below them.
        charts: each with its name and what it shows in words; the first two side by side.
        caption: below the images.
        numbers: what is watched, by its title.
        note: below all.
    """
    found = {
        "columns": [
            {
                "images": [[name, pixels.data_uri(image)] for name, image in column.items()],
                "text": text,
            }
            for column, text in columns
        ],
        "caption": caption,
        "charts": [
            {"name": name, "alt": alt, "figure": json.loads(figure.to_json() or "")}
            for figure, name, alt in charts
        ],
        "numbers": dict(numbers),
        "note": note,
    }
    return json.dumps(found).encode()
