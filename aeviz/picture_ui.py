"""The one way in for pictures: a test picture, or one that a person hands in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from aeviz import data, images, latent, ui

SOURCES = {"test": "A test picture", "own": "Your own"}


@dataclass(frozen=True)
class Picked:
    """Pictures (N, 28, 28) float32 in [0, 1], as MNIST would hold them, at least one.

    names: what each is called, for captions and files; labels: (N,) where they are known.
    """

    pictures: np.ndarray
    names: list[str]
    labels: np.ndarray | None


@st.cache_data(max_entries=20, show_spinner="Reading the picture")
def _read(content: bytes) -> np.ndarray:
    """A file's picture as MNIST would hold it."""
    return images.to_mnist(content)


def pick(dataset: data.Dataset, key: str = "picture", start: int = 1) -> Picked:
    """Widgets by which a person chooses or hands in pictures; returns what they chose.

    Where nothing was handed in yet, or nothing that can be read, a sentence says so, and it is
    a test picture until then.

    Args:
        key: of the test picture's number, also its name in the URL.
        start: the test picture chosen at first.
    """
    picture, problem = None, ""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if ui.choice("Picture", SOURCES, f"{key}_from") == "own":
            upload = st.file_uploader(
                "A digit on plain paper: a photo, a scan or a drawing",
                ["png", "jpg", "jpeg", "webp", "gif", "bmp"],
                key=f"{key}_file",
                max_upload_size=images.MAX_BYTES // 1_000_000,
                width=420,
            )
            try:
                picture = _read(upload.getvalue()) if upload else None
                problem = "" if upload else "Nothing is uploaded yet."
            except images.ImageError as error:
                problem = str(error)
            number = start
        else:
            number = ui.pick_test_picture("Picture", key, start, dataset)
    if problem:
        st.info(f"{problem} Until then this is a test picture.")
    if picture is not None:
        return Picked(picture[None], ["own"], None)
    label = dataset.test_labels[number]
    return Picked(
        latent.to_float(dataset.test_images[number])[None],
        [f"{dataset.classes[label]}-{number}"],
        dataset.test_labels[number : number + 1],
    )
