"""One quantity against another, as lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from aeviz.analysis.estimate import Estimate
from aeviz.charts import theme


def distance_curve(
    distances: np.ndarray, half: float, most: float, marks: dict[str, float]
) -> go.Figure:
    """Distance (K,) to the nearest training code along a path, beside those of test codes.

    Args:
        half: half of the test codes have a training code within this.
        most: 90 % of them have.
        marks: letter -> how far along the path, in [0, 1].
    """
    share, hover = np.linspace(0, 100, len(distances)), "%{x:.0f} % of the way: %{y:.3g} away"
    look = {"fill": "tozeroy", "mode": None}
    traces = [
        theme.line(share, distances, "this path", hover + theme.ALONE, theme.RECONSTRUCTION, **look)
    ]
    levels = (
        (most, "90 % of test codes have one within", "dash"),
        (half, "half of test codes", "dot"),
    )
    for y, name, dash in levels:
        look = {"dash": dash, "mode": "lines"}
        traces.append(theme.line([0, 100], [y, y], name, "%{y:.3g}", theme.BASELINE, **look))
    places = {"tickvals": [100 * place for place in marks.values()], "ticktext": list(marks)}
    return theme.figure(
        traces,
        height=270,
        margin={"l": 50, "b": 40},
        x=places | {"title": "Along the path"},
        y={"title": "Distance to the nearest training code", "rangemode": "tozero"},
    )


def ladder_curve(
    widths: list[int],
    errors: Mapping[str, Sequence[Estimate]],
    chosen: int,
    *,
    height: int = 330,
) -> go.Figure:
    """Test error against the latent dimension, both on logarithmic scales, one width marked.

    Args:
        errors: name -> MSE at each width; the first in the colour of reconstructions.
    """
    marker = {"size": [14 if width == chosen else 7 for width in widths], "opacity": 1}
    hover = "%{x} latent dimensions: MSE %{y:.5f} ± %{error_y.array:.1r}"
    traces = []
    for (name, found), colour in zip(
        errors.items(), (theme.RECONSTRUCTION, theme.BASELINE), strict=True
    ):
        spread = {"array": [its.error for its in found], "thickness": 1.5}
        values = [its.value for its in found]
        traces.append(
            theme.line(widths, values, name, hover, colour, marker=marker, error_y=spread)
        )
    return theme.figure(
        traces,
        height=height,
        x=theme.counted("Latent dimension", widths),
        y={"title": "Test MSE per pixel", "type": "log", "tickformat": ".3~f", "dtick": "D2"},
        shapes=[theme.upright(chosen)],
    )


def loss_curves(
    steps: np.ndarray,
    terms: Mapping[str, tuple[np.ndarray, ...]],
    *,
    unit: str,
    last: int | None = None,
    levels: Mapping[str, float] | None = None,
    height: int = 390,
) -> go.Figure:
    """Loss terms over the steps (K,), one above the other, each on a scale of its own, all of it.

    Where a fall from the first weights would press the rest flat the scale is logarithmic.

    Args:
        terms: name -> its values (K,) on training images and, where they are known, held-out ones.
        unit: of all terms; empty as long as it is unknown.
        last: the step at which training will end.
        levels: what the first term is of others, by their names, as dotted lines.
    """
    stepwise = {"range": [0, last] if last else None, "rangemode": "tozero", "tickformat": "~s"}
    above = stepwise | {"matches": f"x{len(terms)}", "showticklabels": False}
    drawn = sorted(((at, name) for name, at in (levels or {}).items() if at > 0), reverse=True)
    known = [at for at, _ in drawn]
    axes, layout = theme.stacked(
        [f"{name}, {unit}" if unit else name for name in terms],
        0.24,
        [above] * (len(terms) - 1) + [stepwise | {"title": "Step"}],
        [_scale(lines, [] if row else known) for row, lines in enumerate(terms.values())],
    )
    hover, traces = "%{y:.4g} at step %{x:,}", []
    looks = ("training", theme.TRAINING, 2), ("validation", theme.VALIDATION, 3)
    for row, lines in enumerate(terms.values()):
        for values, (name, colour, width) in zip(lines, looks, strict=False):
            look = {"width": width, "marker": {"color": colour, "size": 4}}
            look |= {"legendgroup": name, "showlegend": row == 0}
            traces.append(theme.line(steps, values, name, hover, colour, **look, **axes[row]))
    if len(steps):
        end, sides = last or int(steps[-1]), ("top", "bottom")  # names of two do not touch
        traces += [_level(*each, end, sides[k % 2]) for k, each in enumerate(drawn)]
    # A zoom outlives the next point.
    return theme.figure(traces, height=height, margin={"t": 30}, uirevision="the same", **layout)


def _level(at: float, name: str, end: int, side: str) -> theme.Trace:
    """A dotted line across the first plot, its name at its right end."""
    look = {"mode": "lines+text", "dash": "dot", "width": 1.5, "showlegend": False}
    look |= {"text": ["", name], "textposition": f"{side} left", "textfont": {"size": 11}}
    hover = f"{name}: %{{y:.4g}}{theme.ALONE}"
    return theme.line([0, end], [at, at], name, hover, theme.BASELINE, **look)


def _scale(lines: tuple[np.ndarray, ...], levels: list[float]) -> dict[str, Any]:
    """Settings of an axis that shows all values of a loss term and some levels."""
    values = np.concatenate([line[np.isfinite(line)] for line in lines])
    if not len(values):
        return {"nticks": 5, "range": None}
    low, high = min([values.min(), *levels]), max([values.max(), *levels])
    early = np.median(values) < values.min() + 0.25 * (values.max() - values.min())
    if low > 0 and high > 2 * low and early:
        ends = [math.log10(low / 1.08), math.log10(1.15 * high)]
        dtick = "D2" if high < 30 * low else 1
        return {"type": "log", "range": ends, "dtick": dtick, "tickformat": ",.4~r"}
    margin = 0.06 * (high - low) or 0.1 * max(abs(high), 1)
    return {"nticks": 5, "range": [low - margin, high + margin]}


def spectra(found: dict[str, np.ndarray]) -> go.Figure:
    """Singular values (N, R) at N images, sorted: their median, and 10 to 90 % as a band.

    Values that are zero at more than a tenth of the images have no place on a logarithmic scale.

    Args:
        found: name of a model -> its values; the first in the colour of reconstructions.
    """
    traces, drawn = [], np.empty(0)
    colours = (
        (theme.RECONSTRUCTION, "rgba(231,99,0,0.2)"),
        (theme.BASELINE, "rgba(148,164,162,0.3)"),
    )
    for (name, values), (colour, pale) in zip(found.items(), colours, strict=False):
        low, middle, high = np.quantile(values, [0.1, 0.5, 0.9], axis=0)
        rank = np.flatnonzero(low > 0)
        low, middle, high, x = low[rank], middle[rank], high[rank], rank + 1
        drawn = np.concatenate([drawn, low, high])
        band = np.append(x, x[::-1]), np.append(high, low[::-1])
        look = {"fill": "toself", "fillcolor": pale, "line_width": 0}
        traces.append(theme.scatter(band[0], band[1], None, None, "lines", **look))
        hover, marker = "singular value %{x}: %{y:.3g}", {"size": 7 if len(x) < 80 else 3}
        traces.append(theme.line(x, middle, name, hover, colour, marker=marker))
    longest = max(values.shape[1] for values in found.values())
    narrow = len(drawn) > 0 and drawn.max() < 12 * drawn.min()
    dtick = "D1" if narrow else "D2"  # else a short axis has a single number
    ranks = {"tickformat": "d", "dtick": 1 if longest < 9 else None}
    return theme.figure(
        traces,
        height=360,
        x=ranks | {"title": "Singular value, from the largest"},
        y={"title": "Singular value", "type": "log", "tickformat": ".3~g", "dtick": dtick},
    )


def movement_curves(
    strengths: np.ndarray, moved: dict[str, np.ndarray], at: int, title: str
) -> go.Figure:
    """How far each code moves (K,) as an image is changed more, one strength marked.

    Args:
        moved: model -> its movement at each strength; the last two are baselines.
        at: index of the strength that is marked.
        title: of the strength, with its unit.
    """
    looks = [(colour, "solid") for colour in theme.SIDE_BY_SIDE[: len(moved) - 2]]
    looks += [(theme.BASELINE, "solid"), (theme.BASELINE, "dot")]
    size = np.where(np.arange(len(strengths)) == at, 13, 5)
    hover, traces = "%{x:g}: moved %{y:.2f}", []
    for (name, values), (colour, dash) in zip(moved.items(), looks, strict=True):
        marker = {"color": colour, "size": size, "opacity": 1, "line": {"width": 0}}
        look = {"dash": dash, "marker": marker}
        traces.append(theme.line(strengths, values, name, hover, colour, **look))
    return theme.figure(
        traces,
        height=430,
        x=title,
        y={"title": "Movement (typical distances)", "rangemode": "tozero"},
        legend={"orientation": "h", "y": -0.2, "yanchor": "top"},
        shapes=[theme.upright(strengths[at])],
    )


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
    dotted = {"mode": "lines", "width": 1, "dash": "dot"}
    traces = [theme.line([0, 1], list(chance), None, None, theme.BASELINE, **dotted)]
    colours, hover = (theme.RECONSTRUCTION, theme.BASELINE), "%{x:.3f}, %{y:.3f}"
    for (name, (x, y)), colour in zip(curves.items(), colours, strict=True):
        traces.append(theme.line(x, y, name, hover, colour, mode="lines"))
    rimmed = {"color": "#000000", "size": 12, "line": {"color": "#ffffff", "width": 2}}
    now = f"this threshold: {hover}{theme.ALONE}"
    traces.append(theme.scatter([place[0]], [place[1]], None, now, "markers", marker=rimmed))
    across, up = ({"title": title, "range": [-0.02, 1.02]} for title in axis_titles)
    return theme.figure(traces, height=330, x=across, y=up, legend=theme.ABOVE | {"x": 0})


def contamination_curve(
    known: Mapping[float, Estimate],
    yours: Mapping[float, Estimate],
    linear: Mapping[float, Estimate],
) -> go.Figure:
    """AUROC against the share of anomalies among what was trained on, with standard errors.

    Args:
        known: share -> AUROC of the pretrained models; may be empty.
        yours: of those that the person trained; may be empty.
        linear: of PCA, fitted to the same images as one of them; may be empty.
    """
    looks = (
        ("pretrained", theme.RECONSTRUCTION, known, {}),
        ("yours", theme.VALIDATION, yours, {}),
        ("PCA", theme.BASELINE, linear, {"dash": "dash", "width": 2}),
    )
    hover, traces = "%{x:.0f} % anomalies: AUROC %{y:.4f} ± %{customdata:.1r}", []
    for name, colour, points, look in looks:
        shares = sorted(points)
        x, y = [100 * share for share in shares], [points[k].value for k in shares]
        errors = [points[k].error for k in shares]
        bars = {"type": "data", "array": errors, "width": 4}
        look = look | {"showlegend": bool(points), "marker": {"size": 10}}
        look |= {"error_y": bars, "customdata": errors}
        traces.append(theme.line(x, y, name, hover, colour, **look))
    return theme.figure(
        traces,
        height=320,
        margin={"t": 20},
        x={"title": "Training-set contamination (%)", "range": [-1, 21]},
        y={"title": "AUROC", "tickformat": ".3~f"},
    )


@dataclass(frozen=True)
class Curve:
    """Ways to store an image: bytes (K,), MSE (K,), and what each is, (K,) texts."""

    sizes: list[float]
    errors: list[float]
    texts: list[str]


def rate_distortion(
    shown: dict[str, Curve],
    taken: dict[str, int],
    others: Curve,
    lines: dict[str, Curve],
    lossless: tuple[str, float] | None,
    *,
    in_decibel: bool = True,
    height: int = 520,
) -> go.Figure:
    """Bytes of an image against the error of its reconstruction; bytes on a logarithmic scale.

    Args:
        shown: model -> its points, from few bytes to many; up to four.
        taken: model -> which of them is marked.
        others: one point for each model that is not shown as a curve.
        lines: what they are compared with; the first in the colour of baselines.
        lossless: name and bytes of a file without any error, which no axis reaches; None without.
        in_decibel: PSNR upwards; else MSE.
    """
    hover = "%{text}<br>%{x:.1f} bytes, " + ("%{y:.1f} dB" if in_decibel else "MSE %{y:.4f}")

    def distortion(errors: list[float]) -> np.ndarray:
        return -10 * np.log10(errors) if in_decibel else np.asarray(errors)

    def drawn(curve: Curve, name: str, mode: str = "lines+markers", **look: object) -> theme.Trace:
        x, y, alone = curve.sizes, distortion(curve.errors), hover + theme.ALONE
        return theme.scatter(x, y, name, alone, mode, text=curve.texts, **look)

    looks = (theme.BASELINE, "solid"), (theme.FILES, "solid"), (theme.FILES, "dot")
    traces = [
        drawn(line, name, line={"color": colour, "width": 3, "dash": dash}, marker={"size": 5})
        for (name, line), (colour, dash) in zip(lines.items(), looks, strict=False)
    ]
    look = {"color": theme.RECONSTRUCTION, "size": 8, "symbol": "circle-open", "opacity": 0.8}
    traces.append(drawn(others, "other pretrained models", "markers", marker=look))
    for (name, curve), colour in zip(shown.items(), theme.SIDE_BY_SIDE, strict=False):
        size = [14 if k == taken[name] else 6 for k in range(len(curve.sizes))]
        look = {"size": size, "opacity": 1}
        traces.append(drawn(curve, name, line={"color": colour, "width": 2}, marker=look))
    shapes, notes = [], []
    if lossless:
        name, size = lossless
        text = f"{name}, without<br>error: {size:.0f} bytes"
        note = {"text": text, "align": "right", "showarrow": False, "yref": "paper"}
        note |= {"x": np.log10(size), "xanchor": "right", "xshift": -4}  # where no curves are
        note |= {"y": 0.02, "yanchor": "bottom"} if in_decibel else {"y": 0.98, "yanchor": "top"}
        shapes, notes = [theme.upright(size, theme.FILES, 2, "dash")], [note]
    every = [e for curve in (*shown.values(), others) for e in curve.errors]
    best, worst = min(every, default=0.001), max(every, default=0.05)
    ticks = {"tickvals": [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000], "tickangle": 0}
    return theme.figure(
        traces,
        height=height,
        x=ticks | {"title": "Bytes per image", "type": "log"},
        y={
            "title": "PSNR (dB)" if in_decibel else "Test MSE per pixel",
            "range": distortion([1.6 * worst, 0.35 * best]) if in_decibel else [0, 1.2 * worst],
        },
        shapes=shapes,
        annotations=notes,
    )


def label_curves(
    accuracy: dict[str, tuple[list[int], list[float], list[float]]], *, height: int = 460
) -> go.Figure:
    """Accuracy against the number of labels, on a logarithmic scale.

    Args:
        accuracy: name -> numbers of labels, mean accuracies and their standard errors;
            in the order pixels, PCA, frozen code, fine-tuned, from scratch.
    """
    looks = [(theme.ORIGINAL, "dot"), (theme.BASELINE, "dot"), (theme.RECONSTRUCTION, "solid")]
    looks += [(theme.TUNED, "solid"), (theme.SCRATCH, "dash")]
    hover, traces = "%{x:,} labels: %{y:.1f} %", []
    for (name, found), (colour, dash) in zip(accuracy.items(), looks, strict=False):
        counts, means, errors = found[0], *([100 * v for v in values] for values in found[1:])
        look = {"dash": dash, "marker": {"size": 8}}
        look["error_y"] = {"array": errors, "thickness": 1.5}
        traces.append(theme.line(counts, means, name, hover, colour, **look))
    low = int(10 * min(mean for _, means, _ in accuracy.values() for mean in means))
    return theme.figure(
        traces,
        height=height,
        x=theme.counted(
            "Labelled images", sorted({n for found in accuracy.values() for n in found[0]})
        ),
        y={"title": "Test accuracy (%)", "range": [10 * low, 101]},
    )


SEEN = 40.0
"""Decibels above which no eye sees a difference: as far as the axis of a curve goes."""


def strength_curves(
    strengths: tuple[float, ...],
    psnr: Mapping[str, Sequence[Estimate]],
    marks: dict[str, float],
    models: int,
    *,
    title: str,
    height: int = 400,
) -> go.Figure:
    """PSNR against the strength of a corruption, from weak on the left to strong on the right.

    Args:
        strengths: (K,), rising or falling.
        psnr: name -> dB and standard error at each strength; what is infinite is left out.
        marks: model -> the strength that it was trained at.
        models: how many of the first are models, four at most; the others are baselines, grey.
        title: of the strength, with its unit.
    """
    colours = dict(zip(list(psnr)[:models], theme.SIDE_BY_SIDE, strict=False))
    looks = [(colour, "solid", 3, "circle") for colour in colours.values()]
    looks.append((theme.BASELINE, "dot", 2, "circle"))
    symbols = ("square", "diamond", "triangle-up", "cross")
    looks += [(theme.BASELINE, "solid", 1.5, symbol) for symbol in symbols]
    hover, traces, every = "%{y:.1f} ± %{error_y.array:.1r} dB at %{x:g}", [], []
    for (name, found), (colour, dash, width, symbol) in zip(psnr.items(), looks, strict=False):
        look = {"dash": dash, "width": width, "marker": {"size": 8, "symbol": symbol}}
        values = [its.value if math.isfinite(its.value) else math.nan for its in found]
        look["error_y"] = {"array": [its.error for its in found], "thickness": 1.5}
        every += [value for value in values if not math.isnan(value)]
        traces.append(theme.line(strengths, values, name, hover, colour, **look))
    corner = {"xref": "x", "xanchor": "left", "y": 1, "yref": "y domain", "yanchor": "top"}
    notes = [
        {"x": at, "text": f"trained at {at:g}", "font": {"color": colours[name]}, "yshift": -18 * k}
        | corner  # two that were trained alike stand below each other
        | {"showarrow": False}
        for k, (name, at) in enumerate(marks.items())
    ]
    high = min(max(every), SEEN)
    return theme.figure(
        traces,
        height=height,
        x={"title": title, "autorange": "reversed" if strengths[0] > strengths[-1] else True},
        y={"title": "PSNR (dB)", "range": [min(every) - 1, high + 1]},
        shapes=[theme.upright(at, colours[name], 2) for name, at in marks.items()],
        annotations=notes,
    )
