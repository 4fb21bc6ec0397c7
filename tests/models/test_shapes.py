"""Models for other images than MNIST's: small ones, of several channels, of fewer classes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from aeviz.analysis import errors
from aeviz.data import corruption
from aeviz.models import apply, checkpoint, objective, optim
from aeviz.models.base import Autoencoder
from aeviz.models.card import Card
from aeviz.models.zoo import MODELS
from aeviz.training import loop

SMALL = (1, 8, 8)


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's 8x8 digits (1797, 8, 8) uint8, and their labels."""
    from sklearn.datasets import load_digits

    pixels, labels = map(np.asarray, load_digits(return_X_y=True))
    return np.round(pixels.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8), labels


@pytest.fixture(params=MODELS)
def model_class(request: pytest.FixtureRequest) -> type[Autoencoder]:
    return MODELS[request.param]


def card_of(model: Autoencoder) -> Card:
    return Card(
        variant=model.variant, config=model.config, trained_on=9, seed=0, steps=1, batch=1, lr=0.1,
        shape=model.shape, classes=model.classes,
    )  # fmt: skip


def test_every_variant_learns_the_small_digits(model_class: type[Autoencoder]) -> None:
    images, labels = (part[:400] for part in digits())
    model = optim.build(model_class, model_class.Config(), 0, shape=SMALL)
    assert (model.shape, model.code_dim) == (SMALL, model.config.code_dim(SMALL))
    before = objective.validate(model, images, labels).total
    for _ in loop.fit(model, images, steps=40, batch=100, lr=3e-3, seed=0, labels=labels):
        pass
    assert objective.validate(model, images, labels).total < 0.8 * before
    codes = apply.encode(model, images, labels)
    assert codes.shape == (400, model.code_dim)
    reconstructions = apply.decode(model, codes, labels)
    assert reconstructions.shape == images.shape
    # closer to its own image than to that of another
    own, others = (errors.mse(x, reconstructions).mean() for x in (images, images[::-1]))
    assert own < others
    drawn = model.sample_prior(5)
    assert drawn is None or apply.decode(model, drawn.numpy()).shape == (5, 8, 8)


def test_what_is_hidden_of_a_small_digit_is_not_read(model_class: type[Autoencoder]) -> None:
    if not model_class.uses_visible:
        pytest.skip("it cannot be told")
    images = digits()[0][:20].copy()
    model = optim.build(model_class, model_class.Config(), 0, shape=SMALL)
    visible = np.ones(images.shape, bool)
    visible[:, 4:] = False
    codes = apply.encode(model, images, visible=visible)
    images[:, 4:] = 255
    assert np.allclose(apply.encode(model, images, visible=visible), codes, atol=1e-6)
    assert not np.allclose(apply.encode(model, images), codes, atol=1e-3)


def test_images_may_have_several_channels(model_class: type[Autoencoder]) -> None:
    shape = (3, 8, 12)
    images = np.random.default_rng(0).integers(0, 256, (10, *shape), np.uint8)
    model = optim.build(model_class, model_class.Config(), 0, shape=shape, classes=4)
    labels = np.arange(10) % 4
    assert torch.isfinite(objective.validate(model, images, labels).total)
    reconstructions = apply.reconstruct(model, images, labels)
    assert reconstructions.shape == images.shape
    assert errors.compare(images, reconstructions).mse.shape == (10,)


def test_a_model_of_few_classes_knows_no_other() -> None:
    images = digits()[0][:50]
    for model_class in (found for found in MODELS.values() if found.uses_labels):
        model = optim.build(model_class, model_class.Config(), 0, shape=SMALL, classes=3)
        found = apply.classify(model, images)
        assert found is not None
        assert set(found) <= {0, 1, 2}
        with pytest.raises(RuntimeError):
            apply.encode(model, images, np.full(50, 3))


def test_a_shape_that_does_not_fit_is_refused_in_a_sentence(model_class: type[Autoencoder]) -> None:
    try:
        model = optim.build(model_class, model_class.Config(), 0, shape=(1, 9, 10))
    except ValueError as error:
        said = str(error)
    else:
        said = "It works on 9 by 10 pixels."
        assert apply.reconstruct(model, np.zeros((2, 9, 10), np.uint8)).shape == (2, 9, 10)
    assert "9 by 10" in said
    assert said.endswith(".")


def test_a_card_keeps_a_shape_and_is_silent_about_mnists(model_class: type[Autoencoder]) -> None:
    model = optim.build(model_class, model_class.Config(), 0, shape=SMALL, classes=3)
    again = checkpoint.from_bytes(checkpoint.to_bytes(model, card_of(model)))
    assert (again.shape, again.classes, again.code_dim) == (SMALL, 3, model.code_dim)
    assert again.card.code_dim == model.code_dim
    ours = optim.build(model_class, model_class.Config(), 0)
    assert not {"shape", "classes"} & set(card_of(ours).model_dump())
    assert checkpoint.from_bytes(checkpoint.to_bytes(ours, card_of(ours))).shape == (1, 28, 28)


@pytest.mark.parametrize("name", corruption.CORRUPTIONS)
def test_every_corruption_takes_any_size(name: str) -> None:
    kind, images = corruption.CORRUPTIONS[name], digits()[0][:5]
    for x in (images, images[:, :, :6], images[0]):
        for strength in kind.curve:
            found = kind.apply(x, strength)
            assert (found.shape, found.dtype) == (x.shape, np.float32)
        assert np.allclose(kind.apply(x, kind.curve[0]), x / 255, atol=0.01)
