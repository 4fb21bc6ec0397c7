"""Holes of latent space: places among the codes that are far from every code.

Far is farther than three times the distance within which 90 % of the test codes have a training
code. That unit makes codes of any scale comparable; it is one for the whole space, so where codes
lie dense in the middle and thin outside, small holes of the middle are overlooked. A hole says that
the decoder was not trained there, not that its image is bad.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aeviz.analysis import estimate
from aeviz.analysis.estimate import Estimate

FAR = 3.0
"""A place is far from every code beyond this many typical distances."""
TYPICAL = 0.9
"""The share of codes that have another one within the typical distance. The few beyond are
outliers, and say little of the rest."""
MIDDLE = 0.99
"""Only among so many codes, those nearest to their mean, are holes looked for: round them all is
the emptiness beyond the last code, and a hull of all codes is spanned by a few outliers."""
PAIRS = 2_000
"""Of test codes, between which straight paths are laid."""
PLACES = 5_000
"""In the box round the codes, by which areas are measured."""
SPANNED = 3
"""In so many dimensions codes fill their hull; in more, most of it lies where no code is."""
DRAWS = 50
"""Resamples: the standard error is then known to a tenth."""
CLOSE = 0.02
"""The greatest distance on a path is found to this share of itself."""

Away = Callable[[np.ndarray], np.ndarray]
"""Places (Q, D) -> distance (Q,) to the nearest of the known codes."""


def far(gaps: np.ndarray) -> float:
    """The distance to the nearest training code beyond which a place is far from every code.

    Args:
        gaps: distance of each test code to the nearest training code, (N,).
    """
    return FAR * float(np.quantile(gaps, TYPICAL))


@dataclass(frozen=True)
class Holes:
    """How much of latent space between the codes is far from every code.

    far: the distance beyond which a place is; paths: share of the straight paths between two test
    codes that cross such a place; hull: share of the area (in three dimensions: of the volume)
    among the test codes, None in more dimensions and where they lie on a line; apart: the median
    length of those paths.
    """

    far: float
    paths: Estimate
    hull: Estimate | None
    apart: float
    inside: int = 0
    """So many places were drawn among the codes, of which `hull` is a share."""


def find(codes: np.ndarray, gaps: np.ndarray, away: Away, seed: int = 0) -> Holes:
    """Measure the holes among test codes (N, D), their outermost hundredth left out.

    Standard errors are those of a bootstrap over test images, from which the unit of what is far
    comes, over paths, and over places.

    Args:
        gaps: distance of each to the nearest training code, (N,).
        away: the same of any place.
        seed: of the paths, places and resamples.
    """
    draw = np.random.default_rng(seed)
    middle = np.flatnonzero(_middle(codes))
    first = draw.integers(len(middle), size=PAIRS)
    second = (first + draw.integers(1, len(middle), size=PAIRS)) % len(middle)
    a, b = middle[first], middle[second]
    # What resamples call far moves by a few per cent: nearer than that no path need be known well.
    peaks = emptiest(codes[a], codes[b], gaps[a], gaps[b], away, enough=0.8 * far(gaps))
    hull, inside = _hull(codes, gaps, away, draw) if _spans(codes) else (None, 0)
    return Holes(
        far(gaps),
        estimate.bootstrap(_share, peaks, gaps, draws=DRAWS, seed=seed),
        hull,
        float(np.median(np.linalg.norm(codes[b] - codes[a], axis=1))),
        inside,
    )


def _share(distances: np.ndarray, gaps: np.ndarray) -> float:
    return float((distances > far(gaps)).mean())


def _middle(codes: np.ndarray) -> np.ndarray:
    outwards = np.square(codes - codes.mean(0)).sum(1)
    return outwards <= np.quantile(outwards, MIDDLE)


def _spans(codes: np.ndarray) -> bool:
    """Whether codes have an area, or in three dimensions a volume: a dead unit leaves none."""
    dimensions = codes.shape[1]
    if not 2 <= dimensions <= SPANNED:
        return False
    return int(np.linalg.matrix_rank(codes - codes.mean(0))) == dimensions


def _hull(
    codes: np.ndarray, gaps: np.ndarray, away: Away, draw: np.random.Generator
) -> tuple[Estimate, int]:
    """The share of the hull of the middle codes that is far, and by how many places drawn in it."""
    from scipy.spatial import ConvexHull

    middle = codes[_middle(codes)]
    low, high = middle.min(0), middle.max(0)
    places = low + (high - low) * draw.random((PLACES, codes.shape[1]))

    def inside(codes: np.ndarray, places: np.ndarray) -> np.ndarray:
        sides = ConvexHull(codes[_middle(codes)]).equations  # normal and offset, positive outside
        return np.all(places @ sides[:, :-1].T + sides[:, -1] <= 0, axis=1)

    def share(seen: np.ndarray, asked: np.ndarray) -> float:
        return _share(asked[inside(seen[:, :-1], asked[:, :-1]), -1], seen[:, -1])

    both = np.column_stack([codes, gaps]), np.column_stack([places, away(places)])
    return estimate.bootstrap(share, *both, draws=DRAWS), int(inside(codes, places).sum())


def emptiest(
    starts: np.ndarray,
    ends: np.ndarray,
    near_starts: np.ndarray,
    near_ends: np.ndarray,
    away: Away,
    *,
    enough: float = 0.0,
) -> np.ndarray:
    """The greatest distance to the known codes on each straight path (K,), to 2 %, from below.

    No place is farther from the codes than half the sum of what its stretch's ends are and the
    stretch is long. So the stretches that may hold more than was found are halved, until none may.

    Args:
        starts, ends: of the paths, (K, D).
        near_starts, near_ends: their own distances, (K,).
        away: those of places between.
        enough: paths that stay below it are not followed further.

    Source: Piyavskii 1972, USSR Comp. Math. 12(4):57; Shubert 1972, SIAM J. Numer. Anal. 9:379.
    """
    lengths, path = np.linalg.norm(ends - starts, axis=1), np.arange(len(starts))
    left, right = np.zeros(len(starts)), np.ones(len(starts))
    near_left, near_right = near_starts, near_ends
    found = np.maximum(near_left, near_right)
    while len(path):
        most = (near_left + near_right + lengths[path] * (right - left)) / 2
        open_ = most > np.maximum((1 + CLOSE) * found[path], enough)
        path = path[open_]
        left, right, near_left, near_right = (
            part[open_] for part in (left, right, near_left, near_right)
        )
        if len(path) == 0:
            break
        middle = (left + right) / 2
        near = away(starts[path] + middle[:, None] * (ends - starts)[path])
        np.maximum.at(found, path, near)
        path = np.concatenate([path, path])
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
        near_left, near_right = (
            np.concatenate([near_left, near]),
            np.concatenate([near, near_right]),
        )
    return found
