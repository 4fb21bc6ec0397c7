"""How good a model is: errors, likelihood, neighbours, and PCA for comparison.

`python -m aeviz.analysis.evaluate checkpoints/<name>` prints the figures of a checkpoint on its
test images.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn

from aeviz.data import datasets
from aeviz.models import latent
from aeviz.models.base import Autoencoder
from aeviz.training import loop

EPSILON = 1e-6
"""Reconstructions are kept this far from 0 and 1 before a logarithm is taken."""


def mse(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Mean squared error per image (N,), of pixels in [0, 1]."""
    error = latent.to_float(images) - latent.to_float(reconstructions)
    return np.square(error).mean((1, 2))


def bce(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Binary cross-entropy per image (N,), nats per pixel."""
    x = latent.to_float(images)
    p = np.clip(latent.to_float(reconstructions), EPSILON, 1 - EPSILON)
    return -(x * np.log(p) + (1 - x) * np.log1p(-p)).mean((1, 2))


def psnr(mean_squared_error: np.ndarray | float) -> np.ndarray:
    """Peak signal-to-noise ratio in dB for a peak of 1; infinite for a perfect copy."""
    with np.errstate(divide="ignore"):
        return -10 * np.log10(mean_squared_error)


@dataclass(frozen=True)
class Errors:
    """How far copies are from their originals, per image.

    mse: (N,), of pixels in [0, 1]; bce: (N,), nats per pixel.
    """

    mse: np.ndarray
    bce: np.ndarray

    @property
    def psnr(self) -> np.ndarray:
        """Peak signal-to-noise ratio per image (N,), dB."""
        return psnr(self.mse)

    @property
    def overall(self) -> dict[str, float]:
        """Means over all images of mse and bce; psnr of the mean mse, as in the literature."""
        mean = self.mse.mean(dtype=np.float64)
        bce = self.bce.mean(dtype=np.float64)
        return {"mse": float(mean), "bce": float(bce), "psnr": float(psnr(mean))}


def compare(images: np.ndarray, copies: np.ndarray) -> Errors:
    """Errors of copies (N, 28, 28) against images (N, 28, 28), uint8 or float in [0, 1]."""
    return Errors(mse(images, copies), bce(images, copies))


def noisy(images: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """Images (..., 28, 28) with Gaussian noise, clipped to [0, 1]; the same noise for a seed.

    Args:
        sigma: standard deviation before clipping; pixels are in [0, 1].
    """
    noise = np.random.default_rng(seed).standard_normal(images.shape, np.float32)
    return np.clip(latent.to_float(images) + np.float32(sigma) * noise, 0, 1)


@dataclass(frozen=True)
class PCA:
    """Principal components fitted to training images: the best linear code of a width.

    mean: (784,); components: (D, 784), orthonormal rows.
    """

    mean: np.ndarray
    components: np.ndarray

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Codes (N, D) of images (N, 28, 28)."""
        return (latent.to_float(images).reshape(len(images), -1) - self.mean) @ self.components.T

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Images (N, 28, 28), not clipped."""
        return (codes @ self.components + self.mean).reshape(-1, 28, 28)

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Images (N, 28, 28) through both, clipped to [0, 1] as pixels are."""
        return np.clip(self.decode(self.encode(images)), 0, 1)


@cache
def _principal_axes(data_name: str) -> tuple[np.ndarray, np.ndarray]:
    images = datasets.load(data_name).train_images
    mean, scatter = np.zeros(784), np.zeros((784, 784))
    for start in range(0, len(images), 10_000):
        x = latent.to_float(images[start : start + 10_000]).reshape(-1, 784)
        mean += x.sum(0, dtype=np.float64)
        scatter += x.T @ x
    mean /= len(images)
    covariance = scatter / len(images) - np.outer(mean, mean)
    axes = np.linalg.eigh(covariance).eigenvectors[:, ::-1].T
    return mean.astype(np.float32), np.ascontiguousarray(axes, np.float32)


def pca(data_name: str, dimensions: int) -> PCA:
    """PCA of a data set's training images at a code width; the axes are computed once.

    Source: Pearson 1901; that it is the optimal linear autoencoder: Baldi & Hornik 1989.
    """
    mean, axes = _principal_axes(data_name)
    return PCA(mean, axes[:dimensions])


def neighbour_accuracy(
    train_codes: np.ndarray,
    train_labels: np.ndarray,
    test_codes: np.ndarray,
    test_labels: np.ndarray,
    k: int = 5,
) -> float:
    """Accuracy of k nearest neighbours in code space; labels are used only to vote."""
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(k).fit(train_codes, train_labels)
    return float(classifier.score(test_codes, test_labels))


def figures(model: Autoencoder, dataset: datasets.Dataset) -> dict[str, float]:
    """The figures of a card, measured on the test images.

    mse, bce (nats per pixel), psnr (dB, of the mean MSE), pca mse (clipped, same code width),
    5-nn accuracy of the codes, and elbo (nats per image, one noise sample) where there is one.
    """
    images, labels = dataset.test_images, dataset.test_labels
    linear = pca(dataset.name, min(model.code_dim, 784))
    result = {
        **compare(images, latent.reconstruct(model, images, labels)).overall,
        "pca_mse_clipped": float(mse(images, linear.reconstruct(images)).mean(dtype=np.float64)),
        "neighbour_accuracy": neighbour_accuracy(
            latent.encode(model, dataset.train_images, dataset.train_labels),
            dataset.train_labels,
            latent.encode(model, images, labels),
            labels,
        ),
    }
    metrics = loop.validate(model, images, labels).metrics
    if "elbo" in metrics:
        result["elbo"] = float(metrics["elbo"])
    return result


# -- likelihood -------------------------------------------------------------------------------

DECODED_AT_ONCE = 4000


def binarised(images: np.ndarray, seed: int) -> np.ndarray:
    """Images (N, 28, 28) float32 whose pixels are white with their grey value as the chance."""
    chance = np.random.default_rng(seed).random(images.shape, np.float32)
    return (chance < latent.to_float(images)).astype(np.float32)


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
    tighter bound. Pixels are Bernoulli variables; the bound is a likelihood for black or white
    ones (see `binarised`).

    Args:
        images: (N, 28, 28), uint8 or float in [0, 1].
        labels: (N,), for variants with `uses_labels`: then it is log p(x|y).
        samples: K.

    Source: Burda et al. 2015, arXiv:1509.00519, eq. 8.
    """
    model.eval()
    bounds = []
    batch = max(DECODED_AT_ONCE // samples, 1)
    draw = torch.Generator().manual_seed(seed)
    logits_of: Any = getattr(model, "logits", None)  # a variant with a posterior has them
    for start in range(0, len(images), batch):
        x = torch.from_numpy(latent.to_float(images[start : start + batch]))[:, None]
        given = {}
        if model.uses_labels and labels is not None:
            given["labels"] = torch.from_numpy(np.array(labels[start : start + batch])).long()
        posterior = model.posterior(x, **given)
        if posterior is None:
            return None
        mu, log_var = posterior
        noise = torch.randn(samples, *mu.shape, generator=draw)
        z = mu + (0.5 * log_var).exp() * noise
        given = {name: value.repeat(samples) for name, value in given.items()}
        logits = logits_of(z.flatten(0, 1), **given).view(samples, len(x), -1)
        # x log p + (1 - x) log(1 - p) = x logit - softplus(logit), summed over pixels.
        log_p_x = torch.einsum("kbp,bp->kb", logits, x.flatten(1))
        log_p_x -= nn.functional.softplus(logits).sum(2)
        log_p_z = -0.5 * z.square().sum(2)  # both without log 2 pi, which cancels
        log_q_z = -0.5 * (noise.square() + log_var).sum(2)
        bounds.append((log_p_x + log_p_z - log_q_z).logsumexp(0) - math.log(samples))
    return torch.cat(bounds).numpy()


# -- what codes say about classes -------------------------------------------------------------


def linear_probe(
    train_codes: np.ndarray,
    train_labels: np.ndarray,
    test_codes: np.ndarray,
    test_labels: np.ndarray,
) -> float:
    """Accuracy of a logistic regression on codes (N, D) that are standardised first.

    Mean and spread are those of the training codes; scikit-learn's L2 penalty is left as it is.

    Source: Alain & Bengio 2016, arXiv:1610.01644.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-3, max_iter=2000))
    probe.fit(train_codes, train_labels)
    return float(probe.score(test_codes, test_labels))


