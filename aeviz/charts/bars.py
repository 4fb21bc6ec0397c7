"""Quantities side by side: bars, tables, the codes of one image."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from aeviz.charts import theme


def class_counts(counts: np.ndarray, classes: tuple[str, ...]) -> go.Figure:
    """How many of each class, (10,), as bars in the digits' colours."""
    figure = go.Figure(
        go.Bar(
            x=list(classes),
            y=counts,
            marker_color=list(theme.DIGITS),
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
            marker_color=theme.VALIDATION,
            hovertemplate="z%{x}: %{y:.3g}<extra></extra>",
        )
    )
    return figure.update_layout(
        height=200,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={"title": "number of the code", "tickprefix": "z", "tickformat": "d"},
        yaxis_title=title,
    )


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
            marker_color=theme.SIDE_BY_SIDE[k % len(theme.SIDE_BY_SIDE)],
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
    colours = [theme.VALIDATION] * len(values)
    if marked is not None:
        colours[marked] = theme.PLACE
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
            line={"color": theme.BASELINE, "width": 2, "dash": "dash"},
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
            marker={"color": theme.VALIDATION, "line_width": 0},
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
        look = {"color": theme.BASELINE, "opacity": 0.45, "line": {"width": 0}}
        of_all = {"name": "90 % of the test pictures", "legendgroup": "usual"}
        traces.append({"type": "bar", "marker": look} | bar | of_all | axes)
        dots = {"x": place, "y": code, "hovertemplate": "z%{x}: %{y:.3g}<extra></extra>"}
        look = {"color": theme.RECONSTRUCTION, "size": 10 if len(code) <= 64 else 3, "opacity": 1}
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
