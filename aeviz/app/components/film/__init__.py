"""A run as a film: map, images and losses at each step that it remembers; a Streamlit component.

The browser fetches the frames by itself (see `aeviz.app.film`), plays and scrubs them, and while a
run trains it asks for those that are new. Nothing of that runs the page again; when the slider
comes to rest, the page is told the step.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aeviz.app.components import browser
from aeviz.charts import theme

HERE = Path(__file__).parent
BARS = {"kl_per_dim": "KL of", "active": "active"}
"""What the bars below the curves are of, by the name of a metric that has a value for each latent
dimension."""

_HTML = (HERE / "film.html").read_text(encoding="utf-8")

_component = browser.declare(HERE, _HTML, sheets=("slider", "stage"))


@dataclass(frozen=True)
class Shown:
    """A run whose film is shown: its id, and what tells it from the others."""

    run: str
    title: str


def film(
    key: str,
    films: Sequence[Shown],
    *,
    labels: np.ndarray,
    originals: np.ndarray,
    classes: Sequence[str],
    levels: Mapping[str, float],
    changes: Sequence[int] = (),
    at: int | None = None,
    plays: bool = False,
    on_at: Callable[[], None] = lambda: None,
) -> Any:
    """Mount the film of a run, or of several side by side.

    Args:
        labels: (2000,), of the test images whose codes are on the map.
        originals: (10, H, W) uint8, the images that are reconstructed.
        levels: names and values of lines to compare the loss with.
        changes: steps at which a setting was changed.
        at: the step to show; None for the newest, which is followed.
        plays: an ended run is played once from its start.
        on_at: called when the slider rests, with `at` of the component in its state: a step, or
            -1 at the end.
    """
    data: dict[str, Any] = {
        "films": [
            {"address": f"./film/{one.run}", "title": one.title, "name": one.run} for one in films
        ],
        "labels": _text(labels),
        "originals": _text(originals),
        "shape": list(originals.shape[1:]),
        "classes": list(classes),
        "colours": list(theme.DIGITS),
        "levels": dict(levels),
        "bars": BARS,
        "barUnit": "nats",
        "changes": list(changes),
        "at": at,
        "plays": plays,
        "html": _HTML,
    }
    return _component(key=key, data=data, on_at_change=on_at)


def _text(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array, np.uint8).tobytes()).decode()
