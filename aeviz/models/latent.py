"""Codes and what lies between them: encode, decode, planes, the decoder's atlas, paths, samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from aeviz.models.base import Autoencoder

if TYPE_CHECKING:
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture

BATCH = 2000


def to_float(images: np.ndarray) -> np.ndarray:
    """Images as float32 in [0, 1]; uint8 is divided by 255."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / 255
    return np.asarray(images, np.float32)


@torch.no_grad()
def encode(
    model: Autoencoder,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    visible: np.ndarray | None = None,
) -> np.ndarray:
    """Point codes (N, code_dim) float32 of images (N, 28, 28), uint8 or float in [0, 1].

    Args:
        labels: (N,), for variants with `uses_labels`; found by the model where left out.
        visible: (N, 28, 28) bool, for variants with `uses_visible`: False where a pixel is hidden.
    """
    model.eval()
    parts = []
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        x = torch.from_numpy(to_float(images[part]))[:, None].to(model.device)
        given = _labels(model, labels, part)
        if model.uses_visible and visible is not None:
            given["visible"] = torch.from_numpy(np.array(visible[part])).to(model.device)
        parts.append(model.encode(x, **given).cpu().numpy())
    return np.concatenate(parts) if parts else np.empty((0, model.code_dim), np.float32)


