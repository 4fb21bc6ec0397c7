"""Parts of the page of the map: which view of a code, its plane, and three dimensions in space."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from aeviz.analysis import planes, projections
from aeviz.app import session, widgets
from aeviz.app.components.link import has_webgl
from aeviz.app.subject import ModelSubject
from aeviz.app.views import layers
from aeviz.app.views.explore import explore, grid_of
from aeviz.app.views.layers import say as say_layer
from aeviz.charts import maps, theme

__all__ = [
    "HOW",
    "choose_layer",
    "choose_plane",
    "choose_view",
    "explore",
    "grid",
    "say_layer",
    "space",
]

VIEWS = {"pca": "PCA plane", "axes": "Two axes", "umap": "UMAP", "tsne": "t-SNE"}
SETTINGS = {
    "umap": f"{projections.NEIGHBOURS} neighbours",
    "tsne": f"perplexity {projections.PERPLEXITY}",
}
HOW = {"space": "Move the sliders"}
"""How one comes to a place, where it is not by the probe."""
DOTS_ARE = "The code of each test image, in the colour of its class."
DOTS = 4000
"""In space."""
SLIDERS = 16
"""A code can have hundreds of dimensions."""


def choose_view(subject: ModelSubject) -> str:
    """Widgets that choose how a code is seen; nothing to choose where two dimensions are all."""
    if subject.code_dim <= 2:
        return "pca"
    in_space = subject.code_dim == 3 and has_webgl()  # else there is nothing to draw it with
    return widgets.choice(
        "View of the code",
        VIEWS | ({"space": "3D"} if in_space else {}),
        "plane",
        "The code has more than two dimensions, so the map shows a part of it.",
    )


def choose_layer(*, possible: bool) -> dict[str, Any]:
    """What is drawn on the map: what lies under the dots, and whether there are dots.

    Args:
        possible: False in space, where there are dots alone.
    """
    start = "none" if session.asked("background") == "false" else "territories"  # of old
    kind = start
    if possible:
        kind = widgets.choice("Under the dots", layers.NAMES, "layer", start=start)
    dots = widgets.toggle("Dots", "dots", True, help=DOTS_ARE, disabled=not possible)
    return {"layer": kind, "dots": dots}


def choose_plane(subject: ModelSubject, view: str) -> planes.Plane | None:
    """The plane of a view, with the widgets that it needs; None while there is none."""
    if view == "axes":
        return _axes(subject)
    if view not in ("umap", "tsne"):
        return subject.plane()
    places = widgets.projected(subject, view)
    if places is None:
        return None
    st.caption(
        f"{VIEWS[view]} ({SETTINGS[view]}) is for looking: distances and empty areas mean little. "
        "The probe decodes a weighted mean of the nearest codes, so its image is approximate."
    )
    return planes.EmbeddingPlane(subject.codes(), places, VIEWS[view])


def _axes(subject: ModelSubject) -> planes.Plane | None:
    codes = subject.codes()
    names = {str(d): str(d) for d in range(1, subject.code_dim + 1)}
    # Those that vary most come first: many dimensions of a very wide code hardly move.
    ranked = codes.std(0).argsort(kind="stable")[::-1].tolist()
    if subject.code_dim <= SLIDERS:
        ranked = list(range(subject.code_dim))
    chosen = []
    axes = ("Horizontal axis", "across"), ("Vertical axis", "up")
    for column, (label, key), d in zip(st.columns(2), axes, ranked, strict=False):
        with column:
            start = str(d + 1)
            chosen.append(widgets.choice(label, names, key, menu=True, start=start, width=700))
    first, second = map(int, chosen)
    base = _others(subject, [d for d in ranked if d + 1 not in (first, second)])
    if first == second:
        st.info("Choose two different latent dimensions.")
        return None
    return planes.AxesPlane(first - 1, second - 1, base)


def _others(subject: ModelSubject, others: list[int]) -> np.ndarray:
    """Sliders for the dimensions that are on no axis; a code (D,) with their values."""
    codes = subject.codes()
    base, ends = codes.mean(0), np.percentile(codes, [1, 99], axis=0).tolist()
    with st.expander("The other latent dimensions"):
        some = f"The {SLIDERS} that vary most" if len(others) > SLIDERS else "They"
        st.caption(f"{some} start at the mean of all test codes, and stay where you set them.")
        columns = st.columns(4)
        for k, d in enumerate(others[:SLIDERS]):
            with columns[k % 4]:
                base[d] = _dimension(d, ends[0][d], ends[1][d], float(base[d]), f"{subject.key}-z")
    return base


def _dimension(d: int, low: float, high: float, start: float, key: str) -> float:
    return st.slider(f"z{d + 1}", low, max(high, low + 0.1), start, key=f"{key}{d}")


def space(subject: ModelSubject, told: np.ndarray | None) -> None:
    """Codes of three dimensions in space that can be turned, and what is decoded at a place.

    Args:
        told: the class (1,) that the decoder is told, for a model that takes it.
    """
    codes, data = subject.codes(), subject.data
    chart, inspector = st.columns([4, 1], gap="medium")
    low, middle, high = np.percentile(codes, [1, 50, 99], axis=0).tolist()
    with inspector:
        place = np.array(
            [_dimension(d, low[d], high[d], middle[d], f"{subject.key}-space") for d in range(3)],
            np.float32,
        )
        image = subject.codec.decode(place[None], told)[0]
        item = widgets.Item([(image, "decoded")], "decoded at\nthe pink dot")
        widgets.gallery([item], size="9rem")
    with chart:
        seen = maps.space_map(codes[:DOTS], data.test_labels[:DOTS], data.classes, place)
        st.plotly_chart(
            seen, config=theme.CONFIG, key="space", alt="map of test codes in three dimensions"
        )
        st.caption("Drag to turn it, scroll to come nearer. The sliders move the pink dot.")


def grid(subject: ModelSubject, plane: planes.Plane, label: int | None) -> str:
    """What lies behind the dots, and how near the blend comes to the decoder, in sentences."""
    size, error = grid_of(subject, plane, label)
    return (
        "The images behind the dots are what the decoder makes of each place, decoded on a grid of "
        f"{size} by {size} codes. While the probe moves, its image is blended from that grid, "
        f"which among the test codes is {error.said('.2f')} grey levels of 255 off, as a mean over "
        "pixels and places; when it rests, the place itself is decoded."
    )
