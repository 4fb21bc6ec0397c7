"""Scores of two groups as histograms, and a threshold that is dragged; a Streamlit component."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from aeviz.app import session
from aeviz.app.components import browser
from aeviz.charts import theme

HERE = Path(__file__).parent

_component = browser.declare(HERE, '<div class="threshold" data-testid="threshold"></div>')


def _packed(scores: np.ndarray) -> str:
    """Scores in order, as the bytes of float64 in base64: beside others, bytes are lost."""
    return base64.b64encode(np.sort(scores).astype("<f8").tobytes()).decode()


def threshold_line(
    key: str,
    normal: np.ndarray,
    odd: np.ndarray,
    threshold: float,
    on_change: Callable[[], None],
    *,
    title: str,
    suggested: tuple[str, float],
    share: float,
    marks: Mapping[str, np.ndarray],
) -> None:
    """Show histograms of scores (N,), (M,), back to back, with a threshold across both.

    While it is dragged the browser counts what it flags, from the scores that were sent once. The
    page keeps the threshold: after a drag it stands in `session.get(key).threshold["value"]`,
    and the page hands it in again.

    Args:
        on_change: called at the end of a drag, or after a key.
        title: of the scores, with their unit.
        suggested: name and place of another threshold, drawn as a thin line.
        share: of anomalies in the world, for which precision is shown.
        marks: name -> scores of single images, which are marked.
    """
    done = session.get(key)
    _component(
        key=key,
        data={
            "normal": _packed(normal),
            "odd": _packed(odd),
            "threshold": threshold,
            "at": done.threshold["at"] if done else 0,  # of the drag that this answers
            "title": title,
            "suggested": list(suggested),
            "share": share,
            "marks": [[name, float(s)] for name, found in marks.items() for s in found],
            "colours": {"normal": theme.NORMAL, "odd": theme.ODD, "mark": theme.PLACE},
        },
        default={"threshold": {"value": threshold, "at": 0}},
        on_threshold_change=on_change,
    )
