"""What a loss does to the code: its terms, numbers in use, firing units, slopes, words in use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from aeviz.analysis import estimate
from aeviz.analysis.estimate import Estimate
from aeviz.data import datasets
from aeviz.models import apply, gaussian, objective, optim
from aeviz.models.base import Autoencoder

# -- what the loss says -----------------------------------------------------------------------


BATCHES = 10
"""So many parts of the images are compared: a term need not be a mean over images."""


@dataclass(frozen=True)
class Cost:
    """What images cost a model, as it would in training.

    terms: in the model's unit per image, weights included.
    total: their sum, which is minimised. All errors are from the spread over ten batches.
    metrics: numbers () or (D,) that are watched only.
    """

    terms: dict[str, Estimate]
    total: Estimate
    metrics: dict[str, np.ndarray]


def cost(model: Autoencoder, images: np.ndarray, labels: np.ndarray | None = None) -> Cost:
    """The loss of images (N, H, W) uint8 in its parts, with the same noise each time."""
    order = np.random.default_rng(0).permutation(len(images))  # MNIST's first half is the easier
    shuffled = (images[order], None if labels is None else labels[order])
    batches = objective.losses(model, *shuffled, batch=max(len(images) // BATCHES, 1))
    whole = objective.averaged(batches)

    def estimated(value: Tensor, of: list[Tensor]) -> Estimate:
        spread = estimate.mean(np.array([float(part) for part in of]))
        return Estimate(float(value), spread.error)

    parts = [loss for _, loss in batches]
    return Cost(
        {
            name: estimated(value, [loss.terms[name] for loss in parts])
            for name, value in whole.terms.items()
        },
        estimated(whole.total, [loss.total for loss in parts]),
        {name: value.cpu().numpy() for name, value in whole.metrics.items()},
    )


@cache
def reports(model_class: type[Autoencoder]) -> frozenset[str]:
    """What a variant's loss measures beside its terms, by the names of its metrics.

    Asked of a network with the variant's defaults, on two black images.
    """
    model = optim.build(model_class, model_class.Config(), 0).eval()
    with torch.no_grad(), optim.Noise(0, model.device):
        return frozenset(model.loss(torch.zeros(2, *model.shape)).metrics)


# -- active and collapsed dimensions --------------------------------------------------------------

COLLAPSED = 0.01
"""Nats per image: a latent dimension with less has collapsed."""


def collapsed(kl_per_dim: np.ndarray) -> np.ndarray:
    """Which latent dimensions, from 0 on, have collapsed: kl_per_dim (D,) in nats."""
    return np.flatnonzero(kl_per_dim < COLLAPSED)


def listed(which: np.ndarray, most: int = 8) -> str:
    """Latent dimensions, counted from 0, as a person reads them: "z1, z3 and z7"."""
    names = [f"z{k + 1}" for k in which[:most]]
    if len(which) > most:
        return f"{', '.join(names)} and {len(which) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def kl_per_dim(
    model: Autoencoder, images: np.ndarray, labels: np.ndarray | None = None
) -> list[Estimate]:
    """KL(q(z|x) || p(z)) of each latent dimension, nats, the means over images (N, H, W).

    Raises:
        ValueError: the model has no Gaussian posterior and prior.

    Source: Kingma & Welling 2013, arXiv:1312.6114, appendix B.
    """
    posterior = apply.posterior(model, images, labels)
    if posterior is None or not model.gaussian_prior:
        raise ValueError(f"{model.title} has no posterior to compare with a prior.")
    mu, sigma = map(torch.from_numpy, posterior)
    found = gaussian.kl(mu, 2 * sigma.log()).numpy()
    return [estimate.mean(of) for of in found.T]


REACH = np.linspace(-3, 3, 13)
"""How far one number is moved, in standard deviations."""


def sweep(codes: np.ndarray, number: int, *, by_prior: bool) -> np.ndarray:
    """The mean code with one number moved along `REACH`, (13, D).

    Args:
        codes: (N, D), of test images.
        by_prior: in standard deviations of N(0, 1), about 0; else in those of the codes, about
            their mean.
    """
    moved = codes.mean(0)[None].repeat(len(REACH), 0)
    centre, spread = codes[:, number].mean(), codes[:, number].std()
    moved[:, number] = REACH if by_prior else centre + REACH * spread
    return moved


def spread(codes: np.ndarray) -> float:
    """Standard deviation of the numbers of codes (N, D), the root of their mean variance."""
    return float(np.sqrt(codes.var(0, dtype=np.float64).mean()))


# -- units that fire --------------------------------------------------------------------------


@dataclass(frozen=True)
class Units:
    """How active the units of a code are on images.

    shares: mean activity of each unit (D,); the share of images on which it fires, where it only
        fires or does not.
    active: how many are active on one image, the mean over images of the sum of activities.
    dead: units (D,) that fire on none of the images.
    graded: whether activities lie between 0 and 1.
    """

    shares: np.ndarray
    active: estimate.Estimate
    dead: np.ndarray
    graded: bool


def units(model: Autoencoder, codes: np.ndarray) -> Units:
    """Of codes (N, D), by the model's own `activity` and `active`."""
    z = torch.from_numpy(codes)
    activity = model.activity(z).numpy()
    return Units(
        activity.mean(0, dtype=np.float64),
        estimate.mean(activity.sum(1)),
        ~model.active(z).any(0).numpy(),
        bool(((activity > 0) & (activity < 1)).any()),
    )


