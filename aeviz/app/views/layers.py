"""Layers of the map: what lies under its dots, with one sentence and a legend each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import streamlit as st

from aeviz.analysis import classifier, estimate, fields, neighbours, planes
from aeviz.analysis.estimate import Estimate
from aeviz.analysis.planes import Plane, Window
from aeviz.app import texts
from aeviz.app.components.latent_map import Layer, Raster, ellipses_file
from aeviz.app.subject import ModelSubject, Subject
from aeviz.charts import pixels
from aeviz.data import datasets
from aeviz.data.datasets import Dataset
from aeviz.models import apply

NAMES = {
    "territories": "Territories",
    "density": "Density",
    "posteriors": "Posteriors",
    "trip": "Round trip",
    "nearest": "Nearest code",
    "seen": "Classifier",
    "none": "Nothing",
}
"""What can lie under the dots; its sentence is a part of texts/map.md."""
SIDE = 512
"""Pixels along each side of what is sent, between nodes by cubic convolution."""
MOST = 0.95
"""A scale ends at this quantile of the map: the few places beyond are as dark as its end."""
UNSURE = 2.0
"""Bits of doubt at which a colour is gone: as between four digits."""
ASKED = 1_000
"""Test images, drawn at random, that a layer is compared with."""


@dataclass(frozen=True)
class _Scale:
    """What is white and what is darkest, and where a line is drawn."""

    low: float
    high: float
    line: float | None = None
    power: float = 1.0
    """Of the share of the way from low to high that a shade is."""
    whole: bool = False
    """Nothing on the map lies beyond its ends."""

    def levels(self, values: np.ndarray) -> np.ndarray:
        """Shades in [0, 1]."""
        return np.clip((values - self.low) / (self.high - self.low), 0, 1) ** self.power

    def ticks(self) -> tuple[str, str, str]:
        """What the lightest, the middle and the darkest shade stand for."""
        middle = self.low + 0.5 ** (1 / self.power) * (self.high - self.low)
        # Two digits are enough of a colour: 950, 3,800.
        values = (float(f"{value:.2g}") for value in (self.low, middle, self.high))
        low, middle, high = (f"{value:,g}" for value in values)
        return low, middle, high if self.whole else f"{high} or more"


def refusal(subject: ModelSubject, plane: Plane, kind: str) -> str:
    """Why a layer is not to be had here; empty where it is."""
    text = texts.of("map")
    if kind == "posteriors" and not subject.model.has_posterior:
        return text.part("no_posterior", model=subject.model.title.lower())
    if kind == "posteriors" and not (plane.exact and plane.equal):
        return text.part("no_ellipse")
    if kind == "seen" and not classifier.knows(subject.data):
        return text.part("no_classifier", data=subject.data.title)
    if kind == "seen" and subject.model.card.data != subject.data.name:
        return text.part("no_digits", data=datasets.SOURCES[subject.model.card.data].title)
    return ""


def say(subject: ModelSubject, plane: Plane, kind: str, label: int | None) -> None:
    """The sentence of a layer and what it is compared with, or why there is none."""
    if why := refusal(subject, plane, kind):
        st.info(why)
    elif kind in ("territories", "none"):
        st.caption(texts.of("map").part(kind))
    else:
        known = _compared(subject, plane, kind, label)
        st.markdown(texts.glossed(texts.of("map").part(kind, **known)), unsafe_allow_html=True)


def behind(subject: ModelSubject, plane: Plane, kind: str) -> bool:
    """Whether decoded images lie under the dots: as territories, or as ink on a layer."""
    return kind in ("territories", "trip", "seen") or bool(refusal(subject, plane, kind))


def layer(
    subject: ModelSubject, plane: Plane, kind: str, whole: Window, view: Window, label: int | None
) -> Layer | None:
    """What lies under the dots over the whole map, and sharper over a view; None for no layer.

    Args:
        view: as it is drawn, a little larger than what is seen.
        label: for variants with `uses_labels`, what every place is decoded as.
    """
    if kind in ("territories", "none") or refusal(subject, plane, kind):
        return None
    return _layer(
        subject.key,
        subject.data.name,
        planes.plane_key(plane),
        kind,
        whole,
        view,
        label,
        subject,
        plane,
    )


def emptiness(subject: Subject[Any], plane: Plane, whole: Window) -> Layer:
    """How far each place of a map is from every training code; of PCA too."""
    kind, data = "nearest", subject.data.name
    key = planes.plane_key(plane)
    return _layer(
        subject.key, data, key, kind, whole, whole, None, cast(ModelSubject, subject), plane
    )


@st.cache_data(max_entries=200, show_spinner="Drawing the layer")
def _layer(
    key: str,
    data: str,
    plane_key: str,
    kind: str,
    whole: Window,
    view: Window,
    label: int | None,
    _subject: ModelSubject,
    _plane: Plane,
) -> Layer:
    title = texts.of("map").part(f"{kind}_unit")
    if kind == "posteriors":
        return Layer(kind, title, ellipses=_ellipses(_subject, _plane, view))
    windows = list(dict.fromkeys((whole, view)))
    fields_ = [_field(_subject, _plane, kind, window, label) for window in windows]
    if kind == "seen":
        images = [_verdicts(found) for found in fields_]
        rasters = [Raster(pixels.png(image), w) for image, w in zip(images, windows, strict=True)]
        return Layer(kind, title, rasters, ("certain", f"{UNSURE:g} bits of doubt or more"))
    scale = _scale(_subject, _plane, kind, fields_[0])
    images = [_shades(found, scale) for found in fields_]
    rasters = [Raster(pixels.png(image), w) for image, w in zip(images, windows, strict=True)]
    line = "" if scale.line is None else f"far: beyond {scale.line:.2g}"
    return Layer(kind, title, rasters, scale.ticks(), line)


def _ellipses(subject: ModelSubject, plane: Plane, view: Window) -> bytes:
    data, points = subject.data, plane.project(subject.codes())
    images, labels = data.test_images, data.test_labels
    found = fields.ellipses(subject.model, plane, points, images, labels, view)
    assert found is not None  # or it was refused
    return ellipses_file(found.points, found.axes, found.labels)


def _at(subject: ModelSubject, plane: Plane, kind: str, label: int | None) -> fields.At:
    if kind == "density":
        return fields.density(plane.project(subject.codes()))
    if kind == "nearest":
        return fields.away(subject.known(), plane)
    if kind == "trip":
        return fields.trips(subject.model, plane, label)
    return fields.seen(subject.model, plane, label)


def _field(
    subject: ModelSubject, plane: Plane, kind: str, window: Window, label: int | None
) -> np.ndarray:
    plane_key = planes.plane_key(plane)
    return _values(subject.key, subject.data.name, plane_key, kind, window, label, subject, plane)


@st.cache_data(max_entries=200, show_spinner=False)
def _values(
    key: str,
    data: str,
    plane_key: str,
    kind: str,
    window: Window,
    label: int | None,
    _subject: ModelSubject,
    _plane: Plane,
) -> np.ndarray:
    return fields.field(_at(_subject, _plane, kind, label), window)


def _scale(subject: ModelSubject, plane: Plane, kind: str, found: np.ndarray) -> _Scale:
    if kind == "density":
        return _Scale(0.0, float(found.max()), power=0.5, whole=True)
    high = float(np.quantile(found, MOST))
    if kind == "nearest" and _spread_out(subject):
        return _Scale(float(found.min()), high)
    return _Scale(0.0, high, subject.far() if kind == "nearest" else None)


def _spread_out(subject: ModelSubject) -> bool:
    """Whether a plane passes all codes at much the same distance, so that none is far."""
    return subject.code_dim > neighbours.NARROW


def _shades(found: np.ndarray, scale: _Scale) -> np.ndarray:
    """What the browser draws of a field, (SIDE, SIDE, 3): shades, nothing, a line."""
    values = fields.enlarged(found, SIDE)
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[..., 0] = np.round(255 * scale.levels(values))
    if scale.line is not None:
        image[..., 2] = 255 * fields.borders(values > scale.line)
    return image


def _verdicts(found: np.ndarray) -> np.ndarray:
    """What the browser draws of log-probabilities: classes, how sure they are, borders."""
    values = fields.enlarged(found, SIDE)
    # Mixed from two distributions, logarithms are those of none: each is made one again.
    values -= np.log(np.exp(values).sum(-1, keepdims=True))
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[..., 0] = values.argmax(-1)
    sure = 1 - np.clip(classifier.doubt(values) / UNSURE, 0, 1)
    image[..., 1] = np.round(255 * sure)
    image[..., 2] = 255 * fields.borders(image[..., 0])
    return image


# -- what a layer is compared with ----------------------------------------------------------------


def _compared(
    subject: ModelSubject, plane: Plane, kind: str, label: int | None
) -> dict[str, object]:
    """What the sentence of a layer knows."""
    if kind == "density":
        return {"images": f"{len(subject.codes()):,}"}
    if kind == "posteriors":
        return {"count": fields.ELLIPSES}
    if kind == "trip":
        return {"median": _median_trip(subject.key, subject.data.name, subject).brief()}
    if kind == "seen":
        read = _read(subject.key, subject.data.name, subject)
        accuracy = estimate.percent(classifier.tested())
        return {"accuracy": accuracy, "read": estimate.percent(read, ASKED)}
    median, known = float(np.median(subject.gaps())), f"{len(subject.known().codes):,}"
    part = "nearest_wide" if _spread_out(subject) else "nearest_far"
    return {"median": f"{median:.2g}", "line": texts.of("map").part(part, known=known)}


def _some(data: Dataset) -> np.ndarray:
    return np.random.default_rng(0).permutation(len(data.test_images))[:ASKED]


@st.cache_data(max_entries=200, show_spinner="Comparing with test images")
def _median_trip(key: str, data: str, _subject: ModelSubject) -> Estimate:
    """The median round trip of the codes of test images."""
    some = _some(_subject.data)[: ASKED // 2]  # a transformer takes its time
    labels = _subject.data.test_labels[some]
    found = fields.round_trip(_subject.model, _subject.codes()[some], labels)
    return estimate.bootstrap(lambda trips: float(np.median(trips)), found)


@st.cache_data(max_entries=200, show_spinner="Comparing with test images")
def _read(key: str, data: str, _subject: ModelSubject) -> Estimate:
    """In how many reconstructions of test images the classifier sees what was written."""
    some = _some(_subject.data)
    labels = _subject.data.test_labels[some]
    images = apply.decode(_subject.model, _subject.codes()[some], labels)
    return estimate.mean(classifier.log_probabilities(images).argmax(1) == labels)
