"""The full state of a run: what goes on from it is the run that was never ended."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from aeviz.data import datasets
from aeviz.models import optim
from aeviz.models.base import Autoencoder
from aeviz.models.zoo import MODELS
from aeviz.training import loop, state

MNIST = datasets.load("mnist")
IMAGES, LABELS = MNIST.train_images[:70], MNIST.train_labels[:70]
STEPS, BATCH = 9, 16
"""Five steps an epoch, the last of fewer images: the run ends in its second epoch."""


def build(variant: str) -> Autoencoder:
    model_class = MODELS[variant]
    return optim.build(model_class, model_class.Config(), 3)


def fit(model: Autoencoder, start: state.FullState | None = None) -> dict[int, state.FullState]:
    """The states of all steps of a run."""
    run = loop.fit(
        model,
        IMAGES,
        steps=STEPS,
        batch=BATCH,
        lr=1e-3,
        seed=5,
        labels=LABELS,
        start=start,
    )
    return {step.step: step.state() for step in run}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("variant", MODELS)
def test_a_run_that_goes_on_ends_with_the_same_weights_bit_for_bit(variant: str) -> None:
    whole = build(variant)
    kept = fit(whole)
    assert list(kept) == list(range(1, STEPS + 1))
    assert not same(kept[4].weights, kept[5].weights)
    for at in (3, 5, STEPS):  # within an epoch, at its end, at the end of all
        again = build(variant)
        with torch.no_grad():  # nothing of the model that it is put into is used
            for value in again.state_dict().values():
                value.add_(1)
        torch.manual_seed(at)  # others draw random numbers meanwhile
        rest = fit(again, state.from_bytes(state.to_bytes(kept[at])))
        assert list(rest) == list(range(at + 1, STEPS + 1))
        assert same(again.state_dict(), whole.state_dict())
        if rest:
            assert same(rest[STEPS].weights, kept[STEPS].weights)


def test_a_state_is_not_changed_by_the_steps_after_it() -> None:
    run = loop.fit(build("vanilla"), IMAGES, steps=3, batch=BATCH, lr=1e-2, seed=0, labels=LABELS)
    first = next(run).state()
    before = {name: value.clone() for name, value in first.weights.items()}
    moments = [mean.clone() for mean, _, _ in first.moments]
    next(run)
    assert same(first.weights, before)
    for (mean, _, _), kept in zip(first.moments, moments, strict=True):
        assert torch.equal(mean, kept)
    assert first.step == 1
    assert first.moments[0][2].item() == 1


def test_the_weights_of_a_state_are_not_rounded() -> None:
    model = build("vanilla")
    kept = fit(model)[STEPS]
    again = state.from_bytes(state.to_bytes(kept))
    assert again.step == STEPS
    for name, value in again.weights.items():
        assert value.dtype == model.state_dict()[name].dtype
        np.testing.assert_array_equal(value.numpy(), model.state_dict()[name].numpy())


def test_a_damaged_state_is_known_wherever_it_is_damaged() -> None:
    content = state.to_bytes(fit(build("linear"))[2])
    random = np.random.default_rng(0)
    for _ in range(200):
        cut = content[: random.integers(0, len(content))]
        with pytest.raises(state.StateError):
            state.from_bytes(cut)
        changed = bytearray(content)
        changed[random.integers(0, len(content))] ^= 1 << int(random.integers(0, 8))
        with pytest.raises(state.StateError):
            state.from_bytes(bytes(changed))


def test_a_state_of_another_model_is_refused() -> None:
    kept = fit(build("vanilla"))[2]
    with pytest.raises(ValueError, match="of another model"):
        fit(build("convolutional"), kept)
    fewer = replace(kept, moments=kept.moments[:-1])
    with pytest.raises(ValueError, match="shorter"):
        fit(build("vanilla"), fewer)
