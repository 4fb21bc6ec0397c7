"""What moves weights, and what is random meanwhile: Adam, its learning rate, a stream of noise."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

from aeviz.data.datasets import MNIST, Shape
from aeviz.models.base import Autoencoder
from aeviz.models.settings import BaseConfig

WARM_UP = 200
"""Steps over which the learning rate rises, at most a tenth of the schedule."""


def pick_device() -> torch.device:
    """CUDA or Apple's MPS when there, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def build(
    model_class: type[Autoencoder],
    config: BaseConfig,
    seed: int,
    *,
    shape: Shape = MNIST.shape,
    classes: int = len(MNIST.classes),
) -> Autoencoder:
    """A fresh model for images (C, H, W) of some classes; its weights depend on the seed alone."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return model_class(config, shape=shape, classes=classes)


def learning_rate(step: int, steps: int, lr: float) -> float:
    """Linear warm-up to lr, then half a cosine down to zero (Loshchilov & Hutter 2016, eq. 5)."""
    warm_up = min(WARM_UP, steps // 10)
    if step < warm_up:
        return lr * (step + 1) / warm_up
    return lr * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(steps - warm_up, 1)))


class Adam:
    """Adam by torch's fused kernel, without the bookkeeping of torch.optim.Adam.

    For a network as small as ours that bookkeeping takes longer than the kernel.

    Source: Kingma & Ba 2014, arXiv:1412.6980, algorithm 1.
    """

    def __init__(self, parameters: list[Tensor]) -> None:
        """Start with both moments at zero."""
        self.rows = [
            (p, torch.zeros_like(p), torch.zeros_like(p), torch.zeros((), device=p.device))
            for p in parameters
        ]

    def moments(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        """For each parameter its mean, its uncentred variance and its number of steps."""
        return [(mean, variance, steps) for _, mean, variance, steps in self.rows]

    @torch.no_grad()
    def go_on(self, moments: list[tuple[Tensor, Tensor, Tensor]]) -> None:
        """Take over the moments of another one of the same parameters.

        Raises:
            ValueError: they are of other parameters.
        """
        for (_, *own), others in zip(self.rows, moments, strict=True):
            for value, other in zip(own, others, strict=True):
                if value.shape != other.shape:
                    raise ValueError("These moments are of another model.")
                value.copy_(other)

    def clear(self) -> None:
        """Forget the gradients of the last step."""
        for p, *_ in self.rows:
            p.grad = None

    def is_finite(self) -> bool:
        """True where no gradient holds an infinity or a NaN: either would show in its sum."""
        sums = [p.grad.sum() for p, *_ in self.rows if p.grad is not None]
        return math.isfinite(torch.stack(sums).sum().item())

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Move each parameter that has a gradient."""
        rows = [(p, p.grad, m, v, t) for p, m, v, t in self.rows if p.grad is not None]
        parameters, gradients, means, variances, steps = map(list, zip(*rows, strict=True))
        adam(
            parameters,
            gradients,
            means,
            variances,
            [],
            steps,
            fused=True,
            lr=lr,
            beta1=0.9,
            beta2=0.999,
            eps=1e-8,
            amsgrad=False,
            weight_decay=0.0,
            maximize=False,
        )


class Noise:
    """A run's own stream of random numbers, whatever others draw: `with noise: ...` draws from it.

    torch has one stream for each kind of device, shared by everybody in the process.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        """Start the stream that belongs to a seed."""
        self.sources: list[Any] = [torch.random]
        if device.type != "cpu":
            self.sources.append(getattr(torch, device.type))
        self.own = [source.get_rng_state() for source in self.sources]
        with self:
            torch.manual_seed(seed)

    def __enter__(self) -> None:
        self.others = [source.get_rng_state() for source in self.sources]
        self._set(self.own)

    def __exit__(self, *error: object) -> None:
        self.own = [source.get_rng_state() for source in self.sources]
        self._set(self.others)

    def _set(self, states: list[Tensor]) -> None:
        for source, state in zip(self.sources, states, strict=True):
            source.set_rng_state(state)
