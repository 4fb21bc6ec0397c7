"""A model on arrays: images to codes, codes to images, in batches."""

from __future__ import annotations

import numpy as np
import torch

from aeviz.data import datasets
from aeviz.models.base import Autoencoder

BATCH = 2000


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
        x = torch.from_numpy(datasets.to_float(images[part]))[:, None].to(model.device)
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
        x = torch.from_numpy(datasets.to_float(images[start : start + BATCH]))[:, None].to(
            model.device
        )
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
