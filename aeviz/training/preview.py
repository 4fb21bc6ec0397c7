"""What a model in training does to fixed test images: reconstructions and a map."""

from __future__ import annotations

import io
import logging
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np

from aeviz.analysis import planes
from aeviz.data import datasets
from aeviz.models import apply, optim
from aeviz.models.base import Autoencoder
from aeviz.training.spec import RunSpec

MAPPED = 2_000
"""So many test images are drawn on a run's map."""


@dataclass(frozen=True)
class Preview:
    """What a model in training does to fixed test images.

    originals, reconstructions: (10, 28, 28) uint8, one of each class, labels (10,).
    points: (2000, 2), the codes on a plane with these axis titles; point_labels (2000,).
    """

    step: int
    originals: np.ndarray
    reconstructions: np.ndarray
    labels: np.ndarray
    points: np.ndarray
    point_labels: np.ndarray
    axis_titles: tuple[str, str]


def first_look(spec: RunSpec) -> Preview:
    """What the model of a run does before its first step, on MNIST where its data is not here."""
    config = spec.config
    model = optim.build(spec.model_class, config, spec.seed)
    return look(model, data_here(spec.data) or datasets.load("mnist"), 0, None)


def look(
    model: Autoencoder, dataset: datasets.Dataset, step: int, before: Preview | None
) -> Preview:
    """Reconstructions of the first test image of each class, and a map of the first codes."""
    images, labels = dataset.test_images, dataset.test_labels
    ten = np.unique(labels, return_index=True)[1]
    reconstructions = apply.reconstruct(model, images[ten], labels[ten])
    codes = apply.encode(model, images[:MAPPED], labels[:MAPPED])
    plane = planes.default_plane(codes)
    points = plane.project(codes).astype(np.float32)
    if isinstance(plane, planes.PCAPlane) and before is not None:
        # An axis and its mirror image are equally good; take the one that does not jump.
        points *= np.where((points * before.points).sum(0) < 0, -1, 1).astype(np.float32)
    return Preview(
        step=step,
        originals=images[ten],
        reconstructions=np.round(reconstructions * 255).astype(np.uint8),
        labels=labels[ten],
        points=points,
        point_labels=labels[:MAPPED],
        axis_titles=plane.axis_titles,
    )


def data_here(name: str) -> datasets.Dataset | None:
    """A data set that need not be downloaded; None without it, or where it is damaged."""
    if name != "mnist" and datasets.find_folder(name) is None:
        return None
    try:
        return datasets.load(name)
    except datasets.DataError as error:
        logging.warning("%s", error)
        return None


_ARRAYS = ("originals", "reconstructions", "labels", "points", "point_labels")


def to_bytes(found: Preview) -> bytes:
    """A preview as the bytes of an npz file."""
    buffer = io.BytesIO()
    arrays = {key: getattr(found, key) for key in _ARRAYS}
    np.savez(buffer, step=found.step, axis_titles=np.array(found.axis_titles), **arrays)
    return buffer.getvalue()


DAMAGED = (
    *(TypeError, KeyError, EOFError, MemoryError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What numpy and zipfile raise for a file that is not what it should be, besides a ValueError."""


def from_bytes(content: bytes) -> Preview:
    """A preview from the bytes of an npz file.

    Raises:
        ValueError: it is damaged, or of another version.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return _checked(
                Preview(
                    step=int(arrays["step"]),
                    axis_titles=tuple(str(title) for title in arrays["axis_titles"]),  # type: ignore[arg-type]
                    **{key: arrays[key] for key in _ARRAYS},
                )
            )
    except DAMAGED as error:
        raise ValueError(f"This is no preview: {error}") from error


def _checked(seen: Preview) -> Preview:
    """A preview whose arrays fit each other; a ValueError for others."""
    digits, points = (len(seen.labels), 28, 28), (len(seen.point_labels), 2)
    if (
        (seen.originals.shape, seen.reconstructions.shape, seen.points.shape)
        != (digits, digits, points)
        or len(seen.axis_titles) != 2
        or {seen.originals.dtype, seen.reconstructions.dtype} != {np.dtype(np.uint8)}
        or not {*seen.labels.tolist(), *seen.point_labels.tolist()} <= set(range(10))
    ):
        raise ValueError("The arrays do not fit each other.")
    return seen
