"""The ELBO of log p(x|y), what the label changes, and that the label can be found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence

from aeviz.analysis import sampling
from aeviz.data import datasets
from aeviz.models import apply, optim
from aeviz.models.zoo import MODELS
from aeviz.training import loop
from tests.models.variants.arithmetic import cross_entropy, loss_of, make, spread


@pytest.fixture(scope="module")
def labels() -> Tensor:
    return torch.tensor(datasets.load().test_labels[:64].tolist())


@pytest.fixture(scope="module")
def trained() -> Any:
    """A small one after 400 steps on 20,000 digits."""
    mnist = datasets.load()
    config: Any = MODELS["conditional"].Config
    model = optim.build(MODELS["conditional"], config(latent_dim=6, width=128, depth=1), 0)
    images, labels = mnist.train_images[:20_000], mnist.train_labels[:20_000]
    for _ in loop.fit(model, images, steps=400, batch=128, lr=4e-3, seed=0, labels=labels):
        pass
    return model.eval()


def test_the_terms_are_those_of_the_elbo_given_the_label(digits: Tensor, labels: Tensor) -> None:
    model = spread(make("conditional", latent_dim=3, beta=2.0))
    mu, log_var = model.posterior(digits, labels)
    torch.manual_seed(3)
    z = mu + torch.sqrt(torch.exp(log_var)) * torch.randn(len(digits), 3)
    loss = loss_of(model, digits, seed=3, labels=labels)
    expected = cross_entropy(digits, model.decode(z, labels))
    assert loss.terms["reconstruction"].item() == pytest.approx(expected, rel=1e-5)
    q = Normal(mu.double(), log_var.double().div(2).exp())
    per_dim = kl_divergence(q, Normal(torch.zeros_like(q.mean), torch.ones_like(q.mean)))
    kl = per_dim.sum(1).mean().item()
    assert kl > 0.5
    assert loss.terms["kl"].item() == pytest.approx(2 * kl, rel=1e-5)
    assert np.allclose(loss.metrics["kl_per_dim"].detach(), per_dim.mean(0).detach(), rtol=1e-5)
    assert loss.metrics["elbo"].item() == pytest.approx(-(expected + kl), rel=1e-5)


def test_encoder_and_decoder_are_told_the_label_of_each_image(
    digits: Tensor, labels: Tensor
) -> None:
    model = make("conditional", latent_dim=3)
    z = model.encode(digits, labels)
    changed = labels.clone()
    changed[5] = (changed[5] + 1) % 10
    moved = (model.encode(digits, changed) != z).any(1)
    assert moved.nonzero().flatten().tolist() == [5]
    drawn = (model.decode(z, changed) != model.decode(z, labels)).flatten(1).any(1)
    assert drawn.nonzero().flatten().tolist() == [5]


def test_a_label_is_one_of_ten_inputs_of_its_own(digits: Tensor, labels: Tensor) -> None:
    model = make("conditional", latent_dim=3, depth=0)  # one linear map: its columns can be read
    weight, bias = model.encoder[-1].weight.detach().numpy(), model.encoder[-1].bias.detach()
    by_hand = digits.flatten(1).numpy() @ weight[:3, :784].T + weight[:3, 784 + labels.numpy()].T
    assert np.allclose(model.encode(digits, labels).detach(), by_hand + bias[:3].numpy(), atol=1e-5)


def test_without_a_label_decode_is_the_mean_of_all_ten(digits: Tensor) -> None:
    model = make("conditional", latent_dim=3)
    z = torch.randn(7, 3)
    each = [model.decode(z, torch.full((7,), label)).detach().numpy() for label in range(10)]
    assert np.std(each, axis=0).max() > 1e-3
    assert np.allclose(model.decode(z).detach(), np.mean(each, axis=0), atol=1e-6)


def test_the_label_of_the_best_elbo_is_taken(digits: Tensor, trained: Any) -> None:
    with torch.no_grad():
        found = trained.classify(digits)
        for x, label in zip(digits, found.tolist(), strict=True):
            elbos = []
            for y in range(10):  # one image and one label at a time, by torch.distributions
                mu, log_var = trained.posterior(x[None], torch.tensor([y]))
                p_x = Bernoulli(probs=trained.decode(mu, torch.tensor([y])), validate_args=False)
                q = Normal(mu, log_var.div(2).exp())
                kl = kl_divergence(q, Normal(torch.zeros_like(mu), torch.ones_like(mu)))
                elbos.append((p_x.log_prob(x[None]).sum() - kl.sum()).item())
            assert label == int(np.argmax(elbos))
        z = trained.encode(digits)
        assert torch.equal(z, trained.encode(digits, found))
        torch.manual_seed(0)
        told = trained.loss(digits, labels=found).total
        torch.manual_seed(0)
        assert torch.equal(trained.loss(digits).total, told)


def test_a_trained_one_knows_most_digits_without_having_learnt_to_classify(trained: Any) -> None:
    mnist = datasets.load()
    found = apply.classify(trained, mnist.test_images[:500])
    assert found is not None
    assert (found == mnist.test_labels[:500]).mean() > 0.8  # by chance .1


def test_a_digit_can_be_asked_for_and_keeps_its_style(trained: Any) -> None:
    mnist = datasets.load()
    codes = sampling.sample_prior(trained, 60, 0.5, seed=1)  # usual ones: it trained for seconds
    assert codes is not None
    means = np.stack([mnist.train_images[mnist.train_labels == y].mean(0) for y in range(10)]) / 255
    for y in range(10):
        drawn = apply.decode(trained, codes, np.full(60, y))
        assert np.square(drawn.mean(0) - means).sum((1, 2)).argmin() == y
    # The code says how, whatever the digit: one that slants ones slants sevens.
    ones, sevens = (apply.decode(trained, codes, np.full(60, y)) for y in (1, 7))
    assert np.corrcoef(slants(ones), slants(sevens))[0, 1] > 0.5


def slants(pictures: np.ndarray) -> np.ndarray:
    """How far strokes lean to the right: covariance of row and column over the row's variance."""
    rows, columns = np.mgrid[:28, :28]
    weights = pictures / pictures.sum((1, 2), keepdims=True)
    r = rows - (weights * rows).sum((1, 2), keepdims=True)
    c = columns - (weights * columns).sum((1, 2), keepdims=True)
    return -(weights * r * c).sum((1, 2)) / (weights * r**2).sum((1, 2))
