"""Colours, which mean the same on every page, and what all charts have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

DIGITS = (
    "#92dadd",
    "#717581",
    "#e76300",
    "#94a4a2",
    "#bd1f01",
    "#ffa90e",
    "#a96b59",
    "#b9ac70",
    "#832db6",
    "#3f90da",
)
"""Ten colours that colour-blind people can tell apart: Petroff 2021, arXiv:2107.02270, table 1.

Ordered so that digits which are neighbours on every map are far apart in colour: in 3, 5, 8 and in
4, 9, 7 no two are nearer than 73 in CIELAB, the most that an order of these ten can have.
"""
ORIGINAL, RECONSTRUCTION, BASELINE = "#3f90da", "#e76300", "#94a4a2"
PLACE = "#dd3a72"
"""Of what is yours, a place in space, a threshold: the accent, seen on light and on dark."""
TRAINING, VALIDATION = "#8a8f98", "#2590b8"
SIDE_BY_SIDE = (RECONSTRUCTION, VALIDATION, "#832db6", "#b9ac70")
"""Of what stands side by side: the terms of a loss, models in the order in which they were chosen.
"""
NORMAL, ODD = "#2590b8", "#d1495b"
"""Of images that belong and of those that do not."""
FILES = "#a96b59"
"""Of files as everybody keeps them: JPEG, PNG."""
SCRATCH, TUNED = "#832db6", "#bd1f01"
"""Of a network with fresh weights, and of one that goes on from trained ones."""

CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}
"""Plotly's tool bar shows what helps: pass it as st.plotly_chart(config=...)."""
PLAIN = {"displayModeBar": False}
"""No tool bar: on a phone, where it is always there, it lies over legends and names."""

Trace = dict[str, Any]
"""What Plotly draws, told as a dictionary."""

CLEAR = "rgba(0,0,0,0)"
"""Under a chart is the page, light or dark."""
NAMED = "<extra>%{fullData.name}</extra>"
"""Ends a hover text: the curve's name stands beside it."""
ALONE = "<extra></extra>"
"""Ends a hover text beside which nothing stands."""
ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}
BELOW = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"}
"""Where a legend lies: as a row over the plot, or under it."""


def figure(
    traces: Sequence[Trace],
    *,
    height: int,
    x: str | dict[str, Any] | None = None,
    y: str | dict[str, Any] | None = None,
    margin: dict[str, int] | None = None,
    **more: Any,
) -> go.Figure:
    """Traces with what all charts have: narrow margins, titled axes, a legend if there are several.

    All is told at once: each call of Plotly's add_ or update_ takes a millisecond or more.

    Args:
        x, y: title of an axis, or its settings.
        margin: pixels by side, where they are not 10.
        more: settings of the layout, in place of those here.
    """
    # plotly takes pandas as it finds it: half imported, where another thread has just begun to.
    # Both here, as the first view of all needs colours and neither of them.
    import pandas  # noqa: F401
    import plotly.graph_objects as go

    layout = {
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "height": height,
        "margin": dict.fromkeys("lrtb", 10) | (margin or {}),
        "xaxis": {"title": x} if isinstance(x, str) else x,
        "yaxis": {"title": y} if isinstance(y, str) else y,
        "legend": ABOVE if len(traces) > 1 else None,
    }
    return go.Figure(list(traces), layout | more)


def scatter(x: Any, y: Any, name: str | None, hover: str | None, mode: str, **more: Any) -> Trace:
    """Dots or a line.

    Args:
        name: in the legend; None for what is not in it.
        hover: text, beside which the name stands if it does not say itself what does; None for
            what has no text.
        more: other settings, or in place of those here.
    """
    told = {"type": "scatter", "x": x, "y": y, "name": name, "mode": mode}
    told["showlegend"] = None if name else False
    if hover is None:
        return told | {"hoverinfo": "skip"} | more
    return told | {"hovertemplate": hover if "<extra>" in hover else hover + NAMED} | more


def line(x: Any, y: Any, name: str | None, hover: str | None, colour: str, **more: Any) -> Trace:
    """A line; more: its width and dash, and what `scatter` takes."""
    look = {"color": colour, "width": more.pop("width", 3), "dash": more.pop("dash", None)}
    return scatter(x, y, name, hover, more.pop("mode", "lines+markers"), line=look, **more)


def counted(title: str, counts: Sequence[int]) -> dict[str, Any]:
    """Settings of a logarithmic axis with a tick at each of some whole numbers."""
    texts = [f"{count:,}" for count in counts]
    return {"title": title, "type": "log", "tickvals": counts, "ticktext": texts}


def upright(x: float, colour: str = BASELINE, width: float = 1, dash: str = "dot") -> Trace:
    """A line from the bottom of a plot to its top, as a shape."""
    ends = {"x0": x, "x1": x, "xref": "x", "y0": 0, "y1": 1, "yref": "y domain"}
    return {"type": "line", "line": {"color": colour, "width": width, "dash": dash}} | ends


def stacked(
    names: Sequence[str], gap: float, x: Sequence[dict[str, Any]], y: Sequence[dict[str, Any]]
) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Plots one below the other, each with its name above it.

    Not by Plotly's make_subplots, which takes four times as long.

    Args:
        names: of the plots, from above.
        gap: height of all gaps and as much again, as a share of the whole.
        x, y: settings of their axes.

    Returns:
        Which axes the traces of each plot belong to, and settings of the layout.
    """
    axes, layout, notes = [], {}, []
    step = (1 + gap / len(names)) / len(names)
    for row, name in enumerate(names):
        top, number = 1 - row * step, row + 1 if row else ""
        bottom = max(top - step + gap / len(names), 0)
        axes.append({"xaxis": f"x{number}", "yaxis": f"y{number}"})
        layout[f"xaxis{number}"] = {"anchor": f"y{number}"} | x[row]
        layout[f"yaxis{number}"] = {"anchor": f"x{number}", "domain": [bottom, top]} | y[row]
        place = {"x": 0, "xref": "paper", "xanchor": "left", "y": top, "yref": "paper"}
        notes.append({"text": name, "showarrow": False, "yanchor": "bottom"} | place)
    return axes, layout | {"annotations": notes, "legend": BELOW}
