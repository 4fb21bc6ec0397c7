"""The nearest entry, gradients straight through it, moving means by loops, and the prior."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial import KDTree
from scipy.stats import entropy
from torch import Tensor, nn

from aeviz.models.variants.vector_quantised import DEAD, MEMORY, Prior
from tests.models.variants.arithmetic import loss_of, make, squared_error


@pytest.fixture
def model(digits: Tensor) -> Any:
    """Fresh weights and 16 entries of 4 numbers that went to the codes; in eval mode they stay."""
    model = make("vector_quantised", latent_dim=4, codebook_size=16, channels=4)
    torch.manual_seed(0)
    for _ in range(30):
        model.loss(digits)
    return model.eval()


def test_the_code_is_made_of_the_nearest_entries(model: Any, digits: Tensor) -> None:
    z = model.before(digits).detach()
    assert z.shape == (64, 49, 4)
    tree = KDTree(model.codebook.numpy())
    chosen = tree.query(z.numpy())[1]
    assert len(np.unique(chosen)) > 3
    codes = model.encode(digits)
    assert codes.shape == (64, model.code_dim) == (64, 196)
    assert np.array_equal(codes.detach(), model.codebook.numpy()[chosen].reshape(64, 196))


def test_decode_snaps_to_the_codebook_place_by_place(model: Any, digits: Tensor) -> None:
    codes = model.encode(digits)
    x_hat = model.decode(codes)
    gaps = KDTree(model.codebook.numpy()).query(model.codebook.numpy(), 2)[0][:, 1]
    assert torch.equal(model.decode(codes + 0.4 * gaps.min() / 2), x_hat)  # 2 = sqrt(4) numbers
    assert not torch.allclose(model.decode(torch.randn_like(codes)), x_hat, atol=1e-3)
    # The first entry of the code stands at the top left, the next one to its right.
    moved = codes.clone().view(64, 49, 4)
    moved[:, 1] = model.codebook[(model.nearest(moved[:, 1]) + 1) % 16]
    changed = (model.decode(moved.flatten(1)) - x_hat).abs().amax((0, 1)) > 1e-7
    rows, columns = changed.nonzero(as_tuple=True)
    assert rows.min() == 0
    assert columns.float().mean() > rows.float().mean()


def test_the_loss_is_the_error_of_the_copy_and_the_commitment(model: Any, digits: Tensor) -> None:
    loss = loss_of(model, digits)
    z = model.before(digits).detach().double().numpy()
    distances = KDTree(model.codebook.double().numpy()).query(z)[0]
    expected = 0.25 * (distances**2).sum() / 64
    assert loss.terms["commitment"].item() == pytest.approx(expected, rel=1e-5)
    copied = squared_error(digits, model.decode(model.encode(digits)))
    assert loss.terms["reconstruction"].item() == pytest.approx(copied, rel=1e-5)


def test_gradients_go_straight_through_the_codebook(model: Any, digits: Tensor) -> None:
    z = model.before(digits).detach().requires_grad_()
    e = model.codebook[model.nearest(z)].clone().requires_grad_()
    nn.functional.mse_loss(model.draw(e).sigmoid(), digits, reduction="sum").div(64).backward()
    assert e.grad is not None
    assert e.grad.abs().max() > 1e-4

    model.before = lambda x: z
    (straight,) = torch.autograd.grad(loss_of(model, digits).terms["reconstruction"], z)
    assert torch.allclose(straight, e.grad, atol=1e-8)
    (pull,) = torch.autograd.grad(loss_of(model, digits).terms["commitment"], z)
    assert torch.allclose(pull, 0.25 * 2 * (z - e).detach() / 64, atol=1e-8)


def test_perplexity_and_dead_codes_count_what_a_batch_uses(model: Any, digits: Tensor) -> None:
    counts = np.bincount(model.nearest(model.before(digits)).flatten().numpy(), minlength=16)
    metrics = loss_of(model, digits).metrics
    assert 1.1 < metrics["perplexity"].item() < 16
    assert metrics["perplexity"].item() == pytest.approx(np.exp(entropy(counts)), rel=1e-4)
    assert metrics["dead_codes"].item() == (counts == 0).sum()
    assert loss_of(make("vector_quantised", codebook_size=512), digits).metrics["dead_codes"] > 0


def test_entries_follow_the_moving_means_of_what_chose_them(model: Any) -> None:
    draw = np.random.default_rng(0)
    counts, sums = np.full(16, 60.0), 60.0 * model.codebook.double().numpy()
    model.chosen.fill_(60.0)
    for _ in range(3):
        z, k = draw.standard_normal((500, 4)), draw.integers(0, 16, 500)
        counts *= MEMORY
        sums *= MEMORY
        for one, entry in zip(z, k, strict=True):
            counts[entry] += 1 - MEMORY
            sums[entry] += (1 - MEMORY) * one
        model.follow(torch.tensor(z, dtype=torch.float32), torch.tensor(k))
    assert np.allclose(model.chosen, counts, rtol=1e-5)
    assert np.allclose(model.codebook, sums / counts[:, None], atol=1e-5)


def test_an_entry_that_nothing_chooses_starts_again_from_a_code(model: Any) -> None:
    z = torch.randn(320, 4)
    k = torch.arange(320) % 15  # never the last one
    usual = 320 / 16
    model.chosen.fill_(usual)
    left = model.codebook[15].clone()
    batches = 0
    while torch.allclose(model.codebook[15], left) and batches < 1000:
        model.follow(z, k)
        batches += 1
    assert batches == pytest.approx(np.log(DEAD) / np.log(MEMORY), abs=1)
    assert (model.codebook[15] == z).all(1).any()
    assert not any((entry == z).all(1).any() for entry in model.codebook[:15])


def test_the_codebook_moves_in_training_alone(model: Any, digits: Tensor) -> None:
    before = model.codebook.clone()
    loss_of(model, digits)
    assert torch.equal(model.codebook, before)
    loss_of(model.train(), digits)
    assert not torch.equal(model.codebook, before)
    names = {name for name, _ in model.named_parameters()}
    assert "codebook" not in names
    assert not any(name.startswith("prior") for name in names)


# -- the prior over the grid ------------------------------------------------------------------


def test_the_prior_sees_only_what_comes_before() -> None:
    torch.manual_seed(0)
    prior = Prior(8, 49)
    grids = torch.randint(8, (5, 49))
    changed = grids.clone()
    changed[:, 20:] = (changed[:, 20:] + 1) % 8
    with torch.no_grad():
        logits, others = prior(grids), prior(changed)
        assert logits.shape == (5, 49, 8)
        assert torch.allclose(logits[:, :21], others[:, :21], atol=1e-5)
        assert (logits[:, 21:] - others[:, 21:]).abs().amax((0, 2)).min() > 1e-3
        # and says the same about a grid that is only begun, and about the first entry of all
        assert torch.allclose(prior(grids[:, :6]), logits[:, :7], atol=1e-5)
        assert torch.allclose(logits[:, 0], logits[0, 0].expand(5, 8), atol=1e-5)


def test_the_prior_learns_what_independent_places_do_not_know() -> None:
    torch.manual_seed(0)
    grids = torch.randint(4, (1100, 1)).repeat(1, 49)  # the first entry decides all others
    prior = Prior(4, 49)
    prior.learn(grids[:1000], epochs=3, batch=32)
    assert not any(weight.requires_grad for weight in prior.buffers())
    held_out = grids[1000:]
    with torch.no_grad():
        nats = nn.functional.cross_entropy(
            prior(held_out).flatten(0, 1), held_out.flatten(), reduction="none"
        )
    total = nats.view(-1, 49).sum(1).mean().item()
    independent = sum(entropy(np.bincount(place)) for place in grids.T.numpy())
    assert independent == pytest.approx(49 * np.log(4), rel=0.01)
    assert total < 4 * np.log(4)  # the entropy of the first entry, and little else
    drawn = prior.sample(50, 1.0, torch.Generator().manual_seed(0))
    assert (drawn[:, :1] == drawn).float().mean() > 0.8
    assert np.bincount(drawn[:, 0], minlength=4).min() > 4
    greedy = prior.sample(5, 0.0, None)
    assert (greedy == greedy[0]).all()


def test_samples_are_grids_of_entries_as_often_as_in_the_codes(model: Any) -> None:
    torch.manual_seed(0)
    grids = (torch.rand(600, 49) < 0.3).long() * 5 + 2  # seven at three places of ten, else two
    model.config = type(model).Config(latent_dim=4, codebook_size=16, channels=4, prior_epochs=6)
    model.finish(model.codebook[grids].flatten(1))
    codes = model.sample_prior(100, generator=torch.Generator().manual_seed(0)).view(-1, 4)
    distances, chosen = KDTree(model.codebook.numpy()).query(codes.numpy())
    assert distances.max() == 0
    shares = np.bincount(chosen, minlength=16) / np.size(chosen)
    assert shares[2] + shares[7] > 0.9
    assert shares[7] / (shares[2] + shares[7]) == pytest.approx(0.3, abs=0.06)