# -- pictures that are noisy or have holes ----------------------------------------------------

PATCH = 4
"""Pixels along the side of the squares that `hide_patches` hides."""


def wiener(images: np.ndarray, spoilt: np.ndarray, train_images: np.ndarray) -> np.ndarray:
    """Spoilt images (N, 28, 28) through the best linear filter, clipped.

    The map from a noisy image to its clean one that has the least squared error on training
    images, for which their noise is needed too.

    Args:
        images: the noisy ones, (N, 28, 28).
        spoilt: noisy training images (M, 28, 28).
        train_images: the same without noise.

    Source: Wiener 1949; as a linear regression: Hastie et al. 2009, eq. 3.6.
    """
    x, y = (latent.to_float(part).reshape(len(part), -1) for part in (spoilt, train_images))
    x_mean, y_mean = x.mean(0), y.mean(0)
    x = x - x_mean
    weights = np.linalg.solve(x.T @ x, x.T @ (y - y_mean))
    cleaned = (latent.to_float(images).reshape(len(images), -1) - x_mean) @ weights + y_mean
    return np.clip(cleaned, 0, 1).reshape(-1, 28, 28)


def hide_patches(n: int, fraction: float = 0.75, seed: int = 0) -> np.ndarray:
    """What is left visible (n, 28, 28) bool where a fraction of the 49 patches is hidden.

    Equally many in each image, drawn for each image anew.
    """
    side = 28 // PATCH
    hidden = round(fraction * side * side)
    order = np.random.default_rng(seed).random((n, side * side)).argsort(1)
    visible = (order >= hidden).reshape(n, side, side)
    return visible.repeat(PATCH, 1).repeat(PATCH, 2)


