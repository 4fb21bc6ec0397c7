"""Parts of the page of stability: an image is changed, and how far each code moves by it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from aeviz.analysis import compare
from aeviz.analysis.codec import PixelsCodec
from aeviz.app import pictures, widgets
from aeviz.app.subject import MOVED, Seen, Subject
from aeviz.charts import export, maps, theme
from aeviz.charts.curves import movement_curves
from aeviz.data import perturb

NEAREST = 5
STRIP = slice(None, None, 4)
"""Of the 25 strengths, also the one that changes nothing."""


@dataclass(frozen=True)
class Moved:
    """What a subject makes of an image at each strength, and how far its codes are from the first.

    movement: (K,), in typical distances.
    """

    subject: Subject
    seen: Seen
    movement: np.ndarray


@dataclass(frozen=True)
class Change:
    """An image (H, W) changed by degrees, (K, H, W); which strength is shown, and which is none."""

    kind: perturb.Kind
    images: np.ndarray
    now: int
    still: int


def _choose() -> tuple[str, float]:
    """Widgets that choose how an image is changed, a key of `perturb.KINDS`, and how much."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        titles = {key: kind.title for key, kind in perturb.KINDS.items()}
        change = widgets.choice("Change", titles, "change")
        kind = perturb.KINDS[change]
        strength = widgets.slider(
            kind.label,
            kind.low,
            kind.high,
            kind.start,
            kind.step,
            format="%g",
            key=f"moved_{change}",
            width=420,
        )
    return change, strength


@st.fragment  # a click runs no more than it changes
def movements(subjects: Sequence[Subject]) -> None:
    """An image and a change, and how far each code moves by it."""
    picked = pictures.pick_images(subjects[0].data, key="moved_picture", start=0)
    name, strength = _choose()
    kind = perturb.KINDS[name]
    images = kind.along(picked.images[0])
    now, still = (int(np.abs(kind.strengths - value).argmin()) for value in (strength, 0.0))
    # A model that takes labels is told the class of a test image, which no change changes.
    labels = None if picked.labels is None else picked.labels[:1].repeat(len(images))
    change, moved = Change(kind, images, now, still), []
    for subject in subjects:
        seen = subject.see(images, labels)
        far = compare.movement(seen.codes, seen.codes[still], subject.distance().value)
        moved.append(Moved(subject, seen, far))
    _at_this_strength(change, moved)
    _on_average(subjects, name, float(kind.strengths[now]))
    widgets.told_labels(subjects, labels)
    widgets.seen_in_training(subjects)
    curves, path = st.columns([1, 1], gap="large")
    with curves:
        st.plotly_chart(
            movement_curves(
                kind.strengths, {m.subject.title: m.movement for m in moved}, now, kind.label
            ),
            config=theme.PLAIN,
            key="movement",
            alt="how far each code moves against the strength of the change",
        )
    with path:
        _path(change, moved[0])
    _votes(change, moved)
    _all_the_way(change, moved)


def _models(moved: Sequence[Moved]) -> list[Moved]:
    """Those that reconstruct: pixels are no model."""
    return [m for m in moved if not isinstance(m.subject.codec, PixelsCodec)]


def _at_this_strength(change: Change, moved: Sequence[Moved]) -> None:
    """The image, the changed one, and what each model makes of the changed one."""
    now = change.now
    items = [
        widgets.Item([(change.images[change.still], "original")], "Original\nnot moved"),
        widgets.Item(
            [(change.images[now], "changed")], f"Changed\nmoved {moved[-1].movement[now]:.2f}"
        ),
    ]
    items += [
        widgets.Item(
            [(m.seen.reconstructions[now], m.subject.title)],
            f"{m.subject.title}\nmoved {m.movement[now]:.2f}",
        )
        for m in _models(moved)
    ]
    widgets.gallery(items, size="clamp(7rem, 9.5vw, 10rem)")
    st.caption(
        "Moved: distance between the codes of the original and the changed image, where 1 is the "
        "median distance between two test images. Beside the original and the changed one are "
        "the models' reconstructions of the changed one. ± is one standard error."
    )


