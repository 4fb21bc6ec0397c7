"""A hidden part filled in: by an encoder that is told, in turns, or by a search for the code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from scipy import linalg
from torch import Tensor, nn

from aeviz.data import datasets
from aeviz.models import apply, optim
from aeviz.models.base import Autoencoder
from aeviz.models.card import Card
from aeviz.models.zoo import MODELS

ROUNDS = 10
"""Turns after which reconstructions of reconstructions hardly change any more."""
RATE = 0.3
"""Step size of the search, in standard deviations of the codes that it starts from."""


@dataclass(frozen=True)
class Filled:
    """An image with its hidden part filled in.

    image: (H, W) float32 in [0, 1], as given where visible, as drawn elsewhere;
    drawn: (H, W), all that the decoder draws; code: (code_dim,), what it draws from;
    losses: nats before the first step of a search and after each, (steps + 1,), else empty;
    label: the class that suits a variant with `uses_labels` best.
    """

    image: np.ndarray
    drawn: np.ndarray
    code: np.ndarray
    losses: np.ndarray
    label: int | None


def way(model: Autoencoder) -> str:
    """How a model is made to fill in: "told", "gibbs" or "search", by what it can do.

    One whose encoder takes `visible` is told. One that learned from corrupted images cleans its own
    guess, turn by turn; so does one whose decoder has no gradient. For any other a code is sought.
    """
    if model.uses_visible:
        return "told"
    return "gibbs" if model.corrupts or not has_gradient(model) else "search"


def fill(
    model: Autoencoder, image: np.ndarray, visible: np.ndarray, codes: np.ndarray | None = None
) -> Filled:
    """Fill in what is not visible (H, W) bool of an image (H, W), by the model's own way.

    Args:
        codes: see `search`.
    """
    how = way(model)
    if how == "told":
        return told(model, image, visible)
    if how == "gibbs":
        return gibbs(model, image, visible)
    return search(model, image, visible, codes=codes)


def told(model: Autoencoder, image: np.ndarray, visible: np.ndarray) -> Filled:
    """What a variant with `uses_visible` draws when its encoder is told what is hidden.

    Source: He et al. 2021, arXiv:2111.06377, section 3.
    """
    x = (datasets.to_float(image) * visible)[None]
    code = apply.encode(model, x, None, visible[None])
    return _filled(image, visible, apply.decode(model, code)[0], code[0])


def gibbs(
    model: Autoencoder, image: np.ndarray, visible: np.ndarray, rounds: int = ROUNDS
) -> Filled:
    """Draw, put the visible pixels back, draw again: black in the hole at first.

    Pseudo-Gibbs sampling with means in place of draws, so that it settles.

    Source: Rezende et al. 2014, arXiv:1401.4082, appendix F; for denoising autoencoders: Bengio
    et al. 2013, arXiv:1305.6663, section 5.
    """
    given = datasets.to_float(image)

    def turn(x: np.ndarray) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
        labels = apply.classify(model, x[None])
        code = apply.encode(model, x[None], labels)
        return labels, code[0], apply.decode(model, code, labels)[0]

    labels, code, drawn = turn(given * visible)
    for _ in range(rounds - 1):
        labels, code, drawn = turn(np.where(visible, given, drawn))
    return _filled(given, visible, drawn, code, label=None if labels is None else labels[0])


def has_gradient(model: Autoencoder) -> bool:
    """Whether a small step of the code changes the image; not so where codes are snapped."""
    model.eval()
    z = torch.zeros(1, model.code_dim, device=model.device, requires_grad=True)
    return torch.autograd.grad(model.decode(z).sum(), z, allow_unused=True)[0] is not None


def search(
    model: Autoencoder,
    image: np.ndarray,
    visible: np.ndarray,
    *,
    codes: np.ndarray | None = None,
    starts: int = 256,
    kept: int = 4,
    steps: int = 40,
    seed: int = 0,
) -> Filled:
    """The code whose image fits the visible pixels best, found by gradient descent.

    It minimises -log p(x_V | z) - log p(z) over z, without constants: the cross-entropy of the
    visible pixels, and |z|^2 / 2 where the codes were pressed into N(0, I). Many starts are
    compared, the best of them take the steps side by side, and the best at the end is the answer.
    A variant with `uses_labels` tries each label at each start.

    Args:
        codes: (N, code_dim), of other images. Starts are drawn from these, else from N(0, I)
            where that is the prior, and the code of the image with black in its hole is one.
        kept: how many of the starts go on.
        seed: of the starts.

    Raises:
        ValueError: the decoder has no gradient.

    Source: Yeh et al. 2017, arXiv:1607.07539, eq. 1; the masked likelihood of a model with a
        posterior: Rezende et al. 2014, arXiv:1401.4082, appendix F.
    """
    if not has_gradient(model):
        raise ValueError(
            "This model snaps each code to the nearest entry of its codebook, so there is no "
            "gradient along which to search."
        )
    given = datasets.to_float(image)
    z, labels = _starts(model, given * visible, codes, starts, seed)
    spread = z.std(0).mean().item() if len(z) > 1 else 1.0
    shown = torch.from_numpy(np.array(visible)).flatten().to(model.device)
    x = torch.from_numpy(given).flatten().to(model.device)[shown]

    def cost() -> Tensor:
        given = {} if labels is None else {"labels": labels}
        logits = model.logits(z, **given).flatten(1)[:, shown]
        # -x log p - (1 - x) log(1 - p) = softplus(logit) - x logit, summed over visible pixels
        nats = (nn.functional.softplus(logits) - x * logits).sum(1)
        return nats + 0.5 * z.square().sum(1) if model.gaussian_prior else nats

    with torch.no_grad():
        best = cost().topk(min(kept, len(z)), largest=False).indices
    z, labels = z[best].requires_grad_(), None if labels is None else labels[best]
    optimiser = optim.Adam([z])
    losses = []
    for step in range(steps):
        costs = cost()
        losses.append(costs.detach())
        (z.grad,) = torch.autograd.grad(costs.sum(), z)  # of the code alone: the weights stay
        optimiser.step(optim.learning_rate(step, steps, RATE * spread))
    with torch.no_grad():
        losses.append(cost())
        winner = int(losses[-1].argmin())
        code = z[winner].cpu().numpy()
    label = None if labels is None else labels[winner].cpu().numpy()
    drawn = apply.decode(model, code[None], None if label is None else label[None])[0]
    history = torch.stack(losses)[:, winner].cpu().numpy()
    return _filled(given, visible, drawn, code, history, label)


def _starts(
    model: Autoencoder, black: np.ndarray, codes: np.ndarray | None, number: int, seed: int
) -> tuple[Tensor, Tensor | None]:
    """Codes (N, code_dim) to start from, and a label (N,) for each where the variant takes one."""
    labels = np.arange(model.classes) if model.uses_labels else None
    first = apply.encode(model, black[None].repeat(1 if labels is None else len(labels), 0), labels)
    draw, each = np.random.default_rng(seed), number // len(first)
    if codes is not None:
        others = codes[draw.permutation(len(codes))[:each]]
    elif model.gaussian_prior:
        others = draw.standard_normal((each, model.code_dim), np.float32)
    else:
        others = first[:0]
    z = np.concatenate([first, others.repeat(len(first), 0)])
    if labels is not None:
        labels = torch.from_numpy(np.resize(labels, len(z))).to(model.device)
    return torch.from_numpy(z).to(model.device), labels


def _filled(
    image: np.ndarray,
    visible: np.ndarray,
    drawn: np.ndarray,
    code: np.ndarray,
    losses: np.ndarray | None = None,
    label: Any = None,
) -> Filled:
    whole = np.where(visible, datasets.to_float(image), drawn)
    losses = np.empty(0, np.float32) if losses is None else losses
    return Filled(whole, drawn, code, losses, None if label is None else int(label))


def side_by_side(cards: dict[str, Card]) -> list[str]:
    """The models that are compared: of each kind the one with the widest code, if there is any.

    One that is told which patches are hidden, one that reads rows until the first hidden one, one
    that learned from images with pixels blacked out, and one with a likelihood and a Gaussian
    prior.

    Args:
        cards: by name, from simple to involved: of equally wide ones the simplest is taken.
    """
    kinds = (
        lambda model, config: model.uses_visible and not model.reads_rows,
        lambda model, config: model.reads_rows,
        lambda model, config: config.corruption == "masking",
        lambda model, config: model.has_posterior and not model.uses_labels,
    )
    found = []
    for kind in kinds:
        able = [name for name, card in cards.items() if kind(MODELS[card.variant], card.config)]
        if able:
            found.append(max(able, key=lambda name: cards[name].latent_dim))
    return found


def rows_read(visible: np.ndarray) -> int:
    """How many rows lie above the first one with a hidden pixel, of visible (H, W) bool."""
    return int(visible.all(1).cumprod().sum())


# -- holes to measure with -----------------------------------------------------------------------

PATCH = 4
"""Pixels along the side of the squares that `hide_patches` hides."""


def hide_patches(
    n: int, fraction: float = 0.75, seed: int = 0, *, shape: datasets.Shape = datasets.MNIST.shape
) -> np.ndarray:
    """What is left visible (n, H, W) bool where a fraction of the patches is hidden.

    Equally many in each image, drawn for each image anew.

    Args:
        shape: of the images, (C, H, W); sides are multiples of `PATCH`.
    """
    rows, columns = shape[1] // PATCH, shape[2] // PATCH
    hidden = round(fraction * rows * columns)
    order = np.random.default_rng(seed).random((n, rows * columns)).argsort(1)
    visible = (order >= hidden).reshape(n, rows, columns)
    return visible.repeat(PATCH, 1).repeat(PATCH, 2)


def hidden_errors(
    images: np.ndarray, reconstructions: np.ndarray, visible: np.ndarray
) -> np.ndarray:
    """Mean squared error (N,) of the pixels of each image that are not visible; each has some."""
    error = _squared(images, reconstructions)
    return np.where(visible, 0, error).sum((1, 2)) / (~visible).sum((1, 2))


def hidden_mse(images: np.ndarray, reconstructions: np.ndarray, visible: np.ndarray) -> float:
    """Mean squared error of the pixels that are not visible, of all images together."""
    return float(_squared(images, reconstructions)[~visible].mean())


def _squared(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    error = datasets.to_float(images) - datasets.to_float(reconstructions)
    return np.square(error, dtype=np.float64)


NOISE = 1e-4
"""Variance of the noise in each pixel of a `Gaussian`: of 1e-4 to .1 that which fills holes in
held-out digits best. With three quarters hidden .0390, with .01 it is .0399, both ± .0013."""


@dataclass(frozen=True)
class Gaussian:
    """What a Gaussian expects in place of what is hidden: the best that a linear map can do.

    It is told what is hidden, and has another map for each pattern of holes. mean: (P,) of the P
    pixels of an image; covariance: (P, P), with noise in each pixel.
    """

    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def fitted(cls, images: np.ndarray, noise: float = NOISE) -> Gaussian:
        """Mean and covariance of images (N, H, W), and independent noise of so much variance."""
        x = datasets.to_float(images).reshape(len(images), -1)
        mean = x.mean(0, dtype=np.float64)
        x = x - mean.astype(np.float32)
        covariance = (x.T @ x).astype(np.float64) / (len(x) - 1)
        return cls(mean, covariance + noise * np.eye(len(mean)))

    def fill(self, image: np.ndarray, visible: np.ndarray) -> np.ndarray:
        """An image (H, W) float32 whose hidden pixels are E[hidden | visible], clipped to [0, 1].

        Source: Bishop 2006, Pattern Recognition and Machine Learning, eq. 2.81.
        """
        filled, seen = datasets.to_float(image).flatten(), visible.ravel()
        weights = linalg.solve(
            self.covariance[np.ix_(seen, seen)], filled[seen] - self.mean[seen], assume_a="pos"
        )
        filled[~seen] = self.mean[~seen] + self.covariance[np.ix_(~seen, seen)] @ weights
        return np.clip(filled, 0, 1).reshape(image.shape)


@lru_cache(4)
def gaussian(dataset: datasets.Dataset) -> Gaussian:
    """The Gaussian of all training images of a data set."""
    return Gaussian.fitted(dataset.train_images)


def gaussian_conditional(
    images: np.ndarray, visible: np.ndarray, train_images: np.ndarray, noise: float = NOISE
) -> np.ndarray:
    """Images (N, H, W) filled in by the Gaussian of the training images; see `Gaussian`."""
    found = Gaussian.fitted(train_images, noise)
    filled = [found.fill(image, seen) for image, seen in zip(images, visible, strict=True)]
    return np.stack(filled)
