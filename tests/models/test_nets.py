"""Trunks: the widths, the sizes of the feature maps, and one layer after the other by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from scipy.special import erf, expit

from aeviz.data.datasets import MNIST
from aeviz.models import nets

BY_HAND = {
    "relu": lambda a: np.maximum(a, 0),
    "silu": lambda a: a * expit(a),
    "gelu": lambda a: a * 0.5 * (1 + erf(a / np.sqrt(2))),
    "elu": lambda a: np.where(a > 0, a, np.exp(np.minimum(a, 0)) - 1),
    "tanh": np.tanh,
}


def affine(layer: torch.nn.Module, a: np.ndarray) -> np.ndarray:
    assert isinstance(layer, torch.nn.Linear)
    return a @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()


def linear_sizes(net: torch.nn.Module) -> list[tuple[int, int]]:
    return [
        (m.in_features, m.out_features) for m in net.modules() if isinstance(m, torch.nn.Linear)
    ]


def test_hidden_layers_halve() -> None:
    assert nets.hidden_widths(512, 3) == [512, 256, 128]
    assert nets.hidden_widths(100, 3) == [100, 50, 25]
    assert nets.hidden_widths(16, 6) == [16, 8, 4, 2, 1, 1]
    assert nets.hidden_widths(512, 0) == []


def test_the_decoder_mirrors_the_encoder() -> None:
    encoder = nets.MLPEncoder(MNIST.shape, 2, width=64, depth=2, activation="relu")
    decoder = nets.MLPDecoder(2, MNIST.shape, width=64, depth=2, activation="relu")
    assert linear_sizes(encoder) == [(784, 64), (64, 32), (32, 2)]
    assert linear_sizes(decoder) == [(2, 32), (32, 64), (64, 784)]
    flat = nets.MLPEncoder(MNIST.shape, 5, width=64, depth=0, activation="relu")
    assert linear_sizes(flat) == [(784, 5)]


@pytest.mark.parametrize("activation", nets.ACTIVATIONS)
def test_fully_connected_layers_agree_with_plain_arithmetic(activation: str) -> None:
    torch.manual_seed(0)
    x = torch.rand(3, 1, 28, 28)
    encoder = nets.MLPEncoder(MNIST.shape, 4, width=20, depth=2, activation=activation)
    first, second, last = (m for m in encoder if isinstance(m, torch.nn.Linear))
    bend = BY_HAND[activation]
    by_hand = affine(last, bend(affine(second, bend(affine(first, x.numpy().reshape(3, -1))))))
    assert np.allclose(encoder(x).detach(), by_hand, atol=1e-5)

    z = torch.randn(3, 4)
    decoder = nets.MLPDecoder(4, MNIST.shape, width=20, depth=1, activation=activation)
    first, last = (m for m in decoder if isinstance(m, torch.nn.Linear))
    by_hand = affine(last, bend(affine(first, z.numpy()))).reshape(3, 1, 28, 28)
    assert np.allclose(decoder(z).detach(), by_hand, atol=1e-5)


def test_convolutions_halve_the_image_and_transposed_ones_double_it() -> None:
    sizes: list[tuple[int, ...]] = []
    encoder = nets.ConvEncoder(MNIST.shape, 3, channels=8, hidden=32, activation="relu")
    decoder = nets.ConvDecoder(3, MNIST.shape, channels=8, hidden=32, activation="relu")
    for layer in [*encoder, *decoder]:
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            layer.register_forward_hook(lambda _layer, _x, y: sizes.append(tuple(y.shape[1:])))
    assert decoder(encoder(torch.rand(2, 1, 28, 28))).shape == (2, 1, 28, 28)
    assert sizes == [(8, 14, 14), (16, 7, 7), (8, 14, 14), (1, 28, 28)]


def test_a_feature_map_is_the_image_correlated_with_one_kernel() -> None:
    torch.manual_seed(0)
    layer = nets.ConvEncoder(MNIST.shape, 2, channels=4, hidden=16, activation="relu")[0]
    assert isinstance(layer, torch.nn.Conv2d)
    assert layer.bias is not None
    x = torch.rand(1, 1, 28, 28)
    padded = np.pad(x[0, 0].numpy(), 1)
    kernel = layer.weight[2, 0].detach().numpy()
    by_hand = correlate2d(padded, kernel, mode="valid")[::2, ::2] + layer.bias[2].item()
    assert np.allclose(layer(x)[0, 2].detach(), by_hand, atol=1e-5)


def test_a_stroke_is_the_same_stroke_wherever_it_is() -> None:
    # Two strided convolutions: four pixels further is one place further in the second maps.
    torch.manual_seed(0)
    encoder = nets.ConvEncoder(MNIST.shape, 2, channels=4, hidden=16, activation="relu")
    maps = torch.nn.Sequential(*list(encoder)[:4])
    x = torch.zeros(1, 1, 28, 28)
    x[..., 8:16, 8:16] = torch.rand(8, 8)
    there = maps(x.roll((4, 4), (2, 3)))
    assert torch.allclose(there[..., 2:6, 2:6], maps(x)[..., 1:5, 1:5], atol=1e-6)
    assert not torch.allclose(there, maps(x))
