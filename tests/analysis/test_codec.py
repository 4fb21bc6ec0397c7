"""One protocol for a model, PCA and raw pixels: what goes in comes out, under a key of its own."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from aeviz.analysis import errors, pca
from aeviz.analysis.codec import Codec, of_model, of_pca, of_pixels
from aeviz.data import datasets
from aeviz.models import apply, checkpoint

MNIST = datasets.load()
IMAGES = MNIST.test_images[:200]
NAMES = ("variational-2d", "conditional-2d", "vanilla-32d")


def all_kinds() -> list[Codec]:
    models = [of_model(checkpoint.load(name)) for name in NAMES]
    return [*models, of_pca(MNIST, 2), of_pca(MNIST, 32), of_pixels(MNIST)]


@pytest.mark.parametrize("kind", range(6))
def test_images_become_codes_of_the_width_and_come_back(kind: int) -> None:
    codec = all_kinds()[kind]
    labels = codec.classify(IMAGES)
    codes = codec.encode(IMAGES, labels)
    assert codes.shape == (200, codec.code_dim)
    back = codec.decode(codes, labels)
    assert (back.shape, back.dtype) == (IMAGES.shape, np.float32)
    assert back.min() >= 0
    assert back.max() <= 1
    mean = np.square(IMAGES / 255 - IMAGES.mean(0) / 255).mean()
    assert errors.mse(IMAGES, back).mean() < 0.9 * mean  # better than one image for all
    assert np.allclose(codec.encode(IMAGES / np.float32(255), labels), codes, atol=1e-4)
    assert codec.title


def test_a_key_is_the_same_for_the_same_thing_and_for_nothing_else() -> None:
    first, again = ([codec.key for codec in all_kinds()] for _ in range(2))
    assert first == again
    assert len(set(first)) == len(first)
    model = checkpoint.load("variational-2d")
    next(model.parameters()).data[0, 0] += 1e-3
    assert of_model(model).key not in first
    less = dataclasses.replace(MNIST, train_images=MNIST.train_images[:5000])
    assert of_pca(less, 2).key not in first


def test_a_model_is_asked_through_its_own_methods() -> None:
    model = checkpoint.load("conditional-2d")
    codec, labels = of_model(model), MNIST.test_labels[:200]
    assert np.array_equal(codec.encode(IMAGES, labels), apply.encode(model, IMAGES, labels))
    found = codec.classify(IMAGES)
    assert found is not None
    assert np.array_equal(codec.encode(IMAGES), codec.encode(IMAGES, found))
    assert not np.array_equal(codec.encode(IMAGES, labels), codec.encode(IMAGES))


def test_pca_is_clipped_and_pixels_are_lossless() -> None:
    linear = of_pca(MNIST, 16)
    expected = pca.pca(MNIST, 16).reconstruct(IMAGES)
    assert np.array_equal(linear.decode(linear.encode(IMAGES)), expected)
    pixels = of_pixels(MNIST)
    assert np.array_equal(pixels.decode(pixels.encode(IMAGES)), datasets.to_float(IMAGES))
    assert (linear.title, pixels.title) == ("PCA, 16 components", "Raw pixels")


def test_a_code_of_symbols_says_how_many_bits_it_has() -> None:
    name = next(n for n, c in checkpoint.pretrained().items() if c.config.codebook_size == 64)
    assert of_model(checkpoint.load(name)).alphabet == 64
    for codec in all_kinds():
        codes = codec.encode(IMAGES[:3])
        assert (codec.alphabet, codec.symbols(codes), codec.prior_bits(codes)) == (0, None, None)
