"""What can be asked at every place of a map: density, round trip, nearest code, a verdict.

A field is a value at each node of a square grid over a window of a plane, as in `planes.atlas`:
the first row is the top, the outermost nodes lie on the window's edges.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aeviz.analysis import classifier, planes
from aeviz.analysis.neighbours import Known
from aeviz.analysis.planes import Plane, Window
from aeviz.models import apply
from aeviz.models.base import Autoencoder

SIZES = (192, 128, 96, 64, 48, 32, 24)
"""Nodes along each side of a field: as many as this machine computes in about `PATIENCE`."""
PATIENCE = 0.6
"""Seconds of one processor for a field."""
TRIED = 40
"""So many places say how long the others take."""
KERNEL = 0.1
"""Width of the density's kernel, in standard deviations of the codes."""
BINS = 4
"""Of the density, for each standard deviation of its kernel."""
ELLIPSES = 30
"""Posteriors of each class that are drawn."""

At = Callable[[np.ndarray], np.ndarray]
"""Places (Q, 2) of a plane -> a value for each, (Q,) or (Q, K)."""


def nodes(window: Window, size: int) -> np.ndarray:
    """Places (size * size, 2) float32 of a grid's nodes, row by row from the top."""
    x0, x1, y0, y1 = window
    x, y = np.meshgrid(np.linspace(x0, x1, size), np.linspace(y1, y0, size))
    return np.column_stack([x.ravel(), y.ravel()]).astype(np.float32)


def field(at: At, window: Window, size: int | None = None) -> np.ndarray:
    """The values (size, size) or (size, size, K) of a function at a grid's nodes.

    Args:
        size: as fine as there is time for where it is left out.
    """
    size = size or fitting(at, window)
    values = at(nodes(window, size))
    return values.reshape(size, size, *values.shape[1:])


