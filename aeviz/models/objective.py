"""The loss of a model over many images."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aeviz.models import apply, optim
from aeviz.models.base import Autoencoder, Loss


def pixels(images: Tensor) -> Tensor:
    """uint8 images (B, H, W) or (B, C, H, W) as floats (B, C, H, W) in [0, 1].

    Raises:
        ValueError: other numbers, which may be in [0, 1] already.
    """
    if images.dtype != torch.uint8:
        raise ValueError("Images must be uint8, from 0 to 255.")
    images = images.unsqueeze(1) if images.ndim == 3 else images
    return images.to(torch.float32).mul_(1 / 255)


def validate(
    model: Autoencoder, images: np.ndarray, labels: np.ndarray | None = None, *, seed: int = 0
) -> Loss:
    """Loss averaged over images (N, H, W) uint8, with the same noise each time."""
    return averaged(losses(model, images, labels, seed=seed))


@torch.no_grad()
def losses(
    model: Autoencoder,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    seed: int = 0,
    batch: int = 1000,
) -> list[tuple[int, Loss]]:
    """The same by batches: how many images it has, and the loss averaged over them."""
    training = model.training
    model.eval()
    found = []
    with optim.Noise(seed, model.device):
        for start in range(0, len(images), batch):
            part = torch.from_numpy(np.array(images[start : start + batch])).to(model.device)
            some = None if labels is None else labels[start : start + batch]
            loss = model.loss(pixels(part), **apply.labels_for(model, some))
            found.append((len(part), loss))
    model.train(training)
    return found


def averaged(found: list[tuple[int, Loss]]) -> Loss:
    """The loss of all images of some batches."""
    parts: dict[str, dict[str, list[Tensor]]] = {"terms": {}, "metrics": {}}
    count = sum(many for many, _ in found)
    for _, loss in found:
        for kind, values in (("terms", loss.terms), ("metrics", loss.metrics)):
            for name, value in values.items():
                parts[kind].setdefault(name, []).append(value)
    shares = [many / count for many, _ in found]
    return Loss(*({n: _weighted(v, shares) for n, v in of.items()} for of in parts.values()))


def _weighted(values: list[Tensor], shares: list[float]) -> Tensor:
    return sum(
        (v * s for v, s in zip(alike(values), shares, strict=True)),
        torch.zeros((), device=values[0].device),
    )


def alike(values: list[Tensor]) -> list[Tensor]:
    """Terms or metrics of several batches as floats of one shape, of which there is a mean.

    Args:
        values: of any dtype, such as counts. Vectors (D,) stay so; what has another shape, or
            another one from batch to batch, becomes one number.
    """
    floats = [value.float() for value in values]
    if floats[0].ndim > 1 or len({value.shape for value in floats}) > 1:
        return [value.mean() for value in floats]
    return floats


def mean_terms(losses: list[Loss]) -> dict[str, float]:
    """Each term, averaged over steps, to four digits."""
    stacked = {name: torch.stack([loss.terms[name] for loss in losses]) for name in losses[0].terms}
    return {name: float(f"{values.mean().item():.4g}") for name, values in stacked.items()}
