"""Parts of the page of the bottleneck: one image of each class through codes of all widths."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import streamlit as st

from aeviz.analysis.estimate import Estimate
from aeviz.app import library, session, sidebar, widgets
from aeviz.app.subject import ModelSubject
from aeviz.charts import curves, theme
from aeviz.data import datasets
from aeviz.data.datasets import Dataset
from aeviz.models import zoo

Errors = Mapping[int, tuple[Estimate, Estimate]]
"""Latent dimension -> MSE of all test images, by the model and by PCA."""
FORM = ".5f"


def rungs() -> dict[int, ModelSubject]:
    """Pretrained models that differ in the latent dimension alone, seen on the chosen data."""
    return {width: sidebar.subject(name) for width, name in library.ladder().items()}


def pick_width(widths: list[int]) -> int:
    """A slider that chooses a rung; in the address."""
    middle = widths[len(widths) // 2]
    session.begin("rung", middle, int, widths.__contains__)
    box = session.box("rung")
    chosen = st.select_slider("Latent dimension", widths, session.value("rung"), key=box, width=320)
    session.settled("rung", middle)
    return chosen


def one_of_each(data: Dataset, seed: int) -> np.ndarray:
    """Indices of test images drawn at random, one of each class in their order."""
    draw = np.random.default_rng(seed)
    classes = range(len(data.classes))
    return np.array([draw.choice(np.flatnonzero(data.test_labels == k)) for k in classes])


def errors(rungs: Mapping[int, ModelSubject]) -> dict[int, tuple[Estimate, Estimate]]:
    """What all test images lose on each rung, and by PCA as wide."""
    return {width: beside(subject) for width, subject in rungs.items()}


def beside(subject: ModelSubject) -> tuple[Estimate, Estimate]:
    """MSE of a model and of PCA as wide: from its card, where they are in it with their errors."""
    card, names = subject.model.card, ("mse", "pca_mse_clipped")
    if card.data == subject.data.name and set(names) <= card.figures.keys() & card.errors.keys():
        ours, theirs = (Estimate(card.figures[name], card.errors[name]) for name in names)
        return ours, theirs
    return subject.errors().estimates["mse"], subject.pca().errors().estimates["mse"]


def _originals(data: Dataset, shown: np.ndarray) -> widgets.Row:
    names = [data.classes[label] for label in data.test_labels[shown]]
    return widgets.Row("Original", datasets.to_float(data.test_images[shown]), names)


def beside_pca(rung: ModelSubject, shown: np.ndarray) -> None:
    """Test images (N,), and what a model and PCA as wide make of them."""
    originals, labels = _originals(rung.data, shown), rung.data.test_labels[shown]
    table = [originals]
    for subject in (rung, rung.pca()):
        made = subject.see(originals.pictures, labels).reconstructions
        table.append(widgets.Row(f"Reconstruction by {subject.title}", made))
    widgets.rows(table, least=3)


def in_words(rung: ModelSubject, ours: Estimate, theirs: Estimate) -> None:
    """What the chosen rung is worth.

    The error of the ratio is that of two means over different images, which is more than it is:
    images that are hard for a model are hard for PCA too.
    """
    st.markdown(
        f"With {zoo.dimensions(rung.code_dim)} the MSE over {len(rung.data.test_labels):,} test "
        f"images is **{ours.said(FORM)}**; that of PCA with as many components is "
        f"{theirs.said(FORM)}, **{_times(theirs, ours).said('.2f')} times** as much."
    )
    subjects = [rung, rung.pca()]
    with st.container(key="aside-words"):
        widgets.told_labels(subjects, rung.data.test_labels)
        widgets.seen_in_training(subjects)


def curve(title: str, errors: Errors, width: int) -> None:
    """The error against the latent dimension, with the chosen one marked.

    Args:
        title: what the models of the ladder are called.
    """
    ours, theirs = zip(*errors.values(), strict=True)
    st.plotly_chart(
        curves.ladder_curve(list(errors), {title: ours, "PCA": theirs}, width),
        config=theme.PLAIN,
        key="curve",
        alt="test error against the latent dimension",
    )
    st.markdown(_fall(errors))
    st.caption(
        "Both axes are logarithmic: halving the error is the same step down everywhere. ± is one "
        "standard error over test images."
    )


def _fall(errors: Errors) -> str:
    """What the step from the narrowest to the widest code is worth, to the model and to PCA."""
    narrow, wide = min(errors), max(errors)
    ours, theirs = (_times(a, b) for a, b in zip(errors[narrow], errors[wide], strict=True))
    part = f" to **1/{ours.value:.0f}**" if ours.value >= 1.5 else ""
    return (
        f"From {narrow:,} to {zoo.dimensions(wide)} the error falls{part}, by a factor of "
        f"{ours.said('.1f')}; that of PCA by {theirs.said('.1f')}."
    )


def _times(error: Estimate, other: Estimate) -> Estimate:
    """How many times one error is another, to first order, as if of different images."""
    ratio = error.value / other.value
    return Estimate(ratio, ratio * math.hypot(error.error / error.value, other.error / other.value))


def whole(rungs: Mapping[int, ModelSubject], errors: Errors, shown: np.ndarray) -> None:
    """What each rung makes of the test images, the narrowest first, and the images themselves."""
    data = next(iter(rungs.values())).data
    originals, labels = _originals(data, shown), data.test_labels[shown]
    table = [
        widgets.Row(
            f"{zoo.dimensions(width).capitalize()}, MSE {errors[width][0].said(FORM)}",
            subject.see(originals.pictures, labels).reconstructions,
        )
        for width, subject in rungs.items()
    ]
    widgets.rows([*table, originals])
