"""The figures of a checkpoint with their standard errors, as its card has them and more.

`python -m aeviz evaluate checkpoints/<name>` prints them for its test images.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from aeviz.analysis import (
    anomaly_score,
    errors,
    estimate,
    inpainting,
    likelihood,
    mechanism,
    neighbours,
    pca,
    probe,
    sampling,
)
from aeviz.analysis.estimate import Estimate
from aeviz.data import corruption, datasets
from aeviz.models import apply, objective
from aeviz.models.base import Autoencoder

SIGMA = 0.5
"""Noise of the denoising figure, pixels in [0, 1]."""
DRAWS = 5
"""Seeds over which the noise, the hidden patches and the codes of an ELBO are averaged."""
SETS = 3
"""Seeds over which images drawn from a prior are averaged, each as many as test images."""
LIKELIHOOD_ON = 1_000
"""Test images, evenly spread, whose likelihood is bounded; each costs hundreds of decodings."""
GROUPS, MOST = 100, 10
"""Parts of the test images of which an ELBO is known, and parts for what needs many at once."""

Features = Callable[[np.ndarray], np.ndarray]
"""Images (N, H, W) in [0, 1] -> features (N, F) of a classifier."""
Figures = dict[str, Estimate]
"""By name, see `EXPLAINED`."""


@dataclass(frozen=True, eq=False)
class Measured:
    """A model and what it is measured on: the test images of a data set, and what chance is in it.

    samples: K of the importance-weighted likelihood; seed: the first one of noise, holes and draws;
    other: what does not belong, for the AUROC of one data set against another; features: what the
    Frechet distances of samples are measured in.
    """

    model: Autoencoder
    dataset: datasets.Dataset
    samples: int = 500
    seed: int = 0
    other: datasets.Dataset | None = None
    features: Features | None = None

    @property
    def images(self) -> np.ndarray:
        """Test images (N, H, W)."""
        return self.dataset.test_images

    @property
    def labels(self) -> np.ndarray:
        """Their labels (N,)."""
        return self.dataset.test_labels

    @property
    def seeds(self) -> range:
        """Of what is averaged over several draws."""
        return range(self.seed, self.seed + DRAWS)

    @cached_property
    def train_codes(self) -> np.ndarray:
        """Codes (N, D) of the training images."""
        return apply.encode(self.model, self.dataset.train_images, self.dataset.train_labels)

    @cached_property
    def codes(self) -> np.ndarray:
        """Codes (N, D) of the test images."""
        return apply.encode(self.model, self.images, self.labels)

    def metrics(self, groups: int, seed: int) -> list[dict[str, np.ndarray]]:
        """What the loss reports of each of so many parts of the test images."""
        n = len(self.images)  # mixed, as digits of one writer follow each other
        parts = np.array_split(np.random.default_rng(0).permutation(n), min(groups, n))
        losses = [
            objective.validate(
                self.model, self.images[part], self.labels[part], seed=seed * groups + k
            )
            for k, part in enumerate(parts)
        ]
        return [{key: value.numpy() for key, value in loss.metrics.items()} for loss in losses]


# -- parts ------------------------------------------------------------------------------------


def _errors(it: Measured) -> Figures:
    linear = pca.pca(it.dataset, min(it.model.code_dim, math.prod(it.dataset.shape)))
    made = apply.reconstruct(it.model, it.images, it.labels)
    return {
        **errors.compare(it.images, made).estimates,
        "pca_mse_clipped": estimate.mean(errors.mse(it.images, linear.reconstruct(it.images))),
    }


def share(accuracy: float, n: int) -> Estimate:
    """An accuracy on n images, and the standard error of the mean of n zeros and ones."""
    spread = accuracy * (1 - accuracy)
    return Estimate(accuracy, math.sqrt(spread / (n - 1)) if n > 1 else math.nan)


def _neighbours(it: Measured) -> Figures:
    found = neighbours.neighbour_accuracy(
        it.train_codes, it.dataset.train_labels, it.codes, it.labels
    )
    return {"neighbour_accuracy": share(found, len(it.images))}


def _elbo(it: Measured) -> Figures:
    draws = [it.metrics(GROUPS, seed) for seed in it.seeds if _reports_elbo(it)]
    values = [[float(part["elbo"]) for part in parts] for parts in draws]
    return {"elbo": estimate.of_draws(np.array(values))} if values else {}


def _reports_elbo(it: Measured) -> bool:
    return "elbo" in objective.validate(it.model, it.images[:1], it.labels[:1]).metrics


def _reported(it: Measured) -> Figures:
    parts = it.metrics(MOST, it.seed)
    found: Figures = {}
    for key in parts[0]:
        values = np.array([part[key] for part in parts], np.float64)
        if key == "kl_per_dim":
            found |= {f"kl_of_z{k}": estimate.mean(one) for k, one in enumerate(values.T, 1)}
        elif key not in ("elbo", "perplexity") and values.ndim == 1:
            found[key] = estimate.mean(values)
    return found


def _entries(it: Measured) -> Figures:
    if not it.model.config.codebook_size:
        return {}
    # Of all images together, as the loss page has it: a part of them uses entries less evenly.
    parts = np.array_split(it.codes, min(GROUPS, len(it.codes)))
    shares = np.array([len(part) * mechanism.usage(it.model, part) for part in parts])
    return {
        "perplexity": estimate.bootstrap(
            lambda some: mechanism.perplexity(some.sum(0) / some.sum()), shares
        )
    }


def _nll(it: Measured) -> Figures:
    if not it.model.has_posterior:
        return {}
    whole = likelihood.binarised(it.images, it.seed) if it.model.config.binarise else it.images
    some = slice(None, None, max(len(whole) // LIKELIHOOD_ON, 1))
    bound = likelihood.log_likelihood(
        it.model, whole[some], it.labels[some], samples=it.samples, seed=it.seed
    )
    return {} if bound is None else {"nll": estimate.mean(-bound)}


def _probe(it: Measured) -> Figures:
    found = probe.linear_probe(it.train_codes, it.dataset.train_labels, it.codes, it.labels)
    return {"probe_accuracy": found}


def _denoised(it: Measured) -> Figures:
    # Without labels: what a corrupted image shows is for the model to find.
    squares = [
        errors.mse(it.images, apply.reconstruct(it.model, corruption.noisy(it.images, SIGMA, seed)))
        for seed in it.seeds
    ]
    return {"denoised_psnr": estimate.psnr(estimate.of_draws(np.array(squares)))}


def _hidden(it: Measured) -> Figures:
    x, squares = datasets.to_float(it.images), []
    for seed in it.seeds:
        visible = inpainting.hide_patches(len(x), seed=seed, shape=it.dataset.shape)
        filled = apply.reconstruct(it.model, x * visible, None, visible)
        squares.append(inpainting.hidden_errors(x, filled, visible))
    return {"hidden_mse": estimate.of_draws(np.array(squares))}


def _other(it: Measured) -> Figures:
    if it.other is None:
        return {}
    found: Figures = {}
    for kind, name in SCORES.items():
        scores = (
            anomaly_score.score(kind, it.model, part, it.seed)
            for part in (it.images, it.other.test_images)
        )
        found[f"other_{name}"] = anomaly_score.auroc(*scores)
    return found


SCORES = {anomaly_score.PLAIN: "mse_auroc", anomaly_score.BLURRED: "auroc"}
"""What an AUROC is called, by its kind of score."""


def _frechet(it: Measured) -> Figures:
    features = it.features
    if features is None:
        return {}
    real, n = features(datasets.to_float(it.images)), len(it.images)
    seeds = range(it.seed, it.seed + SETS)
    mixture = sampling.fit_mixture(it.train_codes, sampling.MIXTURE, it.seed)
    drawn = {
        "prior_frechet": [sampling.prior_images(it.model, n, seed) for seed in seeds],
        "mixture_frechet": [
            sampling.of_mixture(it.model, mixture, it.dataset.train_labels, n, seed)
            for seed in seeds
        ],
    }
    return {
        name: frechet([features(images) for images in sets if images is not None], real)
        for name, sets in drawn.items()
        if sets[0] is not None
    }


def frechet(sets: list[np.ndarray], real: np.ndarray) -> Estimate:
    """Frechet distance of several sets of drawn features to real ones, on the mean.

    The error is that of one set against the real features, both drawn again with replacement: on
    the mean over sets it is less.
    """
    values = [sampling.frechet(drawn, real) for drawn in sets]
    again = estimate.bootstrap(sampling.frechet, sets[0], real, draws=FRECHET_DRAWS)
    return Estimate(float(np.mean(values)), again.error)


FRECHET_DRAWS = 100


@dataclass(frozen=True)
class Part:
    """Figures that are measured together.

    version: what they depend on besides model and data; another one is another measurement.
    """

    measure: Callable[[Measured], Figures]
    version: str


PARTS = {
    "errors": Part(_errors, "clipped reconstructions"),
    "neighbours": Part(_neighbours, "5 of all training codes"),
    "elbo": Part(_elbo, f"{DRAWS} draws, {GROUPS} parts"),
    "reported": Part(_reported, f"{MOST} parts"),
    "entries": Part(_entries, f"all test images, {GROUPS} parts"),
    "nll": Part(_nll, f"{LIKELIHOOD_ON} images"),
    "probe": Part(_probe, "converged, C chosen on held-out codes"),
    "denoised": Part(_denoised, f"noise {SIGMA}, {DRAWS} draws"),
    "hidden": Part(_hidden, f"{DRAWS} draws"),
    "other": Part(_other, "squared error; blurred error"),
    "frechet": Part(_frechet, f"{SETS} sets, {sampling.MIXTURE} Gaussians, {FRECHET_DRAWS} draws"),
}
"""All figures, in parts; a program may keep those whose version is the same."""
CARD = ("errors", "neighbours", "elbo")
"""Those that a card has."""


def measure(it: Measured, parts: tuple[str, ...]) -> Figures:
    """The figures of some of `PARTS`."""
    found: Figures = {}
    for name in parts:
        found |= PARTS[name].measure(it)
    return found


def figures(model: Autoencoder, dataset: datasets.Dataset) -> Figures:
    """The figures of a card, measured on the test images.

    mse, bce (nats per pixel), psnr (dB, of the mean MSE), pca mse (clipped, same code width),
    5-nn accuracy of the codes, and elbo (nats per image) where there is one.
    """
    return measure(Measured(model, dataset), CARD)


def all_figures(
    model: Autoencoder,
    dataset: datasets.Dataset,
    *,
    samples: int = 500,
    seed: int = 0,
    other: datasets.Dataset | None = None,
    features: Features | None = None,
) -> Figures:
    """The figures of a card and all that take longer, on the test images; see `Measured`."""
    return measure(Measured(model, dataset, samples, seed, other, features), tuple(PARTS))


def one_class(model: Autoencoder, dataset: datasets.Dataset, digit: int, seed: int = 0) -> Figures:
    """The figures of a model that was trained on one class: the other nine are odd."""
    return {
        name: anomaly_score.one_class(model, dataset, digit, seed, kind)
        for kind, name in SCORES.items()
    }


def values(found: Figures) -> dict[str, float]:
    """The figures alone, as a card has them."""
    return {name: one.value for name, one in found.items()}


def standard_errors(found: Figures) -> dict[str, float]:
    """Their errors, as a card has them; one that cannot be known is left out."""
    return {name: one.error for name, one in found.items() if math.isfinite(one.error)}


EXPLAINED = {
    "mse": "mean squared error of reconstructions clipped to [0, 1]",
    "bce": "nats per pixel, binary cross-entropy",
    "perplexity": "exp(entropy) of how often each codebook entry is used by all test images",
    "psnr": "dB, of the mean MSE",
    "pca_mse_clipped": "the same by PCA with as many components",
    "neighbour_accuracy": "5 nearest training codes vote for the class",
    "elbo": f"nats per image, mean of {DRAWS} draws",
    "nll": f"nats per image, importance-weighted bound on -log p(x), {LIKELIHOOD_ON:,} images",
    "probe_accuracy": "logistic regression on all training codes, standardised; C by held-out ones",
    "denoised_psnr": f"dB, of reconstructions of digits with Gaussian noise {SIGMA}",
    "hidden_mse": "mean squared error of hidden pixels, 75 % of the 4x4 patches hidden",
    "other_mse_auroc": "told from Fashion-MNIST by the squared error",
    "other_auroc": "told from Fashion-MNIST by the blurred error for the ink",
    "prior_frechet": "squared Frechet distance of prior samples to test digits",
    "mixture_frechet": f"the same of samples from {sampling.MIXTURE} Gaussians fitted to the codes",
    "mse_auroc": "told from the other nine classes by the squared error",
    "auroc": "told from the other nine classes by the blurred error for the ink",
}
"""What each figure is, with its unit; figures that a variant reports itself are not listed."""


def describe(name: str) -> str:
    """What a figure is, with its unit."""
    if name.startswith("kl_of_z"):
        return "nats per image"
    return EXPLAINED.get(name, f"as the variant reports it, mean of {MOST} parts")


def main(arguments: list[str] | None = None) -> None:
    """Print the figures of a checkpoint on the test images of its data set."""
    from aeviz.models import checkpoint

    parser = argparse.ArgumentParser(prog="python -m aeviz evaluate", description=main.__doc__)
    parser.add_argument("checkpoint", help="for example checkpoints/variational-2d")
    parser.add_argument("--quick", action="store_true", help="only the figures of the card")
    parser.add_argument("--samples", type=int, default=500, help="K of the likelihood")
    parser.add_argument("--seed", type=int, default=0, help="of noise, holes and samples")
    args = parser.parse_args(arguments)
    try:
        model = checkpoint.load(args.checkpoint)
        dataset = datasets.load(model.card.data)
    except (checkpoint.CheckpointError, datasets.DataError) as error:
        parser.error(str(error))
    card = model.card
    print(f"{model.title}, {model.code_dim} dimensions, {dataset.title}")
    print(f"made by: {card.command} (seed {card.seed})")
    binary = model.config.binarise
    print(f"{len(dataset.test_images)} test images; figures with chance in them: seed {args.seed}")
    print(f"nll: {args.samples} draws, pixels {'black or white by chance' if binary else 'grey'}")
    if card.digit is not None:
        found = one_class(model, dataset, card.digit, args.seed)
    elif args.quick:
        found = figures(model, dataset)
    else:
        found = all_figures(
            model,
            dataset,
            samples=args.samples,
            seed=args.seed,
            other=anomaly_score.stranger(dataset),
        )
    for name, one in found.items():
        print(f"{name:>20}  {one.text('.5f')}  {describe(name)}")
