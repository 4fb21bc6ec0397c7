"""What lies between codes: lines, arcs, and the walk along them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

DENSE = 256
"""Places on each stretch of a path at which its length is measured."""


def line(points: np.ndarray, steps: int) -> np.ndarray:
    """Straight path (steps, D) through waypoints (K, D), K >= 2, even in arc length.

    The first and last step are the first and last waypoint; those between are passed, and lie on
    a step only where the even spacing happens to put one. In pixel space this is a cross-fade.
    """
    return _path(points, steps, lambda a, b, t: (1 - t) * a + t * b)


def slerp(points: np.ndarray, steps: int) -> np.ndarray:
    """Spherical path (steps, D) through waypoints (K, D), K >= 2, even in arc length.

    The direction turns evenly along the great circle while the distance from the origin changes
    linearly, so that a path between two typical codes of a wide Gaussian stays on its shell.
    A stretch has no great circle of its own, and is straight, where an end is the zero vector or
    both ends are parallel; between opposite ends it leads through the origin.

    Source: Shoemake 1985, SIGGRAPH, for rotations; for codes: White 2016, arXiv:1609.04468.
    """
    return _path(points, steps, _arc)


def _arc(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    size_a, size_b = (np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
    safe_a, safe_b = (np.where(size > 0, size, 1) for size in (size_a, size_b))
    cosine = np.clip((a / safe_a * (b / safe_b)).sum(-1, keepdims=True), -1, 1)
    angle = np.arccos(cosine)
    curved = (size_a > 0) & (size_b > 0) & (np.sin(angle) > 1e-6)
    sine = np.where(curved, np.sin(angle), 1)
    turned = np.sin((1 - t) * angle) / sine * a / safe_a + np.sin(t * angle) / sine * b / safe_b
    return np.where(curved, turned * ((1 - t) * size_a + t * size_b), (1 - t) * a + t * b)


def _path(
    points: np.ndarray,
    steps: int,
    stretch: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    points = np.asarray(points, np.float64)
    if len(points) < 2 or steps < 2:
        raise ValueError("A path needs two ends and two steps.")

    def at(u: np.ndarray) -> np.ndarray:
        """The path at u in [0, K - 1]: waypoint k at u = k."""
        k = np.minimum(u.astype(int), len(points) - 2)
        return stretch(points[k], points[k + 1], (u - k)[:, None])

    u = np.linspace(0, len(points) - 1, DENSE * (len(points) - 1) + 1)
    travelled = np.append(0, np.linalg.norm(np.diff(at(u), axis=0), axis=1).cumsum())
    even = np.interp(np.linspace(0, travelled[-1], steps), travelled, u)
    return at(even).astype(np.float32)


def milestones(points: np.ndarray, walk: Callable[[np.ndarray, int], np.ndarray]) -> np.ndarray:
    """How far along a path each of its waypoints lies (K,), as a fraction of the path's length.

    Args:
        points: waypoints (K, D).
        walk: `line` or `slerp`.
    """
    stretches = [walk(points[k : k + 2], DENSE) for k in range(len(points) - 1)]
    lengths = [np.linalg.norm(np.diff(stretch, axis=0), axis=1).sum() for stretch in stretches]
    travelled = np.append(0, np.cumsum(lengths))
    if travelled[-1] == 0:
        return np.linspace(0, 1, len(points))
    return travelled / travelled[-1]
