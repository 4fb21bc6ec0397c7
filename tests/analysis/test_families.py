"""Families of pretrained models: their cards, and maps laid on top of each other."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
import scipy.spatial
import torch

from aeviz.analysis import families, mechanism
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from benchmarks import families as recipe

CARDS = checkpoint.pretrained(families.FOLDER)
BETAS, SEEDS = (families.members(CARDS, kind) for kind in ("beta", "seed"))


# -- the checkpoints ------------------------------------------------------------------------------


def test_there_are_six_betas_and_five_seeds_and_one_is_both() -> None:
    assert tuple(BETAS) == (0.01, 0.1, 1, 4, 10, 30)
    assert tuple(SEEDS) == (0, 1, 2, 3, 4)
    assert BETAS[1.0] == SEEDS[0]
    assert {*BETAS.values(), *SEEDS.values()} == {f"families/{name}" for name in CARDS}
    assert not {*CARDS} & {*checkpoint.pretrained()}  # no picker has them


def test_members_differ_in_nothing_else_and_each_was_made_by_its_command() -> None:
    alike = {"variant", "data", "trained_on", "shape", "classes", "steps", "batch", "lr", "digit"}
    first, *others = (card.model_dump(include=alike) for card in CARDS.values())
    assert all(other == first for other in others)
    config = checkpoint.pretrained()["variational-2d"].config.to_dict()
    for beta, seed in recipe.MEMBERS:
        card = CARDS[recipe.name(beta, seed).removeprefix("families/")]
        assert (card.config.to_dict(), card.seed) == (config | {"beta": beta}, seed)
        assert card.command.split()[4:] == recipe.command(beta, seed)
        assert {"mse", "pca_mse_clipped", "elbo"} <= card.figures.keys() & card.errors.keys()


def test_each_has_a_readable_card_beside_it_and_weights_that_are_its_own() -> None:
    digests = set()
    for name, card in CARDS.items():
        path = families.FOLDER / f"{name}.json"
        assert json.loads(path.read_text(encoding="utf-8")) == json.loads(card.model_dump_json())
        digests.add(checkpoint.digest(f"families/{name}"))
    assert len(digests) == 10
    model = checkpoint.load(checkpoint.FOLDER / BETAS[4.0])
    x = datasets.load().test_images[:2000] / np.float32(255)
    error = np.square(apply.reconstruct(model, x) - x).mean()
    assert error == pytest.approx(model.card.figures["mse"], rel=0.05)


def test_the_kl_of_each_dimension_is_that_of_torchs_distributions() -> None:
    model, x = checkpoint.load(checkpoint.FOLDER / BETAS[4.0]), datasets.load().test_images[:500]
    with torch.no_grad():
        posterior = model.posterior(torch.from_numpy(x / np.float32(255))[:, None])
    assert posterior is not None
    mu, log_var = posterior
    normal = torch.distributions.Normal
    kl = torch.distributions.kl_divergence(normal(mu, (log_var / 2).exp()), normal(0.0, 1.0))
    found = mechanism.kl_per_dim(model, x)
    assert [one.value for one in found] == pytest.approx(kl.mean(0).tolist(), rel=1e-4)
    errors = (kl.std(0) / np.sqrt(500)).tolist()
    assert [one.error for one in found] == pytest.approx(errors, rel=1e-4)
    with pytest.raises(ValueError, match="no posterior"):
        mechanism.kl_per_dim(checkpoint.load("vanilla-2d"), x)


# -- maps on top of each other --------------------------------------------------------------------


@pytest.fixture
def two() -> tuple[np.ndarray, np.ndarray]:
    """Codes (300, 2) and as many that are a mirrored, turned, larger and noisy version of them."""
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(300, 2)) * (2, 0.7) + (1, -3)
    turn = np.array([[np.cos(2.0), np.sin(2.0)], [np.sin(2.0), -np.cos(2.0)]])
    return codes, 3 * codes @ turn + (5, 1) + rng.normal(size=(300, 2))


def test_procrustes_is_what_complex_numbers_say(two: tuple[np.ndarray, np.ndarray]) -> None:
    # In the plane the best turn and scale are one complex factor, the least squares of z -> f z.
    codes, onto = two
    a, b = ((of - of.mean(0)) @ (1, 1j) for of in two)
    ways = {}
    for mirrored, z in ((False, a), (True, a.conj())):
        factor = np.vdot(z, b) / np.vdot(z, z)
        ways[mirrored] = (np.abs(b - factor * z) ** 2).sum(), factor * z
    best = min(ways.values(), key=lambda way: way[0])
    assert best is ways[True]
    placement = families.procrustes(codes, onto)
    places = (placement(codes) - onto.mean(0)) @ (1, 1j)
    np.testing.assert_allclose(places, best[1], atol=1e-9)
    assert placement.scale == pytest.approx(np.abs(np.vdot(a.conj(), b) / np.vdot(a, a)))
    assert placement.scale == pytest.approx(3, rel=0.02)
    left = families.left_over(codes, onto)
    assert left.value == pytest.approx(best[0] / (np.abs(b) ** 2).sum(), rel=1e-9)


def test_what_is_left_over_is_scipys_disparity_whichever_is_moved(
    two: tuple[np.ndarray, np.ndarray],
) -> None:
    codes, onto = two
    _, _, disparity = scipy.spatial.procrustes(onto, codes)
    for a, b in ((codes, onto), (onto, codes)):
        left = families.left_over(a, b)
        assert left.value == pytest.approx(disparity, rel=1e-9)
        assert 0 < left.error < 0.3 * left.value
    assert families.left_over(codes, 2 * codes[:, ::-1] - 7).value == pytest.approx(0, abs=1e-12)
    shuffled = np.random.default_rng(1).permutation(onto)
    assert families.left_over(codes, shuffled).value > 0.97


def test_axes_are_swapped_and_mirrored_to_the_nearest_of_all_eight_ways() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        codes, onto = rng.normal(size=(2, 40, 2))
        a, b = codes - codes.mean(0), onto - onto.mean(0)
        ways = [
            np.square(a[:, order] * signs - b).sum()
            for order in ([0, 1], [1, 0])
            for signs in product((1, -1), repeat=2)
        ]
        placement = families.axes_alike(codes, onto)
        assert np.square(a @ placement.turn - b).sum() == pytest.approx(min(ways))
        assert not placement.shift.any()
        np.testing.assert_array_equal(placement.turn @ placement.turn.T, np.eye(2))


def test_a_chain_of_maps_keeps_the_middle_and_is_alike_along_it() -> None:
    rng = np.random.default_rng(4)
    middle = rng.normal(size=(200, 2)) * (3, 1)
    after = middle[:, ::-1] * (1, -1)
    last = after * (-1, 1) + rng.normal(size=(200, 2)) / 9
    placed = families.along_axes([-middle, middle, after, last], 1)
    np.testing.assert_array_equal(placed[1](middle), middle)
    for placement, codes in zip(placed, (-middle, middle, after, last), strict=True):
        assert np.abs(placement(codes) - middle).max() < 0.5


def test_a_map_has_room_for_its_codes_and_for_the_prior() -> None:
    codes = np.array([[0.1, -0.2], [0.3, 0.0]])
    assert families.half_width(families.UNMOVED, codes) == pytest.approx(2 * families.ROOM)
    moved = families.Placement(3 * np.eye(2), np.array([0.5, -4.0]))
    assert families.half_width(moved, codes) == pytest.approx((4 + 2 * 3) * families.ROOM)
    wide = families.half_width(families.UNMOVED, 50 * codes)
    assert wide == pytest.approx(15 * families.ROOM, rel=0.01)


def test_neighbours_that_are_shared_are_counted() -> None:
    rng = np.random.default_rng(5)
    codes, others = rng.normal(size=(2, 80, 2))
    others += 2 * codes
    near = []
    for points in (codes, others):
        gaps = np.linalg.norm(points[:, None] - points, axis=2)
        np.fill_diagonal(gaps, np.inf)
        near.append([set(row[:7]) for row in gaps.argsort(1)])
    shares = np.array([len(a & b) / 7 for a, b in zip(*near, strict=True)])
    found = families.shared_neighbours(codes, others, 7)
    assert found.value == pytest.approx(shares.mean())
    assert found.error == pytest.approx(shares.std(ddof=1) / np.sqrt(80))
    assert families.shared_neighbours(codes, 3 * codes[:, ::-1] + 1).value == 1


def test_a_class_is_at_home_where_it_is_densest() -> None:
    rng = np.random.default_rng(7)
    crowd, strays = rng.normal((4, -2), 0.1, (60, 2)), rng.normal((-9, 9), 4.0, (200, 2))
    codes = np.concatenate([crowd, strays, rng.normal(size=(5, 2))])
    labels = np.repeat([0, 2], [260, 5])
    homes = families.homes(codes, labels, 3)
    assert np.linalg.norm(homes[0] - (4, -2)) < 0.2
    assert not homes[1].any()  # nobody lives there
    assert homes[2] in codes[260:]
