"""Planes through code space and the decoder seen on them: what the map draws, the probe decodes.

A plane takes codes (N, D) to points (N, 2) and points back to codes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from aeviz.analysis import estimate
from aeviz.analysis.estimate import Estimate

Window = tuple[float, float, float, float]
"""Visible part of a plane: left, right, bottom, top."""
Decode = Callable[[np.ndarray, np.ndarray | None], np.ndarray]
"""Images (N, H, W) of codes (N, D), and of their labels (N,) for a decoder that takes them."""


class Plane(Protocol):
    """A flat view of code space."""

    @property
    def axis_titles(self) -> tuple[str, str]:
        """What the two axes mean, in words."""
        ...

    @property
    def exact(self) -> bool:
        """True where `project(lift(points))` gives the points again."""
        ...

    @property
    def equal(self) -> bool:
        """True where both axes have the same unit, so that one scale is right for both."""
        ...

    def project(self, codes: np.ndarray) -> np.ndarray:
        """Points (N, 2) of codes (N, D)."""
        ...

    def lift(self, points: np.ndarray) -> np.ndarray:
        """Codes (N, D) of points (N, 2)."""
        ...


@dataclass(frozen=True)
class AxesPlane:
    """Two coordinates of the code; the others stay where `base` (D,) has them."""

    first: int
    second: int
    base: np.ndarray
    exact: bool = True
    equal: bool = True

    @property
    def axis_titles(self) -> tuple[str, str]:
        """The coordinates' numbers, from 1."""
        return f"code z{self.first + 1}", f"code z{self.second + 1}"

    def project(self, codes: np.ndarray) -> np.ndarray:
        """The two coordinates."""
        return codes[:, [self.first, self.second]]

    def lift(self, points: np.ndarray) -> np.ndarray:
        """The base with its two coordinates replaced."""
        codes = np.tile(self.base.astype(np.float32), (len(points), 1))
        codes[:, [self.first, self.second]] = points
        return codes


@dataclass(frozen=True)
class PCAPlane:
    """The plane in which codes vary most; mean (D,), axes (2, D) with orthonormal rows.

    Lifting is exact: a point of the plane is the code mean + x axes[0] + y axes[1].
    """

    mean: np.ndarray
    axes: np.ndarray
    shares: tuple[float, float]
    """Fraction of the codes' variance along each axis."""
    exact: bool = True
    equal: bool = True

    @property
    def axis_titles(self) -> tuple[str, str]:
        """Which principal axis, with the share of the variance that it shows."""
        first, second = self.shares
        return f"first principal axis ({first:.0%})", f"second principal axis ({second:.0%})"

    def project(self, codes: np.ndarray) -> np.ndarray:
        """Coordinates along the two axes."""
        return (codes - self.mean) @ self.axes.T

    def lift(self, points: np.ndarray) -> np.ndarray:
        """The codes in the plane."""
        return (points @ self.axes + self.mean).astype(np.float32)


@dataclass(frozen=True)
class LinePlane:
    """Codes of one number: it runs along x; y only spreads the dots so that they can be seen."""

    exact: bool = True
    equal: bool = False
    axis_titles: tuple[str, str] = ("code z1", "no meaning, spreads the dots")

    def project(self, codes: np.ndarray) -> np.ndarray:
        """The number, and a height that depends on the place in the list alone."""
        golden = (np.arange(len(codes)) * 0.6180339887) % 1
        return np.column_stack([codes[:, 0], golden]).astype(np.float32)

    def lift(self, points: np.ndarray) -> np.ndarray:
        """The number; the height is dropped."""
        return np.asarray(points[:, :1], np.float32)


@dataclass(frozen=True)
class EmbeddingPlane:
    """A neighbour embedding (UMAP, t-SNE) of codes: for looking; lifting is approximate.

    codes (N, D) and their places (N, 2); anything else goes to the weighted mean of its
    nearest neighbours (Shepard 1968, inverse-distance weights).
    """

    codes: np.ndarray
    places: np.ndarray
    method: str
    neighbours: int = 8
    exact: bool = False
    equal: bool = True
    _trees: dict = field(default_factory=dict, repr=False, compare=False)

    @property
    def axis_titles(self) -> tuple[str, str]:
        """The axes of an embedding have no meaning of their own."""
        return f"{self.method} 1 (no unit)", f"{self.method} 2 (no unit)"

    def project(self, codes: np.ndarray) -> np.ndarray:
        """The known places of known codes, else the mean place of the nearest codes."""
        if codes.shape == self.codes.shape and np.array_equal(codes, self.codes):
            return self.places
        return self._mean("codes", codes, self.codes, self.places)

    def lift(self, points: np.ndarray) -> np.ndarray:
        """The mean code of the nearest places."""
        return self._mean("places", points, self.places, self.codes)

    def _mean(
        self, name: str, queries: np.ndarray, known: np.ndarray, values: np.ndarray
    ) -> np.ndarray:
        from sklearn.neighbors import NearestNeighbors

        if name not in self._trees:
            self._trees[name] = NearestNeighbors(n_neighbors=self.neighbours).fit(known)
        distances, indices = self._trees[name].kneighbors(queries)
        weights = 1 / (distances + 1e-6)
        weights /= weights.sum(1, keepdims=True)
        return np.einsum("nk,nkd->nd", weights, values[indices]).astype(np.float32)


