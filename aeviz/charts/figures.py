"""Arrays to Plotly figures and PNG bytes; no Streamlit. Colours mean the same on every page."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

# plotly takes pandas as it finds it: half imported, where another thread has just begun to.
import pandas  # noqa: F401
import plotly.graph_objects as go
from PIL import Image
from plotly.subplots import make_subplots

DIGITS = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
"""Ten colours that colour-blind people can tell apart: Petroff 2021, arXiv:2107.02270, table 1."""
ORIGINAL = "#3f90da"
RECONSTRUCTION = "#e76300"
BASELINE = "#94a4a2"
PLACE = "#d6249f"
"""Of a place in space: unlike any digit, seen on light and on dark."""

CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}
"""Plotly's tool bar shows what helps: pass it as st.plotly_chart(config=...)."""
PLAIN = {"displayModeBar": False}
"""No tool bar: on a phone, where it is always there, it lies over legends and names."""


def png(image: np.ndarray) -> bytes:
    """A picture (H, W) or (H, W, 3), uint8 or float in [0, 1], as PNG bytes."""
    pixels = image if image.dtype == np.uint8 else np.round(np.clip(image, 0, 1) * 255)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def data_uri(image: np.ndarray) -> str:
    """A picture as a data: URI for an <img>."""
    return "data:image/png;base64," + base64.b64encode(png(image)).decode()


def signed(error: np.ndarray) -> np.ndarray:
    """Signed errors (..., H, W) in [-1, 1] as RGB uint8: blue below, white at zero, red above."""
    e = np.clip(error, -1, 1)[..., None]
    blue, white, red = np.array([5, 80, 174]), np.array([247, 247, 247]), np.array([178, 24, 43])
    mixed = np.where(e > 0, white + e * (red - white), white - e * (blue - white))
    return mixed.round().astype(np.uint8)


def tiles(images: np.ndarray, columns: int) -> np.ndarray:
    """Images (N, H, W) in rows as one picture (rows * H, columns * W); blank at the end."""
    n, height, width = images.shape
    rows = -(-n // columns)
    grid = np.zeros((rows * columns, height, width), images.dtype)
    grid[:n] = images
    stacked = grid.reshape(rows, columns, height, width).swapaxes(1, 2)
    return stacked.reshape(rows * height, columns * width)


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
        for part, name, colour in zip(parts, classes, DIGITS, strict=False)
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
            marker={"color": DIGITS[label], "size": 2.5, "opacity": 0.8},
            hovertemplate="%{fullData.name}<extra></extra>",
        )
    x, y, z = place[:, None]
    figure.add_scatter3d(
        x=x,
        y=y,
        z=z,
        mode="markers",
        name="decoded",
        marker={"color": PLACE, "size": 9},
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


def class_counts(counts: np.ndarray, classes: tuple[str, ...]) -> go.Figure:
    """How many of each class, (10,), as bars in the digits' colours."""
    figure = go.Figure(
        go.Bar(
            x=list(classes),
            y=counts,
            marker_color=list(DIGITS),
            hovertemplate="%{x}: %{y}<extra></extra>",
        )
    )
    figure.update_layout(
        height=220,
        margin={"l": 40, "r": 10, "t": 10, "b": 40},
        xaxis={"title": "class", "type": "category"},
        yaxis_title="how many",
    )
    return figure


def by_dimension(values: np.ndarray, title: str) -> go.Figure:
    """One bar for each number of a code, (D,)."""
    figure = go.Figure(
        go.Bar(
            x=np.arange(1, len(values) + 1),
            y=values,
            marker_color=VALIDATION,
            hovertemplate="z%{x}: %{y:.3g}<extra></extra>",
        )
    )
    return figure.update_layout(
        height=200,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={"title": "number of the code", "tickprefix": "z", "tickformat": "d"},
        yaxis_title=title,
    )


def enlarge(image: np.ndarray, scale: int) -> np.ndarray:
    """A picture (..., H, W) with each pixel as a square of scale x scale, crisp."""
    return image.repeat(scale, -2).repeat(scale, -1)


def gif(frames: np.ndarray, *, seconds: float = 2.0, scale: int = 10) -> bytes:
    """Frames (K, H, W) in [0, 1] as an endless GIF that runs there and back: 2 K - 2 pictures.

    Args:
        seconds: from the first to the last; a browser shows no picture shorter than 0.02 s.
    """
    grey = np.round(np.clip(frames, 0, 1) * 255).astype(np.uint8)
    pictures = [Image.fromarray(enlarge(frame, scale)) for frame in (*grey, *grey[-2:0:-1])]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        "GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=max(round(1000 * seconds / (len(grey) - 1)), 20),
        loop=0,
    )
    return buffer.getvalue()


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