@torch.no_grad()
def decode(model: Autoencoder, codes: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """Images (N, 28, 28) float32 in [0, 1] of codes (N, code_dim).

    Args:
        labels: (N,), for variants with `uses_labels`; the mean over all where left out.
    """
    model.eval()
    parts = []
    for start in range(0, len(codes), BATCH):
        part = slice(start, start + BATCH)
        z = torch.from_numpy(np.asarray(codes[part], np.float32)).to(model.device)
        x = model.decode(z, **_labels(model, labels, part))
        parts.append(x[:, 0].clamp(0, 1).cpu().numpy())
    return np.concatenate(parts) if parts else np.empty((0, 28, 28), np.float32)


@torch.no_grad()
def classify(model: Autoencoder, images: np.ndarray) -> np.ndarray | None:
    """The labels (N,) that suit images (N, 28, 28) best; None for a variant that takes none."""
    if not model.uses_labels:
        return None
    model.eval()
    parts = [np.empty(0, np.int64)]
    for start in range(0, len(images), BATCH):
        x = torch.from_numpy(to_float(images[start : start + BATCH]))[:, None].to(model.device)
        labels = model.classify(x)
        assert labels is not None  # the model uses them
        parts.append(labels.cpu().numpy())
    return np.concatenate(parts)


def _labels(model: Autoencoder, labels: np.ndarray | None, part: slice) -> dict[str, torch.Tensor]:
    if not model.uses_labels or labels is None:
        return {}
    return {"labels": torch.from_numpy(np.array(labels[part])).long().to(model.device)}


def reconstruct(
    model: Autoencoder,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    visible: np.ndarray | None = None,
) -> np.ndarray:
    """Images (N, 28, 28) put through encoder and decoder, float32 in [0, 1].

    Args:
        labels: (N,), for variants with `uses_labels`; found by the model where left out.
        visible: (N, 28, 28) bool, for variants with `uses_visible`: False where a pixel is hidden.
    """
    if labels is None:
        labels = classify(model, images)
    return decode(model, encode(model, images, labels, visible), labels)


# -- paths between codes ----------------------------------------------------------------------

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


# -- how far from every code ------------------------------------------------------------------


def nearest(codes: np.ndarray, queries: np.ndarray, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest codes of each query, exactly: distances (Q, k), nearest first, and indices.

    Args:
        codes: (N, D).
        queries: (Q, D).
    """
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=k).fit(codes).kneighbors(queries)


def gaps(codes: np.ndarray) -> np.ndarray:
    """Distance (N,) from each code (N, D) to its nearest other one."""
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=1).fit(codes).kneighbors()[0][:, 0]


def typical_gap(codes: np.ndarray, quantile: float = 0.9) -> float:
    """A quantile of the gaps; the highest ones belong to outliers and say little of the rest."""
    return float(np.quantile(gaps(codes), quantile))


def nearest_images(images: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest image of each query in pixel space: Euclidean distances (Q,) and indices (Q,).

    Args:
        images: (N, 28, 28), uint8 or float in [0, 1].
        queries: (Q, 28, 28), likewise.
    """
    from threadpoolctl import threadpool_limits

    q = to_float(queries).reshape(len(queries), -1)
    best = np.full(len(q), np.inf, np.float32)
    index = np.zeros(len(q), np.int64)
    rows = np.arange(len(q))
    with threadpool_limits(1, "blas"):  # its threads would fight with torch's for the same cores
        for start in range(0, len(images), BATCH):  # 60,000 images at once take 190 MB as floats
            x = to_float(images[start : start + BATCH]).reshape(-1, q.shape[1])
            squared = np.square(x).sum(1) - 2 * q @ x.T  # |q|^2 is added below, once
            here = squared.argmin(1)
            closer = squared[rows, here] < best
            best[closer], index[closer] = squared[rows, here][closer], start + here[closer]
    return np.sqrt(np.maximum(best + np.square(q).sum(1), 0)), index


# -- codes that no picture was encoded to -----------------------------------------------------


def prior_grid(n: int) -> np.ndarray:
    """Codes (n * n, 2) that share a 2-d standard Gaussian evenly, row by row from the top left.

    The middles of n equal slices of probability go through the inverse normal CDF, the second
    number falling from row to row as on a map.

    Source: Kingma & Welling 2013, arXiv:1312.6114, appendix A (figure 4).
    """
    from scipy.stats import norm

    z = norm.ppf((np.arange(n) + 0.5) / n)
    return np.stack([np.tile(z, n), np.repeat(z[::-1], n)], axis=1).astype(np.float32)


@torch.no_grad()
def sample_prior(
    model: Autoencoder, n: int, temperature: float = 1.0, seed: int = 0
) -> np.ndarray | None:
    """Codes (n, code_dim) from the model's prior, the same for a seed; None without a prior."""
    generator = torch.Generator().manual_seed(seed)
    codes = model.sample_prior(n, temperature=temperature, generator=generator)
    return None if codes is None else codes.cpu().numpy()


MIXTURE_CODES = 10_000
"""A mixture is fitted to at most this many codes, drawn at random."""
MIXTURE_AXES = 64
"""And along at most this many of their principal axes: full covariances grow with the square."""


@dataclass(frozen=True)
class Mixture:
    """A Gaussian mixture over codes (D,), of full covariances along their principal axes."""

    axes: PCA
    gaussians: GaussianMixture


def fit_mixture(codes: np.ndarray, components: int, seed: int = 0) -> Mixture:
    """A Gaussian mixture with full covariances fitted to codes (N, D) by expectation maximisation.

    Codes wider than 64 lose what their smaller principal axes hold.

    Source: Ghosh et al. 2020, arXiv:1903.12436, section 4 (ex-post density estimation).
    """
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    if len(codes) > MIXTURE_CODES:
        codes = np.random.default_rng(seed).choice(codes, MIXTURE_CODES, replace=False)
    # Its many small products took a hundred times as long with two BLAS threads beside torch's.
    with threadpool_limits(1):
        axes = PCA(min(MIXTURE_AXES, *codes.shape), svd_solver="covariance_eigh")
        places = axes.fit_transform(codes.astype(np.float64))
        mixture = GaussianMixture(components, tol=0.01, random_state=seed)
        return Mixture(axes, mixture.fit(places))


def sample_mixture(mixture: Mixture, n: int, temperature: float = 1.0, seed: int = 0) -> np.ndarray:
    """Codes (n, D) from a mixture, each spread about its component's mean by the temperature."""
    gaussians = mixture.gaussians
    weights, means, covariances = (
        np.asarray(part) for part in (gaussians.weights_, gaussians.means_, gaussians.covariances_)
    )
    draw = np.random.default_rng(seed)
    chosen = draw.choice(len(weights), n, p=weights)
    noise = draw.standard_normal((n, means.shape[1]))
    spread = np.linalg.cholesky(covariances)[chosen]
    places = means[chosen] + temperature * (spread @ noise[..., None])[..., 0]
    return mixture.axes.inverse_transform(places).astype(np.float32)