def explained(images: np.ndarray, mse: np.ndarray) -> estimate.Estimate:
    """Share of the variance of pixels that reconstructions explain, of images (N, H, W).

    1 - sum of squared errors / sum of squared deviations from the mean image: 1 is perfect, 0 is
    what the mean image alone would do.

    Args:
        mse: mean squared error of each reconstruction (N,).
    """
    x = datasets.to_float(images).reshape(len(images), -1)
    deviation = np.square(x - x.mean(0)).mean(1)

    def share(both: np.ndarray) -> float:
        error, deviation = both.sum(0, dtype=np.float64)
        return 1 - error / deviation

    return estimate.bootstrap(share, np.stack([mse, deviation], 1))


def atoms(model: Autoencoder, codes: np.ndarray, units: np.ndarray) -> np.ndarray:
    """What single units add to an image: decode(unit alone) - decode(0), (K, H, W).

    Each unit is as strong as it is on average in those codes (N, D) in which it is active.

    Source: dictionary atoms, Olshausen & Field 1996, Nature 381:607, here through a nonlinearity.
    """
    alone = np.zeros((len(units) + 1, codes.shape[1]), np.float32)
    for row, unit in enumerate(units):
        values = codes[:, unit]
        values = values[model.active(torch.from_numpy(values)).numpy()]
        alone[row, unit] = values.mean() if len(values) else 1
    images = apply.decode(model, alone)
    return images[:-1] - images[-1]


def adds(model: Autoencoder, codes: np.ndarray, number: int) -> np.ndarray:
    """What one dimension adds to what codes (N, D) decode to: with it minus with 0, (N, H, W)."""
    without = codes.copy()
    without[:, number] = 0
    return apply.decode(model, codes) - apply.decode(model, without)


# -- how steep the encoder is -----------------------------------------------------------------

ROWS = 1600
"""Slopes are taken at so many images that they have about this many rows in all, ..."""
MOST, LEAST = 50, 4
"""... within these bounds."""
AT_ONCE = 256
"""Rows that go backwards through the encoder together."""


