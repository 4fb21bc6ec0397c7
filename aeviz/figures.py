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
    """Images (N, H, W) side by side in rows, one picture (rows * H, columns * W); blank at the end."""
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
            x=list(classes), y=counts, marker_color=list(DIGITS), hovertemplate="%{x}: %{y}<extra></extra>"
        )
    )
    figure.update_layout(
        height=220,
        margin={"l": 40, "r": 10, "t": 10, "b": 40},
        xaxis={"title": "class", "type": "category"},
        yaxis_title="how many",
    )
    return figure
