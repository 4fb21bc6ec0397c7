"""A step in slow motion is the step that the run did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from aeviz.data import datasets
from aeviz.models import optim
from aeviz.models.zoo import MODELS
from aeviz.training import loop, place, slow, store
from tests.training.making import by_hand, small


def config_of(variant: str) -> dict[str, Any]:
    names = MODELS[variant].Config().to_dict()
    return {name: value for name, value in (("width", 32), ("depth", 1)) if name in names}


@pytest.mark.parametrize("variant", MODELS)
def test_the_step_of_each_variant_is_the_one_that_the_run_did(
    variant: str, no_worker: None
) -> None:
    spec = small(variant, steps=3, config=config_of(variant), batch=16)
    run = by_hand(store.create(spec)).name
    found = slow.slow_step(run, 2)
    assert found.step == 3
    mnist = datasets.load()
    model = optim.build(spec.model_class, spec.config, spec.seed)
    images = mnist.train_images[:50_000]
    fitting = loop.train(
        model, images, spec.course, batch=16, seed=0, labels=mnist.train_labels[:50_000]
    )
    done = [next(fitting) for _ in range(3)][-1]
    assert found.terms == {name: float(value) for name, value in done.loss.terms.items()}
    assert found.lr == spec.course.rate(2)
    assert found.batch == 16
    assert found.images.shape == (12, 28, 28)
    assert all((images == image).all((1, 2)).any() for image in found.images)
    assert {layer.encodes for layer in found.layers} == {True, False}
    norms = {
        name: p.grad.norm().item() for name, p in model.named_parameters() if p.grad is not None
    }
    together = sum(layer.gradient**2 for layer in found.layers) ** 0.5
    assert together <= (sum(norm**2 for norm in norms.values()) ** 0.5) * (1 + 1e-5)
    assert all(0 < len(layer.values) <= slow.VALUES for layer in found.layers)
    assert any(layer.moved > 0 for layer in found.layers)
    assert found.z.shape == (model.code_dim,)
    assert (found.cloud is not None) == model.has_posterior
    assert (found.seen is not None) == ("denoising" in variant)
    assert found.terms_after.keys() == found.terms.keys()
    assert found.terms_after != found.terms
    assert found.after.shape == found.reconstruction.shape == (28, 28)


def test_a_draw_is_its_mean_and_its_noise(no_worker: None) -> None:
    spec = small("variational", steps=2, batch=16)
    run = by_hand(store.create(spec)).name
    found = slow.slow_step(run, 0)
    assert found.step == 1
    assert found.cloud is not None
    assert found.z == pytest.approx(found.cloud.mu + found.cloud.sigma * found.cloud.epsilon)
    model = optim.build(spec.model_class, spec.config, spec.seed)
    x = torch.from_numpy(found.images[:1, None] / np.float32(255))
    with torch.no_grad():
        mu, log_var = model.eval().posterior(x) or (x, x)
        image = model.decode(torch.from_numpy(found.z)[None])[0, 0]
    assert found.cloud.mu == pytest.approx(mu[0].numpy(), rel=1e-4, abs=1e-5)
    assert found.cloud.sigma**2 == pytest.approx(log_var[0].exp().numpy(), rel=1e-4)
    assert np.abs(image.numpy() * 255 - found.reconstruction).max() <= 0.51


def test_a_step_lowers_the_loss_of_its_own_batch_at_a_good_rate(no_worker: None) -> None:
    run = by_hand(store.create(small(steps=300, lr=1e-3))).name
    found = slow.slow_step(run, 130)
    assert found.step == 131
    assert sum(found.terms_after.values()) < sum(found.terms.values())


def test_a_step_far_from_every_state_is_the_one_after_the_state_before(
    no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = by_hand(store.create(small(steps=40))).name
    state = max((step for step in store.states(run) if step < 30), default=0)
    monkeypatch.setattr(slow, "AGAIN", 29 - state)
    assert slow.slow_step(run, 29).step == 30
    monkeypatch.setattr(slow, "AGAIN", 28 - state)
    assert slow.slow_step(run, 29).step == state + 1


def test_the_last_step_has_none_after_it(no_worker: None) -> None:
    run = by_hand(store.create(small(steps=4))).name
    with pytest.raises(place.RunError, match="last step"):
        slow.slow_step(run, 4)
