"""The draggable latent map as a Streamlit component: `latent_map()` mounts it, `state()` reads it.

Large things (points, real digits, the decoder's atlas, Plotly itself) go to the browser once as
files of the app's own server; an update carries about twenty kilobytes, of which two are its data.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aeviz.analysis.planes import Window
from aeviz.app import session, texts
from aeviz.app.components import browser
from aeviz.charts import pixels, theme

HERE = Path(__file__).parent
SENT = 112
"""Height and width of a drawing as the pad gives it on; in pad.js too."""

_CELL = '<div><canvas role="img" aria-label="a test image"></canvas><b></b><small></small></div>'
_HTML = f"""
<div class="aeviz-map" data-testid="latent-map" data-input="false">
  <div class="stage">
    <canvas class="under" data-part="layer" data-testid="map-layer" role="img" hidden></canvas>
    <canvas class="under" data-part="ground" aria-hidden="true"></canvas>
    <div class="probe" data-part="probe" data-testid="probe" role="slider" tabindex="0" hidden
      aria-label="Probe: drag it, or move it with the arrow keys"></div>
    <div class="plot" data-part="plot"></div>
    <canvas class="over" data-part="images" aria-hidden="true"></canvas>
    <svg class="over" data-part="rings" aria-hidden="true">
      <g><circle r="1"></circle><circle r="2"></circle></g>
    </svg>
    <i class="ring" data-part="ring" data-testid="ring" hidden></i>
    <i class="encoded" data-part="encoded" data-testid="encoded" hidden></i>
    <div class="names" data-part="names"></div>
    <div class="scale" data-part="scale" aria-hidden="true"><i></i><b></b><span></span></div>
    <div class="minimap" data-part="minimap" aria-hidden="true" hidden>
      <canvas></canvas><i></i>
    </div>
    <div class="legend" data-part="legend" data-testid="map-legend" hidden>
      <b data-part="legend-title"></b>
      <p class="chips" data-part="legend-classes"></p>
      <canvas data-part="legend-scale" aria-hidden="true"></canvas>
      <p class="ticks" data-part="legend-ticks"></p>
      <p class="mark" data-part="legend-line"></p>
    </div>
    <div class="tip" data-part="tip" hidden>
      <canvas></canvas><span></span>
    </div>
    <p class="far" data-part="message" role="alert" hidden></p>
  </div>
  <div class="input" data-part="input" hidden>
    <canvas class="pad" data-part="pad" data-testid="pad" tabindex="-1" role="img"
      aria-label="Pad: draw a digit"></canvas>
    <p class="buttons">
      <button type="button" data-part="clear">Clear</button>
      <button type="button" data-part="roll">Another digit</button>
      <label class="button">Photo<input type="file" accept="image/*" data-part="photo"></label>
    </p>
    <div class="three two">
      <figure><canvas data-part="seen" role="img" aria-label="The image as it is encoded"></canvas>
        <figcaption data-part="pixels"></figcaption></figure>
      <figure><canvas data-part="reconstruction" data-testid="reconstruction" role="img"
        aria-label="What the decoder makes of its code"></canvas>
        <figcaption>its reconstruction</figcaption></figure>
    </div>
    <p class="quiet" data-part="error"></p>
    <p class="quiet" data-part="apart"></p>
    <p class="trouble" data-part="trouble" role="status"></p>
  </div>
  <div class="funnel encoder" aria-hidden="true"><span>encoder</span></div>
  <div class="funnel decoder" aria-hidden="true"><span>decoder</span></div>
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
        <figure><canvas class="signed"></canvas><figcaption>error</figcaption></figure>
      </div>
      <p class="quiet"></p>
    </div>
  </div>
</div>
"""

# Not isolated: Plotly's own style rules live in the page's head.
_component = browser.declare(HERE, _HTML, isolated=False)


@dataclass(frozen=True)
class Drawn:
    """An image that was drawn on the pad, a photo, or a test image that was asked for."""

    number: int
    """Which one it is, of those of this map."""
    grey: bytes | None = None
    """SENT x SENT grey values, white on black."""
    photo: bytes | None = None
    """A file, as it came."""
    index: int | None = None
    """Of the test image."""
    lines: Sequence[Sequence[float]] = ()
    """What was drawn: x, y, x, y ... of each line, in 255ths of the pad's side."""
    empty: bool = False
    """The pad was cleared."""


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
    """Numbers of the points chosen by box or lasso, or by the name of their class."""
    drawn: Drawn | None = None
    """The newest image that was given to be encoded."""
    touched: bool = False
    """Whether the probe was moved since."""


@dataclass(frozen=True)
class AtlasFile:
    """An encoded sheet of decoded images, its grid and its window."""

    content: bytes
    size: int
    window: Window


@dataclass(frozen=True)
class Raster:
    """An encoded image of a window: red a shade or a class, green how sure it is, blue a line."""

    png: bytes
    window: Window


