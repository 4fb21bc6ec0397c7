"""The map over a model: decodes exactly where the probe rests, and keeps the place in the URL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from aeviz.analysis import classifier, errors, estimate, holes, neighbours, planes
from aeviz.analysis.codec import Codec
from aeviz.analysis.estimate import Estimate
from aeviz.analysis.planes import Plane, Window
from aeviz.app import first, session, sidebar, widgets
from aeviz.app.components.latent_map import (
    AtlasFile,
    Clicked,
    Drawn,
    Exact,
    Ground,
    latent_map,
    points_file,
    state,
)
from aeviz.app.subject import ModelSubject, Subject
from aeviz.app.views import encoded, layers
from aeviz.app.views.selection import selection_downloads
from aeviz.charts import bars, pixels, theme
from aeviz.data import datasets

NEAR = 300
"""Among so many test images near the probe the one that is on the pad at first is chosen."""
CERTAIN = 0.95
"""So probable must be, to the classifier, that its reconstruction is what it is."""
COMPACT = 6
"""How much a file is compressed that is sent to everybody: by a sixth more, in .1 s."""


@st.cache_data(max_entries=6, show_spinner=False)
def sheet(data_name: str) -> bytes:
    """All test images, a hundred in a row, as an image file."""
    if data_name == "mnist" and (kept := first.read()):
        return kept.sheet
    return pixels.png(pixels.tiles(datasets.load(data_name).test_images, 100), COMPACT)


@st.cache_data(max_entries=64, show_spinner="Decoding a grid of codes")
def _atlas(
    name: str,
    plane_key: str,
    window: Window,
    label: int | None,
    _codec: Codec,
    _plane: Plane,
    _points: np.ndarray,
) -> tuple[AtlasFile, Estimate]:
    decoded = planes.fitting_atlas(_codec.decode, _plane, window, _points, label)
    assert decoded.error is not None  # by which it was chosen
    return AtlasFile(pixels.png(decoded.sheet(), COMPACT), decoded.size, window), decoded.error


@dataclass(frozen=True)
class Frame:
    """Points (N, 2) of the test codes, the window, and how far from all of them is far."""

    points: np.ndarray
    window: Window
    far: float
    start: tuple[float, float]
    """Where the probe is at first: where three classes meet."""


@st.cache_resource(max_entries=64, show_spinner="Measuring the map")
def _measured(
    name: str, data_name: str, plane_key: str, _subject: Subject[Any], _plane: Plane
) -> Frame:
    if kept := first.of(name, data_name, plane_key):
        return Frame(kept.points, kept.window, kept.far, kept.exact.place)
    points = _plane.project(_subject.codes()).astype(np.float32)
    # The browser, which has only these points, asks how far the nearest is while the probe moves.
    window = planes.window_of(points, equal=_plane.equal)
    x, y = planes.crossing(points, _subject.data.test_labels, window).tolist()
    return Frame(points, window, holes.far(neighbours.gaps(points)), (x, y))


def _recognised(subject: ModelSubject, near: np.ndarray) -> int:
    """The first of some test images whose reconstruction still shows what it is.

    Where it is digits, as a classifier reads them; otherwise the one with the least error.
    """
    data = subject.data
    labels = data.test_labels[near]
    seen = subject.see(datasets.to_float(data.test_images[near]), labels)
    if classifier.knows(data):
        read = classifier.log_probabilities(seen.reconstructions)[np.arange(len(near)), labels]
        found = np.flatnonzero(read > np.log(CERTAIN))
        return int(near[found[0] if len(found) else read.argmax()])
    return int(near[seen.errors.mse.argmin()])


def on_pad(subject: ModelSubject, plane: Plane) -> Drawn:
    """What is on the pad at first: a test image near the probe that is reconstructed well."""
    plane_key = planes.plane_key(plane)
    return Drawn(0, index=_opening(subject.key, subject.data.name, plane_key, subject, plane))


@st.cache_data(max_entries=64, show_spinner=False)
def _opening(
    name: str, data_name: str, plane_key: str, _subject: ModelSubject, _plane: Plane
) -> int:
    if kept := first.of(name, data_name, plane_key):
        return kept.opening
    frame = frame_of(_subject, _plane)
    return _recognised(_subject, np.square(frame.points - frame.start).sum(1).argsort()[:NEAR])


def frame_of(subject: Subject[Any], plane: Plane) -> Frame:
    """Where the test codes lie on a plane, and what part of it is shown."""
    return _measured(subject.key, subject.data.name, planes.plane_key(plane), subject, plane)


def drawn(
    subject: Subject[Any], plane: Plane, window: Window, label: int | None
) -> tuple[AtlasFile, Estimate]:
    """A grid of codes decoded over a window, and the error of its blend in grey levels."""
    points, plane_key = frame_of(subject, plane).points, planes.plane_key(plane)
    kept = first.of(subject.key, subject.data.name, plane_key)
    if kept and window == kept.window and label is None:
        return kept.atlas, kept.error
    return _atlas(subject.key, plane_key, window, label, subject.codec, plane, points)


def ground_of(subject: Subject[Any], label: int | None = None) -> Ground:
    """The map of a subject's own plane, to lie beside another one or below a path.

    A place of it has an image of its own only where the plane is all of the code.

    Args:
        label: for variants with `uses_labels`, what every place is decoded as.
    """
    plane, data = subject.plane(), subject.data
    frame = frame_of(subject, plane)
    flat = subject.code_dim <= 2
    return Ground(
        subject.title,
        frame.points,
        data.test_labels,
        data.classes,
        sheet(data.name),
        data.shape[1:],
        frame.window,
        plane.equal,
        plane.axis_titles,
        drawn(subject, plane, frame.window, label)[0] if flat else None,
        "digits" if data.name == "mnist" else "images",
        far=frame.far,
    )


def grid_of(subject: ModelSubject, plane: Plane, label: int | None) -> tuple[int, Estimate]:
    """Of the grid decoded behind the whole map: nodes a side, and the error of its blend.

    The error is in grey levels of 255, where the test codes are.
    """
    file, error = drawn(subject, plane, frame_of(subject, plane).window, label)
    return file.size, error


def _shared_window() -> Window | None:
    values = session.asked_numbers("view", 4)
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


def exact_at(
    subject: ModelSubject,
    plane: Plane,
    place: tuple[float, float],
    label: int | None = None,
) -> Exact:
    """What the decoder makes of a place, and what is near it."""
    code = plane.lift(np.array([place], np.float32))
    distances, indices = neighbours.nearest(subject.codes(), code, 5)
    told = None if label is None else np.array([label])
    return Exact(
        place,
        subject.codec.decode(code, told)[0],
        list(zip(indices[0].tolist(), distances[0].tolist(), strict=True)),
        _is_far(subject, plane, place),
        "in code space" if plane.exact else "in code space from the blended code",
    )


def _is_far(subject: ModelSubject, plane: Plane, place: tuple[float, float]) -> bool:
    """Whether a place is far from every training code, in wide codes from all points of the map.

    Those are not measured in code space: a plane passes all of them at much the same distance.
    """
    frame, point = frame_of(subject, plane), np.array([place], np.float32)
    if np.allclose(point, [frame.start], rtol=1e-5):
        return False  # where the probe starts; the map does not wait for the training codes
    if subject.code_dim > neighbours.NARROW:
        return bool(neighbours.nearest(frame.points, point)[0][0, 0] > frame.far)
    return bool(subject.known().away(plane.lift(point))[0] > subject.far())


def prepare(subject: ModelSubject) -> None:
    """Measure what is asked for where the probe rests; called after all is drawn."""
    if subject.code_dim <= neighbours.NARROW:
        subject.far()


def _clicked(subject: ModelSubject, index: int) -> Clicked:
    data = subject.data
    labels = data.test_labels[index : index + 1]
    seen = subject.see(datasets.to_float(data.test_images[index : index + 1]), labels)
    error = float(seen.errors.mse[0])
    text = (
        f"{data.classes[labels[0]]}, test image {index}: MSE {error:.4f}, "
        f"PSNR {errors.psnr(error):.1f} dB. "
        "Error: red where the reconstruction has too much ink, blue where too little."
    )
    return Clicked(seen.images[0], seen.reconstructions[0], text)


def _near(window: Window, place: tuple[float, ...]) -> tuple[float, float]:
    """A place as it is, or the nearest one that lies within a window's width of it."""
    x0, x1, y0, y1 = window
    x, y = place[:2]
    return (
        min(max(x, 2 * x0 - x1), 2 * x1 - x0),
        min(max(y, 2 * y0 - y1), 2 * y1 - y0),
    )


