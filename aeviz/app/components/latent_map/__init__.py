"""The draggable latent map as a Streamlit component: `latent_map()` mounts it, `state()` reads it.

Large things (points, real digits, the decoder's atlas, Plotly itself) go to the browser once as
files of the app's own server; an update carries about two kilobytes.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aeviz.analysis.planes import Window
from aeviz.app import session
from aeviz.app.components import browser
from aeviz.charts import pixels, theme

HERE = Path(__file__).parent

_CELL = '<div><canvas role="img"></canvas><b></b><small></small></div>'
_HTML = f"""
<div class="aeviz-map" data-testid="latent-map">
  <div class="stage">
    <div class="background" data-part="background"></div>
    <div class="plot" data-part="plot"></div>
    <div class="probe" data-part="probe" data-testid="probe" role="slider" tabindex="0" hidden
      aria-label="Probe: drag it, or move it with the arrow keys"></div>
    <div class="tip" data-part="tip" hidden>
      <canvas></canvas><span></span>
    </div>
    <p class="far" data-part="message" role="alert" hidden></p>
  </div>
  <div class="inspector">
    <canvas class="digit" data-part="digit" data-testid="probe-digit" role="img"
      aria-label="What the decoder makes of the probe's place"></canvas>
    <p class="line">
      <span class="coordinates" data-part="coordinates" data-testid="probe-coordinates"></span>
      <small data-part="kind"></small>
    </p>
    <p class="far" data-part="far" role="status"></p>
    <p class="quiet" data-part="measure"></p>
    <div class="five" data-part="nearest">{_CELL * 5}</div>
    <p class="quiet" data-part="fewer" data-testid="fewer-dots" hidden></p>
    <div class="clicked" data-part="clicked" data-testid="clicked" hidden>
      <div class="three">
        <figure><canvas></canvas><figcaption>original</figcaption></figure>
        <figure><canvas></canvas>
          <figcaption>reconstruction</figcaption></figure>
        <figure><canvas></canvas><figcaption>error</figcaption></figure>
      </div>
      <p class="quiet"></p>
    </div>
  </div>
</div>
"""

# Not isolated: Plotly's own style rules live in the page's head.
_component = browser.declare(HERE, _HTML, isolated=False)


@dataclass(frozen=True)
class MapState:
    """What the person did on a map."""

    probe: tuple[float, float] | None = None
    """Where the probe rests, in the plane's coordinates."""
    clicked: int | None = None
    """Number of the point that was clicked, while the probe still rests on it."""
    view: Window | None = None
    """What is visible after zooming or panning."""
    selection: tuple[int, ...] = ()
    """Numbers of the points chosen by box or lasso."""


@dataclass(frozen=True)
class AtlasFile:
    """An encoded sheet of decoded images, its grid and its window."""

    png: bytes
    size: int
    window: Window


@dataclass(frozen=True)
class Exact:
    """The decoder's true output at a place, and the real digits nearest to it."""

    place: tuple[float, float]
    digit: np.ndarray
    nearest: Sequence[tuple[int, float]]
    far: bool
    measure: str
    """How the distances were measured, to follow the word "distance"."""


@dataclass(frozen=True)
class Clicked:
    """A real digit beside its reconstruction (H, W), and one sentence on the error."""

    original: np.ndarray
    reconstruction: np.ndarray
    text: str


def points_file(points: np.ndarray, labels: np.ndarray) -> bytes:
    """Points (N, 2) and labels (N,) as the browser reads them: float32 pairs, then uint8."""
    return np.asarray(points, "<f4").tobytes() + np.asarray(labels, np.uint8).tobytes()


def _text(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode()  # nested data cannot be raw bytes


def _grey(image: np.ndarray) -> str:
    return _text(np.round(np.clip(image, 0, 1) * 255).astype(np.uint8))


def state(key: str, of: str = "") -> MapState:
    """What the person did on the map mounted under a key; all None before it is mounted.

    Args:
        of: its `move`. What was done on another map under the same key, with another model, is
            still there and means nothing on this one.
    """
    raw: Any = session.get(key) or {}
    done = {name: told for name in raw if (told := raw[name]) and told.get("of") == of}
    probe, view, selection = (done.get(name, {}) for name in ("probe", "view", "selection"))
    return MapState(
        probe=(float(probe["x"]), float(probe["y"])) if probe else None,
        clicked=int(probe["index"]) if probe and probe.get("index") is not None else None,
        view=tuple(float(v) for v in view["window"]) if view else None,  # type: ignore[arg-type]
        selection=tuple(int(i) for i in selection.get("numbers", ())),
    )


def latent_map(
    key: str,
    *,
    points: bytes,
    sheet: bytes,
    shape: tuple[int, int],
    classes: Sequence[str],
    axis_titles: tuple[str, str],
    window: Window,
    atlases: Sequence[AtlasFile],
    probe: tuple[float, float],
    far: float,
    exact: Exact | None = None,
    clicked: Clicked | None = None,
    view: Window | None = None,
    background: bool = True,
    opacity: float = 0.6,
    noun: str = "digits",
    wheel: bool = True,
    move: str = "",
) -> MapState:
    """Mount the map; it keeps its probe and zoom when called again with the same points.

    Args:
        points: from `points_file`.
        sheet: PNG of the real digits, a hundred in a row.
        shape: height and width of an image.
        window: visible at first and after a double click.
        atlases: decoded grids, the whole window first, finer ones after it.
        probe: where the probe starts; later only when `move` changes.
        far: distance on the map beyond which a place counts as far from every code.
        view: visible part at first, when not the whole window.
        wheel: whether the mouse wheel zooms.
        move: a new text puts the probe to `probe`.
    """
    data: dict[str, Any] = {
        "plotly": browser.plotly_url(f"{key}-plotly"),
        "points": browser.serve(points, "application/octet-stream", f"{key}-points"),
        "sheet": browser.serve(sheet, "image/png", f"{key}-sheet"),
        "shape": list(shape),
        "classes": list(classes),
        "colours": list(theme.DIGITS),
        "axes": list(axis_titles),
        "window": list(window),
        "view": list(view) if view else None,
        "atlases": [
            {
                "url": browser.serve(layer.png, "image/png", f"{key}-atlas-{number}"),
                "size": layer.size,
                "window": list(layer.window),
            }
            for number, layer in enumerate(atlases)
        ],
        "background": background,
        "opacity": opacity,
        "probe": {"x": probe[0], "y": probe[1]},
        "move": move,
        "far": far,
        "noun": noun,
        "wheel": wheel,
        "exact": None,
        "clicked": None,
    }
    if exact is not None:
        data["exact"] = {
            "x": exact.place[0],
            "y": exact.place[1],
            "digit": _grey(exact.digit),
            "nearest": [{"index": index, "distance": gap} for index, gap in exact.nearest],
            "far": exact.far,
            "measure": exact.measure,
        }
    if clicked is not None:
        error = pixels.signed(clicked.reconstruction - clicked.original)
        data["clicked"] = {
            "original": _grey(clicked.original),
            "reconstruction": _grey(clicked.reconstruction),
            "error": _text(error),
            "text": clicked.text,
        }
    _component(
        key=key,
        data=data,
        on_probe_change=lambda: None,
        on_view_change=lambda: None,
        on_selection_change=lambda: None,
    )
    return state(key, move)