def _on_average(subjects: Sequence[Subject], change: str, strength: float) -> None:
    """How far the codes of many images move, those that move least first.

    Args:
        change: a key of `perturb.KINDS`.
    """
    if not strength:
        return
    found = {subject.title: subject.moves(change, strength) for subject in subjects}
    order = sorted(found, key=lambda title: found[title].value)
    least = found[order[0]]
    alike = [
        f"**{title}**"
        for title in order
        if found[title].value - least.value <= math.hypot(least.error, found[title].error)
    ]
    means = "; ".join(f"{title} {found[title].text('.3f')}" for title in order)
    *some, last = alike
    verdict = (
        f"{', '.join(some)} and {last} move least, all alike" if some else f"{last} moves least"
    )
    st.markdown(f"On average over the first {MOVED} test images {verdict}: {means}.")


def _path(change: Change, moved: Moved) -> None:
    """The way of the code among those of some test images; nothing for a single dimension."""
    subject = moved.subject
    if subject.code_dim < 2:
        return
    plane, data = subject.plane(), subject.data
    places = plane.project(moved.seen.codes)
    st.plotly_chart(
        maps.pinned_map(
            plane.project(subject.codes()[: maps.PINNED_DOTS]),
            data.test_labels[: maps.PINNED_DOTS],
            data.classes,
            {"original": places[change.still], "changed": places[change.now]},
            plane.axis_titles,
            path=places,
        ),
        config=theme.PLAIN,
        key="moved_path",
        alt="the path of the code on the map while the image is changed",
    )
    widgets.class_key(data.classes)
    st.caption(f"The way of the code of {subject.title}: a rimmed dot for each step of the slider.")


def _votes(change: Change, moved: Sequence[Moved]) -> None:
    """What the nearest test images say of the original and of the changed image."""
    data, at = moved[0].subject.data, (change.still, change.now)
    itself = compare.same(data.test_images, change.images[change.still])  # is no neighbour
    st.header(f"What do its {NEAREST} nearest neighbours say?", anchor=False)
    table, turned = [], []
    for m in moved:
        near = [m.subject.neighbours(m.seen.codes[k], NEAREST, itself)[1] for k in at]
        (before, its), (after, others) = (compare.vote(data.test_labels[n]) for n in near)
        table.append(
            {
                "space": m.subject.title,
                "moved": f"{m.movement[change.now]:.2f}",
                "original": f"{data.classes[before]} ({its} of {NEAREST})",
                "changed": f"{data.classes[after]} ({others} of {NEAREST})",
            }
        )
        if before != after:
            turned.append(m.subject.title)
    st.table(table, hide_index=True)
    st.markdown(
        f"The vote turned for **{', '.join(turned)}**."
        if turned
        else "The vote is the same as before in every space."
    )


def _all_the_way(change: Change, moved: Sequence[Moved]) -> None:
    """The image and its reconstructions from one end of the change to the other."""
    st.header("All the way", anchor=False)
    kind, strengths = change.kind, change.kind.strengths
    texts = [f"{value:g}" for value in strengths[STRIP]]
    table = [widgets.Row(kind.label, change.images[STRIP], texts)]
    for m in _models(moved):
        texts = [f"moved {value:.2f}" for value in m.movement[STRIP]]
        name = f"Reconstruction by {m.subject.title}"
        table.append(widgets.Row(name, m.seen.reconstructions[STRIP], texts))
    widgets.rows(table)
    columns = {kind.label: strengths.tolist()}
    columns |= {f"movement of {m.subject.title}": m.movement.tolist() for m in moved}
    widgets.download(
        "movements as CSV",
        lambda: export.table(list(columns), zip(*columns.values(), strict=True)),
        "aeviz-stability.csv",
    )