def hidden_mse(images: np.ndarray, copies: np.ndarray, visible: np.ndarray) -> float:
    """Mean squared error of the pixels that are not visible, of all images together."""
    error = np.square(latent.to_float(images) - latent.to_float(copies), dtype=np.float64)
    return float(error[~visible].mean())


def gaussian_conditional(
    images: np.ndarray, visible: np.ndarray, train_images: np.ndarray, noise: float = 0.01
) -> np.ndarray:
    """Images (N, 28, 28) whose hidden pixels are E[hidden | visible] of a Gaussian, clipped.

    Mean and covariance are those of the training images, with independent noise of so much
    variance in each pixel. The best that a linear map can do with each pattern of holes.

    Source: Bishop 2006, Pattern Recognition and Machine Learning, eq. 2.81.
    """
    x = latent.to_float(train_images).reshape(len(train_images), -1)
    mean, covariance = x.mean(0, dtype=np.float64), np.cov(x.T).astype(np.float64)
    covariance += noise * np.eye(len(mean))
    filled = latent.to_float(images).reshape(len(images), -1).copy()
    for row, seen in zip(filled, visible.reshape(len(images), -1), strict=True):
        weights = np.linalg.solve(covariance[np.ix_(seen, seen)], row[seen] - mean[seen])
        row[~seen] = mean[~seen] + covariance[np.ix_(~seen, seen)] @ weights
    return np.clip(filled, 0, 1).reshape(-1, 28, 28)


# -- pictures that do not belong --------------------------------------------------------------


SPOILT = 24
"""Spoilt versions of a picture whose copies are averaged."""
BLUR = 1.0
"""Pixels, standard deviation: a stroke that lies a little beside its place counts less."""
FAINT = 0.01
"""Mean brightness below which a picture counts as having that much ink: no division by nothing."""