def distance_curve(
    distances: np.ndarray, half: float, most: float, marks: dict[str, float]
) -> go.Figure:
    """Distance (K,) to the nearest code along a path, beside the distances among the codes.

    Args:
        half: half of all codes have another one within this.
        most: 90 % of all codes have.
        marks: letter -> how far along the path, in [0, 1].
    """
    share = np.linspace(0, 100, len(distances))
    figure = go.Figure(
        go.Scatter(
            x=share,
            y=distances,
            name="this path",
            fill="tozeroy",
            line={"color": RECONSTRUCTION, "width": 3},
            hovertemplate="%{x:.0f} % of the way: %{y:.3g} away<extra></extra>",
        )
    )
    for height, name, dash in (
        (most, "90 % of codes have a neighbour within", "dash"),
        (half, "half of codes", "dot"),
    ):
        figure.add_scatter(
            x=[0, 100],
            y=[height, height],
            mode="lines",
            name=name,
            line={"color": BASELINE, "width": 3, "dash": dash},
            hovertemplate="%{y:.3g}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(
        height=270,
        margin={"l": 50, "r": 10, "t": 10, "b": 40},
        xaxis={
            "title": "along the path",
            "tickvals": [100 * place for place in marks.values()],
            "ticktext": list(marks),
        },
        yaxis={
            "title": "distance to nearest code",
            "rangemode": "tozero",
        },
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    return figure


def ladder_curve(
    widths: list[int], errors: dict[str, list[float]], chosen: int, *, height: int = 330
) -> go.Figure:
    """Test error against the width of the code, both on logarithmic scales, one width marked.

    Args:
        errors: name -> MSE at each width; the first in the colour of reconstructions.
    """
    figure = go.Figure()
    for (name, values), colour in zip(errors.items(), (RECONSTRUCTION, BASELINE), strict=True):
        figure.add_scatter(
            x=widths,
            y=values,
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 3},
            marker={"size": [14 if width == chosen else 7 for width in widths], "opacity": 1},
            hovertemplate="%{x} numbers: MSE %{y:.4f}<extra>%{fullData.name}</extra>",
        )
    figure.add_vline(chosen, line={"color": BASELINE, "width": 1, "dash": "dot"})
    return figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={
            "title": "numbers in the code",
            "type": "log",
            "tickvals": widths,
            "ticktext": [str(width) for width in widths],
        },
        yaxis={"title": "MSE of a test pixel", "type": "log", "tickformat": ".3~f", "dtick": "D2"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )


TRAINING = "#8a8f98"
VALIDATION = "#2590b8"