@dataclass(frozen=True)
class Layer:
    """What lies under the dots, and its legend.

    kind: a key of TONES in layer.js, or "seen", or "posteriors"; title: what its colours mean and
    in which unit; rasters: the whole window first; ticks: what the lightest, the middle and the
    darkest shade stand for; line: what lies beyond the line, where there is one.
    """

    kind: str
    title: str
    rasters: Sequence[Raster] = ()
    ticks: Sequence[str] = ()
    line: str = ""
    ellipses: bytes = field(default=b"", repr=False)
    """From `ellipses_file`."""


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


@dataclass(frozen=True)
class Input:
    """An image (H, W) that is encoded, and what comes back of it; or why there is none."""

    number: int = 0
    """Which of the images of the pad it is; 0 for the one that is there at first."""
    image: np.ndarray | None = None
    reconstruction: np.ndarray | None = None
    place: tuple[float, float] = (0.0, 0.0)
    ellipse: np.ndarray | None = None
    """(2, 2), columns: one standard deviation of the posterior along two axes, on the map."""
    text: str = ""
    """On the error of the reconstruction."""
    trouble: str = ""
    lines: Sequence[Sequence[float]] = ()
    """Of the drawing, for a pad that is new."""


@dataclass(frozen=True)
class Ground:
    """A map that is only looked at, beside another one or below a path.

    points: of the test images' codes, (N, 2); labels: (N,); sheet: of the images, a hundred in a
    row; shape: height and width of an image; equal: both axes have one scale; atlas: a grid of
    decoded images over the window, None where no place of the map has an image of its own; noun:
    what the images are; layer: what lies under the dots in place of decoded images; far: beyond
    which distance a place is far from every code.
    """

    title: str
    points: np.ndarray
    labels: np.ndarray
    classes: Sequence[str]
    sheet: bytes
    shape: tuple[int, int]
    window: Window
    equal: bool
    axis_titles: tuple[str, str]
    atlas: AtlasFile | None
    noun: str
    layer: Layer | None = None
    far: float = math.inf


def ground_data(key: str, sides: Sequence[Ground], *, wheel: bool = True) -> dict[str, Any]:
    """What maps.js needs of one map, or of two of the same images.

    Args:
        key: of the component.
        wheel: whether the mouse wheel zooms.
    """
    first = sides[0]
    return {
        "plotly": browser.plotly_url(f"{key}-plotly"),
        "sheet": browser.serve(first.sheet, pixels.kind(first.sheet), f"{key}-sheet"),
        "shape": list(first.shape),
        "classes": list(first.classes),
        "colours": list(theme.DIGITS),
        "noun": first.noun,
        "wheel": wheel,
        "sides": [
            {
                "title": side.title,
                "points": browser.serve(
                    points_file(side.points, side.labels),
                    "application/octet-stream",
                    f"{key}-points-{number}",
                ),
                "window": list(side.window),
                "equal": side.equal,
                "axes": list(side.axis_titles),
                "atlas": None if side.atlas is None else _atlas(f"{key}-{number}", side.atlas),
                "layer": None if side.layer is None else _served(side.layer, f"{key}-{number}"),
                "far": side.far if math.isfinite(side.far) else None,
            }
            for number, side in enumerate(sides)
        ],
    }


def _atlas(place: str, file: AtlasFile) -> dict[str, Any]:
    url = browser.serve(file.content, pixels.kind(file.content), f"{place}-atlas")
    return {"url": url, "size": file.size, "window": list(file.window)}


def points_file(points: np.ndarray, labels: np.ndarray) -> bytes:
    """Points (N, 2) and labels (N,) as the browser reads them: float32 pairs, then uint8."""
    return np.asarray(points, "<f4").tobytes() + np.asarray(labels, np.uint8).tobytes()


def ellipses_file(points: np.ndarray, axes: np.ndarray, labels: np.ndarray) -> bytes:
    """Ellipses as the browser reads them, seven float32 each: x, y, axes row by row, class.

    Args:
        points: (K, 2), labels: (K,).
        axes: (K, 2, 2), columns: from the middle to the rim, along two axes.
    """
    return np.column_stack([points, axes.reshape(-1, 4), labels]).astype("<f4").tobytes()