def strangeness(images: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """How badly copies match images, both (N, 28, 28), for their ink: (N,), no unit.

    The mean square of the blurred difference, divided by the mean brightness of the image. A bold
    digit has more edges to miss than a thin one; without the division, eights look strange to a
    model that knows eights, and ones do not.
    """
    from scipy.ndimage import gaussian_filter

    x = latent.to_float(images)
    error = np.square(gaussian_filter(x - copies, (0, BLUR, BLUR))).mean((1, 2))
    return error / x.mean((1, 2)).clip(FAINT)


def expected_copies(model: Autoencoder, images: np.ndarray, seed: int = 0) -> np.ndarray:
    """What a model expects images (N, 28, 28) to look like, float32 of the same shape.

    Its copies. A variant that learns from spoilt pictures (it has `corrupt`) copies 24 spoilt
    versions of each, and these copies are averaged: what a stroke is taken for then depends on what
    is left of the others.
    """
    x = latent.to_float(images)
    corrupt = getattr(model, "corrupt", None)
    if corrupt is None:
        return latent.reconstruct(model, x)
    copies = np.zeros_like(x)
    with loop.Noise(seed, model.device):
        for _ in range(SPOILT):
            spoilt = corrupt(torch.from_numpy(x).to(model.device)).cpu().numpy()
            copies += latent.reconstruct(model, spoilt) / SPOILT
    return copies


def anomaly(model: Autoencoder, images: np.ndarray, seed: int = 0) -> np.ndarray:
    """How little images (N, 28, 28) look like what the model was trained on, (N,).

    The `strangeness` of `expected_copies`.
    """
    return strangeness(latent.to_float(images), expected_copies(model, images, seed))


def stranger(dataset: datasets.Dataset) -> datasets.Dataset | None:
    """Fashion-MNIST, where it is at hand and something else than the data set; not downloaded."""
    if dataset.name == "fashion" or datasets.find_folder("fashion") is None:
        return None
    return datasets.load("fashion")


def one_class(model: Autoencoder, dataset: datasets.Dataset, digit: int, seed: int = 0) -> float:
    """AUROC of a model that was trained on one class: the other nine are odd."""
    scores = anomaly(model, dataset.test_images, seed)
    normal = dataset.test_labels == digit
    return auroc(scores[normal], scores[~normal])


def auroc(normal: np.ndarray, odd: np.ndarray) -> float:
    """Chance that an odd picture has a higher score than a normal one (N,), (M,).

    Source: Hanley & McNeil 1982, Radiology 143:29.
    """
    from sklearn.metrics import roc_auc_score

    is_odd = np.repeat([False, True], [len(normal), len(odd)])
    return float(roc_auc_score(is_odd, np.concatenate([normal, odd])))


# -- pictures drawn by a model ----------------------------------------------------------------


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


def prior_pictures(model: Autoencoder, n: int, seed: int = 0) -> np.ndarray | None:
    """Pictures (n, 28, 28) of codes from the model's prior; None without one.

    A model that takes labels is asked for each class equally often.
    """
    codes = latent.sample_prior(model, n, seed=seed)
    if codes is None:
        return None
    return latent.decode(model, codes, np.arange(n) % 10 if model.uses_labels else None)


MIXTURE = 50
"""Gaussians in the mixture that stands for a prior, fitted after training."""


def mixture_pictures(
    model: Autoencoder, codes: np.ndarray, labels: np.ndarray, n: int, seed: int = 0
) -> np.ndarray:
    """Pictures (n, 28, 28) of codes from a mixture of 50 Gaussians fitted to codes (N, D).

    A model that takes labels is asked for classes as often as they occur.

    Source: Ghosh et al. 2020, arXiv:1903.12436, section 4.
    """
    drawn = latent.sample_mixture(latent.fit_mixture(codes, MIXTURE, seed), n, seed=seed)
    chosen = np.random.default_rng(seed).choice(labels, n)
    return latent.decode(model, drawn, chosen if model.uses_labels else None)


# -- all of them ------------------------------------------------------------------------------

SIGMA = 0.5
"""Noise of the denoising figure, pixels in [0, 1]."""

Features = Callable[[np.ndarray], np.ndarray]
"""Images (N, 28, 28) in [0, 1] -> features (N, F) of a classifier."""


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
    metrics = loop.validate(model, images, labels, seed=seed).metrics
    if "kl_per_dim" in metrics:
        per_dim = metrics["kl_per_dim"].tolist()
        result |= {f"kl_of_z{k}": value for k, value in enumerate(per_dim, 1)}
    result |= {k: float(v) for k, v in metrics.items() if v.ndim == 0 and k not in result}
    if model.posterior(torch.zeros(1, 1, 28, 28, device=model.device)) is not None:
        pixels = binarised(images, seed) if getattr(model.config, "binarise", False) else images
        bound = log_likelihood(model, pixels, labels, samples=samples, seed=seed)
        assert bound is not None  # there is a posterior
        result["nll"] = -float(bound.mean(dtype=np.float64))
    codes = latent.encode(model, dataset.train_images, dataset.train_labels)
    result["probe_accuracy"] = linear_probe(
        codes, dataset.train_labels, latent.encode(model, images, labels), labels
    )
    # Without labels: what a spoilt picture shows is for the model to find.
    cleaned = latent.reconstruct(model, noisy(images, SIGMA, seed))
    result["denoised_psnr"] = compare(images, cleaned).overall["psnr"]
    visible = hide_patches(len(images), seed=seed)
    filled = latent.reconstruct(model, latent.to_float(images) * visible, None, visible)
    result["hidden_mse"] = hidden_mse(images, filled, visible)
    if other is not None:
        scores = (anomaly(model, part, seed) for part in (images, other.test_images))
        result["other_auroc"] = auroc(*scores)
    if features is not None:
        real = features(latent.to_float(images))
        pictures = prior_pictures(model, len(images), seed)
        if pictures is not None:
            result["prior_frechet"] = frechet(features(pictures), real)
        pictures = mixture_pictures(model, codes, dataset.train_labels, len(images), seed)
        result["mixture_frechet"] = frechet(features(pictures), real)
    return result


EXPLAINED = {
    "mse": "mean squared error of copies clipped to [0, 1]",
    "bce": "nats per pixel, binary cross-entropy",
    "psnr": "dB, of the mean MSE",
    "pca_mse_clipped": "the same by PCA with as many numbers",
    "neighbour_accuracy": "5 nearest training codes vote for the class",
    "elbo": "nats per image, one draw",
    "nll": "nats per image, importance-weighted bound on -log p(x)",
    "probe_accuracy": "logistic regression on standardised codes",
    "denoised_psnr": f"dB, of copies of digits with Gaussian noise {SIGMA}",
    "hidden_mse": "mean squared error of hidden pixels, 75 % of the 4x4 patches hidden",
    "other_auroc": "told from Fashion-MNIST by the blurred error of copies for their ink",
    "prior_frechet": "squared Frechet distance of prior samples to test digits",
    "mixture_frechet": f"the same of samples from {MIXTURE} Gaussians fitted to the codes",
    "auroc": "told from the other nine classes by the blurred error of copies for their ink",
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
    from benchmarks import classifier

    parser = argparse.ArgumentParser(
        prog="python -m aeviz.analysis.evaluate", description=main.__doc__
    )
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
    print(f"{model.title}, {model.code_dim} numbers, {dataset.title}")
    print(f"made by: {card.command} (seed {card.seed})")
    binary = getattr(model.config, "binarise", False)
    print(f"{len(dataset.test_images)} test images; figures with chance in them: seed {args.seed}")
    print(f"nll: {args.samples} draws, pixels {'black or white by chance' if binary else 'grey'}")
    if card.digit is not None:
        found = {"auroc": one_class(model, dataset, card.digit, args.seed)}
    elif args.quick:
        found = figures(model, dataset)
    else:
        found = all_figures(
            model,
            dataset,
            samples=args.samples,
            seed=args.seed,
            other=stranger(dataset),
            features=classifier.features if dataset.name == "mnist" else None,
        )
    for name, value in found.items():
        print(f"{name:>20}  {value:.5f}  {describe(name)}")


if __name__ == "__main__":
    main()
