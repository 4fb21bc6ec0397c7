"""Three kinds of sparsity, counted by hand and by torch.distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, kl_divergence

from aeviz.models.zoo import MODELS
from tests.models.variants.arithmetic import make, spread, squared_error


def answers(model: Any, digits: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """What the encoder answers (B, D), and the same with mean 0 and variance 1 over the batch."""
    h = model.encoder(digits).detach().double().numpy()
    return h, (h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5)


def added_up(model: Any, z: np.ndarray, *, unit: bool = True) -> np.ndarray:
    """Atoms times activities and what all images share, (B, pixels), not clipped."""
    atoms = model.decoder.weight.detach().double().numpy()
    atoms = atoms / np.sqrt((atoms**2).sum(0)) if unit else atoms
    return z @ atoms.T + model.decoder.bias.detach().double().numpy()


def squares(digits: Tensor, x_hat: np.ndarray) -> float:
    return float(((digits.double().flatten(1).numpy() - x_hat) ** 2).sum() / len(digits))


def test_top_k_keeps_the_k_units_that_stand_out_most_and_silences_the_rest(digits: Tensor) -> None:
    model = spread(make("sparse", kind="top-k", latent_dim=50, k=7))
    h, standard = answers(model, digits)
    z = model.encode(digits).detach().numpy()
    assert ((z != 0).sum(1) == 7).all()
    for one, centred, kept in zip(standard, h - h.mean(0), z, strict=True):
        largest = np.argsort(one)[-7:]
        assert set(np.flatnonzero(kept)) == set(largest)
        assert kept[largest] == pytest.approx(centred[largest], rel=1e-3)
    loss = model.loss(digits)
    assert list(loss.terms) == ["reconstruction"]
    assert loss.total.item() == pytest.approx(squares(digits, added_up(model, z)), rel=1e-4)


def test_a_mirrored_decoder_reads_what_stands_out_in_standard_deviations(digits: Tensor) -> None:
    model = make("sparse", kind="top-k", latent_dim=50, k=7, decoder="mirrored")
    _, standard = answers(model, digits)
    z = model.encode(digits).detach().numpy()
    for one, kept in zip(standard, z, strict=True):
        largest = np.argsort(one)[-7:]
        assert kept[largest] == pytest.approx(one[largest], abs=1e-3)
    assert len(list(model.decoder.parameters())) == 4
    x_hat = model.decode(torch.from_numpy(z))
    assert model.loss(digits).total.item() == pytest.approx(squared_error(digits, x_hat), rel=1e-5)


@pytest.mark.parametrize("kind", ["L1", "top-k"])
def test_the_penalty_cannot_be_paid_by_scale(kind: str, digits: Tensor) -> None:
    model = make("sparse", kind=kind, latent_dim=50)
    z = model.encode(digits)
    before = model.decode(z)
    with torch.no_grad():
        model.decoder.weight.mul_(torch.rand(50) + 5)
    assert torch.allclose(model.decode(z), before, atol=1e-6)
    lengths = model.decoder.atoms().detach().double().square().sum(0)
    assert lengths.numpy() == pytest.approx(np.ones(50), abs=1e-5)


def test_a_fresh_encoder_answers_to_what_its_atoms_draw(digits: Tensor) -> None:
    model = make("sparse", kind="L1", latent_dim=50, depth=0)
    weight = model.decoder.weight.detach().double().numpy()
    atoms = weight / np.sqrt((weight**2).sum(0))
    h = digits.double().flatten(1).numpy() @ atoms
    assert model.encode(digits).detach().numpy() == pytest.approx(np.maximum(h, 0), abs=1e-4)


def test_pixels_are_clipped_and_what_is_compared_is_not(digits: Tensor) -> None:
    model = make("sparse", kind="L1", latent_dim=50, depth=0)
    z = model.encode(digits).detach()
    x_hat = added_up(model, z.double().numpy())
    assert x_hat.min() < -0.1
    assert model.decode(z).detach().flatten(1).numpy() == pytest.approx(x_hat.clip(0, 1), abs=1e-4)
    found = model.loss(digits).terms["reconstruction"].item()
    assert found == pytest.approx(squares(digits, x_hat), rel=1e-4)
    assert model.unit == "squared error per image"


def test_a_file_that_says_nothing_of_the_decoder_is_older_and_has_a_mirrored_one() -> None:
    config: Any = MODELS["sparse"].Config
    assert config.from_file({"k": 5}).decoder == "mirrored"
    assert config.from_file({"decoder": "dictionary"}).decoder == "dictionary"
    assert config.from_dict({"k": 5}).decoder == "dictionary"


def test_only_kept_units_learn(digits: Tensor) -> None:
    model = make("sparse", kind="top-k", latent_dim=50, k=7).eval()  # a batch's mean holds all
    h = model.encoder(digits)
    h.retain_grad()
    model.encoder = torch.nn.Identity()
    z = model.encode(h)
    model.decoder(z).square().sum().backward()
    assert h.grad is not None
    assert torch.equal(h.grad != 0, z != 0)


def test_fewer_units_than_k_are_all_kept(digits: Tensor) -> None:
    model = make("sparse", kind="top-k", latent_dim=5, k=7)
    assert (model.encode(digits) != 0).all()


@pytest.mark.parametrize("decoder", ["dictionary", "mirrored"])
def test_the_scale_of_units_is_that_of_training_where_a_code_is_read(
    decoder: str, digits: Tensor
) -> None:
    model = make("sparse", kind="top-k", latent_dim=50, k=50, decoder=decoder)
    for _ in range(200):  # the running mean follows what it is shown
        model.encode(digits)
    h, _ = answers(model, digits)
    model.eval()
    z = model.encode(digits)
    assert z.mean(0).abs().max() < 0.01
    expected = h.var(0) if decoder == "dictionary" else np.ones(50)
    assert z.var(0, unbiased=False).numpy(force=True) == pytest.approx(expected, rel=0.03, abs=1e-4)
    assert torch.allclose(model.encode(digits[:1]), z[:1], atol=1e-4)


def test_l1_taxes_the_sum_of_activities(digits: Tensor) -> None:
    model = spread(make("sparse", kind="L1", latent_dim=50, penalty=0.3))
    z = model.encode(digits).detach().double().numpy()
    assert z.min() == 0
    assert 0.1 < (z > 0).mean() < 0.9
    terms = model.loss(digits).terms
    assert terms["sparsity"].item() == pytest.approx(0.3 * np.abs(z).sum() / len(z), rel=1e-5)
    assert list(terms) == ["reconstruction", "sparsity"]


def test_kl_is_that_between_target_and_mean_activity(digits: Tensor) -> None:
    model = spread(make("sparse", kind="KL", latent_dim=50, penalty=0.3, target=0.1))
    with torch.no_grad():
        model.threshold.copy_(torch.linspace(-6, 1, 50))
    _, standard = answers(model, digits)
    z = 1 / (1 + np.exp(-(4 * standard + np.linspace(-6, 1, 50))))
    assert model.encode(digits).detach().numpy() == pytest.approx(z, abs=1e-3)
    mean = torch.from_numpy(z.mean(0))
    expected = kl_divergence(Bernoulli(torch.full_like(mean, 0.1)), Bernoulli(mean)).sum()
    terms = model.loss(digits).terms
    assert terms["sparsity"].item() == pytest.approx(0.3 * expected.item(), rel=1e-3)
    assert list(terms) == ["reconstruction", "sparsity"]
    expected_error = squares(digits, added_up(model, z, unit=False))
    assert terms["reconstruction"].item() == pytest.approx(expected_error, rel=1e-3)


def test_under_l1_a_unit_is_active_where_it_is_not_zero(digits: Tensor) -> None:
    model = spread(make("sparse", kind="L1", latent_dim=50))
    with torch.no_grad():
        model.encoder[-1].bias[:3] = -1000.0
    active = model.encode(digits).detach().numpy() > 0
    metrics = model.loss(digits).metrics
    assert metrics["active_fraction"].item() == pytest.approx(active.mean())
    dead = 50 - len(set(np.nonzero(active)[1]))
    assert metrics["dead_units"].item() == dead >= 3


def test_under_kl_the_active_fraction_is_what_the_target_asks_for(digits: Tensor) -> None:
    model = spread(make("sparse", kind="KL", latent_dim=50))
    with torch.no_grad():
        model.threshold[:3] = -1000.0
    z = model.encode(digits).detach().numpy()
    metrics = model.loss(digits).metrics
    assert metrics["active_fraction"].item() == pytest.approx(z.mean(), rel=1e-5)
    assert metrics["active_fraction"].item() != pytest.approx((z > 0.5).mean(), rel=1e-2)
    dead = int((z <= 0.5).all(0).sum())
    assert metrics["dead_units"].item() == dead >= 3


def test_top_k_reports_what_it_keeps(digits: Tensor) -> None:
    metrics = make("sparse", kind="top-k", latent_dim=50, k=5).loss(digits).metrics
    assert metrics["active_fraction"].item() == pytest.approx(5 / 50)
