"""How likely a model finds images: bounds on the log-likelihood."""

from __future__ import annotations

import math

import numpy as np
import torch

from aeviz.data import datasets
from aeviz.models import apply, gaussian
from aeviz.models.base import Autoencoder

DECODED_AT_ONCE = 4000


def binarised(images: np.ndarray, seed: int) -> np.ndarray:
    """Images (N, H, W) float32 whose pixels are white with their grey value as the chance."""
    chance = np.random.default_rng(seed).random(images.shape, np.float32)
    return (chance < datasets.to_float(images)).astype(np.float32)


@torch.no_grad()
def log_likelihood(
    model: Autoencoder,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    samples: int = 500,
    seed: int = 0,
) -> np.ndarray | None:
    """Importance-weighted bound on log p(x) for each image (N,), nats; None without a posterior.

    log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x), z_k from q(z|x): with K = 1 the ELBO, with more a
    tighter bound. p(x|z) is the model's own likelihood: a Bernoulli one is that of black or white
    pixels (see `binarised`), a Gaussian or a Laplace one a density.

    Args:
        images: (N, H, W), uint8 or float in [0, 1].
        labels: (N,), for variants with `uses_labels`: then it is log p(x|y).
        samples: K.

    Source: Burda et al. 2015, arXiv:1509.00519, eq. 8.
    """
    model.eval()
    bounds = []
    batch = max(DECODED_AT_ONCE // samples, 1)
    draw = torch.Generator().manual_seed(seed)
    for start in range(0, len(images), batch):
        x = apply.pixels(model, images[start : start + batch])
        given = apply.labels_for(model, None if labels is None else labels[start : start + batch])
        posterior = model.posterior(x, **given)
        if posterior is None:
            return None
        mu, log_var = posterior
        noise = torch.randn(samples, *mu.shape, generator=draw)
        z = gaussian.draw(mu, log_var, noise)
        given = {name: value.repeat(samples) for name, value in given.items()}
        logits = model.logits(z.flatten(0, 1), **given).view(samples, len(x), -1)
        log_p_x = model.likelihood.log_prob(logits, x.flatten(1))
        log_p_z = -0.5 * z.square().sum(2)  # both without log 2 pi, which cancels
        log_q_z = -0.5 * (noise.square() + log_var).sum(2)
        bounds.append((log_p_x + log_p_z - log_q_z).logsumexp(0) - math.log(samples))
    return torch.cat(bounds).numpy()