@dataclass
class _Memory:
    """What a person did on a map: where the probe rests, what is in view, what they drew."""

    same: str
    probe: tuple[float, ...] | None = None
    view: Window | None = None
    nearest: int | None = None
    """The test image nearest to the probe, which it keeps where another model is chosen."""
    drawn: Drawn | None = None


def _memory(key: str, same: str, points: np.ndarray, *, pad: bool) -> _Memory:
    """What is known of a map; of another one's only the image, as its places mean nothing here."""
    memory: _Memory | None = session.get(f"{key}-memory")
    if memory is None:
        memory = _Memory(same, session.asked_numbers("probe", 2), _shared_window())
        memory.drawn = encoded.asked() if pad else None
    elif memory.same != same:
        kept = None if memory.nearest is None else tuple(points[memory.nearest].tolist())
        memory = _Memory(same, kept, None, memory.nearest, memory.drawn)
        session.say("probe")
        session.say("view")
    session.note(f"{key}-memory", memory)
    return memory


@st.fragment
def explore(
    key: str,
    subject: ModelSubject,
    plane: Plane,
    *,
    label: int | None = None,
    layer: str = "territories",
    dots: bool = True,
    wheel: bool = True,
    pad: bool = False,
) -> None:
    """Draw the map of a model's test codes on a plane, and what was selected on it below.

    Only this part runs again when the probe rests, the view changes or points are selected.

    Args:
        key: of the component; what the person did is read with `latent_map.state`.
        label: for variants with `uses_labels`, what every place is decoded as.
        layer: a key of `layers.NAMES`, what lies under the dots.
        wheel: whether the mouse wheel zooms.
        pad: whether an image can be drawn, encoded and decoded beside it.
    """
    sidebar.still_there(subject.key)
    data, frame = subject.data, frame_of(subject, plane)
    same = first.move(subject.key, data.name, planes.plane_key(plane))
    points, window = frame.points, frame.window
    done, memory = state(key, same), _memory(key, same, points, pad=pad)
    memory.view = done.view or memory.view
    memory.drawn = done.drawn or memory.drawn
    untouched = memory.probe is None and done.probe is None and memory.drawn is None
    memory.probe = done.probe or memory.probe

    shown = None
    if pad:
        shown = encoded.image(subject, plane, memory.drawn or on_pad(subject, plane))
        new = memory.drawn if memory.probe is None else done.drawn and not done.touched
        if new and shown.image is not None:
            memory.probe = shown.place
        encoded.say(memory.drawn)
    x, y = _near(window, memory.probe) if memory.probe else frame.start
    follows = False  # the pad, after a reload too
    if shown and memory.drawn:
        follows = not done.touched if shown.image is None else memory.probe == shown.place
    session.say("probe", None if follows else (f"{x:.6g}", f"{y:.6g}"))
    atlases, view, near = [drawn(subject, plane, window, label)[0]], memory.view, window
    if view and not np.allclose(view, window, atol=0.03 * (window[1] - window[0])):
        session.say("view", [f"{v:.6g}" for v in view])
        near = _rounded(view)
        atlases.append(drawn(subject, plane, near, label)[0])
    else:
        session.say("view")
    if dots and not pad:
        _say_selected(subject, plane, np.array(done.selection, int))
    exact = exact_at(subject, plane, (x, y), label)
    memory.nearest = exact.nearest[0][0]
    latent_map(
        key,
        points=points_file(points, data.test_labels),
        sheet=sheet(data.name),
        shape=data.shape[1:],
        classes=data.classes,
        axis_titles=plane.axis_titles,
        equal=plane.equal,
        window=window,
        atlases=atlases,
        probe=(x, y),
        far=frame.far,
        exact=exact,
        clicked=None if done.clicked is None else _clicked(subject, done.clicked),
        view=view,
        input=shown,
        background=layers.behind(subject, plane, layer),
        dots=dots,
        layer=layers.layer(subject, plane, layer, window, near, label),
        noun="digits" if data.name == "mnist" else "images",
        wheel=wheel,
        walk=first.WALK * (window[1] - window[0]) if pad and untouched else 0.0,
        move=same,
    )
    if done.selection:
        _selection(subject, plane, np.array(done.selection), pad=pad)


