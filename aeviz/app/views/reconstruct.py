"""Parts of the page of reconstructions: which images, what is lost of each, and of all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from aeviz.app import sidebar, texts, widgets
from aeviz.app.subject import ModelSubject, Subject
from aeviz.charts import pixels
from aeviz.data import datasets

ORDERS = {"random": "Random", "best": "Best", "worst": "Worst"}
COLUMNS = 10
METRICS = {
    "mse": ("MSE", ".5f", "Mean squared error of a pixel in [0, 1]. Less is better."),
    "bce": (
        "BCE (nats/pixel)",
        ".4f",
        "Binary cross-entropy. Less is better; grey pixels cost some even when they come back "
        "unchanged.",
    ),
    "psnr": (
        "PSNR (dB)",
        ".2f",
        "Peak signal-to-noise ratio of the mean MSE. More is better; 3 dB more is half the MSE.",
    ),
}


@widgets.alone
def exhibit() -> None:
    """Test images, and what comes back of each."""
    model = sidebar.subject()
    subjects = [model, model.pca()]
    shown = pick(model)
    with widgets.exhibit("reconstruct"):
        images, inspector = st.columns([3, 1], gap="medium")
        with inspector:
            overall(subjects)
        with images:
            side_by_side(subjects, shown)
            say_which_code(model)
            widgets.beside_pca(subjects)


def pick(subject: Subject) -> np.ndarray:
    """Widgets that choose test images: at random, or those that come back best or worst."""
    data = subject.data
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        order = widgets.choice(
            "Which images",
            ORDERS,
            "copies",
            "The best come back with the least MSE, the worst with the most.",
        )
        classes = {str(k): title for k, title in enumerate(data.classes)}
        kind = "digit" if data.name == "mnist" else "class"
        label = widgets.choice(f"By {kind}", {"all": "All", **classes}, "copies_of")
        found = np.arange(len(data.test_labels))
        if label != "all":
            found = found[data.test_labels == int(label)]
        if order == "random":
            draw = np.random.default_rng(widgets.draw_again("copies_seed"))
            return draw.choice(found, COLUMNS, replace=False)
    ranked = found[subject.errors().mse[found].argsort(kind="stable")]
    return ranked[:COLUMNS] if order == "best" else ranked[::-1][:COLUMNS]


def overall(subjects: Sequence[Subject]) -> None:
    """The errors of the first over all test images, and below each that of the second."""
    ours, theirs = (subject.errors().estimates for subject in subjects)
    st.markdown(f"**Over all {len(subjects[0].data.test_labels):,} test images**")
    with st.container(horizontal=True, gap="medium"):
        for key, (title, form, text) in METRICS.items():
            value, *error = ours[key].said(form).partition(" ± ")
            st.metric(
                f"{title}, ± {error[-1]}" if error[-1] else title,
                value,
                f"PCA {theirs[key].said(form)}",
                delta_color="off",
                delta_arrow="off",
                help=text,
                width="content",
            )


def side_by_side(subjects: Sequence[Subject], shown: np.ndarray) -> None:
    """Test images (N,), and below each its reconstructions, their errors and what these measure."""
    data = subjects[0].data
    images, labels = datasets.to_float(data.test_images[shown]), data.test_labels[shown]
    names = [f"{data.classes[k]}\ntest image\n{i}" for k, i in zip(labels, shown, strict=True)]
    table = [widgets.Row("Original", images, names)]
    for subject in subjects:
        seen = subject.see(images, labels)
        measured = zip(seen.errors.mse, seen.errors.bce, seen.errors.psnr, strict=True)
        figures = [f"MSE {mse:.4f}\nBCE {bce:.3f}\n{psnr:.1f} dB" for mse, bce, psnr in measured]
        table.append(widgets.Row(f"Reconstruction by {subject.title}", seen.reconstructions))
        error = pixels.signed(seen.differences)
        table.append(widgets.Row(f"Error of {subject.title}", error, figures))
    widgets.rows(table)
    widgets.error_key()
    widgets.told_labels(subjects, labels)
    widgets.seen_in_training(subjects)


def say_which_code(subject: ModelSubject) -> None:
    """Which code of an image is decoded, where its encoder gives more than one."""
    if subject.model.has_posterior:
        st.caption(texts.of("reconstruct").part("posterior"))
