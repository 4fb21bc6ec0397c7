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
BEYOND = 1e15
"""A code that far from 0 is as good as infinite: no map shows it beside others."""


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
    return see(model, dataset, step, None if before is None else (before.step, before.points))[0]


Before = tuple[int, np.ndarray]
"""The step of an earlier map of the same run, and its points (2000, 2)."""


def see(
    model: Autoencoder, dataset: datasets.Dataset, step: int, before: Before | None
) -> tuple[Preview, planes.Plane]:
    """The same, and the plane through code space that its map shows.

    Raises:
        FloatingPointError: a code is not finite, so there is no map.
    """
    images, labels = dataset.test_images, dataset.test_labels
    ten = first_of_each(labels)
    reconstructions = apply.reconstruct(model, images[ten], labels[ten])
    codes = apply.encode(model, images[:MAPPED], labels[:MAPPED])
    if not np.abs(codes).max() < BEYOND:  # also where one is no number
        raise FloatingPointError(
            f"The codes of the test images stopped being finite at step {step:,}: "
            "try a smaller learning rate."
        )
    plane = plane_after(codes, before)
    seen = Preview(
        step=step,
        originals=images[ten],
        reconstructions=np.round(reconstructions * 255).astype(np.uint8),
        labels=labels[ten],
        points=plane.project(codes).astype(np.float32),
        point_labels=labels[:MAPPED],
        axis_titles=plane.axis_titles,
    )
    return seen, plane


def first_of_each(labels: np.ndarray) -> np.ndarray:
    """The index of the first image of each class, of labels (N,)."""
    return np.unique(labels, return_index=True)[1]


@dataclass(frozen=True)
class FollowedPlane(planes.PCAPlane):
    """A plane that follows the codes of a run as they turn; see `plane_after`."""

    @property
    def axis_titles(self) -> tuple[str, str]:
        """With the share of the codes' variance that each axis shows."""
        first, second = self.shares
        return f"first axis ({first:.0%} of the variance)", f"second ({second:.0%})"


def plane_after(codes: np.ndarray, before: Before | None) -> planes.Plane:
    """The plane on which codes (N, D) are drawn after an earlier map of the same images.

    Codes of one or two dimensions are drawn as they are. For wider ones the plane is fitted at the
    first map of a model that has learned something, their two principal axes. From there on it is
    the one whose axes A (2, D), orthonormal, maximise tr(A Z' P): Z the centred codes, P the points
    before. That is orthogonal Procrustes with P as two of D columns, the others 0. Codes that only
    turn do not move on it, and codes that rest do not either: motion means learning.

    Source: Schoenemann 1966, "A generalized solution of the orthogonal Procrustes problem".
    """
    if codes.shape[1] <= 2:
        return planes.default_plane(codes)
    fitted = planes.pca_plane(codes)
    if before is None or len(before[1]) != len(codes):
        return fitted
    step, points = before
    if step == 0:  # of a model that had learned nothing: the axes are new, only turned towards it
        axes = _polar(points.T @ fitted.project(codes)) @ fitted.axes
    else:
        axes = _polar(points.T @ (codes - fitted.mean))
    centred, axes = codes - fitted.mean, axes.astype(np.float32)
    variances = (centred @ axes.T).var(0) / max(centred.var(0).sum(), 1e-12)
    return FollowedPlane(fitted.mean, axes, (float(variances[0]), float(variances[1])))


def _polar(m: np.ndarray) -> np.ndarray:
    """The matrix with orthonormal rows that is nearest to m (2, D)."""
    u, _, v = np.linalg.svd(np.asarray(m, np.float64), full_matrices=False)
    return u @ v


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