def loss_curves(
    steps: np.ndarray,
    terms: Mapping[str, tuple[np.ndarray, ...]],
    *,
    unit: str,
    last: int | None = None,
    height: int = 390,
) -> go.Figure:
    """Loss terms over the steps (K,), one above the other, each on a scale of its own.

    The first twentieth of the steps so far may lie out of view at the top, or the fall from the
    first weights would press the rest flat; a term that begins low is seen whole.

    Args:
        terms: name -> its values (K,) on training images and, where they are known, held-out ones.
        unit: of all terms; empty as long as it is unknown.
        last: the step at which training will end.
    """
    figure = make_subplots(
        rows=len(terms),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.24 / len(terms),
        subplot_titles=[f"{name}, {unit}" if unit else name for name in terms],
    )
    looks = ("training", TRAINING, 2), ("validation", VALIDATION, 3)
    for row, lines in enumerate(terms.values(), start=1):
        for values, (title, colour, width) in zip(lines, looks, strict=False):
            figure.add_scatter(
                x=steps,
                y=values,
                name=title,
                legendgroup=title,
                showlegend=row == 1,
                mode="lines+markers",
                marker={"color": colour, "size": 4},
                line={"color": colour, "width": width},
                hovertemplate="%{y:.4g} at step %{x:,}<extra>%{fullData.name}</extra>",
                row=row,
                col=1,
            )
        if len(steps):
            values = np.concatenate(lines)
            low, high = values.min(), values[np.tile(20 * steps >= steps[-1], len(lines))].max()
            margin = 0.06 * (high - low) or 0.1 * max(abs(high), 1)
            figure.update_yaxes(range=[low - margin, high + margin], row=row)
    figure.update_annotations(x=0, xanchor="left", font=None)  # as large as the other texts
    figure.update_xaxes(range=[0, last] if last else None, tickformat="~s")
    figure.update_xaxes(title="step", row=len(terms))
    figure.update_yaxes(nticks=5)
    return figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"},
        uirevision="the same",  # a zoom outlives the next point
    )


SIDE_BY_SIDE = (RECONSTRUCTION, VALIDATION, "#832db6", "#b9ac70")
"""Of what stands side by side: the terms of a loss, models in the order in which they were chosen.
"""


def loss_terms(costs: dict[str, dict[str, float]], unit: str) -> go.Figure:
    """The terms of a loss one after the other, as one bar for each set of pictures.

    Args:
        costs: name of the pictures -> term -> value.
        unit: of all terms.
    """
    figure = go.Figure()
    most = max(sum(terms.values()) for terms in costs.values())
    for k, term in enumerate(next(iter(costs.values()))):
        values = [terms[term] for terms in costs.values()]
        figure.add_bar(
            x=values,
            y=list(costs),
            name=term,
            orientation="h",
            marker_color=SIDE_BY_SIDE[k % len(SIDE_BY_SIDE)],
            # A text that does not fit would be drawn too small to read.
            text=[f"{value:.3g}" if value > 0.06 * most else "" for value in values],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": "#ffffff", "size": 15},
            hovertemplate="%{fullData.name}: %{x:.4g}<extra>%{y}</extra>",
        )
    return figure.update_layout(
        barmode="relative",  # an estimate may lie a little below zero
        height=210,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis_title=unit,
        yaxis={"autorange": "reversed", "ticksuffix": " "},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        showlegend=True,
    )


def named_bars(
    values: np.ndarray,
    names: list[str],
    *,
    across: str,
    up: str,
    marked: int | None = None,
    level: tuple[float, str] | None = None,
) -> go.Figure:
    """One named bar for each value, in the given order.

    Args:
        across, up: titles of the axes.
        marked: place of a bar that stands out.
        level: a height to compare with, and what it is.
    """
    colours = [VALIDATION] * len(values)
    if marked is not None:
        colours[marked] = PLACE
    figure = go.Figure(
        go.Bar(
            x=names,
            y=values,
            marker={"color": colours, "line_width": 0},
            hovertemplate="%{x}: %{y:.3g}<extra></extra>",
        )
    )
    if level is not None:
        figure.add_hline(
            level[0],
            line={"color": BASELINE, "width": 2, "dash": "dash"},
            annotation={"text": level[1], "font": None},
        )
    return figure.update_layout(
        height=270,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        # Vertical names are not read.
        xaxis={"title": across, "type": "category", "showticklabels": len(names) <= 40},
        yaxis={"title": up, "rangemode": "tozero"},
        bargap=0.15,
    )