def fitting(at: At, window: Window) -> int:
    """The largest of `SIZES` that should be computed within `PATIENCE`.

    A transformer takes a hundred times as long as a small network, so it is tried.
    """
    places = nodes(window, SIZES[0])
    some = places[:: len(places) // TRIED]
    at(some)  # the first call also sets things up
    start = time.thread_time()  # what others compute meanwhile is not its doing
    at(some)
    each = (time.thread_time() - start) / len(some)
    return next((size for size in SIZES if size * size * each <= PATIENCE), SIZES[-1])


def enlarged(values: np.ndarray, size: int) -> np.ndarray:
    """A field (n, n, ...) at the middles of size x size pixels of its window, by cubic convolution.

    The outermost nodes lie on the window's edges, half a pixel beyond the outermost middles.

    Source: Keys 1981, as in `planes.Atlas.blend`.
    """
    n = len(values)
    at = (np.arange(size) + 0.5) / size * (n - 1)
    low = np.minimum(at.astype(int), n - 2)
    weights = np.zeros((size, n), np.float32)
    for k, weight in enumerate(planes.cubic_weights(at - low)):
        # Beside the border its own node stands in for the missing one.
        np.add.at(weights, (np.arange(size), np.clip(low + k - 1, 0, n - 1)), weight)
    return np.einsum("in,jm,nm...->ij...", weights, weights, values, optimize=True)


def borders(regions: np.ndarray) -> np.ndarray:
    """Where a pixel's region (H, W) is another than that to its right or below it, bool."""
    found = np.zeros(regions.shape, bool)
    found[:, :-1] |= regions[:, :-1] != regions[:, 1:]
    found[:-1] |= regions[:-1] != regions[1:]
    return found


# -- where codes are ----------------------------------------------------------------------------


def density(points: np.ndarray) -> At:
    """How many of some points (N, 2) lie in a unit square around a place, smoothed.

    A Gaussian kernel of `KERNEL` standard deviations along each axis of the points' own spread,
    on bins a quarter of that wide, and linear between them.

    Source: Silverman 1986, Density Estimation, eq. 4.1, on bins as in his section 3.5.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    width = KERNEL * np.maximum(points.std(0, ddof=1), 1e-6)
    low = points.min(0) - 5 * width
    # A few codes may lie so far out that bins would fill the memory: then these are wider.
    cell = np.maximum(width / BINS, (points.max(0) + 5 * width - low) / 2000)
    shape = np.ceil((points.max(0) + 5 * width - low) / cell).astype(int)
    edges = [low[d] + cell[d] * np.arange(shape[d] + 1) for d in (0, 1)]
    counts = np.histogram2d(points[:, 0], points[:, 1], edges)[0]
    smooth = gaussian_filter(counts, width / cell, mode="constant", truncate=5) / cell.prod()

    def at(places: np.ndarray) -> np.ndarray:
        middles = (places.astype(float) - low) / cell - 0.5
        return map_coordinates(smooth, middles.T, order=1, mode="constant").astype(np.float32)

    return at


def away(known: Known, plane: Plane) -> At:
    """Distance in latent space from a place, lifted to its code, to the nearest of known codes."""

    def lifted(places: np.ndarray) -> np.ndarray:
        return known.away(plane.lift(places)).astype(np.float32)

    codes = known.codes
    if codes.shape[1] <= 2 or not (plane.exact and plane.equal):
        return lifted
    from scipy.spatial import KDTree

    # By Pythagoras: how far a code is from the plane is the same for all places on it.
    points = plane.project(codes)
    beside = np.linalg.norm(codes - plane.lift(points), axis=1)
    tree = KDTree(np.column_stack([points, beside]))

    def at(places: np.ndarray) -> np.ndarray:
        return tree.query(np.column_stack([places, np.zeros(len(places))]))[0].astype(np.float32)

    return at


# -- what decoder and encoder make of a place ----------------------------------------------------


def _told(places: np.ndarray, label: int | None) -> np.ndarray | None:
    return None if label is None else np.full(len(places), label)


def round_trip(model: Autoencoder, codes: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """How far codes (N, D) are from the codes of what is decoded from them, |f(g(z)) - z|, (N,).

    Args:
        labels: (N,), for variants with `uses_labels`.
    """
    back = apply.encode(model, apply.decode(model, codes, labels), labels)
    return np.linalg.norm(back - codes, axis=1)


def trips(model: Autoencoder, plane: Plane, label: int | None = None) -> At:
    """The round trip from each place.

    Args:
        label: for variants with `uses_labels`, what every place is decoded and encoded as.
    """
    return lambda places: round_trip(model, plane.lift(places), _told(places, label))


def seen(model: Autoencoder, plane: Plane, label: int | None = None) -> At:
    """What the digit classifier makes of what is decoded at each place: log-probabilities."""
    return lambda places: classifier.log_probabilities(
        apply.decode(model, plane.lift(places), _told(places, label))
    )


# -- posteriors ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ellipses:
    """Posteriors q(z|x) of some images as they are seen on a plane.

    points: (K, 2), their means; axes: (K, 2, 2), columns: one standard deviation along two axes;
    labels: (K,).
    """

    points: np.ndarray
    axes: np.ndarray
    labels: np.ndarray


def ellipses(
    model: Autoencoder,
    plane: Plane,
    points: np.ndarray,
    images: np.ndarray,
    labels: np.ndarray,
    window: Window,
    seed: int = 0,
) -> Ellipses | None:
    """Posteriors of at most `ELLIPSES` images of each class, of those whose code is in a window.

    None for a model without a posterior, and on a plane that is no linear view of codes.

    Args:
        points: (N, 2), codes of the images on the plane.
        images: (N, H, W) with labels (N,).
    """
    x0, x1, y0, y1 = window
    x, y = points.T
    inside = np.flatnonzero((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1))
    order = np.random.default_rng(seed).permutation(inside)
    chosen = np.concatenate(
        [order[labels[order] == label][:ELLIPSES] for label in range(int(labels.max()) + 1)]
    )
    found = apply.posterior(model, images[chosen], labels[chosen])
    if found is None or not (plane.exact and plane.equal):
        return None
    axes = [planes.ellipse(plane, mu, sigma) for mu, sigma in zip(*found, strict=True)]
    both = np.array(axes, np.float32).reshape(-1, 2, 2)
    return Ellipses(plane.project(found[0]).astype(np.float32), both, labels[chosen])
