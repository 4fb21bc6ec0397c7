"""The map over a model: decodes exactly where the probe rests, and keeps the place in the URL."""

from __future__ import annotations

import numpy as np
import streamlit as st

from aeviz.analysis import errors, neighbours, planes
from aeviz.analysis.planes import Plane, Window
from aeviz.app import ui
from aeviz.app.components.latent_map import (
    AtlasFile,
    Clicked,
    Exact,
    latent_map,
    points_file,
    state,
)
from aeviz.charts import bars, pixels, theme
from aeviz.data import datasets
from aeviz.models import apply

FAR = 3.0
"""A place is far from every code beyond this many typical gaps between neighbours."""


@st.cache_data(max_entries=6, show_spinner=False)
def _sheet(data_name: str) -> bytes:
    return pixels.png(pixels.tiles(datasets.load(data_name).test_images, 100))


@st.cache_data(max_entries=64, show_spinner="Decoding a grid of codes")
def _atlas(
    model_name: str,
    plane_key: str,
    window: Window,
    label: int | None,
    _plane: Plane,
    _points: np.ndarray,
) -> AtlasFile:
    decoded = planes.fitting_atlas(ui.load_model(model_name), _plane, window, _points, label)
    return AtlasFile(pixels.png(decoded.sheet()), decoded.size, window)


@st.cache_data(max_entries=64, show_spinner="Measuring the map")
def _frame(
    model_name: str, data_name: str, plane_key: str, _plane: Plane
) -> tuple[np.ndarray, Window, float, float]:
    """Points of the test codes, the window, and what is far on the plane and in code space."""
    codes = ui.codes(model_name, data_name)
    points = _plane.project(codes).astype(np.float32)
    far_points = FAR * neighbours.typical_gap(points)
    far_codes = far_points if codes.shape[1] == 2 else FAR * neighbours.typical_gap(codes)
    return points, planes.window_of(points), far_points, far_codes


def numbers(text: str | None, count: int) -> tuple[float, ...] | None:
    """So many finite numbers from a URL's "x,y"; None when it is anything else."""
    try:
        values = tuple(float(part) for part in (text or "").split(","))
    except ValueError:
        return None
    return values if len(values) == count and np.isfinite(values).all() else None


def _shared_window(text: str | None) -> Window | None:
    values = numbers(text, 4)
    if values is None or values[0] >= values[1] or values[2] >= values[3]:
        return None
    return values[0], values[1], values[2], values[3]


def _rounded(view: Window) -> Window:
    """To a 64th of the view's own size, so that nearly equal views share a grid."""
    x0, x1, y0, y1 = view
    dx, dy = (
        10.0 ** np.floor(np.log10(max(high - low, 1e-9) / 64)) for low, high in ((x0, x1), (y0, y1))
    )
    return (
        float(np.floor(x0 / dx) * dx),
        float(np.ceil(x1 / dx) * dx),
        float(np.floor(y0 / dy) * dy),
        float(np.ceil(y1 / dy) * dy),
    )


def _exact(
    model_name: str,
    data_name: str,
    plane: Plane,
    place: tuple[float, float],
    far: float,
    label: int | None,
) -> Exact:
    code = plane.lift(np.array([place], np.float32))
    codes = ui.codes(model_name, data_name)
    distances, indices = neighbours.nearest(codes, code, 5)
    return Exact(
        place,
        apply.decode(ui.load_model(model_name), code, None if label is None else np.array([label]))[
            0
        ],
        list(zip(indices[0].tolist(), distances[0].tolist(), strict=True)),
        bool(distances[0, 0] > far),
        "in code space" if plane.exact else "in code space from the blended code",
    )


def _clicked(model_name: str, data_name: str, index: int) -> Clicked:
    dataset = datasets.load(data_name)
    image = dataset.test_images[index : index + 1]
    copy = apply.reconstruct(
        ui.load_model(model_name), image, dataset.test_labels[index : index + 1]
    )
    error = float(errors.mse(image, copy)[0])
    label = dataset.classes[dataset.test_labels[index]]
    text = (
        f"{label}, test number {index}: MSE {error:.4f}, PSNR {errors.psnr(error):.1f} dB. "
        "Error: red where the copy is too bright, blue where too dark."
    )
    return Clicked(datasets.to_float(image)[0], copy[0], text)