def _say_selected(subject: ModelSubject, plane: Plane, chosen: np.ndarray) -> None:
    """Above the map, in a line that is always there: how one selects, or what is selected."""
    with st.container(key="selected-line", horizontal=True, vertical_alignment="center"):
        if not len(chosen):
            st.markdown("To select, click a numeral, or choose the box or the lasso and drag.")
            return
        st.markdown(f"**{len(chosen):,} selected**; more about them is below the map.")
        selection_downloads(subject, plane, chosen)


def _selection(subject: ModelSubject, plane: Plane, chosen: np.ndarray, *, pad: bool) -> None:
    data = subject.data
    labels, codes = data.test_labels[chosen], subject.codes()[chosen]
    squared = subject.errors().mse[chosen]
    counts = np.bincount(labels, minlength=len(data.classes))
    st.header(f"{len(chosen):,} selected", anchor=False)
    left, right = st.columns([1, 2])
    with left:
        st.plotly_chart(
            bars.class_counts(counts, data.classes),
            config=theme.CONFIG,
            key="selected",
            alt="how many of each class are selected",
        )
        error = estimate.mean(squared)
        mse = error.said()
        mean, spread = (
            ", ".join(f"{v:.2f}" for v in values[:2]) for values in (codes.mean(0), codes.std(0))
        )
        st.markdown(
            f"Mean MSE **{mse}**, most common: "
            f"**{data.classes[counts.argmax()]}** ({counts.max() / len(chosen):.0%}). "
            f"First latent dimensions: mean {mean}; standard deviation {spread}."
        )
        if pad:
            selection_downloads(subject, plane, chosen)
    with right:
        shown = chosen[np.linspace(0, len(chosen) - 1, min(len(chosen), 48)).astype(int)]
        names = [data.classes[data.test_labels[i]] for i in shown]
        widgets.gallery(
            [
                widgets.Item([(data.test_images[i], name)], name, widgets.dot_of(i))
                for i, name in zip(shown, names, strict=True)
            ],
            size="3.2rem",
        )
        if len(shown) < len(chosen):
            st.caption(f"{len(shown)} of {len(chosen):,} shown, spread evenly over the test set.")