def jacobian(
    model: Autoencoder, images: np.ndarray, labels: np.ndarray | None = None
) -> np.ndarray | None:
    """Slopes of the code in the pixels, (N, code_dim, pixels); None where a code moves in jumps.

    Exact: a backward pass for each latent dimension, for all images (N, H, W) at once, as the
    code of one does not depend on the others.

    Args:
        labels: (N,), for variants with `uses_labels`.
    """
    x = apply.pixels(model, images).clone().requires_grad_()
    given = apply.labels_for(model, labels)
    with torch.enable_grad():
        z = model.eval().encode(x, **given)
        if not z.requires_grad:
            return None
        rows = [
            torch.autograd.grad(
                z,
                x,
                some[:, None].expand(-1, len(x), -1),  # (rows at once, N, D): each asks for one z_k
                retain_graph=True,
                is_grads_batched=True,
            )[0].flatten(2)
            for some in torch.eye(z.shape[1]).split(max(AT_ONCE // len(x), 1))
        ]
    return torch.cat(rows).transpose(0, 1).numpy()


def singular_values(slopes: np.ndarray) -> np.ndarray:
    """Of Jacobians (N, D, P), largest first, (N, min(D, P)); the sum of their squares is |J|_F^2.

    How far the code moves when the image moves by one, in the direction in which it moves most,
    in the one after that, and so on. What rounding leaves of a zero is zero.
    """
    values = np.linalg.svd(slopes, compute_uv=False)
    rounding = np.finfo(slopes.dtype).eps * max(slopes.shape[1:])  # numpy's own for a rank
    return np.where(values > rounding * values[:, :1], values, 0)


def spectrum(
    model: Autoencoder, images: np.ndarray, labels: np.ndarray, seed: int = 0
) -> np.ndarray | None:
    """Singular values (N, R) of the encoder's Jacobian at some of the images, drawn at random.

    None where a code moves in jumps. The wider the code, the fewer images: see `ROWS`.

    Source: Rifai et al. 2011, ICML, section 6 (figure 3).
    """
    number = min(max(ROWS // model.code_dim, LEAST), MOST)
    some = np.random.default_rng(seed).permutation(len(images))[:number]
    slopes = jacobian(model, images[some], labels[some])
    return None if slopes is None else singular_values(slopes)


# -- words that are used ----------------------------------------------------------------------


def _grids(model: Autoencoder, codes: np.ndarray) -> np.ndarray:
    """Which entry of the model's codebook stands at each place of codes (N, D): (N, places)."""
    parts = [model.entries(some) for some in torch.from_numpy(codes).split(apply.BATCH)]
    return torch.cat([part for part in parts if part is not None]).numpy()


@torch.no_grad()
def usage(model: Autoencoder, codes: np.ndarray) -> np.ndarray:
    """Share of all places of codes (N, D) that each entry of the codebook (K, .) has, (K,)."""
    grids = _grids(model, codes)
    return np.bincount(grids.ravel(), minlength=model.config.codebook_size) / grids.size


def perplexity(shares: np.ndarray) -> float:
    """exp(entropy) of shares (K,): so many entries, used equally often, would be as varied."""
    used = shares[shares > 0]
    return float(np.exp(-(used * np.log(used)).sum()))


WINDOW = 12
"""Pixels along the side of the part of an image that is looked at around a word."""


@torch.no_grad()
def windows(model: Autoencoder, codes: np.ndarray, images: np.ndarray) -> np.ndarray:
    """What stands in images where a word does, (K, 12, 12): the mean of all windows around it.

    Black where a word is never used, and beyond the border of an image.

    Args:
        codes: (N, code_dim), of a square grid of entries.
        images: (N, H, W), of which they are the codes.
    """
    grids = _grids(model, codes)
    step = images.shape[1] // round(grids.shape[1] ** 0.5)  # pixels from one place to the next
    beyond = (WINDOW - step) // 2
    padded = np.pad(datasets.to_float(images), ((0, 0), (beyond, beyond), (beyond, beyond)))
    views = np.lib.stride_tricks.sliding_window_view(padded, (WINDOW, WINDOW), (1, 2))
    views = views[:, ::step, ::step].reshape(-1, WINDOW * WINDOW)
    chosen = np.eye(model.config.codebook_size, dtype=np.float32)[grids.ravel()]
    return (chosen.T @ views / chosen.sum(0)[:, None].clip(1)).reshape(-1, WINDOW, WINDOW)
