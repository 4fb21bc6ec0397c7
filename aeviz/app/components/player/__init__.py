"""A path of images as a smooth film in the browser: play, pause, scrub; a Streamlit component."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from aeviz.app.components import browser
from aeviz.charts import theme

HERE = Path(__file__).parent

_component = browser.declare(
    HERE, '<div class="player" data-testid="player"></div>', sheets=("slider",)
)


def player(
    key: str,
    films: Mapping[str, np.ndarray],
    captions: Sequence[str],
    marks: Sequence[tuple[str, float]] = (),
    *,
    seconds: float = 4.0,
    run_along: tuple[str, np.ndarray] | None = None,
) -> None:
    """Play films side by side, back and forth; the browser blends between their frames.

    A person who asked the system for less motion finds it paused.

    Args:
        films: title -> frames (K, H, W), uint8 or float in [0, 1]; the same K for all.
        captions: what is read below, one for each frame.
        marks: names of places on the path and how far along they lie, in [0, 1].
        seconds: from one end to the other.
        run_along: key of a Plotly chart of the page, and where on it each frame lies (K, 2): a dot
            runs there with the film.
    """
    frames = np.stack(list(films.values()))
    if frames.dtype != np.uint8:
        frames = np.round(np.clip(frames, 0, 1) * 255).astype(np.uint8)
    _component(
        key=key,
        data={
            "shape": frames.shape[2:],
            "frames": base64.b64encode(frames.tobytes()).decode(),  # beside others, bytes are lost
            "titles": list(films),
            "captions": list(captions),
            "marks": [list(mark) for mark in marks],
            "seconds": seconds,
            "chart": run_along[0] if run_along else None,
            "places": np.round(run_along[1], 5).tolist() if run_along else [],
            "colour": theme.PLACE,
        },
    )