@st.fragment
def explore(
    key: str,
    model_name: str,
    data_name: str,
    plane: Plane,
    *,
    label: int | None = None,
    background: bool = True,
    opacity: float = 0.6,
    wheel: bool = True,
) -> None:
    """Draw the map of a model's test codes on a plane, and what was selected on it below.

    Only this part runs again when the probe rests, the view changes or points are selected.

    Args:
        key: of the component; what the person did is read with `latent_map.state`.
        label: for variants with `uses_labels`, what every place is decoded as.
        wheel: whether the mouse wheel zooms.
    """
    ui.still_there(model_name)
    dataset = datasets.load(data_name)
    plane_key = planes.plane_key(plane)
    points, window, far_points, far_codes = _frame(model_name, data_name, plane_key, plane)
    same = f"{model_name} {data_name} {plane_key}"
    done = state(key, same)
    memory = st.session_state.setdefault(f"{key}-memory", {})
    if memory.get("same") not in (None, same):
        # Another map: the old place and selection mean nothing here.
        memory.clear()
        for name in ("probe", "view"):
            st.query_params.pop(name, None)
    elif not memory:
        memory["probe"] = numbers(st.query_params.get("probe"), 2)
        memory["view"] = _shared_window(st.query_params.get("view"))
    memory["same"] = same
    if done.probe:
        memory["probe"] = done.probe
    if done.view:
        memory["view"] = done.view

    place = memory.get("probe") or (float(points[0, 0]), float(points[0, 1]))
    view = memory.get("view")
    st.query_params["probe"] = ",".join(f"{v:.6g}" for v in place)
    atlases = [_atlas(model_name, plane_key, window, label, plane, points)]
    if view and not np.allclose(view, window, atol=0.03 * (window[1] - window[0])):
        st.query_params["view"] = ",".join(f"{v:.6g}" for v in view)
        atlases.append(_atlas(model_name, plane_key, _rounded(view), label, plane, points))
    else:
        st.query_params.pop("view", None)
    latent_map(
        key,
        points=points_file(points, dataset.test_labels),
        sheet=_sheet(data_name),
        classes=dataset.classes,
        axis_titles=plane.axis_titles,
        window=window,
        atlases=atlases,
        probe=place,
        far=far_points,
        exact=_exact(model_name, data_name, plane, place, far_codes, label),
        clicked=None if done.clicked is None else _clicked(model_name, data_name, done.clicked),
        view=view,
        background=background,
        opacity=opacity,
        noun="digits" if data_name == "mnist" else "pictures",
        wheel=wheel,
        move=same,
    )
    if done.selection:
        _selection(model_name, dataset, np.array(done.selection))


def _selection(model_name: str, dataset: datasets.Dataset, chosen: np.ndarray) -> None:
    labels = dataset.test_labels[chosen]
    codes = ui.codes(model_name, dataset.name)[chosen]
    copies = apply.reconstruct(ui.load_model(model_name), dataset.test_images[chosen], labels)
    squared = errors.mse(dataset.test_images[chosen], copies)
    counts = np.bincount(labels, minlength=len(dataset.classes))
    st.subheader(f"{len(chosen):,} selected", anchor=False)
    left, right = st.columns([1, 2])
    with left:
        st.plotly_chart(
            bars.class_counts(counts, dataset.classes), config=theme.CONFIG, key="selected"
        )
        centre, spread = codes.mean(0)[:2], codes.std(0)[:2]
        st.markdown(
            f"Mean MSE **{squared.mean():.4f}**, most common: "
            f"**{dataset.classes[counts.argmax()]}** ({counts.max() / len(chosen):.0%}). "
            "First code numbers: mean "
            + ", ".join(f"{v:.2f}" for v in centre)
            + "; standard deviation "
            + ", ".join(f"{v:.2f}" for v in spread)
            + "."
        )
    with right:
        shown = chosen[np.linspace(0, len(chosen) - 1, min(len(chosen), 48)).astype(int)]
        ui.gallery(
            [
                ui.Item(
                    [(dataset.test_images[i], f"{dataset.classes[dataset.test_labels[i]]}")],
                    dataset.classes[dataset.test_labels[i]],
                )
                for i in shown
            ],
            size="3.2rem",
        )
        if len(shown) < len(chosen):
            st.caption(f"{len(shown)} of {len(chosen):,} shown, spread evenly over the test set.")
