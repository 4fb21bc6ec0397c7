"""Trunks that more than one variant uses."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from torch import nn

from aeviz.model import knob

PIXELS = 28 * 28

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "tanh": nn.Tanh,
}


def width_knob(default: int = 512) -> Any:
    """Width of the first hidden layer."""
    return knob(
        default,
        low=16,
        high=2048,
        label="Width of the first layer",
        help="Units in the encoder's first hidden layer. Wider learns more and trains slower.",
    )


def depth_knob(default: int = 3) -> Any:
    """Number of hidden layers."""
    return knob(
        default,
        low=0,
        high=6,
        label="Hidden layers",
        help="Each hidden layer is half as wide as the one before; the decoder mirrors them. "
        "With none, encoder and decoder are one linear layer each.",
    )


def activation_knob(default: str = "silu") -> Any:
    """Nonlinearity between layers."""
    return knob(
        default,
        choices=tuple(ACTIVATIONS),
        label="Activation",
        help="What bends the layers. ReLU is the fastest, SiLU smooth; tanh "
        "gives the map with the gentlest bends.",
    )


def hidden_widths(width: int, depth: int) -> list[int]:
    """Widths of the hidden layers, halving: (512, 3) gives [512, 256, 128]."""
    return [max(width >> layer, 1) for layer in range(depth)]


def mlp(widths: list[int], activation: str) -> nn.Sequential:
    """Fully connected layers with the activation between them, none after the last."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


class MLPEncoder(nn.Sequential):
    """Images (B, 1, 28, 28) through hidden layers to (B, out) numbers."""

    def __init__(self, out: int, *, width: int, depth: int, activation: str) -> None:
        """Hidden layers halve in width from `width` on."""
        widths = [PIXELS, *hidden_widths(width, depth), out]
        super().__init__(nn.Flatten(), *mlp(widths, activation))


class MLPDecoder(nn.Sequential):
    """Codes (B, D) through the mirrored layers to logits (B, 1, 28, 28)."""

    def __init__(self, latent_dim: int, *, width: int, depth: int, activation: str) -> None:
        """Hidden layers double in width up to `width`."""
        widths = [latent_dim, *reversed(hidden_widths(width, depth)), PIXELS]
        super().__init__(*mlp(widths, activation), nn.Unflatten(1, (1, 28, 28)))


class ConvEncoder(nn.Sequential):
    """Images (B, 1, 28, 28) through two strided convolutions, 28 -> 14 -> 7, to (B, out)."""

    def __init__(self, out: int, *, channels: int, hidden: int, activation: str) -> None:
        """`channels` feature maps, then twice as many, then `hidden` units."""
        act = ACTIVATIONS[activation]
        super().__init__(
            nn.Conv2d(1, channels, 4, stride=2, padding=1),
            act(),
            nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1),
            act(),
            nn.Flatten(),
            nn.Linear(2 * channels * 49, hidden),
            act(),
            nn.Linear(hidden, out),
        )


class ConvDecoder(nn.Sequential):
    """Codes (B, D) through two transposed convolutions, 7 -> 14 -> 28, to logits."""

    def __init__(self, latent_dim: int, *, channels: int, hidden: int, activation: str) -> None:
        """The mirror of ConvEncoder."""
        act = ACTIVATIONS[activation]
        super().__init__(
            nn.Linear(latent_dim, hidden),
            act(),
            nn.Linear(hidden, 2 * channels * 49),
            act(),
            nn.Unflatten(1, (2 * channels, 7, 7)),
            nn.ConvTranspose2d(2 * channels, channels, 4, stride=2, padding=1),
            act(),
            nn.ConvTranspose2d(channels, 1, 4, stride=2, padding=1),
        )
