"""Parts of the page of holes: two maps side by side, and how much of each is empty."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from aeviz.analysis import errors, estimate, families
from aeviz.analysis.codec import ModelCodec
from aeviz.analysis.holes import PAIRS, SPANNED, Holes
from aeviz.analysis.neighbours import NARROW
from aeviz.app import library, session, sidebar, widgets
from aeviz.app.components import two_maps
from aeviz.app.subject import ModelSubject, Subject
from aeviz.app.views import explore, layers
from aeviz.data import datasets

COUNTS = (
    "Only the space among the test codes counts, without the 1 % that lie farthest out. ± is one "
    "standard error. A hole says that the decoder was never trained there, not that its image is "
    "bad."
)
GROUNDS = {"nearest": "Emptiness", "territories": "Decoded images"}
"""What lies under the dots of both maps."""
PCA = "pca"
"""Instead of a model's name."""
FIRST, SECOND = "vanilla-2d", "variational-2d"
"""What is compared at first: a map with holes and one without."""


def pick() -> list[Subject[Any]]:
    """Widgets that choose what is left and what is right: models of two dimensions, or PCA.

    Those of the families that differ in beta or in the seed alone are among them.
    """
    names = [name for name in sidebar.names() if library.card(name).code_dim == 2]
    titles = {name: library.title(name) for name in names} | _members()
    titles |= {PCA: "PCA, 2 components"}
    chosen = sidebar.model_name()
    second = chosen if chosen in names and chosen != FIRST else SECOND
    return [
        _subject(widgets.choice(label, titles, key, menu=True, start=start, width=230))
        for label, key, start in (("Left", "left", FIRST), ("Right", "right", second))
    ]


def choose_ground() -> str:
    """Buttons for what lies under the dots: a key of `GROUNDS`."""
    return widgets.choice("Under the dots", GROUNDS, "ground")


def _members() -> dict[str, str]:
    """Name -> title of the models of each family."""
    found = {}
    for kind in families.KINDS:
        for value, name in library.family(kind).items():
            found.setdefault(name, f"Variational, {kind} {value:g}")
    return found


def _subject(name: str) -> Subject[Any]:
    if name == PCA:
        return sidebar.subject(FIRST).pca()
    if title := _members().get(name):
        return ModelSubject(ModelCodec(library.model(name), name, title), sidebar.dataset())
    return sidebar.subject(name)


@st.fragment
def side_by_side(
    key: str, left: Subject[Any], right: Subject[Any], ground: str = "territories"
) -> None:
    """The maps of two subjects, with the code of one test image on both.

    Args:
        key: of the component; of the chosen image, also its name in the address, with "-image".
        ground: a key of `GROUNDS`, what lies under the dots.
    """
    data, named = left.data, f"{key}-image"
    session.begin(named, _first(left), int, lambda index: 0 <= index < len(data.test_labels))
    if (index := two_maps.chosen(key)) is not None:
        session.put(named, index)
    index = session.value(named)
    session.settled(named, _first(left))
    two_maps.two_maps(key, [_side(subject, index, ground) for subject in (left, right)], index)


def _first(subject: Subject[Any]) -> int:
    """The test image whose code is nearest to where three classes meet."""
    frame = explore.frame_of(subject, subject.plane())
    return int(np.square(frame.points - frame.start).sum(1).argmin())


def _side(subject: Subject[Any], index: int, ground: str) -> two_maps.Side:
    labels = subject.data.test_labels[index : index + 1]
    seen = subject.see(datasets.to_float(subject.data.test_images[index : index + 1]), labels)
    error = float(seen.errors.mse[0])
    below = explore.ground_of(subject, int(labels[0]) if subject.uses_labels else None)
    if ground == "nearest":
        below = replace(below, layer=layers.emptiness(subject, subject.plane(), below.window))
    return two_maps.Side(
        below,
        seen.reconstructions[0],
        f"MSE {error:.4f}\nPSNR {errors.psnr(error):.1f} dB",
    )


def shares(subjects: list[Subject[Any]]) -> None:
    """How much of each map is far from every code, beside PCA of as many dimensions."""
    linear = subjects[0].pca()
    # PCA once, also where it is one of the maps.
    shown = list({one.key: one for one in (*subjects, linear)}.values())
    found = [subject.holes() for subject in shown]
    table = {
        "of the area among the test codes": [
            "none" if one.hull is None else estimate.percent(one.hull, one.inside) for one in found
        ],
        "of straight paths between two codes cross it": [
            estimate.percent(one.paths, PAIRS) for one in found
        ],
    }
    what = "Far from every training code"
    titles = " | ".join(f"**{subject.title}**" for subject in shown)
    lines = [f"| {what} | {titles} |", "|:--" + "|:--" * len(shown) + "|"]
    lines += [f"| {share} | {' | '.join(values)} |" for share, values in table.items()]
    with st.container(key="hole-shares"):
        st.markdown("\n".join(lines))


def say_far(subjects: list[Subject[Any]]) -> None:
    """What far is, on each map."""
    shown = list({one.key: one for one in (*subjects, subjects[0].pca())}.values())
    units = ", ".join(f"{one.holes().far:.3g} ({one.title})" for one in shown)
    st.caption(
        f"Far: more than {units} from each training code, three times the distance within which "
        f"90 % of the test codes have one. {COUNTS}"
    )


def of_one(subject: ModelSubject) -> None:
    """How much of the space among the codes is far from all of them, beside PCA's."""
    wide = subject.code_dim > NARROW
    # To encode ten thousand training images for it takes some models a while.
    if wide and not widgets.toggle("Measure the space between the codes", "holes"):
        return
    st.header("Does it have holes?", anchor=False)
    found, seen, known = subject.holes(), len(subject.gaps()), len(subject.known().codes)
    if subject.code_dim <= SPANNED:
        st.markdown(
            f"{_hull(subject, found)}{_paths(found)} between two test codes cross "
            f"{'such a place' if found.hull else 'a place that is far from every training code'}. "
            f"{_beside(subject.pca().holes())}"
        )
    else:
        st.markdown(
            f"Not by distance: in {subject.code_dim} dimensions {_paths(found)} between two test "
            "codes cross a place that is far from every training code. Two test codes are "
            f"themselves only {found.apart / found.far:.1f} times that far apart (median)."
        )
    st.caption(
        f"Far: more than {found.far:.3g} from each of {known:,} training codes"
        f"{' drawn at random' if wide else ''}, three times the distance within which 90 % of "
        f"{seen:,} test codes have one. {COUNTS}"
    )


def _hull(subject: ModelSubject, found: Holes) -> str:
    if found.hull is None:
        return ""
    room = "area" if subject.code_dim == 2 else "volume"
    return (
        f"**{estimate.percent(found.hull, found.inside)}** of the {room} among the test codes is "
        "far from every training code. "
    )


def _paths(found: Holes) -> str:
    return f"**{estimate.percent(found.paths, PAIRS)}** of the straight paths"


def _beside(linear: Holes) -> str:
    hull = "" if linear.hull is None else f"{estimate.percent(linear.hull, linear.inside)} and "
    paths = estimate.percent(linear.paths, PAIRS)
    return f"With PCA in place of the model it is {hull}{paths}."