def firing(shares: np.ndarray) -> go.Figure:
    """How many units fire on how large a share (D,) of the pictures, as a histogram."""
    percent = 100 * shares
    counts, edges = np.histogram(percent, 40, (0, max(percent.max(), 1e-3)))
    figure = go.Figure(
        go.Bar(
            x=(edges[1:] + edges[:-1]) / 2,
            y=counts,
            width=np.diff(edges),
            marker={"color": VALIDATION, "line_width": 0},
            customdata=np.stack([edges[:-1], edges[1:]], axis=1),
            hovertemplate="%{y} units on %{customdata[0]:.1f} to %{customdata[1]:.1f} %"
            "<extra></extra>",
        )
    )
    return figure.update_layout(
        height=270,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={"title": "share of test pictures on which a unit fires", "ticksuffix": " %"},
        yaxis_title="units",
        bargap=0,
    )


def spectra(found: dict[str, np.ndarray]) -> go.Figure:
    """Singular values (N, R) at N pictures, sorted: their median, and 10 to 90 % as a band.

    Values that are zero at more than a tenth of the pictures have no place on a logarithmic scale.

    Args:
        found: name of a model -> its values; the first in the colour of reconstructions.
    """
    figure = go.Figure()
    drawn = np.empty(0)
    colours = ((RECONSTRUCTION, "rgba(231,99,0,0.2)"), (BASELINE, "rgba(148,164,162,0.3)"))
    for (name, values), (colour, pale) in zip(found.items(), colours, strict=False):
        low, middle, high = np.quantile(values, [0.1, 0.5, 0.9], axis=0)
        rank = np.flatnonzero(low > 0)
        low, middle, high, x = low[rank], middle[rank], high[rank], rank + 1
        drawn = np.concatenate([drawn, low, high])
        figure.add_scatter(
            x=np.append(x, x[::-1]),
            y=np.append(high, low[::-1]),
            fill="toself",
            fillcolor=pale,
            mode="lines",
            line_width=0,
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_scatter(
            x=x,
            y=middle,
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 3},
            marker_size=7 if len(x) < 80 else 3,
            hovertemplate="number %{x}: %{y:.3g}<extra>%{fullData.name}</extra>",
        )
    longest = max(values.shape[1] for values in found.values())
    narrow = len(drawn) > 0 and drawn.max() < 12 * drawn.min()
    return figure.update_layout(
        height=360,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={
            "title": "singular value, from the largest",
            "tickformat": "d",
            "dtick": 1 if longest < 9 else None,
        },
        yaxis={
            "title": "singular value",
            "type": "log",
            "tickformat": ".3~g",
            "dtick": "D1" if narrow else "D2",  # else a short axis has a single number
        },
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )


def code_thumbnail(points: np.ndarray, labels: np.ndarray, size: int = 96) -> np.ndarray:
    """A map of codes (N, 2) without axes, (size, size, 4) uint8 on a transparent ground."""
    low, high = np.percentile(points, [1, 99], axis=0)
    places = (points - low) / np.maximum(high - low, 1e-9) * (size - 8) + 4
    column, row = places[:, 0].round().astype(int), (size - places[:, 1]).round().astype(int)
    inside = (column >= 0) & (column < size - 1) & (row >= 0) & (row < size - 1)
    colours = np.array([[int(name[i : i + 2], 16) for i in (1, 3, 5)] for name in DIGITS])
    picture = np.zeros((size, size, 4), np.uint8)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):  # a dot is two pixels wide
        where = row[inside] + down, column[inside] + right
        picture[where] = np.insert(colours[labels[inside]], 3, 255, axis=1)
    return picture


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


