"""The likelihood of pixels beside scipy's, and the ELBO made of it, in nats, for each kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from aeviz.analysis import anomaly, likelihood
from aeviz.data import datasets
from aeviz.models import checkpoint, objective
from aeviz.models.base import Likelihood
from aeviz.models.card import Card
from aeviz.models.zoo import MODELS
from aeviz.training import loop
from tests.models.variants.arithmetic import make

MNIST = datasets.load()
VARIATIONAL = tuple(name for name, model in MODELS.items() if model.has_posterior)
KINDS = ("bernoulli", "squared", "absolute")


@pytest.fixture(scope="module")
def batch() -> tuple[np.ndarray, np.ndarray]:
    """Real digits (20, 784) and logits of poor reconstructions of them."""
    x = MNIST.test_images[:20].reshape(20, 784) / 255
    return x, np.random.default_rng(0).normal(0, 1, x.shape) + 4 * x - 2


def by_scipy(kind: str, x: np.ndarray, logits: np.ndarray, spread: float) -> np.ndarray:
    """Log p of each image (N,), nats."""
    x_hat = 1 / (1 + np.exp(-logits))
    if kind == "squared":
        return stats.norm.logpdf(x, x_hat, np.sqrt(spread)).sum(1)
    if kind == "absolute":
        return stats.laplace.logpdf(x, x_hat, spread).sum(1)
    return (x * np.log(x_hat) + (1 - x) * np.log(1 - x_hat)).sum(1)


@pytest.mark.parametrize("kind", KINDS)
def test_log_p_is_scipys_and_its_mean_is_the_cost(
    kind: str, batch: tuple[np.ndarray, np.ndarray]
) -> None:
    x, logits = batch
    of, spread = Likelihood(kind).double().eval(), 0.07
    if kind != "bernoulli":
        of.spread.fill_(spread)
    expected = by_scipy(kind, x, logits, spread)
    found = of.log_prob(torch.tensor(logits)[None], torch.tensor(x))
    assert found.shape == (1, 20)
    assert np.allclose(found[0], expected, rtol=1e-9)
    shape = (20, 1, 28, 28)
    cost = of.cost(torch.tensor(logits).view(shape), torch.tensor(x).view(shape))
    assert cost.item() == pytest.approx(-expected.mean(), rel=1e-9)


def test_black_and_white_pixels_have_scipys_bernoulli_probability(
    batch: tuple[np.ndarray, np.ndarray],
) -> None:
    x, logits = (batch[0] > 0.5).astype(float), batch[1]
    expected = stats.bernoulli.logpmf(x, 1 / (1 + np.exp(-logits))).sum(1)
    found = Likelihood("bernoulli").log_prob(torch.tensor(logits)[None], torch.tensor(x))
    assert np.allclose(found[0], expected)


@pytest.mark.parametrize("kind", ["squared", "absolute"])
def test_in_training_the_spread_is_the_one_that_suits_the_batch_best(
    kind: str, batch: tuple[np.ndarray, np.ndarray]
) -> None:
    x, logits = batch
    of = Likelihood(kind).double()
    shape = (20, 1, 28, 28)
    given = torch.tensor(logits).view(shape).requires_grad_()
    cost = of.cost(given, torch.tensor(x).view(shape))
    off = x - 1 / (1 + np.exp(-logits))
    # What scipy fits to the errors, about a mean of 0, is the most that any spread gives.
    best = (
        stats.norm.fit(off.ravel(), floc=0)[1]
        if kind == "squared"
        else stats.laplace.fit(off.ravel(), floc=0)[1]
    )
    best = best**2 if kind == "squared" else best
    assert cost.item() == pytest.approx(-by_scipy(kind, x, logits, best).mean(), rel=1e-6)
    for other in (0.9 * best, 1.1 * best):
        assert cost.item() < -by_scipy(kind, x, logits, other).mean()
    if kind == "squared":  # Rybkin et al. 2021: D/2 log MSE + D/2 (1 + log 2 pi)
        mse = np.square(off).mean()
        assert cost.item() == pytest.approx(392 * (np.log(mse) + 1 + np.log(2 * np.pi)))
    # Its gradient is that of the whole expression, the spread's own part included.
    cost.backward()
    step = np.zeros_like(logits)
    step[3, 400] = 1e-4

    def optimal(logits: np.ndarray) -> float:
        off = x - 1 / (1 + np.exp(-logits))
        spread = np.square(off).mean() if kind == "squared" else np.abs(off).mean()
        return -by_scipy(kind, x, logits, spread).mean()

    slope = (optimal(logits + step) - optimal(logits - step)) / 2e-4
    assert given.grad is not None
    assert given.grad.view(20, 784)[3, 400].item() == pytest.approx(slope, rel=1e-5)


def test_the_spread_follows_training_and_stays_while_images_are_measured(
    batch: tuple[np.ndarray, np.ndarray],
) -> None:
    x, logits = (torch.tensor(part, dtype=torch.float32).view(20, 1, 28, 28) for part in batch)
    of = Likelihood("squared")
    mse = (x - logits.sigmoid()).square().mean().item()
    of.eval().cost(logits, x)
    assert of.spread == 0.5
    for _ in range(100):
        of.train().cost(logits, x)
    assert of.spread.item() == pytest.approx(mse, rel=1e-3)
    of.cost(1000 * (x - 0.5).sign(), (x > 0.5).float())  # no error at all
    assert torch.isfinite(of.cost(1000 * (x - 0.5).sign(), (x > 0.5).float()))


# -- the bound that is made of it -------------------------------------------------------------


def trained(name: str, **settings: Any) -> Any:
    """A small one after some steps on real digits."""
    model = make(name, **({"latent_dim": 3} | settings))
    images, labels = MNIST.train_images[:2000], MNIST.train_labels[:2000]
    for _ in loop.fit(model, images, steps=60, batch=100, lr=4e-3, seed=0, labels=labels):
        pass
    return model.eval()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", VARIATIONAL)
def test_the_elbo_is_one_in_nats_whatever_the_reconstruction_loss(name: str, kind: str) -> None:
    """It is what importance weighting gives with one draw, and lies below a tighter bound."""
    model = trained(name, reconstruction=kind)
    assert model.unit == "nats per image"
    images, labels = MNIST.test_images[:200], MNIST.test_labels[:200]
    loss = objective.validate(model, images, labels)
    elbo = float(loss.metrics["elbo"])
    assert loss.total.item() == pytest.approx(-elbo, rel=1e-6)  # beta is 1: the bound is minimised
    bounds = {}
    for samples in (1, 50):
        found = likelihood.log_likelihood(model, images, labels, samples=samples, seed=3)
        assert found is not None
        bounds[samples] = found.mean()
    assert elbo == pytest.approx(bounds[1], abs=5)  # other noise
    assert bounds[50] > elbo


@pytest.mark.parametrize("kind", ["squared", "absolute"])
def test_the_bound_lies_below_the_likelihood_of_a_model_that_can_be_integrated(kind: str) -> None:
    """With one latent dimension log p(x) is an integral, done here on a grid by numpy."""
    model = trained("variational", latent_dim=1, reconstruction=kind)
    z = np.linspace(-15, 15, 6001)
    with torch.no_grad():
        logits = model.logits(torch.tensor(z, dtype=torch.float32)[:, None]).flatten(1).numpy()
    log_prior = stats.norm.logpdf(z) + np.log(z[1] - z[0])
    exact = []
    for image in MNIST.test_images[:12]:
        x = np.broadcast_to(image.ravel() / 255, (len(z), 784))
        each = by_scipy(kind, x, logits.astype(float), model.likelihood.spread.item())
        exact.append(np.logaddexp.reduce(each + log_prior))
    bound = likelihood.log_likelihood(model, MNIST.test_images[:12], samples=2000, seed=0)
    elbo = float(objective.validate(model, MNIST.test_images[:12]).metrics["elbo"])
    assert bound is not None
    assert elbo < bound.mean() < np.mean(exact) + 0.1
    assert bound.mean() == pytest.approx(np.mean(exact), abs=3)


def test_the_anomaly_score_of_an_image_does_not_depend_on_the_others() -> None:
    model = trained("variational", reconstruction="squared")
    few = anomaly.score("elbo", model, MNIST.test_images[:40])
    all_odd = MNIST.test_images[:40].copy()
    all_odd[1:] = 255
    assert anomaly.score("elbo", model, all_odd)[0] == pytest.approx(few[0], rel=1e-5)


@pytest.mark.parametrize("name", VARIATIONAL)
def test_a_file_of_before_is_read_with_the_likelihood_that_its_loss_was(name: str) -> None:
    """Squared error plus KL is a bound with a variance of a half, but for the normaliser."""
    model = make(name, latent_dim=3, reconstruction="squared").eval()
    x = torch.from_numpy(MNIST.test_images[:9] / 255).float()[:, None]
    given = {"labels": torch.arange(9)} if model.uses_labels else {}
    torch.manual_seed(0)
    terms = model.loss(x, **given).terms
    torch.manual_seed(0)
    mu, log_var = model.posterior(x, **given)
    z = mu + (log_var / 2).exp() * torch.randn_like(mu)
    squares = np.square((model.decode(z, **given) - x).detach().double().numpy()).sum() / 9
    constant = 392 * np.log(np.pi)
    assert terms["reconstruction"].item() == pytest.approx(squares + constant, rel=1e-5)
    card = Card(variant=name, config=model.config, trained_on=0, seed=0, steps=0, batch=1, lr=1)
    kept = {k: v for k, v in model.state_dict().items() if k != "likelihood.spread"}
    content = checkpoint.save_tensors(kept, metadata={"card": card.model_dump_json()})
    assert checkpoint.from_bytes(content).likelihood.spread == 0.5


def test_pretrained_ones_have_no_new_weights() -> None:
    for name, card in checkpoint.pretrained().items():
        if MODELS[card.variant].has_posterior:
            assert "likelihood.spread" not in checkpoint.load(name).state_dict()


def test_a_round_trip_keeps_the_spread(tmp_path: Any) -> None:
    model = trained("variational", reconstruction="absolute")
    checkpoint.round_weights(model)
    card = Card(
        variant="variational", config=model.config, trained_on=0, seed=0, steps=0, batch=1, lr=1
    )
    checkpoint.save(model, tmp_path / "one", card=card)
    again: Any = checkpoint.load(tmp_path / "one")
    assert again.likelihood.spread == model.likelihood.spread
    assert 0 < float(again.likelihood.spread) < 0.5
