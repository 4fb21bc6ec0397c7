"""Codes as dots in the plane and in space."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from aeviz.charts import theme


def code_map(
    points: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], *, height: int = 480
) -> go.Figure:
    """Codes (N, 2) as dots in their digits' colours, one legend entry a digit."""
    # At once: each call of add_ or update_ takes a millisecond or more.
    return go.Figure(_dots(points, labels, classes, "scattergl"), _around(height))


def _dots(
    points: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], kind: str
) -> list[dict[str, object]]:
    """Codes (N, 2) as a trace for each class.

    Args:
        kind: "scattergl", by WebGL, for thousands of dots; "scatter", as SVG, for few that are
            drawn often.
    """
    parts = [points[labels == label] for label in range(len(classes))]
    return [
        {
            "type": kind,
            "x": part[:, 0],
            "y": part[:, 1],
            "mode": "markers",
            "name": name,
            "marker": {"color": colour, "size": 5, "opacity": 0.7},
            "hoverinfo": "name",
        }
        for part, name, colour in zip(parts, classes, theme.DIGITS, strict=False)
    ]


def _around(height: int) -> dict[str, Any]:
    """The layout that maps have in common."""
    return {
        "height": height,
        "margin": {"l": 40, "r": 10, "t": 10, "b": 40},
        "xaxis": {"title": {"text": "code z1"}},
        "yaxis": {"title": {"text": "code z2"}},
        "legend": {"itemsizing": "constant", "orientation": "h", "y": 1.08},
    }


def space_map(
    codes: np.ndarray,
    labels: np.ndarray,
    classes: tuple[str, ...],
    place: np.ndarray,
    *,
    height: int = 620,
) -> go.Figure:
    """Codes (N, 3) as dots in space that can be turned, one place (3,) among them marked."""
    figure = go.Figure()
    for label, name in enumerate(classes):
        x, y, z = codes[labels == label].T
        figure.add_scatter3d(
            x=x,
            y=y,
            z=z,
            mode="markers",
            name=name,
            marker={"color": theme.DIGITS[label], "size": 2.5, "opacity": 0.8},
            hovertemplate="%{fullData.name}<extra></extra>",
        )
    x, y, z = place[:, None]
    figure.add_scatter3d(
        x=x,
        y=y,
        z=z,
        mode="markers",
        name="decoded",
        marker={"color": theme.PLACE, "size": 9},
        hovertemplate="decoded here<extra></extra>",
        showlegend=False,
    )
    low, high = np.percentile(codes, [0.5, 99.5], axis=0)  # a few codes may lie far outside
    low, high = np.minimum(low, place), np.maximum(high, place)
    axes = {
        f"{axis}axis": {"title": f"code z{k + 1}", "range": [low[k], high[k]], "nticks": 5}
        for k, axis in enumerate("xyz")
    }
    return figure.update_layout(
        height=height,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        scene={
            **axes,
            "aspectmode": "cube",
            "camera": {"eye": {"x": 1.4, "y": 1.4, "z": 0.8}, "center": {"z": -0.12}},
        },
        legend={"itemsizing": "constant", "orientation": "h", "y": 1.02, "yanchor": "bottom"},
        uirevision="the same",  # how it was turned outlives another place
    )


def path_map(
    points: np.ndarray,
    labels: np.ndarray,
    classes: tuple[str, ...],
    path: np.ndarray,
    pins: dict[str, np.ndarray],
    axis_titles: tuple[str, str],
) -> go.Figure:
    """Codes (N, 2) as dots, a path (K, 2) over them, and lettered places on it.

    A dot carries its number, 0 to N - 1, as `customdata` to be known by when it is clicked.

    Args:
        pins: letter -> place (2,).
    """
    figure = code_map(points, labels, classes, height=430)
    figure.for_each_trace(
        lambda trace: trace.update(
            customdata=np.flatnonzero(labels == classes.index(trace.name)),
            hovertemplate="%{fullData.name}, number %{customdata}<extra></extra>",
            unselected={"marker": {"opacity": 0.7}},
        )
    )
    # WebGL draws dots over any line: the path is a row of dots that touch.
    overlay(figure, points, path, 5, axis_titles)
    for name, (x, y) in pins.items():
        figure.add_annotation(
            x=x,
            y=y,
            text=f"<b>{name}</b>",
            showarrow=False,
            font={"color": "#ffffff", "size": 15},
            bgcolor="#000000",
            bordercolor="#ffffff",
            borderpad=4,
        )
    return figure.update_layout(clickmode="event+select", dragmode="pan")


def overlay(
    figure: go.Figure,
    points: np.ndarray,
    marked: np.ndarray,
    size: int,
    axis_titles: tuple[str, str],
) -> go.Figure:
    """Black dots (M, 2) with a white rim over a map of points (N, 2), all of them in view."""
    figure.add_traces(_rimmed(marked, size))
    # The legend is below: above, the tool bar would cover it.
    figure.update_layout(margin_b=100, legend_y=-0.2)
    return figure.update_layout(_in_view(*_bounds(points, marked), axis_titles))


def _rimmed(places: np.ndarray, size: int) -> list[dict[str, object]]:
    """Black dots (M, 2) with a white rim."""
    return [
        {
            "type": "scatter",  # a few dots as WebGL take the browser longer
            "x": places[:, 0],
            "y": places[:, 1],
            "mode": "markers",
            "marker": {"color": colour, "size": diameter, "opacity": 1},
            "hoverinfo": "skip",
            "showlegend": False,
        }
        for diameter, colour in ((size + 3, "#ffffff"), (size, "#000000"))
    ]


def _bounds(points: np.ndarray, marked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest coordinates (2,) of a view of nearly all points and all marked ones."""
    low, high = np.percentile(points, [0.5, 99.5], axis=0)  # a few points may lie far outside
    margin = 0.08 * (high - low)
    return np.minimum(low, marked.min(0)) - margin, np.maximum(high, marked.max(0)) + margin


def _in_view(low: np.ndarray, high: np.ndarray, axis_titles: tuple[str, str]) -> dict[str, Any]:
    """Axes that show what lies between two corners (2,)."""
    (left, bottom), (right, top) = low.tolist(), high.tolist()
    return {
        "xaxis": {"title": {"text": axis_titles[0]}, "range": [left, right]},
        "yaxis": {"title": {"text": axis_titles[1]}, "range": [bottom, top]},
    }


PINNED_DOTS = 300
"""In a map that is drawn anew at each click. Plotly then sets WebGL up anew as well, which takes a
browser without a graphics card longer than so many dots as SVG."""


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
    at each click: `ui.class_key` is one.

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
        names.append(
            {
                "x": x,
                "y": y,
                "text": f"<b>{name}</b>",
                "ax": across,
                "ay": down,
                "standoff": 7,
                "arrowhead": 2,
                "arrowwidth": 2,
                "arrowcolor": "#888888",  # seen on light and on dark
                "font": {"color": "#ffffff", "size": 15},
                "bgcolor": "#000000",
                "bordercolor": "#ffffff",
                "borderpad": 4,
            }
        )
    traces = _dots(points, labels, classes, "scatter") + _rimmed(places, 9)
    if path is not None:
        traces += _rimmed(path, 4)
    layout = _around(390) | _in_view(low, high, axis_titles)
    return go.Figure(traces, layout | {"annotations": names, "showlegend": False})
