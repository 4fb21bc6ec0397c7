"""The figures of a checkpoint, as its card has them and more.

`python -m aeviz evaluate checkpoints/<name>` prints them for its test images.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import numpy as np

from aeviz.analysis import (
    anomaly_score,
    errors,
    inpainting,
    likelihood,
    neighbours,
    pca,
    probe,
    sampling,
)
from aeviz.data import corruption, datasets
from aeviz.models import apply, objective
from aeviz.models.base import Autoencoder


def figures(model: Autoencoder, dataset: datasets.Dataset) -> dict[str, float]:
    """The figures of a card, measured on the test images.

    mse, bce (nats per pixel), psnr (dB, of the mean MSE), pca mse (clipped, same code width),
    5-nn accuracy of the codes, and elbo (nats per image, one noise sample) where there is one.
    """
    images, labels = dataset.test_images, dataset.test_labels
    linear = pca.pca(dataset, min(model.code_dim, math.prod(dataset.shape)))
    result = {
        **errors.compare(images, apply.reconstruct(model, images, labels)).overall,
        "pca_mse_clipped": float(
            errors.mse(images, linear.reconstruct(images)).mean(dtype=np.float64)
        ),
        "neighbour_accuracy": neighbours.neighbour_accuracy(
            apply.encode(model, dataset.train_images, dataset.train_labels),
            dataset.train_labels,
            apply.encode(model, images, labels),
            labels,
        ),
    }
    metrics = objective.validate(model, images, labels).metrics
    if "elbo" in metrics:
        result["elbo"] = float(metrics["elbo"])
    return result


# -- all of them ------------------------------------------------------------------------------

SIGMA = 0.5
"""Noise of the denoising figure, pixels in [0, 1]."""

Features = Callable[[np.ndarray], np.ndarray]
"""Images (N, H, W) in [0, 1] -> features (N, F) of a classifier."""


def all_figures(
    model: Autoencoder,
    dataset: datasets.Dataset,
    *,
    samples: int = 500,
    seed: int = 0,
    other: datasets.Dataset | None = None,
    features: Features | None = None,
) -> dict[str, float]:
    """The figures of a card and all that take longer, on the test images; see `EXPLAINED`.

    Args:
        samples: K of the importance-weighted likelihood.
        seed: of noise, holes and samples.
        other: what does not belong, for the AUROC of one data set against another.
        features: what the Frechet distances of samples are measured in.
    """
    images, labels = dataset.test_images, dataset.test_labels
    result = figures(model, dataset)
    metrics = objective.validate(model, images, labels, seed=seed).metrics
    if "kl_per_dim" in metrics:
        per_dim = metrics["kl_per_dim"].tolist()
        result |= {f"kl_of_z{k}": value for k, value in enumerate(per_dim, 1)}
    result |= {k: float(v) for k, v in metrics.items() if v.ndim == 0 and k not in result}
    if model.has_posterior:
        pixels = likelihood.binarised(images, seed) if model.config.binarise else images
        bound = likelihood.log_likelihood(model, pixels, labels, samples=samples, seed=seed)
        assert bound is not None  # there is a posterior
        result["nll"] = -float(bound.mean(dtype=np.float64))
    codes = apply.encode(model, dataset.train_images, dataset.train_labels)
    result["probe_accuracy"] = probe.linear_probe(
        codes, dataset.train_labels, apply.encode(model, images, labels), labels
    ).value
    # Without labels: what a corrupted image shows is for the model to find.
    cleaned = apply.reconstruct(model, corruption.noisy(images, SIGMA, seed))
    result["denoised_psnr"] = errors.compare(images, cleaned).overall["psnr"]
    visible = inpainting.hide_patches(len(images), seed=seed, shape=dataset.shape)
    filled = apply.reconstruct(model, datasets.to_float(images) * visible, None, visible)
    result["hidden_mse"] = inpainting.hidden_mse(images, filled, visible)
    if other is not None:
        scores = (anomaly_score.anomaly(model, part, seed) for part in (images, other.test_images))
        result["other_auroc"] = anomaly_score.auroc(*scores)
    if features is not None:
        real = features(datasets.to_float(images))
        drawn = sampling.prior_images(model, len(images), seed)
        if drawn is not None:
            result["prior_frechet"] = sampling.frechet(features(drawn), real)
        drawn = sampling.mixture_images(model, codes, dataset.train_labels, len(images), seed)
        result["mixture_frechet"] = sampling.frechet(features(drawn), real)
    return result


EXPLAINED = {
    "mse": "mean squared error of reconstructions clipped to [0, 1]",
    "bce": "nats per pixel, binary cross-entropy",
    "psnr": "dB, of the mean MSE",
    "pca_mse_clipped": "the same by PCA with as many components",
    "neighbour_accuracy": "5 nearest training codes vote for the class",
    "elbo": "nats per image, one draw",
    "nll": "nats per image, importance-weighted bound on -log p(x)",
    "probe_accuracy": "logistic regression on standardised codes",
    "denoised_psnr": f"dB, of reconstructions of digits with Gaussian noise {SIGMA}",
    "hidden_mse": "mean squared error of hidden pixels, 75 % of the 4x4 patches hidden",
    "other_auroc": "told from Fashion-MNIST by the blurred error for the ink",
    "prior_frechet": "squared Frechet distance of prior samples to test digits",
    "mixture_frechet": f"the same of samples from {sampling.MIXTURE} Gaussians fitted to the codes",
    "auroc": "told from the other nine classes by the blurred error for the ink",
}
"""What each figure is, with its unit; figures that a variant reports itself are not listed."""


def describe(name: str) -> str:
    """What a figure is, with its unit."""
    if name.startswith("kl_of_z"):
        return "nats per image"
    return EXPLAINED.get(name, "as the variant reports it, mean of batches of 1000")


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
        found = {"auroc": anomaly_score.one_class(model, dataset, card.digit, args.seed)}
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
    for name, value in found.items():
        print(f"{name:>20}  {value:.5f}  {describe(name)}")
