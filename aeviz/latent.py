"""Codes and what lies between them: encode, decode, planes, the decoder's atlas, paths, samples."""

from __future__ import annotations

from dataclasses import dataclass


import numpy as np
import torch

from aeviz.model import Autoencoder

BATCH = 2000


def to_float(images: np.ndarray) -> np.ndarray:
    """Images as float32 in [0, 1]; uint8 is divided by 255."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / 255
    return np.asarray(images, np.float32)


@torch.no_grad()
def encode(model: Autoencoder, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """Point codes (N, code_dim) float32 of images (N, 28, 28), uint8 or float in [0, 1].

    Args:
        labels: (N,), for variants with `uses_labels`.
    """
    model.eval()
    parts = []
    for start in range(0, len(images), BATCH):
        x = torch.from_numpy(to_float(images[start : start + BATCH]))[:, None].to(model.device)
        z = model.encode(x, **_labels(model, labels, start))
        parts.append(z.cpu().numpy())
    return np.concatenate(parts) if parts else np.empty((0, model.code_dim), np.float32)


@torch.no_grad()
def decode(model: Autoencoder, codes: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """Images (N, 28, 28) float32 in [0, 1] of codes (N, code_dim)."""
    model.eval()
    parts = []
    for start in range(0, len(codes), BATCH):
        z = torch.from_numpy(np.asarray(codes[start : start + BATCH], np.float32))
        x = model.decode(z.to(model.device), **_labels(model, labels, start))
        parts.append(x[:, 0].clamp(0, 1).cpu().numpy())
    return np.concatenate(parts) if parts else np.empty((0, 28, 28), np.float32)


def _labels(model: Autoencoder, labels: np.ndarray | None, start: int) -> dict[str, torch.Tensor]:
    if not model.uses_labels or labels is None:
        return {}
    part = torch.from_numpy(np.array(labels[start : start + BATCH])).long()
    return {"labels": part.to(model.device)}


def reconstruct(
    model: Autoencoder, images: np.ndarray, labels: np.ndarray | None = None
) -> np.ndarray:
    """Images (N, 28, 28) put through encoder and decoder, float32 in [0, 1]."""
    return decode(model, encode(model, images, labels), labels)
