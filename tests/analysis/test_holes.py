"""Holes by scipy's cdist, triangulations and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull, Delaunay
from scipy.spatial.distance import cdist

from aeviz.analysis import holes, neighbours
from aeviz.data import datasets
from aeviz.models import apply, checkpoint

MNIST = datasets.load()


def ring(n: int, seed: int, hole: float = 0.5) -> np.ndarray:
    """Points (n, 2) spread evenly over a disc of radius 1 without its middle."""
    draw = np.random.default_rng(seed)
    radius = np.sqrt(draw.uniform(hole**2, 1, n))
    angle = draw.uniform(0, 2 * np.pi, n)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def found_in(codes: np.ndarray, training: np.ndarray) -> holes.Holes:
    known = neighbours.Known(training)
    return holes.find(codes, known.away(codes), known.away)


def test_the_hole_of_a_ring_has_the_area_and_the_chords_of_geometry() -> None:
    codes, training = ring(3000, 1), ring(30_000, 2)
    found = found_in(codes, training)
    # What is far is the disc inside by less than the hole: places nearer to its rim are not far.
    inner = 0.5 - found.far
    assert found.hull is not None
    assert found.hull.value == pytest.approx(inner**2, abs=3 * found.hull.error + 0.01)
    draw = np.random.default_rng(5)
    a, b = codes[draw.integers(3000, size=(2, 20_000))]
    # The distance of the origin from each chord, by the foot of its perpendicular.
    along = np.clip(-(a * (b - a)).sum(1) / np.square(b - a).sum(1).clip(1e-12), 0, 1)
    off = np.linalg.norm(a + along[:, None] * (b - a), axis=1)
    assert found.paths.value == pytest.approx((off < inner).mean(), abs=3 * found.paths.error)
    binomial = np.sqrt(found.paths.value * (1 - found.paths.value) / holes.PAIRS)
    assert 0.8 * binomial < found.paths.error < 2 * binomial


def test_a_full_disc_has_none() -> None:
    found = found_in(ring(3000, 1, 0.0), ring(30_000, 2, 0.0))
    assert found.hull is not None
    assert found.hull.value < 0.01
    assert found.paths.value < 0.01


def test_the_shares_of_a_model_are_those_of_cdist_and_a_triangulation() -> None:
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-2d")
    training = apply.encode(model, MNIST.train_images[:6000]).astype(float)
    codes = apply.encode(model, MNIST.test_images[:1500]).astype(float)
    found = found_in(codes, training)
    gaps = cdist(codes, training).min(1)
    far = 3 * np.quantile(gaps, 0.9)
    assert found.far == pytest.approx(far, rel=1e-6)
    outwards = np.linalg.norm(codes - codes.mean(0), axis=1)
    middle = codes[outwards <= np.quantile(outwards, 0.99)]
    inside = Delaunay(middle[ConvexHull(middle).vertices])
    x, y = (np.linspace(middle[:, k].min(), middle[:, k].max(), 90) for k in (0, 1))
    places = np.column_stack([part.ravel() for part in np.meshgrid(x, y)])
    places = places[inside.find_simplex(places) >= 0]
    area = (cdist(places, training).min(1) > far).mean()
    assert found.hull is not None
    assert found.hull.value == pytest.approx(area, abs=3 * found.hull.error)
    draw = np.random.default_rng(9)
    first, second = draw.integers(len(middle), size=(2, 300))
    t = np.linspace(0, 1, 200)[:, None]
    crossed = [
        cdist(middle[i] + t * (middle[j] - middle[i]), training).min(1).max() > far
        for i, j in zip(first, second, strict=True)
    ]
    error = np.hypot(np.std(crossed) / np.sqrt(300), found.paths.error)
    assert found.paths.value == pytest.approx(np.mean(crossed), abs=3 * error)
    assert found.apart == pytest.approx(np.median(cdist(middle, middle)), rel=0.05)


def test_the_unit_makes_shares_the_same_whatever_the_scale() -> None:
    codes, training = ring(1000, 1), ring(5000, 2)
    once, ten = found_in(codes, training), found_in(10 * codes, 10 * training)
    assert ten.far == pytest.approx(10 * once.far)
    assert ten.paths.value == pytest.approx(once.paths.value, abs=0.01)
    assert once.hull
    assert ten.hull
    assert ten.hull.value == pytest.approx(once.hull.value, abs=1e-3)


@pytest.mark.parametrize("width", [1, 2, 3, 20])
def test_the_emptiest_place_of_a_path_is_that_of_many_steps(width: int) -> None:
    draw = np.random.default_rng(width)
    known = draw.standard_normal((200, width)).astype(np.float32)
    starts, ends = draw.standard_normal((2, 15, width))

    def away(places: np.ndarray) -> np.ndarray:
        return cdist(places, known).min(1)

    found = holes.emptiest(starts, ends, away(starts), away(ends), away)
    t = np.linspace(0, 1, 2000)[:, None]
    for k in range(15):
        most = away(starts[k] + t * (ends[k] - starts[k])).max()
        missed = np.linalg.norm(ends[k] - starts[k]) / 2000 / 2  # between two of the steps
        assert most / 1.021 <= found[k] <= most + missed


def test_paths_that_are_never_far_are_not_followed() -> None:
    draw = np.random.default_rng(0)
    starts, ends = draw.standard_normal((2, 9, 30))
    asked: list[int] = []

    def away(places: np.ndarray) -> np.ndarray:
        asked.append(len(places))
        return np.full(len(places), 5.0)

    near = np.full(9, 5.0)
    holes.emptiest(starts, ends, near, near, away, enough=1000.0)
    assert asked == []


def test_a_dead_unit_and_wide_codes_span_no_area() -> None:
    codes, training = ring(500, 1), ring(2000, 2)
    flat = [np.column_stack([part[:, 0], np.zeros(len(part))]) for part in (codes, training)]
    assert found_in(*flat).hull is None
    wide = [np.random.default_rng(k).standard_normal((n, 12)) for k, n in enumerate((300, 2000))]
    found = found_in(*wide)
    assert found.hull is None
    assert found.paths.value == 0  # two codes are hardly farther apart than neighbours
    assert found_in(codes[:, :1], training[:, :1]).hull is None


@pytest.mark.parametrize("width", [2, 8, 9, 40])
def test_distances_to_known_codes_are_those_of_cdist(width: int) -> None:
    draw = np.random.default_rng(width)
    codes = (5 + draw.standard_normal((5000, width))).astype(np.float32)
    queries = (5 + draw.standard_normal((70, width))).astype(np.float32)
    away = neighbours.Known(codes).away(queries)
    np.testing.assert_allclose(away, cdist(queries, codes).min(1), rtol=1e-5)
    np.testing.assert_allclose(neighbours.Known(codes).away(codes[:5]), 0, atol=1e-6)