def class_errors(errors: dict[str, np.ndarray], rows: tuple[str, ...]) -> go.Figure:
    """A table of mean squared errors, one column a model; its colours say the same.

    Args:
        errors: model -> its error in each row, (R,).
        rows: what the rows are called, from above.
    """
    figure = go.Figure(
        go.Heatmap(
            x=[name.replace(", ", "<br>") for name in errors],
            y=list(rows),
            z=np.stack(list(errors.values()), axis=1),
            texttemplate="%{z:.4f}",
            textfont={"size": 14, "color": "#111111"},
            colorscale=["#eef3f6", "#f39a5f"],  # no darker: the numbers are to be read on it
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate="%{y}: MSE %{z:.4f}<extra></extra>",
        )
    )
    return figure.update_layout(
        height=90 + 30 * len(rows),
        width=100 + 125 * len(errors),
        margin={"l": 10, "r": 10, "t": 70, "b": 10},
        xaxis={"side": "top", "fixedrange": True, "type": "category", "tickangle": 0},
        yaxis={"autorange": "reversed", "fixedrange": True, "type": "category", "title": "class"},
    )


def codes_beside(codes: dict[str, tuple[np.ndarray, np.ndarray]]) -> go.Figure:
    """Each model's code of one picture as dots, over what is usual for each number.

    Args:
        codes: model -> the code (D,), and between which values (2, D) most codes lie.
    """
    gap = 0.36 / len(codes)
    high = (1 - gap * (len(codes) - 1)) / len(codes)
    traces, layout, notes = [], {}, []
    # Told at once and not by make_subplots, which takes four times as long.
    for row, (name, (code, (least, most))) in enumerate(codes.items()):
        top, number = 1 - row * (high + gap), row + 1 if row else ""
        place, axes = np.arange(1, len(code) + 1), {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        bar = {"x": place, "y": most - least, "base": least, "width": 0.8, "hoverinfo": "skip"}
        look = {"color": BASELINE, "opacity": 0.45, "line": {"width": 0}}
        of_all = {"name": "90 % of the test pictures", "legendgroup": "usual"}
        traces.append({"type": "bar", "marker": look} | bar | of_all | axes)
        dots = {"x": place, "y": code, "hovertemplate": "z%{x}: %{y:.3g}<extra></extra>"}
        look = {"color": RECONSTRUCTION, "size": 10 if len(code) <= 64 else 3, "opacity": 1}
        of_this = {"name": "this picture", "legendgroup": "this"}
        traces.append(
            {"type": "scatter", "mode": "markers", "marker": look} | dots | of_this | axes
        )
        for trace in traces[-2:]:
            trace["showlegend"] = row == 0
        layout[f"xaxis{number}"] = {
            "anchor": f"y{number}",
            "range": [0.4, len(code) + 0.6],
            "tickprefix": "z",
            "tickformat": "d",
            "nticks": min(len(code), 8) + 1,
        }
        bottom = max(top - high, 0)
        layout[f"yaxis{number}"] = {"anchor": f"x{number}", "domain": [bottom, top], "nticks": 4}
        place = {"x": 0, "xref": "paper", "xanchor": "left", "y": top, "yref": "paper"}
        notes.append({"text": name, "showarrow": False, "yanchor": "bottom"} | place)
    return go.Figure(
        traces,
        layout
        | {
            "annotations": notes,
            "height": 60 + 160 * len(codes),
            "margin": {"l": 10, "r": 10, "t": 30, "b": 10},
            "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"},
        },
    )


