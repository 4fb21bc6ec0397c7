"""Parts of the page of comparisons: models and PCA side by side, closer, and class by class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from aeviz.analysis import compare, estimate
from aeviz.app import pictures, widgets
from aeviz.app.subject import ModelSubject, Seen, Subject
from aeviz.charts import bars, export, theme
from aeviz.charts.pixels import signed
from aeviz.data import datasets

SHOW = {"worst": "Worst 20", "classes": "Each class", "random": "Random 20", "own": "Yours"}
MAPS = "Of the first two: where each has the codes of the same test images."
MOST = 20
NEAREST = 6
WHICH = "each with its class and its index in the test set"


def pick_pca(first: ModelSubject, components: Sequence[int]) -> Subject:
    """A widget that chooses how many components PCA has: as many as a code is wide, or others."""
    names = {"same": f"as the first: {min(first.code_dim, math.prod(first.data.shape)):,}"}
    names |= {str(k): str(k) for k in components}
    asked = widgets.choice("PCA components", names, "compare_pca")
    return first.pca(None if asked == "same" else int(asked))


def _pick(subjects: Sequence[Subject]) -> tuple[pictures.Picked, str]:
    """Widgets that choose the images, and a sentence that says which ones they are."""
    data = subjects[0].data
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        show = widgets.choice(
            "Which images",
            SHOW,
            "compare_show",
            "Those that a model reconstructs worst, the first of each class, some at random, or "
            "one by index or of your own.",
        )
        if show == "worst":
            ranks = {str(k): subject.title for k, subject in enumerate(subjects)}
            of = widgets.choice("Worst reconstructed by", ranks, "compare_worst", menu=True)
            found = compare.worst(subjects[int(of)].errors().mse, MOST)
            sentence = f"The {MOST} test images with the largest MSE by {ranks[of]}, {WHICH}."
        elif show == "random":
            draw = np.random.default_rng(widgets.draw_again("compare_seed"))
            found = draw.choice(len(data.test_labels), MOST, replace=False)
            sentence = f"{MOST} test images drawn at random, {WHICH}."
        else:
            found = compare.first_of_each(data.test_labels)
            sentence = f"The first test image of each class, {WHICH}."
    if show == "own":
        picked = pictures.pick_images(data, key="compare_picture", many=True)
        labels = None if picked.labels is None else picked.labels[:MOST]
        return pictures.Picked(picked.images[:MOST], picked.names[:MOST], labels), ""
    labels = data.test_labels[found]
    names = [f"{data.classes[k]}, test image {i}" for k, i in zip(labels, found, strict=True)]
    images = datasets.to_float(data.test_images[found])
    return pictures.Picked(images, names, labels, found), sentence


# What follows is a fragment, and the closer look one within it: a click runs no more than it needs.
@st.fragment
def side_by_side(subjects: Sequence[Subject]) -> None:
    """The images, their reconstructions by each model, the errors, and one looked at closer."""
    picked, sentence = _pick(subjects)
    seen = {subject.title: subject.see(picked.images, picked.labels) for subject in subjects}
    table = _table(picked, seen)
    if sentence:
        st.markdown(sentence)
    if len(picked.images) == 1:
        _one(seen)
    else:
        widgets.rows(table, least=2.7, held=True)  # twenty have room beside each other
    columns: dict[str, list[Any]] = {"image": list(picked.names)}
    columns |= {f"MSE of {title}": its.errors.mse.tolist() for title, its in seen.items()}
    note = f"{sentence} Error: red is too much ink, blue too little.".strip()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        widgets.error_key()
        widgets.download(
            "images as PNG",
            lambda: export.rows([(row.name, row.pictures, row.texts) for row in table], note),
            "aeviz-compare.png",
        )
        widgets.download(
            "errors as CSV",
            lambda: export.table(list(columns), zip(*columns.values(), strict=True)),
            "aeviz-compare.csv",
        )
    widgets.told_labels(subjects, picked.labels)
    _closer(subjects, picked, [its.codes for its in seen.values()])


def _table(picked: pictures.Picked, seen: dict[str, Seen]) -> list[widgets.Row]:
    captions = [name.replace(", test image ", "\n") for name in picked.names]  # twenty in a row
    dots = [widgets.dot_of(index) for index in picked.indices] if picked.indices is not None else []
    table = [widgets.Row("Original", picked.images, captions, dots)]
    for title, its in seen.items():
        texts = [f"{value:.4f}" for value in its.errors.mse]
        table.append(widgets.Row(f"Reconstruction by {title}", its.reconstructions, dots=dots))
        errors = signed(its.differences)
        table.append(widgets.Row(f"Error and MSE: {title}", errors, texts, dots))
    return table


def _one(seen: dict[str, Seen]) -> None:
    """A single image, large, beside what each model makes of it."""
    first = next(iter(seen.values()))
    items = [widgets.Item([(first.images[0], "original")], "Original")]
    for title, its in seen.items():
        error = signed(its.differences)[0]
        both = [(its.reconstructions[0], title), (error, f"error of {title}")]
        items.append(widgets.Item(both, f"{title}\nMSE {its.errors.mse[0]:.4f}"))
    widgets.gallery(items, size="clamp(8rem, 9vw, 11rem)")


@st.fragment
def _closer(
    subjects: Sequence[Subject], picked: pictures.Picked, codes: Sequence[np.ndarray]
) -> None:
    """One of the images: its code under each model, and its neighbours in each space."""
    st.header("A closer look at one", anchor=False)
    k = 0
    if len(picked.images) > 1:
        each = {str(k): name for k, name in enumerate(picked.names)}
        k = int(widgets.choice("Which one", each, "compare_closer"))
    its_code, around = st.columns([2, 3], gap="large")
    with its_code:
        st.markdown("**Its code**: each dimension, over where 90 % of the test images have it")
        found = {s.title: (code[k], s.usual()) for s, code in zip(subjects, codes, strict=True)}
        st.plotly_chart(
            bars.codes_beside(found),
            config=theme.PLAIN,
            key="compare_codes",
            alt="the code of the image under each model",
        )
    with around:
        st.markdown("**Its nearest test images**: class, and distance in that space")
        image, pixels = picked.images[k], subjects[0].pixels()
        label = None if picked.labels is None else int(picked.labels[k])
        itself = compare.same(pixels.data.test_images, image)  # is no neighbour of itself
        places = [*(code[k] for code in codes), image.ravel()]
        table = [
            _neighbours(subject, place, label, itself)
            for subject, place in zip([*subjects, pixels], places, strict=True)
        ]
        widgets.rows(table, least=3)
        st.caption("Distances compare within a row only: each space has a scale of its own.")


def _neighbours(
    subject: Subject, place: np.ndarray, label: int | None, itself: np.ndarray
) -> widgets.Row:
    """The nearest test images of a code, and how many of them have its label, or the most."""
    data = subject.data
    distances, near = subject.neighbours(place, NEAREST, itself)
    labels = data.test_labels[near]
    counted, votes = compare.vote(labels)
    if label is not None:
        counted, votes = label, int((labels == label).sum())
    texts = [
        f"{data.classes[c]}\n{distance:.3g}" for c, distance in zip(labels, distances, strict=True)
    ]
    heading = f"{subject.title}: {votes} of {NEAREST} are {data.classes[counted]}"
    return widgets.Row(heading, data.test_images[near], texts, [widgets.dot_of(i) for i in near])


def hard_classes(subjects: Sequence[Subject]) -> None:
    """The mean error of each model over all test images and those of each class."""
    data = subjects[0].data
    st.header("Which classes are hard?", anchor=False)
    errors = {subject.title: subject.errors().mse for subject in subjects}
    overall = {title: estimate.mean(its) for title, its in errors.items()}
    (best, *others), sure = estimate.ranked(errors)
    st.markdown(
        f"Over all {len(data.test_labels):,} test images **{best}** reconstructs best, with an MSE "
        f"of **{overall[best].said('.5f')}**; "
        + ", ".join(f"{title} has {overall[title].said('.5f')}" for title in others)
        + "."
        + ("" if sure else " The lead is within its standard error.")
    )
    _what_each_has(subjects)
    by_class = {
        title: [overall[title], *compare.by_class(its, data.test_labels, len(data.classes))]
        for title, its in errors.items()
    }
    table = bars.class_errors(by_class, ("all", *data.classes))
    across = table.to_dict()["layout"]["width"]
    with st.container(key="compare-classes", width=across):
        # No narrower than it is drawn: where there is less room it scrolls sideways.
        st.html(
            "<style>.st-key-compare-classes > .stElementContainer:has(.stPlotlyChart) "
            f"{{ min-width: {across}px; }}</style>"
        )
        st.plotly_chart(
            table,
            config=theme.PLAIN,
            key="classes",
            alt="mean squared error of each model for each class",
        )
    st.caption(
        "MSE over all test images of a class ± one standard error: the more orange, the larger. "
        "Classes with much ink have more to get wrong."
    )


def _what_each_has(subjects: Sequence[Subject]) -> None:
    """What the models and PCA have to reconstruct from, and what they learned from."""
    widths = {subject.code_dim for subject in subjects}
    if len(widths) > 1:
        wide = "; ".join(f"{subject.title}: {subject.code_dim:,}" for subject in subjects)
        st.caption(f"These codes are not of one width, and a wider one keeps more: {wide}.")
    widgets.beside_pca(subjects)
    widgets.told_labels(subjects, subjects[0].data.test_labels)
    widgets.seen_in_training(subjects)