def pca_plane(codes: np.ndarray) -> PCAPlane:
    """The plane of the two principal axes of codes (N, D), D at least 2."""
    mean = codes.mean(0)
    variances, axes = np.linalg.eigh(np.cov(codes.T))
    shares = variances[::-1][:2] / max(variances.sum(), 1e-12)
    axes = axes[:, ::-1].T[:2]
    # An axis' sign is arbitrary: its largest part points up, so that the map is the same again.
    axes = axes * np.sign(axes[np.arange(2), np.abs(axes).argmax(1)])[:, None]
    return PCAPlane(
        mean.astype(np.float32), axes.astype(np.float32), (float(shares[0]), float(shares[1]))
    )


def default_plane(codes: np.ndarray) -> Plane:
    """The plane itself for codes of two numbers, a line for one, the PCA plane for more."""
    if codes.shape[1] == 1:
        return LinePlane()
    if codes.shape[1] == 2:
        return AxesPlane(0, 1, np.zeros(2, np.float32))
    return pca_plane(codes)


def window_of(points: np.ndarray, *, equal: bool = True) -> Window:
    """A window that shows nearly all points (N, 2): 0.2 % may lie outside at each side.

    Args:
        equal: as wide as high, in units of the axes: on a square map both have one scale.
    """
    low, high = np.percentile(points, [0.2, 99.8], axis=0)
    half = 0.56 * np.maximum(high - low, 1e-3)
    if equal:
        half = np.full(2, half.max())
    (x0, y0), (x1, y1) = (low + high) / 2 - half, (low + high) / 2 + half
    return float(x0), float(x1), float(y0), float(y1)


def ellipse(plane: Plane, code: np.ndarray, spread: np.ndarray) -> np.ndarray | None:
    """The axes (2, 2), as columns, of an ellipse: one standard deviation around a code (D,).

    That of independent dimensions, on a plane that is a linear view of them; None on others.

    Args:
        spread: (D,), one standard deviation of each dimension.
    """
    if not (plane.exact and plane.equal):
        return None
    moved = plane.project(code + np.diag(spread)) - plane.project(code[None])
    variances, axes = np.linalg.eigh(np.asarray(moved.T @ moved, np.float64))
    return axes * np.sqrt(np.maximum(variances, 0))


def crossing(points: np.ndarray, labels: np.ndarray, window: Window, grid: int = 40) -> np.ndarray:
    """A place (2,) where three classes meet: the third of them is as common there as anywhere.

    Args:
        points: (N, 2), labels: (N,).
        window: it is looked for in the middle of it.
        grid: places along each side that are compared.
    """
    from scipy.spatial import KDTree

    x0, x1, y0, y1 = window
    across, up = (
        np.linspace(a + (b - a) / 4, b - (b - a) / 4, grid) for a, b in ((x0, x1), (y0, y1))
    )
    places = np.stack(np.meshgrid(across, up), -1).reshape(-1, 2)
    far, near = KDTree(points).query(places, min(60, len(points)))
    counts = np.stack([(labels[near] == c).mean(1) for c in range(int(labels.max()) + 1)], 1)
    third = np.sort(counts, 1)[:, -3] if counts.shape[1] > 2 else counts.min(1)
    # Where codes are thin three classes meet by chance: only the denser half of the places counts.
    dense = far[:, -1] <= np.quantile(far[:, -1], 0.5)
    return places[np.where(dense, third, -1).argmax()]