def movement_curves(
    strengths: np.ndarray, moved: dict[str, np.ndarray], at: int, title: str
) -> go.Figure:
    """How far each code moves (K,) as a picture is changed more, one strength marked.

    Args:
        moved: model -> its movement at each strength; the last two are baselines.
        at: index of the strength that is marked.
        title: of the strength, with its unit.
    """
    looks = [(colour, "solid") for colour in SIDE_BY_SIDE[: len(moved) - 2]]
    looks += [(BASELINE, "solid"), (BASELINE, "dot")]
    size = np.where(np.arange(len(strengths)) == at, 13, 5)
    curves = [
        {
            "type": "scatter",
            "x": strengths,
            "y": values,
            "name": name,
            "mode": "lines+markers",
            "line": {"color": colour, "width": 3, "dash": dash},
            "marker": {"color": colour, "size": size, "opacity": 1, "line": {"width": 0}},
            "hovertemplate": "%{x:g}: moved %{y:.2f}<extra>%{fullData.name}</extra>",
        }
        for (name, values), (colour, dash) in zip(moved.items(), looks, strict=True)
    ]
    mark = {"type": "line", "x0": strengths[at], "x1": strengths[at], "y0": 0, "y1": 1}
    mark |= {"yref": "y domain", "line": {"color": BASELINE, "width": 1, "dash": "dot"}}
    layout = {
        "height": 430,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "xaxis": {"title": {"text": title}},
        "yaxis": {"title": {"text": "movement, typical distances"}, "rangemode": "tozero"},
        "legend": {"orientation": "h", "y": -0.2, "yanchor": "top"},
        "shapes": [mark],
    }
    return go.Figure(curves, layout)


NORMAL, ODD = "#2590b8", "#d1495b"
"""Of pictures that belong and of those that do not."""


