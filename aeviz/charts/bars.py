"""Quantities side by side: bars, tables, the codes of one image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from aeviz.analysis.estimate import Estimate
from aeviz.charts import theme


def _bars(x: Any, y: Any, marker: dict[str, Any], hover: str, **more: Any) -> list[theme.Trace]:
    text = hover if "<extra>" in hover else hover + theme.ALONE
    return [{"type": "bar", "x": x, "y": y, "marker": marker, "hovertemplate": text} | more]


def class_counts(counts: np.ndarray, classes: tuple[str, ...]) -> go.Figure:
    """How many of each class, (10,), as bars in the digits' colours."""
    return theme.figure(
        _bars(list(classes), counts, {"color": list(theme.DIGITS)}, "%{x}: %{y}"),
        height=220,
        margin={"l": 40, "b": 40},
        x={"title": "Class", "type": "category"},
        y="Images",
    )


def _dimensions(n: int) -> dict[str, Any]:
    """Settings of an axis of latent dimensions: a tick for each, or for some where they are many.

    By themselves ticks stand between two dimensions as well, and are rounded to one of them.
    """
    step = next(step for step in (1, 5, 10, 50, 100, 500, 1000, n) if n <= 16 * step)
    ticks = sorted({1, *range(step, n + 1, step)})
    return {"range": [0.4, n + 0.6], "tickvals": ticks, "ticktext": [f"z{k}" for k in ticks]}


def by_dimension(values: np.ndarray, title: str) -> go.Figure:
    """One bar for each latent dimension, (D,)."""
    place = np.arange(1, len(values) + 1)
    return theme.figure(
        _bars(place, values, {"color": theme.VALIDATION}, "z%{x}: %{y:.3g}"),
        height=200,
        x=_dimensions(len(values)) | {"title": "Latent dimension"},
        y=title,
    )


