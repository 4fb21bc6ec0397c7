"""Codes drawn anew: from a prior, or from a mixture fitted to codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from aeviz.analysis import estimate
from aeviz.analysis.estimate import Estimate
from aeviz.models import apply
from aeviz.models.base import Autoencoder

if TYPE_CHECKING:
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture


# -- codes that no image was encoded to -----------------------------------------------------


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


def sample_normal(dimensions: int, n: int, temperature: float = 1.0, seed: int = 0) -> np.ndarray:
    """Codes (n, dimensions) from N(0, I), spread by the temperature."""
    noise = np.random.default_rng(seed).standard_normal((n, dimensions))
    return (temperature * noise).astype(np.float32)


@torch.no_grad()
def posterior_codes(
    model: Autoencoder, images: np.ndarray, labels: np.ndarray, seed: int = 0
) -> np.ndarray:
    """A code (N, D) of each image as the decoder met it in training.

    Where there is a posterior one draw from it: the prior is that of draws, and their means have
    less spread. Else the code itself.

    Args:
        seed: another one than that of draws from the prior, or both are made of the same noise.
    """
    if not model.has_posterior:
        return apply.encode(model, images, labels)
    generator, parts = torch.Generator().manual_seed(seed), []
    model.eval()
    for start in range(0, len(images), apply.BATCH):
        some = slice(start, start + apply.BATCH)
        posterior = model.posterior(
            apply.pixels(model, images[some]), **apply.labels_for(model, labels[some])
        )
        assert posterior is not None  # it has one
        mu, log_var = (part.cpu() for part in posterior)
        noise = torch.randn(mu.shape, generator=generator)
        parts.append((mu + (log_var / 2).exp() * noise).numpy())
    return np.concatenate(parts)


TOLD = 3_000
"""Draws and as many codes that are told apart."""
GROUPS = 10
"""In so many groups, whose spread gives the standard error."""


def told_apart(draws: np.ndarray, codes: np.ndarray) -> tuple[Estimate, Estimate]:
    """How often the nearest neighbour of a draw is a draw, and that of a code a code.

    Both are 0.5 where draws and codes come from one distribution, and 1 where they lie apart. Two
    figures, as they can be wrong in opposite ways: of draws that all lie in the middle of wide
    codes the first is 1 and the second 0. Each group of a tenth of the draws and as many codes is
    asked for itself, so that the ten answers are independent.

    Args:
        draws: (N, D).
        codes: (N, D).

    Source: Schilling 1986, JASA 81:799; Lopez-Paz & Oquab 2017, arXiv:1610.06545, section 3.
    """
    from sklearn.neighbors import NearestNeighbors

    found = []
    for group in zip(np.split(draws, GROUPS), np.split(codes, GROUPS), strict=True):
        drawn = np.repeat([True, False], [len(part) for part in group])
        nearest = NearestNeighbors(n_neighbors=1).fit(np.concatenate(group)).kneighbors()[1][:, 0]
        alike = drawn == drawn[nearest]
        found.append((alike[drawn].mean(), alike[~drawn].mean()))
    of_draws, of_codes = np.transpose(found)
    return estimate.mean(of_draws), estimate.mean(of_codes)


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


# -- images drawn by a model ----------------------------------------------------------------


def frechet(features: np.ndarray, others: np.ndarray) -> float:
    """Frechet distance between Gaussians fitted to two sets of features (N, F), (M, F), squared.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), as it is usual, without a root.

    Source: Heusel et al. 2017, arXiv:1706.08500, eq. 6; Dowson & Landau 1982.
    """
    means = [part.mean(0, dtype=np.float64) for part in (features, others)]
    first, second = (np.cov(part.T.astype(np.float64)) for part in (features, others))
    # C1 C2 has the eigenvalues of the symmetric C1^(1/2) C2 C1^(1/2).
    values, axes = np.linalg.eigh(first)
    root = axes * np.sqrt(values.clip(min=0)) @ axes.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(min=0)).sum()
    apart = np.square(means[0] - means[1]).sum()
    return float(apart + np.trace(first) + np.trace(second) - 2 * shared)


def prior_images(model: Autoencoder, n: int, seed: int = 0) -> np.ndarray | None:
    """Images (n, H, W) of codes from the model's prior; None without one.

    A model that takes labels is asked for each class equally often.
    """
    codes = sample_prior(model, n, seed=seed)
    if codes is None:
        return None
    return apply.decode(model, codes, np.arange(n) % model.classes if model.uses_labels else None)


MIXTURE = 50
"""Gaussians in the mixture that stands for a prior, fitted after training."""


def mixture_images(
    model: Autoencoder, codes: np.ndarray, labels: np.ndarray, n: int, seed: int = 0
) -> np.ndarray:
    """Images (n, H, W) of codes from a mixture of 50 Gaussians fitted to codes (N, D).

    A model that takes labels is asked for classes as often as they occur.

    Source: Ghosh et al. 2020, arXiv:1903.12436, section 4.
    """
    return of_mixture(model, fit_mixture(codes, MIXTURE, seed), labels, n, seed)


def of_mixture(
    model: Autoencoder, mixture: Mixture, labels: np.ndarray, n: int, seed: int = 0
) -> np.ndarray:
    """The same of a mixture that is fitted already."""
    drawn = sample_mixture(mixture, n, seed=seed)
    chosen = np.random.default_rng(seed).choice(labels, n)
    return apply.decode(model, drawn, chosen if model.uses_labels else None)