def _text(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode()  # nested data cannot be raw bytes


def grey(image: np.ndarray) -> str:
    """Grey values of an image (H, W) in [0, 1], as text."""
    return _text(np.round(np.clip(image, 0, 1) * 255).astype(np.uint8))


def state(key: str, of: str = "") -> MapState:
    """What the person did on the map mounted under a key; all None before it is mounted.

    Args:
        of: its `move`. What was done on another map under the same key, with another model, is
            still there and means nothing on this one.
    """
    raw: Any = session.get(key) or {}
    done = {name: told for name in raw if (told := raw[name]) and told.get("of") == of}
    probe, view, selection, drawn = (
        done.get(name, {}) for name in ("probe", "view", "selection", "drawn")
    )
    return MapState(
        probe=(float(probe["x"]), float(probe["y"])) if probe else None,
        clicked=int(probe["index"]) if probe and probe.get("index") is not None else None,
        view=tuple(float(v) for v in view["window"]) if view else None,  # type: ignore[arg-type]
        selection=tuple(int(i) for i in selection.get("numbers", ())),
        drawn=_drawn(drawn) if drawn else None,
        touched=probe.get("count", 0) > drawn.get("count", 0),
    )


def _drawn(told: dict[str, Any]) -> Drawn:
    grey, photo = (
        base64.b64decode(told[kind]) if told.get(kind) else None for kind in ("grey", "photo")
    )
    index = int(told["index"]) if told.get("index") is not None else None
    lines = [[float(value) for value in line] for line in told.get("lines") or ()]
    return Drawn(int(told["number"]), grey, photo, index, lines, bool(told.get("empty")))


def _served(layer: Layer, key: str) -> dict[str, Any]:
    """A layer as layer.js takes it, its images and ellipses as addresses."""
    ellipses = layer.ellipses and browser.serve(
        layer.ellipses, "application/octet-stream", f"{key}-ellipses"
    )
    rasters = [
        {
            "url": browser.serve(raster.png, "image/png", f"{key}-layer-{number}"),
            "window": list(raster.window),
        }
        for number, raster in enumerate(layer.rasters)
    ]
    return {
        "kind": layer.kind,
        "title": layer.title,
        "rasters": rasters,
        "ticks": list(layer.ticks),
        "line": layer.line,
        "ellipses": ellipses or None,
    }


def latent_map(
    key: str,
    *,
    points: bytes,
    sheet: bytes,
    shape: tuple[int, int],
    classes: Sequence[str],
    axis_titles: tuple[str, str],
    equal: bool,
    window: Window,
    atlases: Sequence[AtlasFile],
    probe: tuple[float, float],
    far: float,
    exact: Exact | None = None,
    clicked: Clicked | None = None,
    view: Window | None = None,
    input: Input | None = None,
    background: bool = True,
    dots: bool = True,
    layer: Layer | None = None,
    noun: str = "digits",
    wheel: bool = True,
    walk: float = 0.0,
    move: str = "",
) -> MapState:
    """Mount the map; it keeps its probe and zoom when called again with the same points.

    Args:
        points: from `points_file`.
        sheet: of the real digits, a hundred in a row.
        shape: height and width of an image.
        equal: both axes have one scale.
        window: visible at first and after a double click.
        atlases: decoded grids, the whole window first, finer ones after it.
        probe: where the probe starts; later only when `move` changes.
        far: distance on the map beyond which a place counts as far from every code.
        view: visible part at first, when not the whole window.
        input: what is on the pad; without it there is no pad.
        background: whether decoded images lie under the dots; as plain ink where a layer is.
        wheel: whether the mouse wheel zooms.
        walk: how far from its start the probe walks until somebody touches it.
        move: a new text puts the probe to `probe`.
    """
    data: dict[str, Any] = {
        "plotly": browser.plotly_url(f"{key}-plotly"),
        "points": browser.serve(points, "application/octet-stream", f"{key}-points"),
        "sheet": browser.serve(sheet, pixels.kind(sheet), f"{key}-sheet"),
        "shape": list(shape),
        "classes": list(classes),
        "colours": list(theme.DIGITS),
        "axes": list(axis_titles),
        "equal": equal,
        "window": list(window),
        "view": list(view) if view else None,
        "atlases": [_atlas(f"{key}-{number}", layer) for number, layer in enumerate(atlases)],
        "background": background,
        "dots": dots,
        "layer": None if layer is None else _served(layer, key),
        "walk": walk,
        "probe": {"x": probe[0], "y": probe[1]},
        "move": move,
        "far": far,
        "noun": noun,
        "wheel": wheel,
        "exact": None,
        "clicked": None,
        "input": None,
        "glossary": {term: texts.glossary()[term] for term in ("MSE", "PSNR")},
    }
    if input is not None:
        data["input"] = {"number": input.number, "trouble": input.trouble, "image": None}
    if input is not None and input.image is not None and input.reconstruction is not None:
        data["input"] |= {
            "image": grey(input.image),
            "reconstruction": grey(input.reconstruction),
            "place": list(input.place),
            "ellipse": None if input.ellipse is None else input.ellipse.tolist(),
            "text": input.text,
            "lines": [list(line) for line in input.lines] or None,
        }
    if exact is not None:
        data["exact"] = {
            "x": exact.place[0],
            "y": exact.place[1],
            "digit": grey(exact.digit),
            "nearest": [{"index": index, "distance": gap} for index, gap in exact.nearest],
            "far": exact.far,
            "measure": exact.measure,
        }
    if clicked is not None:
        error = pixels.signed(clicked.reconstruction - clicked.original)
        data["clicked"] = {
            "original": grey(clicked.original),
            "reconstruction": grey(clicked.reconstruction),
            "error": _text(error),
            "text": clicked.text,
        }
    _component(
        key=key,
        data=data,
        on_probe_change=lambda: None,
        on_view_change=lambda: None,
        on_selection_change=lambda: None,
        on_drawn_change=lambda: None,
    )
    return state(key, move)
