"""Images for a page: of the test set, or the digits found in what a person hands in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from aeviz.app import widgets
from aeviz.app.pictures import preprocessing, sources
from aeviz.data import datasets
from aeviz.data.digits import ImageError

SOURCES = {"test": "Test set", "upload": "Upload", "draw": "Draw", "camera": "Camera"}
HANDED_IN = {
    "upload": (sources.upload, "Nothing is uploaded yet."),
    "draw": (sources.draw, "Nothing is drawn yet."),
    "camera": (sources.camera, "No photo is taken yet."),
}
"""What shows a source's widgets and returns files, and what is said where there are none."""


@dataclass(frozen=True)
class Picked:
    """Images (N, 28, 28) float32 in [0, 1], as MNIST would hold them, at least one.

    names: what each is called, for captions and files; labels: (N,) where they are known; indices:
    (N,) of test images, where they are such.
    """

    images: np.ndarray
    names: list[str]
    labels: np.ndarray | None
    indices: np.ndarray | None = None


@dataclass(frozen=True)
class Source:
    """Where images come from; a page that has its own place for a pad draws that later.

    name: a key of `SOURCES`; number: of the test image that is used, also until one is handed in.
    """

    dataset: datasets.Dataset
    key: str
    name: str
    number: int

    @property
    def handed_in(self) -> bool:
        """There is something to draw: a pad, a camera or a place for files."""
        return self.name != "test"

    def images(self, *, many: bool = False) -> Picked:
        """Draw below each other how a person hands in and what was read; returns the images."""
        if not self.handed_in:
            return self._test_image()
        return self._read(self._hand_in(), many, folded=True)

    def side_by_side(self, *, many: bool = False) -> Picked:
        """The same, with what was read beside the way in."""
        if not self.handed_in:
            return self._test_image()
        given, seen = st.columns([2, 3], gap="large")
        with given:
            files = self._hand_in()
        with seen:
            return self._read(files, many, folded=False)

    def _hand_in(self) -> list[sources.File]:
        if self.name == "draw" or sources.can_upload(self.key):
            return HANDED_IN[self.name][0](self.key)
        return []

    def _read(self, files: list[sources.File], many: bool, *, folded: bool) -> Picked:
        if picked := _digits_of(files, self.name, self.key, many, folded=folded):
            return picked
        why = "No digit was found." if files and self.name != "draw" else HANDED_IN[self.name][1]
        st.info(f"{why} What you see is a test image.")
        return self._test_image()

    def _test_image(self) -> Picked:
        data, k = self.dataset, self.number
        label = data.test_labels[k]
        image = datasets.to_float(data.test_images[k])[None]
        return Picked(image, [f"{data.classes[label]}-{k}"], data.test_labels[k : k + 1])


def choose_source(dataset: datasets.Dataset, key: str, start: int = 1) -> Source:
    """Widgets for where images come from, in one row, and for which test image.

    Args:
        key: of the test image's number, also its name in the URL. Of its own on each page: on a
            change of pages buttons of the same key forget which one is pressed.
        start: the test image chosen at first.
    """
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium", width="content")
    with row:
        source = widgets.choice("Image", SOURCES, f"{key}_from")
        number = start
        if source == "test":
            number = widgets.pick_test_image("", key, start, dataset)
    return Source(dataset, key, source, number)


def pick_images(
    dataset: datasets.Dataset, key: str, start: int = 1, *, many: bool = False
) -> Picked:
    """Widgets by which a person chooses or hands in images; returns what they chose.

    Where nothing was handed in yet, or nothing that can be read, a sentence says so, and it is
    a test image until then.

    Args:
        key, start: see `choose_source`.
        many: return all images that were handed in, or those of them that the person chose;
            exactly one otherwise.
    """
    return choose_source(dataset, key, start).side_by_side(many=many)


def upload_plain(label: str, key: str) -> list[np.ndarray]:
    """Images (28, 28) that a person hands in as they are, noise and all; none at first.

    They are there again after other pages.
    """
    if not sources.can_upload(key):
        return []
    files = sources.upload(key, label)
    found = preprocessing.kept(preprocessing.plain, files, [{}] * len(files))
    read = [(name, image) for (name, _), image in zip(files, found, strict=True)]
    preprocessing.show_problems(read)
    images = [found for _, found in read if not isinstance(found, ImageError)]
    if not images:
        why = "None of these is a picture." if files else HANDED_IN["upload"][1]
        st.info(f"{why} What you see is a corrupted test image.")
    return images


def _digits_of(
    files: Sequence[sources.File], source: str, key: str, many: bool, *, folded: bool
) -> Picked | None:
    """Show how the files are read and which digits are found; those that the person chose."""
    names: list[str] = []
    images: list[np.ndarray] = []
    read = preprocessing.read_all(files, source, key, folded=folded)
    for name, found in read:
        stem = file_stem(name)
        if stem in names or f"{stem}-1" in names:  # two files may be called alike
            stem = f"{stem}-{len(names) + 1}"
        numbers = range(1, len(found.digits) + 1)
        names += [f"{stem}-{k}" for k in numbers] if len(numbers) > 1 else [stem]
        images += list(found.digits)
    if not images:
        return None
    apart = len(names)
    labels = [str(k + 1) for k in range(apart)]
    if len(files) == 1 < apart:  # it may be one digit in pieces
        names.append(file_stem(files[0][0]))
        images.append(read[0][1].result)
        labels.append("All as one")
    # Of its own for each set of digits: the last choice may be gone.
    key = f"{key}_which_{preprocessing.mark_of(files[0][1])}_{apart}_{len(names)}"
    chosen = _choose(labels, images, key, many, apart)
    return Picked(np.stack([images[k] for k in chosen]), [names[k] for k in chosen], None)


def file_stem(name: str) -> str:
    """A file's name without its ending, and without what a path or a page could take amiss."""
    return re.sub(r"\W+", "-", name.rsplit(".", 1)[0]).strip("-")[:40] or "picture"


def _choose(
    labels: Sequence[str], images: Sequence[np.ndarray], key: str, many: bool, apart: int
) -> list[int]:
    """Which of the digits (28, 28) that were found are used.

    Args:
        many: several may be; the first `apart` of them are at first.
    """
    numbers = list(range(len(labels)))
    if len(numbers) == 1:
        return numbers
    shown = zip(images, labels, strict=True)
    widgets.gallery(
        (widgets.Item([(image, f"digit {name}")], name) for image, name in shown), size="3rem"
    )
    offer = partial(st.pills, options=numbers, format_func=labels.__getitem__, key=key)
    if many:
        chosen = offer("Digits to use", default=numbers[:apart], selection_mode="multi")
        return sorted(chosen) or numbers[:apart]
    return [offer("Digit to use", default=0, required=True) or 0]
