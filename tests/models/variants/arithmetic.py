"""What tests of formulas share: small models, and errors by numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from aeviz.models import optim
from aeviz.models.settings import knobs
from aeviz.models.zoo import MODELS


def make(name: str, **settings: Any) -> Any:
    """A variant with fresh weights and small layers."""
    model_class = MODELS[name]
    small = {"width": 32, "depth": 1, "hidden": 16}
    small = {name: value for name, value in small.items() if name in knobs(model_class.Config)}
    return optim.build(model_class, model_class.Config(**(small | settings)), 0)


def spread(model: Any) -> Any:
    """Make codes of untrained weights as various as those of trained ones."""
    with torch.no_grad():
        model.encoder[-1].weight.mul_(15)
    return model


def squared_error(x: Tensor, x_hat: Tensor) -> float:
    """Summed over pixels, averaged over images."""
    difference = x.double().numpy() - x_hat.detach().double().numpy()
    return float((difference**2).sum() / len(x))


def gaussian(x: Tensor, x_hat: Tensor) -> float:
    """-log of a Gaussian density about a reconstruction, its variance the MSE: nats per image."""
    pixels = x[0].numel()
    mse = squared_error(x, x_hat) / pixels
    return pixels / 2 * (np.log(2 * np.pi * mse) + 1)


def cross_entropy(x: Tensor, x_hat: Tensor) -> float:
    """In nats, summed over pixels, averaged over images."""
    p, target = x_hat.detach().double().numpy(), x.double().numpy()
    return float(-(target * np.log(p) + (1 - target) * np.log(1 - p)).sum() / len(x))


def loss_of(model: Any, x: Tensor, seed: int = 0, **given: Any) -> Any:
    """The loss of a batch with the noise that belongs to a seed."""
    torch.manual_seed(seed)
    return model.loss(x, **given)
