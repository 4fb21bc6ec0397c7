"""The sizes of the feature maps."""

from __future__ import annotations

from torch import Tensor, nn

from tests.models.variants.arithmetic import make


def test_convolutional_halves_the_image_twice(digits: Tensor) -> None:
    model = make("convolutional", channels=6)
    sizes: list[tuple[int, ...]] = []
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.register_forward_hook(lambda _layer, _x, y: sizes.append(tuple(y.shape[1:])))
    model.loss(digits)
    assert sizes == [(6, 14, 14), (12, 7, 7), (6, 14, 14), (1, 28, 28)]