@dataclass(frozen=True)
class Atlas:
    """The decoder on a grid over a window: images (size, size, 28, 28) uint8.

    images[i, j] is decoded at x = x0 + j (x1 - x0) / (size - 1) and
    y = y1 - i (y1 - y0) / (size - 1): the first row is the top, as on the screen.
    """

    window: Window
    images: np.ndarray
    error: Estimate | None = None
    """Of its blend, see `blend_error`, where that was measured."""

    @property
    def size(self) -> int:
        """Nodes along each side."""
        return len(self.images)

    def sheet(self) -> np.ndarray:
        """All images as one, (H * size, W * size) uint8: of each pixel its values over the grid.

        They change little from node to node: so the sheet is half as large a file as if whole
        images lay side by side.
        """
        height, width = self.images.shape[2:]
        values = self.images.transpose(2, 0, 3, 1)
        return values.reshape(height * self.size, width * self.size)

    def blend(self, points: np.ndarray) -> np.ndarray:
        """Mix (N, H, W) in [0, 1] of the sixteen images around points (N, 2).

        Cubic convolution meets the nodes and halves the error of a bilinear mix of four. The
        browser does the same at pointer speed; points outside go to the border.

        Source: Keys 1981, IEEE Trans. ASSP 29:1153, eq. 15 with a = -1/2.
        """
        x0, x1, y0, y1 = self.window
        last = self.size - 1
        column = np.clip((points[:, 0] - x0) / (x1 - x0) * last, 0, last)
        row = np.clip((y1 - points[:, 1]) / (y1 - y0) * last, 0, last)
        j, i = np.minimum(column.astype(int), last - 1), np.minimum(row.astype(int), last - 1)
        across, down = cubic_weights(column - j), cubic_weights(row - i)
        mixed = np.zeros((len(points), *self.images.shape[2:]))
        for p in range(4):
            for q in range(4):
                # Beside the border its own node stands in for the missing one.
                nodes = np.clip(i + p - 1, 0, last), np.clip(j + q - 1, 0, last)
                mixed += (down[p] * across[q])[:, None, None] * self.images[nodes]
        return np.clip(mixed / 255, 0, 1).astype(np.float32)


def cubic_weights(t: np.ndarray) -> tuple[np.ndarray, ...]:
    """Weights of the four nodes around a place a share t (...) of the way between the middle two.

    Source: Keys 1981, IEEE Trans. ASSP 29:1153, eq. 15 with a = -1/2.
    """
    return (
        ((2 - t) * t - 1) * t / 2,
        ((3 * t - 5) * t * t + 2) / 2,
        ((4 - 3 * t) * t + 1) * t / 2,
        (t - 1) * t * t / 2,
    )


def atlas(
    decode: Decode, plane: Plane, window: Window, size: int, label: int | None = None
) -> Atlas:
    """Decode a grid of size x size points over a window of a plane.

    Args:
        label: for variants with `uses_labels`, what all of it is decoded as.
    """
    x0, x1, y0, y1 = window
    x, y = np.meshgrid(np.linspace(x0, x1, size), np.linspace(y1, y0, size))
    points = np.column_stack([x.ravel(), y.ravel()]).astype(np.float32)
    labels = None if label is None else np.full(len(points), label)
    images = decode(plane.lift(points), labels)
    levels = np.round(images * 255).astype(np.uint8)
    return Atlas(window, levels.reshape(size, size, *levels.shape[1:]))


GRIDS = (64, 68, 72, 80, 96, 112, 128, 144)
"""Nodes along each side of an atlas: more where a decoder bends too much between fewer.

The sheet of 144 is 4,032 pixels wide; some phones draw none wider than 4,096.
"""
COMPARED = 1000
"""Places at which an atlas is compared with the decoder."""


def blend_error(
    decode: Decode, plane: Plane, grid: Atlas, points: np.ndarray, label: int | None = None
) -> Estimate:
    """Mean absolute error of blended images at places (N, 2), in grey levels of 255.

    Only places inside the atlas's window count, as the browser blends only there; 0 without any.
    The standard error is over places.
    """
    x0, x1, y0, y1 = grid.window
    x, y = points.T
    seen = points[(x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)]
    if len(seen) == 0:
        return Estimate(0.0, 0.0)
    labels = None if label is None else np.full(len(seen), label)
    exact = decode(plane.lift(seen), labels)
    return estimate.mean(255 * np.abs(grid.blend(seen) - exact).mean((1, 2)))


def fitting_atlas(
    decode: Decode, plane: Plane, window: Window, points: np.ndarray, label: int | None = None
) -> Atlas:
    """The coarsest atlas whose blend is within one grey level of the decoder, or the finest one.

    The error falls about with the square of the size, so that of the coarsest says which to try.

    Args:
        points: (N, 2), where it has to be right: what the map shows.
    """
    some = points[:: max(len(points) // COMPARED, 1)]

    def measured(size: int) -> Atlas:
        found = atlas(decode, plane, window, size, label)
        return replace(found, error=blend_error(decode, plane, found, some, label))

    found = measured(GRIDS[0])
    while found.error and found.error.value > 1 and found.size < GRIDS[-1]:
        needed = max(found.size * found.error.value**0.5, found.size + 1)
        found = measured(next((size for size in GRIDS if size >= needed), GRIDS[-1]))
    return found


def plane_key(plane: Plane) -> str:
    """A short text that differs where planes differ, for caches."""
    digest = hashlib.sha256(type(plane).__name__.encode())
    for value in (v for k, v in vars(plane).items() if k != "_trees"):
        digest.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    return digest.hexdigest()[:16]