def operating_curve(
    curves: dict[str, tuple[np.ndarray, np.ndarray]],
    place: tuple[float, float],
    axis_titles: tuple[str, str],
    chance: tuple[float, float],
) -> go.Figure:
    """ROC or precision-recall curves in the unit square, the current threshold marked on the first.

    Args:
        curves: name -> x and y (K,) of each, the model's first, then the baseline's.
        place: of the current threshold.
        chance: heights at x = 0 and 1 of the line that guessing gives.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=list(chance),
        mode="lines",
        line={"color": BASELINE, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )
    for (name, (x, y)), colour in zip(curves.items(), (RECONSTRUCTION, BASELINE), strict=True):
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            name=name,
            line={"color": colour, "width": 3},
            hovertemplate="%{x:.3f}, %{y:.3f}<extra>%{fullData.name}</extra>",
        )
    figure.add_scatter(
        x=[place[0]],
        y=[place[1]],
        mode="markers",
        marker={"color": "#000000", "size": 12, "line": {"color": "#ffffff", "width": 2}},
        hovertemplate="this threshold: %{x:.3f}, %{y:.3f}<extra></extra>",
        showlegend=False,
    )
    return figure.update_layout(
        height=330,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={"title": axis_titles[0], "range": [-0.02, 1.02]},
        yaxis={"title": axis_titles[1], "range": [-0.02, 1.02]},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )


def contamination_curve(
    known: Mapping[float, float], yours: Mapping[float, float], baseline: float
) -> go.Figure:
    """AUROC of models against the share of anomalies that each was trained on.

    Args:
        known: share -> AUROC of the models trained beforehand; may be empty.
        yours: of those that the person trained; may be empty.
        baseline: AUROC of PCA without any.
    """
    figure = go.Figure()
    looks = ("trained beforehand", RECONSTRUCTION, known), ("yours", VALIDATION, yours)
    for name, colour, points in looks:
        shares = sorted(points)
        figure.add_scatter(
            x=[100 * share for share in shares],
            y=[points[share] for share in shares],
            mode="lines+markers",
            name=name,
            showlegend=bool(shares),
            line={"color": colour, "width": 3},
            marker={"size": 10},
            hovertemplate="%{x:.0f} % anomalies: AUROC %{y:.4f}<extra>%{fullData.name}</extra>",
        )
    figure.add_scatter(
        x=[-1, 21],
        y=[baseline, baseline],
        mode="lines",
        name="PCA, 0 % anomalies",
        line={"color": BASELINE, "width": 2, "dash": "dash"},
        hovertemplate="AUROC %{y:.4f}<extra>%{fullData.name}</extra>",
    )
    return figure.update_layout(
        height=320,
        margin={"l": 10, "r": 10, "t": 20, "b": 10},
        xaxis={"title": "anomalies among the training pictures, %", "range": [-1, 21]},
        yaxis={"title": "AUROC", "tickformat": ".3~f"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )


FILES = "#a96b59"
"""Of files as everybody keeps them: JPEG, PNG."""
SCRATCH, TUNED = "#832db6", "#bd1f01"
"""Of a network with fresh weights, and of one that goes on from trained ones."""


@dataclass(frozen=True)
class Curve:
    """Ways to store a picture: bytes (K,), MSE (K,), and what each is, (K,) texts."""

    sizes: list[float]
    errors: list[float]
    texts: list[str]


def _distortion(errors: list[float], in_decibel: bool) -> np.ndarray:
    return -10 * np.log10(errors) if in_decibel else np.asarray(errors)


def rate_distortion(
    shown: dict[str, Curve],
    taken: dict[str, int],
    others: Curve,
    lines: dict[str, Curve],
    lossless: tuple[str, float],
    *,
    in_decibel: bool = True,
    height: int = 520,
) -> go.Figure:
    """Bytes of a picture against the error of its copy; bytes on a logarithmic scale.

    Args:
        shown: model -> its points, from few bits to many; up to four.
        taken: model -> which of them is marked.
        others: one point for each model that is not shown as a curve.
        lines: what they are compared with; the first in the colour of baselines.
        lossless: name and bytes of a file without any error, which no axis reaches.
        in_decibel: PSNR upwards; else MSE.
    """
    figure = go.Figure()
    unit = "%{y:.1f} dB" if in_decibel else "MSE %{y:.4f}"
    hover = f"%{{text}}<br>%{{x:.1f}} bytes, {unit}<extra></extra>"
    looks = [(BASELINE, "solid"), (FILES, "solid"), (FILES, "dot")]
    for (name, line), (colour, dash) in zip(lines.items(), looks, strict=False):
        figure.add_scatter(
            x=line.sizes,
            y=_distortion(line.errors, in_decibel),
            text=line.texts,
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 3, "dash": dash},
            marker={"size": 5},
            hovertemplate=hover,
        )
    figure.add_scatter(
        x=others.sizes,
        y=_distortion(others.errors, in_decibel),
        text=others.texts,
        name="other shipped models",
        mode="markers",
        marker={"color": RECONSTRUCTION, "size": 8, "symbol": "circle-open", "opacity": 0.8},
        hovertemplate=hover,
    )
    for (name, curve), colour in zip(shown.items(), SIDE_BY_SIDE, strict=False):
        marked = [k == taken[name] for k in range(len(curve.sizes))]
        figure.add_scatter(
            x=curve.sizes,
            y=_distortion(curve.errors, in_decibel),
            text=curve.texts,
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"size": [14 if mark else 6 for mark in marked], "opacity": 1},
            hovertemplate=hover,
        )
    name, size = lossless
    figure.add_vline(size, line={"color": FILES, "width": 2, "dash": "dash"})
    figure.add_annotation(
        x=np.log10(size),
        y=0.02 if in_decibel else 0.98,  # where there are no curves
        yref="paper",
        yanchor="bottom" if in_decibel else "top",
        xanchor="right",
        xshift=-4,
        text=f"{name}, without<br>error: {size:.0f} bytes",
        align="right",
        showarrow=False,
    )
    every = [e for curve in (*shown.values(), others) for e in curve.errors]
    best, worst = min(every, default=0.001), max(every, default=0.05)
    seen = _distortion([1.6 * worst, 0.35 * best], in_decibel) if in_decibel else (1.2 * worst, 0)
    return figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={
            "title": "bytes of a picture",
            "type": "log",
            "tickvals": [0.3, 1, 3, 10, 30, 100, 300, 1000],
            "tickangle": 0,
        },
        yaxis={
            "title": "PSNR of a test pixel, dB" if in_decibel else "MSE of a test pixel",
            "range": sorted(seen),
        },
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )


def label_curves(
    accuracy: dict[str, tuple[list[int], list[float], list[float]]], *, height: int = 460
) -> go.Figure:
    """Accuracy against the number of labels, on a logarithmic scale.

    Args:
        accuracy: name -> numbers of labels, mean accuracies and standard deviations over draws;
            in the order pixels, PCA, frozen code, fine-tuned, from scratch.
    """
    figure = go.Figure()
    looks = [
        (ORIGINAL, "dot"),
        (BASELINE, "dot"),
        (RECONSTRUCTION, "solid"),
        (TUNED, "solid"),
        (SCRATCH, "dash"),
    ]
    counts = sorted({n for found, _, _ in accuracy.values() for n in found})
    low = int(10 * min(mean for _, means, _ in accuracy.values() for mean in means))
    for (name, (x, means, spreads)), (colour, dash) in zip(accuracy.items(), looks, strict=False):
        figure.add_scatter(
            x=x,
            y=[100 * mean for mean in means],
            error_y={"array": [100 * spread for spread in spreads], "thickness": 1.5},
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 3, "dash": dash},
            marker={"size": 8},
            hovertemplate="%{x:,} labels: %{y:.1f} %<extra>%{fullData.name}</extra>",
        )
    return figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={
            "title": "labelled digits",
            "type": "log",
            "tickvals": counts,
            "ticktext": [f"{count:,}" for count in counts],
        },
        yaxis={"title": "test digits told right, %", "range": [10 * low, 101]},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )


SEEN = 40.0
"""Decibels above which no eye sees a difference: as far as the axis of a curve goes."""


def strength_curves(
    strengths: tuple[float, ...],
    models: dict[str, np.ndarray],
    baselines: dict[str, np.ndarray],
    marks: dict[str, float],
    *,
    title: str,
    height: int = 400,
) -> go.Figure:
    """PSNR against the strength of a corruption, from weak on the left to strong on the right.

    Args:
        strengths: (K,), rising or falling.
        models: name -> dB (K,), four at most; baselines: the same, all grey. What is infinite is
            left out.
        marks: model -> the strength that it was trained at.
        title: of the strength, with its unit.
    """
    figure = go.Figure()
    styles = [(colour, "solid", 3, "circle") for colour in SIDE_BY_SIDE]
    styles = [
        *styles[: len(models)],
        (BASELINE, "dot", 2, "circle"),
        (BASELINE, "solid", 1.5, "square"),
        (BASELINE, "solid", 1.5, "diamond"),
        (BASELINE, "solid", 1.5, "triangle-up"),
    ]
    for (name, values), (colour, dash, width, symbol) in zip(
        (models | baselines).items(), styles, strict=False
    ):
        figure.add_scatter(
            x=strengths,
            y=np.where(np.isfinite(values), values, np.nan),
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": width, "dash": dash},
            marker={"size": 8, "symbol": symbol},
            hovertemplate="%{y:.1f} dB at %{x:g}<extra>%{fullData.name}</extra>",
        )
    colours = dict(zip(models, SIDE_BY_SIDE, strict=False))
    for k, (name, strength) in enumerate(marks.items()):
        figure.add_vline(
            strength,
            line={"color": colours[name], "width": 2, "dash": "dot"},
            annotation={
                "text": f"trained at {strength:g}",
                "font": {"color": colours[name]},
                "yshift": -18 * k,  # two that were trained alike
            },
            annotation_position="top right",
        )
    falling = strengths[0] > strengths[-1]
    every = np.concatenate([*models.values(), *baselines.values()])
    high = min(every[np.isfinite(every)].max(), SEEN)
    return figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={"title": title, "autorange": "reversed" if falling else True},
        yaxis={"title": "PSNR of the mean MSE, dB", "range": [every.min() - 1, high + 1]},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
