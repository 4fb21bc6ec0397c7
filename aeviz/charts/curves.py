"""One quantity against another, as lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from aeviz.charts import theme


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
            line={"color": theme.RECONSTRUCTION, "width": 3},
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
            line={"color": theme.BASELINE, "width": 3, "dash": dash},
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
    for (name, values), colour in zip(
        errors.items(), (theme.RECONSTRUCTION, theme.BASELINE), strict=True
    ):
        figure.add_scatter(
            x=widths,
            y=values,
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 3},
            marker={"size": [14 if width == chosen else 7 for width in widths], "opacity": 1},
            hovertemplate="%{x} numbers: MSE %{y:.4f}<extra>%{fullData.name}</extra>",
        )
    figure.add_vline(chosen, line={"color": theme.BASELINE, "width": 1, "dash": "dot"})
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
    looks = ("training", theme.TRAINING, 2), ("validation", theme.VALIDATION, 3)
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


def spectra(found: dict[str, np.ndarray]) -> go.Figure:
    """Singular values (N, R) at N pictures, sorted: their median, and 10 to 90 % as a band.

    Values that are zero at more than a tenth of the pictures have no place on a logarithmic scale.

    Args:
        found: name of a model -> its values; the first in the colour of reconstructions.
    """
    figure = go.Figure()
    drawn = np.empty(0)
    colours = (
        (theme.RECONSTRUCTION, "rgba(231,99,0,0.2)"),
        (theme.BASELINE, "rgba(148,164,162,0.3)"),
    )
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


def movement_curves(
    strengths: np.ndarray, moved: dict[str, np.ndarray], at: int, title: str
) -> go.Figure:
    """How far each code moves (K,) as a picture is changed more, one strength marked.

    Args:
        moved: model -> its movement at each strength; the last two are baselines.
        at: index of the strength that is marked.
        title: of the strength, with its unit.
    """
    looks = [(colour, "solid") for colour in theme.SIDE_BY_SIDE[: len(moved) - 2]]
    looks += [(theme.BASELINE, "solid"), (theme.BASELINE, "dot")]
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
    mark |= {"yref": "y domain", "line": {"color": theme.BASELINE, "width": 1, "dash": "dot"}}
    layout = {
        "height": 430,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "xaxis": {"title": {"text": title}},
        "yaxis": {"title": {"text": "movement, typical distances"}, "rangemode": "tozero"},
        "legend": {"orientation": "h", "y": -0.2, "yanchor": "top"},
        "shapes": [mark],
    }
    return go.Figure(curves, layout)


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
        line={"color": theme.BASELINE, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )
    for (name, (x, y)), colour in zip(
        curves.items(), (theme.RECONSTRUCTION, theme.BASELINE), strict=True
    ):
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
    looks = ("trained beforehand", theme.RECONSTRUCTION, known), ("yours", theme.VALIDATION, yours)
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
        line={"color": theme.BASELINE, "width": 2, "dash": "dash"},
        hovertemplate="AUROC %{y:.4f}<extra>%{fullData.name}</extra>",
    )
    return figure.update_layout(
        height=320,
        margin={"l": 10, "r": 10, "t": 20, "b": 10},
        xaxis={"title": "anomalies among the training pictures, %", "range": [-1, 21]},
        yaxis={"title": "AUROC", "tickformat": ".3~f"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )


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
    looks = [(theme.BASELINE, "solid"), (theme.FILES, "solid"), (theme.FILES, "dot")]
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
        marker={"color": theme.RECONSTRUCTION, "size": 8, "symbol": "circle-open", "opacity": 0.8},
        hovertemplate=hover,
    )
    for (name, curve), colour in zip(shown.items(), theme.SIDE_BY_SIDE, strict=False):
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
    figure.add_vline(size, line={"color": theme.FILES, "width": 2, "dash": "dash"})
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
        (theme.ORIGINAL, "dot"),
        (theme.BASELINE, "dot"),
        (theme.RECONSTRUCTION, "solid"),
        (theme.TUNED, "solid"),
        (theme.SCRATCH, "dash"),
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
    styles = [(colour, "solid", 3, "circle") for colour in theme.SIDE_BY_SIDE]
    styles = [
        *styles[: len(models)],
        (theme.BASELINE, "dot", 2, "circle"),
        (theme.BASELINE, "solid", 1.5, "square"),
        (theme.BASELINE, "solid", 1.5, "diamond"),
        (theme.BASELINE, "solid", 1.5, "triangle-up"),
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
    colours = dict(zip(models, theme.SIDE_BY_SIDE, strict=False))
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
