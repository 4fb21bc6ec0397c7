"""Arrays to Plotly figures and PNG bytes; no Streamlit. Colours mean the same on every page."""

from __future__ import annotations

import base64
import io

import numpy as np
import plotly.graph_objects as go
from PIL import Image

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

CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}
"""Plotly's tool bar shows what helps: pass it as st.plotly_chart(config=...)."""


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
    """A signed error (H, W) in [-1, 1] as RGB uint8: blue below, white at zero, red above."""
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
    figure = go.Figure()
    for label, name in enumerate(classes):
        chosen = points[labels == label]
        figure.add_scattergl(
            x=chosen[:, 0],
            y=chosen[:, 1],
            mode="markers",
            name=name,
            marker={"color": DIGITS[label], "size": 5, "opacity": 0.7},
            hoverinfo="name",
        )
    figure.update_layout(
        height=height,
        margin={"l": 40, "r": 10, "t": 10, "b": 40},
        xaxis_title="code z1",
        yaxis_title="code z2",
        legend={"itemsizing": "constant", "orientation": "h", "y": 1.08},
    )
    return figure


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
    for diameter, colour in ((size + 3, "#ffffff"), (size, "#000000")):
        figure.add_scattergl(
            x=marked[:, 0],
            y=marked[:, 1],
            mode="markers",
            marker={"color": colour, "size": diameter},
            hoverinfo="skip",
            showlegend=False,
        )
    low, high = np.percentile(points, [0.5, 99.5], axis=0)  # a few points may lie far outside
    margin = 0.08 * (high - low)
    low, high = np.minimum(low, marked.min(0)) - margin, np.maximum(high, marked.max(0)) + margin
    return figure.update_layout(
        margin_b=100,
        xaxis={"title": axis_titles[0], "range": [low[0], high[0]]},
        yaxis={"title": axis_titles[1], "range": [low[1], high[1]]},
        legend_y=-0.2,  # below: above, the tool bar would cover it
    )


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
