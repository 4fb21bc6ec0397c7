"""Trunks, and how images are corrupted: what more than one variant uses."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from aeviz.data.datasets import Shape

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "tanh": nn.Tanh,
}


def hidden_widths(width: int, depth: int) -> list[int]:
    """Widths of the hidden layers, halving: (512, 3) gives [512, 256, 128]."""
    return [max(width >> layer, 1) for layer in range(depth)]


def bend(
    activation: str, batch_norm: nn.Module | None = None, dropout: float = 0.0
) -> list[nn.Module]:
    """What follows a layer: its batch normalisation, the activation, dropout; each where wanted.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.2, for the order; Srivastava et al.
    2014, JMLR 15:1929, for dropout.
    """
    layers = [] if batch_norm is None else [batch_norm]
    layers.append(ACTIVATIONS[activation]())
    return [*layers, nn.Dropout(dropout)] if dropout > 0 else layers


def mlp(
    widths: list[int], activation: str, batch_norm: bool = False, dropout: float = 0.0
) -> nn.Sequential:
    """Fully connected layers with what follows each between them, nothing after the last."""
    layers: list[nn.Module] = []
    *hidden, last = pairwise(widths)
    for fan_in, fan_out in hidden:
        # Batch normalisation subtracts the mean, and with it any bias.
        layers.append(nn.Linear(fan_in, fan_out, bias=not batch_norm))
        layers += bend(activation, nn.BatchNorm1d(fan_out) if batch_norm else None, dropout)
    return nn.Sequential(*layers, nn.Linear(*last))


class MLPEncoder(nn.Sequential):
    """Images (B, C, H, W) through hidden layers to (B, out) numbers."""

    def __init__(
        self,
        shape: Shape,
        out: int,
        *,
        width: int,
        depth: int,
        activation: str,
        batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        """Hidden layers halve in width from `width` on."""
        widths = [math.prod(shape), *hidden_widths(width, depth), out]
        super().__init__(nn.Flatten(), *mlp(widths, activation, batch_norm, dropout))


class MLPDecoder(nn.Sequential):
    """Codes (B, D) through the mirrored layers to logits (B, C, H, W)."""

    def __init__(
        self,
        latent_dim: int,
        shape: Shape,
        *,
        width: int,
        depth: int,
        activation: str,
        batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        """Hidden layers double in width up to `width`."""
        widths = [latent_dim, *reversed(hidden_widths(width, depth)), math.prod(shape)]
        super().__init__(*mlp(widths, activation, batch_norm, dropout), nn.Unflatten(1, shape))


class Dictionary(nn.Linear):
    """Codes (B, D) to a sum of atoms, pixels (B, C, H, W): one for each unit, and what all share.

    Of length 1 by being divided by their length where they are used, so that no step of an
    optimiser can undo it.
    """

    def __init__(self, latent_dim: int, shape: Shape, *, unit: bool) -> None:
        """With atoms of length 1 or, where not `unit`, of any."""
        super().__init__(latent_dim, math.prod(shape))
        self.shape, self.unit = shape, unit

    def atoms(self) -> Tensor:
        """The atoms as columns, (pixels, D)."""
        return nn.functional.normalize(self.weight, dim=0) if self.unit else self.weight

    def forward(self, input: Tensor) -> Tensor:
        """Their sum, also below 0 and above 1."""
        return nn.functional.linear(input, self.atoms(), self.bias).view(-1, *self.shape)


class Transposed(nn.Module):
    """Codes (B, D) through the transpose of an encoder's one layer to logits (B, C, H, W)."""

    def __init__(self, shape: Shape) -> None:
        """Only what it adds to each pixel is its own."""
        super().__init__()
        self.shape, self.bias = shape, nn.Parameter(torch.zeros(math.prod(shape)))

    def forward(self, z: Tensor, weight: Tensor) -> Tensor:
        """`weight` is the encoder's, (D, pixels)."""
        return nn.functional.linear(z, weight.T, self.bias).view(-1, *self.shape)


def quartered(shape: Shape) -> tuple[int, int]:
    """Height and width of the feature maps after two convolutions with a stride of 2.

    Raises:
        ValueError: they do not come back to the same size.
    """
    _, height, width = shape
    if height % 4 or width % 4:
        raise ValueError(
            f"These layers halve an image twice: {height} by {width} pixels are no multiples of 4."
        )
    return height // 4, width // 4


class ConvEncoder(nn.Sequential):
    """Images (B, C, H, W) through two strided convolutions, H -> H/2 -> H/4, to (B, out)."""

    def __init__(
        self,
        shape: Shape,
        out: int,
        *,
        channels: int,
        hidden: int,
        activation: str,
        batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        """`channels` feature maps, then twice as many, then `hidden` units."""

        def then(maps: int) -> list[nn.Module]:
            return bend(activation, nn.BatchNorm2d(maps) if batch_norm else None)

        bias = not batch_norm
        super().__init__(
            nn.Conv2d(shape[0], channels, 4, stride=2, padding=1, bias=bias),
            *then(channels),
            nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1, bias=bias),
            *then(2 * channels),
            nn.Flatten(),
            nn.Linear(2 * channels * math.prod(quartered(shape)), hidden),
            *bend(activation, dropout=dropout),
            nn.Linear(hidden, out),
        )


class ConvDecoder(nn.Sequential):
    """Codes (B, D) through two transposed convolutions, H/4 -> H/2 -> H, to logits."""

    def __init__(
        self,
        latent_dim: int,
        shape: Shape,
        *,
        channels: int,
        hidden: int,
        activation: str,
        batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        """The mirror of ConvEncoder."""
        bias = not batch_norm
        super().__init__(
            nn.Linear(latent_dim, hidden),
            *bend(activation, dropout=dropout),
            nn.Linear(hidden, 2 * channels * math.prod(quartered(shape))),
            *bend(activation),
            nn.Unflatten(1, (2 * channels, *quartered(shape))),
            nn.ConvTranspose2d(2 * channels, channels, 4, stride=2, padding=1, bias=bias),
            *bend(activation, nn.BatchNorm2d(channels) if batch_norm else None),
            nn.ConvTranspose2d(channels, shape[0], 4, stride=2, padding=1),
        )


def corrupt(x: Tensor, kind: str, level: float) -> Tensor:
    """A freshly corrupted copy of x, same shape, in [0, 1]."""
    if kind == "gaussian":
        return (x + level * torch.randn_like(x)).clamp(0, 1)
    corrupted = torch.rand_like(x) < level
    if kind == "masking":
        return x.masked_fill(corrupted, 0.0)
    return torch.where(corrupted, torch.randint_like(x, 2), x)
