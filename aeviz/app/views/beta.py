"""Parts of the page of beta: a family of pretrained models on one slider."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from aeviz.analysis import estimate, families, mechanism, sampling, typical
from aeviz.analysis.codec import ModelCodec
from aeviz.analysis.estimate import Estimate
from aeviz.analysis.families import Placement
from aeviz.app import library, session, sidebar, widgets
from aeviz.app.components.family import Chosen, Stop, family, packed
from aeviz.app.subject import ModelSubject
from aeviz.app.views.ladder import beside as beside_pca
from aeviz.data import datasets
from aeviz.models.card import Card

KINDS = {"beta": "Six betas", "seed": "Five seeds"}
"""The families, as their buttons say it."""
KEY = "family_slider"
SAMPLES = 22
"""Two rows below the ten test images and the one that is followed."""
ROUND = math.sqrt(2 * math.log(2))
"""Half of the draws from a 2-d prior lie within so much of its mean."""
FORM = ".4f"

Beside = tuple[Estimate, Estimate]
"""MSE of all test images, by a model and by PCA as wide."""
Alike = tuple[Estimate, Estimate]
"""Share of nearest neighbours that two maps have in common; share of the spread that is left."""


@dataclass(frozen=True)
class Together:
    """A family seen on a data set, as the browser gets it.

    values: what the members differ in; row: indices of the test images that are shown.
    as_they_are, aligned: the stops of the slider, without and with the maps on top of each other.
    words: what the members have in common and what not.
    """

    values: Sequence[float]
    row: Sequence[int]
    file: bytes
    as_they_are: Sequence[Stop]
    aligned: Sequence[Stop]
    words: str


def choose() -> str:
    """Buttons that choose the family, a key of `KINDS`."""
    return widgets.choice("Family", KINDS, "family")


def align(kind: str) -> bool:
    """A switch that lays the maps of seeds on top of each other; False for another family."""
    return kind == "seed" and widgets.toggle(
        "Align the maps",
        "family_align",
        help="Rotates, mirrors, scales and moves each map so that the code of every image lies as "
        "near as can be to its code by seed 0 (orthogonal Procrustes).",
    )


def card(kind: str) -> Card:
    """Of the member that is in both families."""
    return library.model(library.family(kind)[families.MIDDLE[kind]]).card


def epochs(card: Card) -> str:
    """How often a model saw each of its training images."""
    return f"{card.steps * card.batch / card.trained_on:.0f}"


@st.fragment  # what is done on the slider runs no more than this
def slider(kind: str, *, aligned: bool) -> None:
    """A family on a slider: its maps, images and figures, and what they say.

    Args:
        kind: a key of `KINDS`.
        aligned: with the maps on top of each other.
    """
    subjects = _subjects(kind)
    data = next(iter(subjects.values())).data
    these = _together(kind, data.name, subjects)
    stop, index = _kept(kind, these)
    image = data.test_images[index : index + 1]
    made = [
        subject.see(datasets.to_float(image)).reconstructions[0] for subject in subjects.values()
    ]
    family(
        KEY,
        these.file,
        these.aligned if aligned else these.as_they_are,
        label={"beta": "Beta", "seed": "Seed"}[kind],
        titles=_titles(kind),
        beside=_middle(kind, these.values),
        count=len(data.test_labels),
        shape=data.shape[1:],
        classes=data.classes,
        row=[(k, _name(data, k)) for k in these.row],
        samples=SAMPLES,
        stop=stop,
        chosen=Chosen(index, _name(data, index), image[0], np.stack(made)),
        on_stop=partial(_stopped, kind, these.values),
        on_chosen=_chose,
    )
    st.markdown(these.words)
    told = next(iter(subjects.values())).model.card.data
    if told != data.name:
        st.caption(f"All were trained on {datasets.SOURCES[told].title}, not on {data.title}.")


def _name(data: datasets.Dataset, index: int) -> str:
    return f"{data.classes[data.test_labels[index]]}, test image {index}"


def _titles(kind: str) -> list[str]:
    if kind == "beta":
        return ["Test MSE"]
    return ["Test MSE", "Neighbours shared with seed 0", "Left when aligned with seed 0"]


def _middle(kind: str, values: Sequence[float]) -> int:
    return list(values).index(families.MIDDLE[kind])


# -- what a person chose ------------------------------------------------------------------------


def _kept(kind: str, these: Together) -> tuple[int, int]:
    """The number of the stop and the index of the test image that is followed."""
    start = families.MIDDLE[kind]
    for other in KINDS:
        if other != kind:
            session.say(f"{other}_stop")
    session.begin(f"{kind}_stop", start, float, these.values.__contains__)
    value = session.value(f"{kind}_stop")
    session.say(f"{kind}_stop", None if value == start else f"{value:g}")
    first, last = these.row[3 % len(these.row)], len(sidebar.dataset().test_labels)
    session.begin("followed", first, int, range(last).__contains__)
    session.settled("followed", first)
    return list(these.values).index(value), session.value("followed")


def _stopped(kind: str, values: Sequence[float]) -> None:
    """Take over where the slider stopped; for the component."""
    session.put(f"{kind}_stop", values[int(session.get(KEY).stop["value"])])


def _chose() -> None:
    """Take over which image was clicked; for the component."""
    session.put("followed", int(session.get(KEY).chosen["index"]))


# -- what all members make of the same things ----------------------------------------------------


def _subjects(kind: str) -> dict[float, ModelSubject]:
    """The members of a family, seen on the chosen data."""
    found = {}
    for value, name in library.family(kind).items():
        codec = ModelCodec(library.model(name), name, f"{kind} {value:g}")
        found[value] = ModelSubject(codec, sidebar.dataset())
    return found


@st.cache_resource(max_entries=6, show_spinner="Encoding the test images with each model")
def _together(kind: str, data_name: str, _subjects: dict[float, ModelSubject]) -> Together:
    """What a family makes of a data set; computed once for everybody."""
    members, values = list(_subjects.values()), list(_subjects)
    data, middle = members[0].data, _middle(kind, values)
    labels, classes = data.test_labels, len(data.classes)
    codes = [member.codes() for member in members]
    plain = (
        families.along_axes(codes, middle) if kind == "beta" else [families.UNMOVED] * len(codes)
    )
    row = [typical.most_typical(data, label) for label in range(classes)]
    images = datasets.to_float(data.test_images[row])
    file = packed(
        np.stack(codes),
        np.stack([families.homes(of, labels, classes) for of in codes]),
        labels,
        data.test_images[row],
        np.stack([member.see(images, labels[row]).reconstructions for member in members]),
        np.stack([_drawn(*each) for each in zip(members, plain, strict=True)]),
    )
    errors = [beside_pca(member) for member in members]
    kls = [_kl(*each) for each in zip(members, plain, strict=True)]
    alike: list[Alike | None] = [None] * len(codes)
    if kind == "seed":
        alike = [None if k == middle else _alike(of, codes[middle]) for k, of in enumerate(codes)]

    def stops(placements: Sequence[Placement]) -> list[Stop]:
        halves = list(map(families.half_width, placements, codes))
        if kind == "seed":  # one scale for all: what differs is not how far one looks
            halves = [max(halves)] * len(halves)
        return [
            Stop(
                member.title,
                f"{values[k]:g}",
                _along(kind, values)[k],
                placements[k],
                halves[k],
                [(kl.value, f"{_nats(kl)} nats") for kl in kls[k]],
                _figures(kind, errors[k], alike[k], families.NEAR / (len(labels) - 1)),
                _said(member.title, errors[k], kls[k], codes[k], alike[k]),
            )
            for k, member in enumerate(members)
        ]

    over = stops([families.procrustes(of, codes[middle]) for of in codes])
    words = _trade(values, errors, kls) if kind == "beta" else _same(errors, alike)
    return Together(values, row, file, stops(plain), over, words)


def _kl(subject: ModelSubject, placement: Placement) -> list[Estimate]:
    """The KL divergence of each dimension, nats, in the order in which the axes are drawn."""
    found = mechanism.kl_per_dim(subject.model, subject.data.test_images)
    return [found[axis] for axis in np.abs(placement.turn).argmax(0)]


def _drawn(subject: ModelSubject, placement: Placement) -> np.ndarray:
    """Images of draws from the prior (S, H, W), of the same places on each map."""
    back = placement.turn.T.astype(np.float32)  # of axes that are swapped and mirrored
    return subject.codec.decode(sampling.sample_normal(subject.code_dim, SAMPLES) @ back)


def _along(kind: str, values: Sequence[float]) -> list[float]:
    """Where the stops are on the slider, in [0, 1]: on a logarithmic scale for beta."""
    places = np.log(values) if kind == "beta" else np.asarray(values, float)
    return ((places - places[0]) / (places[-1] - places[0])).tolist()


# -- figures and words ---------------------------------------------------------------------------


def _alike(codes: np.ndarray, others: np.ndarray) -> Alike:
    return families.shared_neighbours(codes, others), families.left_over(codes, others)


def _figures(
    kind: str, errors: Beside, alike: Alike | None, chance: float
) -> list[tuple[str, str]]:
    """The figures of a stop, each with what it is compared with.

    Args:
        alike: None for betas, and for the seed that others are compared with.
        chance: the share of neighbours that two maps share by chance.
    """
    ours, theirs = errors
    found = [(ours.said(FORM), f"PCA, 2 components: {theirs.said(FORM)}")]
    if alike:
        shared, left = map(estimate.percent, alike)
        found += [(shared, f"by chance {100 * chance:.1f} %"), (left, "of the same map: 0 %")]
    elif kind == "seed":
        found += [("-", "this is seed 0")] * 2
    return found


def _nats(kl: Estimate) -> str:
    """A KL divergence as it is written; what has collapsed has no digits that matter."""
    return kl.said(".2f") if kl.value >= mechanism.COLLAPSED else f"under {mechanism.COLLAPSED:g}"


def _said(
    name: str, errors: Beside, kls: Sequence[Estimate], codes: np.ndarray, alike: Alike | None
) -> str:
    """What is shown at a stop, for who does not see it."""
    far = float(np.median(np.linalg.norm(codes, axis=1)))
    each = ", ".join(f"z{k + 1} {_nats(kl)}" for k, kl in enumerate(kls))
    said = (
        f"{name}: test MSE {errors[0].said(FORM)}, of PCA {errors[1].said(FORM)}; KL divergence in "
        f"nats {each}; half of the codes lie within {far:.2g} of the middle, half of the prior "
        f"within {ROUND:.2g}"
    )
    if alike:
        shared, left = map(estimate.percent, alike)
        said += f"; {shared} of the neighbours shared with seed 0, {left} left when aligned"
    return said


def _trade(
    values: Sequence[float], errors: Sequence[Beside], kls: Sequence[Sequence[Estimate]]
) -> str:
    """What more of beta costs, and what it gives."""
    (least, theirs), (most, _) = errors[0], errors[-1]
    first, last = (" and ".join(dict.fromkeys(map(_nats, kls[k]))) for k in (0, -1))
    gone = mechanism.collapsed(np.array([kl.value for kl in kls[-1]]))
    said = (
        f"From beta {values[0]:g} to {values[-1]:g} the test MSE rises from {least.said(FORM)} to "
        f"{most.said(FORM)} ({theirs.said(FORM)} by PCA with 2 components), and the KL divergence "
        f"of the two dimensions falls from {first} to {last} nats."
    )
    if len(gone):
        some = "has" if len(gone) == 1 else "have"
        said += f" At beta {values[-1]:g} {mechanism.listed(gone)} {some} collapsed."
    return said


def _same(errors: Sequence[Beside], alike: Sequence[Alike | None]) -> str:
    """What seeds have in common, and what not."""
    found = np.array([ours.value for ours, _ in errors])
    pairs = [pair for pair in alike if pair]
    shared, left = ([pair[k].value for pair in pairs] for k in (0, 1))
    return (
        f"**Alike:** the test MSE, {found.mean():.5f} on average, with a standard deviation of "
        f"{found.std(ddof=1):.5f} between seeds (one standard error over images: "
        f"{errors[0][0].error:.5f}); and what lies beside what, in part: {min(shared):.0%} to "
        f"{max(shared):.0%} of the {families.NEAR} nearest neighbours of an image are the same as "
        f"on the map of seed 0. **Not alike:** where each class lies, and which way round. "
        f"Rotated, mirrored and scaled as well as can be, {min(left):.0%} to {max(left):.0%} of "
        f"the spread of the codes is still left."
    )
