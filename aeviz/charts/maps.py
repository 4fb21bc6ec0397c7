"""Codes as dots in the plane and in space."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import plotly.graph_objects as go

from aeviz.charts import theme

PINNED_DOTS = 300
"""In a map that is drawn anew at each click. Plotly then sets WebGL up anew as well, which takes a
browser without a graphics card longer than so many dots as SVG."""
SIGN = {
    "font": {"color": "#ffffff", "size": 15},
    "bgcolor": "#000000",
    "bordercolor": "#ffffff",
    "borderpad": 4,
}
"""A name on a map, white on black."""
# Grey is seen on light and on dark.
ARROW = {"standoff": 7, "arrowhead": 2, "arrowwidth": 2, "arrowcolor": "#888888"}
BESIDE = 24
"""From the middle of an arrow to its name, px."""


def code_map(
    points: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], *, height: int = 480
) -> go.Figure:
    """Codes (N, 2) as dots in their digits' colours, one legend entry a digit."""
    return _map(_dots(points, labels, classes), height)


def _dots(
    points: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], kind: str = "scattergl"
) -> list[theme.Trace]:
    """Codes (N, 2) as a trace for each class.

    Args:
        kind: "scattergl", by WebGL, for thousands of dots; "scatter", as SVG, for few that are
            drawn often.
    """
    traces = []
    for label, (name, colour) in enumerate(zip(classes, theme.DIGITS, strict=False)):
        x, y = points[labels == label].T
        look = {"type": kind, "marker": {"color": colour, "size": 5, "opacity": 0.7}}
        traces.append(theme.scatter(x, y, name, None, "markers", hoverinfo="name", **look))
    return traces


def _map(traces: list[theme.Trace], height: int, **more: Any) -> go.Figure:
    """A figure with what maps have in common."""
    legend = {"itemsizing": "constant", "orientation": "h", "y": 1.08}
    settings = {"x": "code z1", "y": "code z2", "legend": legend} | more
    return theme.figure(traces, height=height, margin={"l": 40, "b": 40}, **settings)


def space_map(
    codes: np.ndarray,
    labels: np.ndarray,
    classes: tuple[str, ...],
    place: np.ndarray,
    *,
    height: int = 620,
) -> go.Figure:
    """Codes (N, 3) as dots in space that can be turned, one place (3,) among them marked."""

    def dots(at: np.ndarray, name: str, hover: str, **look: Any) -> theme.Trace:
        x, y, z = at.T
        return theme.scatter(
            x, y, name, hover + theme.ALONE, "markers", type="scatter3d", z=z, **look
        )

    traces = []
    for label, (name, colour) in enumerate(zip(classes, theme.DIGITS, strict=False)):
        marker = {"color": colour, "size": 2.5, "opacity": 0.8}
        traces.append(dots(codes[labels == label], name, "%{fullData.name}", marker=marker))
    marker = {"color": theme.PLACE, "size": 9}
    traces.append(dots(place[None], "decoded", "decoded here", marker=marker, showlegend=False))
    low, high = np.percentile(codes, [0.5, 99.5], axis=0)  # a few codes may lie far outside
    low, high = np.minimum(low, place), np.maximum(high, place)
    axes = {
        f"{axis}axis": {"title": f"code z{k + 1}", "range": [low[k], high[k]], "nticks": 5}
        for k, axis in enumerate("xyz")
    }
    camera = {"eye": {"x": 1.4, "y": 1.4, "z": 0.8}, "center": {"z": -0.12}}
    return theme.figure(
        traces,
        height=height,
        margin=dict.fromkeys("lrtb", 0),
        scene=axes | {"aspectmode": "cube", "camera": camera},
        legend=theme.ABOVE | {"itemsizing": "constant"},
        uirevision="the same",  # how it was turned outlives another place
    )


