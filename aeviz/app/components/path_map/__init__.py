"""A path on the map whose ends are dragged from code to code; a Streamlit component."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aeviz.app import session
from aeviz.app.components import browser, latent_map
from aeviz.app.components.latent_map import Ground, ground_data

HERE = Path(__file__).parent
_HTML = """
<div class="aeviz-map walk" data-testid="path-map">
  <div class="stage">
    <div class="half" data-below="0"><canvas class="under" aria-hidden="true"></canvas></div>
    <div class="plot" data-part="plot"></div>
    <div class="half above" data-above="0">
      <canvas class="over" data-part="images" aria-hidden="true"></canvas>
      <div class="names" data-part="names"></div>
      <svg class="over" data-part="path" data-testid="path" aria-hidden="true"></svg>
      <div data-part="pins"></div>
      <div class="scale" data-part="scale" aria-hidden="true"><i></i><b></b><span></span></div>
      <div class="minimap" data-part="minimap" aria-hidden="true" hidden>
        <canvas></canvas><i></i>
      </div>
    </div>
    <p class="far" data-part="message" role="alert" hidden></p>
  </div>
</div>
"""

# Not isolated: Plotly's own style rules live in the page's head.
_component = browser.declare(HERE, _HTML, isolated=False, like=Path(latent_map.__file__).parent)


def chosen(key: str) -> list[int] | None:
    """The test images at the stations, A first, as they were dragged last; None before."""
    done = session.get(key)
    return None if not done or done.stations is None else list(done.stations["indices"])


def path_map(
    key: str,
    ground: Ground,
    stations: Sequence[int],
    places: np.ndarray,
    away: np.ndarray,
    milestones: Sequence[float],
    on_change: Callable[[], None],
) -> None:
    """Mount the map; where its stations were dragged to is read with `chosen`.

    Args:
        stations: indices of the test images, A first, B last.
        places: of the path on the map, (K, 2).
        away: how far each is from the nearest code (K,), in units of what counts as far.
        milestones: how far along the path each station lies, in [0, 1].
        on_change: called after an end or a waypoint was dragged.
    """
    done = session.get(key)
    told: dict[str, Any] | None = done.stations if done else None
    data = ground_data(key, [ground]) | {
        "stations": list(stations),
        "path": {
            "places": np.round(places, 5).tolist(),
            "away": np.round(away, 3).tolist(),
            "milestones": list(milestones),
        },
        "at": told["at"] if told else 0,  # of the change that this answers
    }
    _component(key=key, data=data, default={"stations": None}, on_stations_change=on_change)