def loss_terms(costs: dict[str, dict[str, Estimate]], unit: str) -> go.Figure:
    """The terms of a loss one after the other, as one bar for each set of images.

    Each is written with the digits that its error allows, as in the sentence beside it.

    Args:
        costs: name of the images -> term -> value.
        unit: of all terms.
    """
    # A text that does not fit would be drawn too small to read: it is left out.
    look = {"textposition": "inside", "insidetextanchor": "middle", "textangle": 0}
    look |= {"orientation": "h", "textfont": {"color": "#ffffff", "size": 15}}
    most = max(sum(it.value for it in terms.values()) for terms in costs.values())
    hover, traces = "%{fullData.name}: %{customdata}<extra>%{y}</extra>", []
    for k, term in enumerate(next(iter(costs.values()))):
        found = [terms[term] for terms in costs.values()]
        values, look["customdata"] = [it.value for it in found], [it.brief() for it in found]
        look["text"] = [
            it.brief().partition(" ±")[0] if it.value > 0.06 * most else "" for it in found
        ]
        colour = {"color": theme.SIDE_BY_SIDE[k % len(theme.SIDE_BY_SIDE)]}
        traces += _bars(values, list(costs), colour, hover, name=term, **look)
    return theme.figure(
        traces,
        height=210,
        x=unit,
        y={"autorange": "reversed", "ticksuffix": " "},
        barmode="relative",  # an estimate may lie a little below zero
        legend=theme.ABOVE | {"traceorder": "normal"},
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
    colours = [theme.VALIDATION] * len(values)
    if marked is not None:
        colours[marked] = theme.PLACE
    figure = theme.figure(
        _bars(names, values, {"color": colours, "line_width": 0}, "%{x}: %{y:.3g}"),
        height=270,
        # Vertical names are not read.
        x={"title": across, "type": "category", "showticklabels": len(names) <= 40},
        y={"title": up, "rangemode": "tozero"},
        bargap=0.15,
    )
    if level is not None:
        look = {"color": theme.BASELINE, "width": 2, "dash": "dash"}
        figure.add_hline(level[0], line=look, annotation={"text": level[1], "font": None})
    return figure


def firing(shares: np.ndarray, *, graded: bool = False) -> go.Figure:
    """How many units fire on how large a share (D,) of the images, as a histogram.

    Args:
        graded: shares are mean activities, of units that may also fire in part.
    """
    across = "Share of test images on which a unit fires"
    hover = "%{y} units on %{customdata[0]:.1f} to %{customdata[1]:.1f} %"
    if graded:
        across = "Mean activity of a unit on test images"
        hover = "%{y} units with %{customdata[0]:.1f} to %{customdata[1]:.1f} %"
    percent = 100 * shares
    counts, edges = np.histogram(percent, 40, (0, max(percent.max(), 1e-3)))
    return theme.figure(
        _bars(
            (edges[1:] + edges[:-1]) / 2,
            counts,
            {"color": theme.VALIDATION, "line_width": 0},
            hover,
            width=np.diff(edges),
            customdata=np.stack([edges[:-1], edges[1:]], axis=1),
        ),
        height=270,
        x={"title": across, "ticksuffix": " %"},
        y="Units",
        bargap=0,
    )


def class_errors(errors: dict[str, list[Estimate]], rows: tuple[str, ...]) -> go.Figure:
    """A table of mean squared errors, one column a model; its colours say the same.

    Args:
        errors: model -> its error in each of the R rows.
        rows: what the rows are called, from above.
    """
    cells = {
        "type": "heatmap",
        "x": [name.replace(", ", "<br>") for name in errors],
        "y": list(rows),
        "z": np.array([[its.value for its in column] for column in errors.values()]).T,
        "customdata": np.array([[its.error for its in column] for column in errors.values()]).T,
        "text": [list(row) for row in zip(*map(_texts, errors.values()), strict=True)],
        "texttemplate": "%{text}",
        "textfont": {"size": 14, "color": "#111111"},
        "colorscale": ["#eef3f6", "#f39a5f"],  # no darker: the numbers are to be read on it
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "hovertemplate": "%{y}: MSE %{z:.5f} ± %{customdata:.1r}" + theme.ALONE,
    }
    fixed = {"fixedrange": True, "type": "category"}
    return theme.figure(
        [cells],
        height=90 + 30 * len(rows),
        width=100 + 145 * len(errors),
        margin={"t": 70},
        x=fixed | {"side": "top", "tickangle": 0},
        y=fixed | {"autorange": "reversed", "title": "Class"},
    )


def _texts(column: Sequence[Estimate]) -> list[str]:
    return [its.said(".4f") for its in column]


def codes_beside(codes: dict[str, tuple[np.ndarray, np.ndarray]]) -> go.Figure:
    """Each model's code of one image as dots, over what is usual in each latent dimension.

    Args:
        codes: model -> the code (D,), and between which values (2, D) most codes lie.
    """
    places = [np.arange(1, len(code) + 1) for code, _ in codes.values()]
    numbered = [_dimensions(len(place)) for place in places]
    axes, layout = theme.stacked(list(codes), 0.36, numbered, [{"nticks": 4}] * len(codes))
    traces = []
    for row, (place, (code, (least, most))) in enumerate(zip(places, codes.values(), strict=True)):
        here = axes[row] | {"showlegend": row == 0}
        look = {"color": theme.BASELINE, "opacity": 0.45, "line": {"width": 0}}
        told = {"name": "90 % of the test images", "legendgroup": "usual", "hoverinfo": "skip"}
        told |= {"base": least, "width": 0.8, "hovertemplate": None}
        traces += _bars(place, most - least, look, "", **told, **here)
        look = {"color": theme.RECONSTRUCTION, "size": 10 if len(code) <= 64 else 3, "opacity": 1}
        told = {"legendgroup": "this", "marker": look} | here
        hover = "z%{x}: %{y:.3g}" + theme.ALONE
        traces.append(theme.scatter(place, code, "this image", hover, "markers", **told))
    return theme.figure(traces, height=60 + 160 * len(codes), margin={"t": 30}, **layout)
