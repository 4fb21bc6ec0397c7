"""A model on arrays: images to codes, codes to images, in batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from aeviz.data import datasets
from aeviz.models.base import Autoencoder

BATCH = 2000


def pixels(model: Autoencoder, images: np.ndarray) -> torch.Tensor:
    """Images, uint8 or float in [0, 1], as the model takes them: (N, C, H, W) where it is."""
    return torch.from_numpy(datasets.to_float(images)).reshape(-1, *model.shape).to(model.device)


def labels_for(model: Autoencoder, labels: np.ndarray | None) -> dict[str, torch.Tensor]:
    """Labels (N,) as the model takes them by name; nothing for a variant that takes none."""
    if not model.uses_labels or labels is None:
        return {}
    return {"labels": torch.from_numpy(np.array(labels)).long().to(model.device)}


@torch.no_grad()
def _in_batches(
    model: Autoencoder, n: int, function: Callable[[slice], torch.Tensor], empty: np.ndarray
) -> np.ndarray:
    """What a function of some of n rows says of all of them; `empty` where there are none."""
    model.eval()
    parts = [function(slice(start, start + BATCH)) for start in range(0, n, BATCH)]
    return np.concatenate([empty, *(part.cpu().numpy() for part in parts)])


def encode(
    model: Autoencoder,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    visible: np.ndarray | None = None,
) -> np.ndarray:
    """Point codes (N, code_dim) float32 of images (N, H, W), uint8 or float in [0, 1].

    Args:
        labels: (N,), for variants with `uses_labels`; found by the model where left out.
        visible: (N, H, W) bool, for variants with `uses_visible`: False where a pixel is hidden.
    """

    def some(part: slice) -> torch.Tensor:
        given = labels_for(model, None if labels is None else labels[part])
        if model.uses_visible and visible is not None:
            given["visible"] = torch.from_numpy(np.array(visible[part])).to(model.device)
        return model.encode(pixels(model, images[part]), **given)

    return _in_batches(model, len(images), some, np.empty((0, model.code_dim), np.float32))


def decode(model: Autoencoder, codes: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """Images (N, H, W) float32 in [0, 1] of codes (N, code_dim); (N, C, H, W) of several channels.

    Args:
        labels: (N,), for variants with `uses_labels`; the mean over all where left out.
    """
    shape = model.shape[model.shape[0] == 1 :]

    def some(part: slice) -> torch.Tensor:
        z = torch.from_numpy(np.asarray(codes[part], np.float32)).to(model.device)
        given = labels_for(model, None if labels is None else labels[part])
        return model.decode(z, **given).clamp(0, 1).reshape(-1, *shape)

    return _in_batches(model, len(codes), some, np.empty((0, *shape), np.float32))


def posterior(
    model: Autoencoder, images: np.ndarray, labels: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Mean and standard deviation (N, D) of q(z|x) of images; None for a model without one."""
    if not model.has_posterior:
        return None

    def some(part: slice) -> torch.Tensor:
        given = labels_for(model, None if labels is None else labels[part])
        found = model.posterior(pixels(model, images[part]), **given)
        assert found is not None  # it has one
        mu, log_var = found
        return torch.stack([mu, (log_var / 2).exp()], 1)

    both = _in_batches(model, len(images), some, np.empty((0, 2, model.code_dim), np.float32))
    return both[:, 0], both[:, 1]


def classify(model: Autoencoder, images: np.ndarray) -> np.ndarray | None:
    """The labels (N,) that suit images (N, H, W) best; None for a variant that takes none."""
    if not model.uses_labels:
        return None

    def some(part: slice) -> torch.Tensor:
        labels = model.classify(pixels(model, images[part]))
        assert labels is not None  # the model uses them
        return labels

    return _in_batches(model, len(images), some, np.empty(0, np.int64))


def reconstruct(
    model: Autoencoder,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    visible: np.ndarray | None = None,
) -> np.ndarray:
    """Images (N, H, W) put through encoder and decoder, float32 in [0, 1].

    Args:
        labels: (N,), for variants with `uses_labels`; found by the model where left out.
        visible: (N, H, W) bool, for variants with `uses_visible`: False where a pixel is hidden.
    """
    if labels is None:
        labels = classify(model, images)
    return decode(model, encode(model, images, labels, visible), labels)