def sum_map(
    points: np.ndarray,
    labels: np.ndarray,
    classes: tuple[str, ...],
    ends: np.ndarray,
    names: list[str],
    axis_titles: tuple[str, str],
) -> go.Figure:
    """Codes (N, 2) as dots, and a sum of some terms as arrows joined end to end, near them.

    Args:
        ends: places (K, 2) after each term, at least two.
        names: of the terms.
    """
    low, high = _bounds(points, ends)
    middle = (ends.min(0) + ends.max(0)) / 2
    half = max(0.25 * float((high - low).max()), 0.75 * float(np.ptp(ends, axis=0).max()))
    arrows = [
        {"ax": a[0], "ay": a[1], "x": b[0], "y": b[1], "axref": "x", "ayref": "y", "text": ""}
        | ARROW
        | {"arrowcolor": theme.PLACE, "arrowwidth": 3, "standoff": 0}
        for a, b in itertools.pairwise(ends.tolist())
    ]
    # A term's name stands beside its arrow, on the outer side; the first one's behind its place.
    ways, halves = np.diff(ends, axis=0), (ends[:-1] + ends[1:]) / 2
    ways /= np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-9)
    across = ways @ [[0, 1], [-1, 0]]
    outwards = ((halves - ends.mean(0)) * across).sum(1, keepdims=True)
    aside = np.concatenate([-ways[:1], np.where(outwards < 0, -across, across)])
    places = np.concatenate([ends[:1], halves])
    signs = [
        {"x": x, "y": y, "text": f"<b>{name}</b>", "showarrow": False}
        | {"xshift": BESIDE * right, "yshift": BESIDE * up}
        | SIGN
        for (x, y), (right, up), name in zip(places.tolist(), aside.tolist(), names, strict=True)
    ]
    x, y = ends[-1:].T
    marker = {"color": theme.PLACE, "size": 15, "line": {"color": "#ffffff", "width": 2}}
    whole = theme.scatter(x, y, "the sum", "the sum" + theme.ALONE, "markers", marker=marker)
    traces = [*_dots(points, labels, classes), *_rimmed(ends[:1], 9), whole]
    horizontal, vertical = _in_view(middle - half, middle + half, axis_titles)
    vertical |= {"scaleanchor": "x"}
    return _map(
        traces, 430, x=horizontal, y=vertical, annotations=[*arrows, *signs], showlegend=False
    )


def _rimmed(places: np.ndarray, size: int) -> list[theme.Trace]:
    """Black dots (M, 2) with a white rim; as SVG: a few as WebGL take the browser longer."""
    looks = (size + 3, "#ffffff"), (size, "#000000")
    markers = [{"color": colour, "size": wide, "opacity": 1} for wide, colour in looks]
    x, y = places.T
    return [theme.scatter(x, y, None, None, "markers", marker=marker) for marker in markers]


def _bounds(points: np.ndarray, marked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest coordinates (2,) of a view of nearly all points and all marked ones."""
    low, high = np.percentile(points, [0.5, 99.5], axis=0)  # a few points may lie far outside
    margin = 0.08 * (high - low)
    return np.minimum(low, marked.min(0)) - margin, np.maximum(high, marked.max(0)) + margin


def _in_view(
    low: np.ndarray, high: np.ndarray, axis_titles: tuple[str, str]
) -> list[dict[str, Any]]:
    """Axes that show what lies between two corners (2,)."""
    ends = zip(axis_titles, low.tolist(), high.tolist(), strict=True)
    return [{"title": {"text": title}, "range": [least, most]} for title, least, most in ends]


def pinned_map(
    points: np.ndarray,
    labels: np.ndarray,
    classes: tuple[str, ...],
    pins: dict[str, np.ndarray],
    axis_titles: tuple[str, str],
    path: np.ndarray | None = None,
) -> go.Figure:
    """Codes (N, 2) as dots and named places among them, all in view, each name beside its place.

    Of many codes the first `PINNED_DOTS` are drawn. Without a legend, which Plotly would draw anew
    at each click: `widgets.class_key` is one.

    Args:
        pins: name -> place (2,).
        path: steps (K, 2) of a wandering code, small dots.
    """
    points, labels = points[:PINNED_DOTS], labels[:PINNED_DOTS]
    places = np.array(list(pins.values()))
    steps = places if path is None else path
    low, high = _bounds(points, np.concatenate([places, steps]))
    room = (high - low) * (0.15, 0.2)  # for names of places at the border
    low, high = np.minimum(low, places.min(0) - room), np.maximum(high, places.max(0) + room)
    # Names that do not cover each other: the highest place has its own above, the lowest below,
    # and between them it stands beside, towards the middle of the map.
    lowest, *_, highest = places[:, 1].argsort(kind="stable")
    names = []
    for k, (name, (x, y)) in enumerate(pins.items()):
        beside = 65 if x < (low[0] + high[0]) / 2 else -65
        across, down = {highest: (0, -45), lowest: (0, 45)}.get(k, (beside, 0))
        place = {"x": x, "y": y, "text": f"<b>{name}</b>", "ax": across, "ay": down}
        names.append(place | ARROW | SIGN)
    traces = _dots(points, labels, classes, "scatter") + _rimmed(places, 9)
    if path is not None:
        traces += _rimmed(path, 4)
    x, y = _in_view(low, high, axis_titles)
    return _map(traces, 390, x=x, y=y, annotations=names, showlegend=False)
