"""Fields over a map against arithmetic that is not theirs: plain models, brute force, sums."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from aeviz.analysis import classifier, fields, planes
from aeviz.analysis.neighbours import Known
from aeviz.analysis.planes import Plane
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from aeviz.models.base import Autoencoder

MNIST = datasets.load()
SOME = slice(0, 600)
PLACES = np.random.default_rng(5).normal(size=(40, 2)).astype(np.float32)
WINDOW = -1.0, 3.0, -2.0, 2.0


@cache
def seen(name: str) -> tuple[Autoencoder, np.ndarray, Plane]:
    """A model, codes of some test images, and the plane on which they are seen."""
    model = checkpoint.load(checkpoint.FOLDER / name)
    codes = apply.encode(model, MNIST.test_images[SOME], MNIST.test_labels[SOME])
    return model, codes, planes.default_plane(codes)


def test_a_field_has_its_values_at_the_places_of_a_grid_from_the_top_left() -> None:
    found = fields.field(lambda places: places[:, 0] + 10 * places[:, 1], WINDOW, 5)
    expected = [[x + 10 * y for x in (-1, 0, 1, 2, 3)] for y in (2, 1, 0, -1, -2)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_slow_field_is_coarser() -> None:
    def slow(places: np.ndarray) -> np.ndarray:
        np.linalg.eigvalsh(np.ones((len(places), 100, 100)))  # some hundred microseconds each
        return places[:, 0]

    assert fields.fitting(lambda places: places[:, 0], WINDOW) == fields.SIZES[0]
    assert fields.fitting(slow, WINDOW) < fields.SIZES[0]


def test_a_field_enlarged_is_that_of_the_middles_of_pixels() -> None:
    # Cubic convolution gives quadratic functions again, but for the outermost nodes.
    def bent(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 3 + x - 2 * y + x * x - 0.5 * x * y

    found = fields.enlarged(fields.field(lambda at: bent(*at.T), WINDOW, 21), 80)
    middles = (np.arange(80) + 0.5) / 80
    expected = bent(*np.meshgrid(-1 + 4 * middles, 2 - 4 * middles))
    np.testing.assert_allclose(found[5:-5, 5:-5], expected[5:-5, 5:-5], atol=1e-4)
    assert np.abs(found - expected).max() < 0.2  # a node apart, of values up to 22


def test_borders_lie_where_the_region_to_the_right_or_below_is_another() -> None:
    regions = np.array([[1, 1, 2], [1, 1, 2], [3, 3, 3]])
    assert fields.borders(regions).astype(int).tolist() == [[0, 1, 0], [1, 1, 1], [0, 0, 0]]


def test_the_density_is_a_sum_of_gaussians_and_counts_every_code() -> None:
    _, points, _ = seen("variational-2d")
    width = fields.KERNEL * points.std(0, ddof=1)
    from_each = (PLACES[:, None] - points) / width
    sums = np.exp(-0.5 * (from_each**2).sum(-1)).sum(1) / (2 * np.pi * width.prod())
    found = fields.density(points)(PLACES)
    assert sums.max() > 50
    np.testing.assert_allclose(found, sums, atol=0.03 * sums.max())
    whole = fields.field(fields.density(points), (-8, 8, -8, 8), 400)
    assert whole.sum() * (16 / 399) ** 2 == pytest.approx(len(points), rel=0.01)


@pytest.mark.parametrize("name", ["variational-2d", "vanilla-32d"])
def test_the_nearest_code_is_that_of_brute_force_in_all_dimensions(name: str) -> None:
    _, codes, plane = seen(name)
    found = fields.away(Known(codes), plane)(PLACES)
    np.testing.assert_allclose(found, cdist(plane.lift(PLACES), codes).min(1), rtol=1e-4)


def test_on_an_embedding_the_nearest_code_is_that_of_the_lifted_place() -> None:
    _, codes, linear = seen("vanilla-32d")
    plane = planes.EmbeddingPlane(codes, linear.project(codes), "some method")
    found = fields.away(Known(codes), plane)(PLACES)
    np.testing.assert_allclose(found, cdist(plane.lift(PLACES), codes).min(1), rtol=1e-4)


@pytest.mark.parametrize(("name", "label"), [("vanilla-32d", None), ("conditional-2d", 4)])
def test_a_round_trip_is_how_far_the_code_of_the_decoded_image_is(
    name: str, label: int | None
) -> None:
    model, _, plane = seen(name)
    codes = torch.from_numpy(plane.lift(PLACES))
    told = {} if label is None else {"labels": torch.full((len(PLACES),), label)}
    with torch.no_grad():
        back = model.encode(model.decode(codes, **told).clamp(0, 1), **told)
    expected = np.sqrt(((back - codes) ** 2).sum(1).numpy())
    found = fields.trips(model, plane, label)(PLACES)
    assert expected.std() > 0.05
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_the_verdict_is_that_of_the_classifier_on_what_is_decoded() -> None:
    model, codes, plane = seen("variational-2d")
    with torch.no_grad():
        images = model.decode(torch.from_numpy(PLACES)).reshape(-1, 1, 28, 28)
        verdicts = classifier.load()(images).argmax(1).numpy()
    found = fields.seen(model, plane)(PLACES)
    assert found.argmax(1).tolist() == verdicts.tolist()
    assert len(set(verdicts.tolist())) > 4
    # Between nodes it is mixed: nearly everywhere with the same verdict.
    window = planes.window_of(codes)
    mixed = fields.enlarged(fields.field(fields.seen(model, plane), window, 64), 200).argmax(-1)
    rows, columns = np.random.default_rng(0).integers(200, size=(2, 500))
    x0, x1, y0, y1 = window
    middles = np.column_stack(
        [x0 + (columns + 0.5) / 200 * (x1 - x0), y1 - (rows + 0.5) / 200 * (y1 - y0)]
    )
    exact = fields.seen(model, plane)(middles.astype(np.float32)).argmax(1)
    assert (mixed[rows, columns] == exact).mean() > 0.97


def test_ellipses_are_the_spread_of_codes_drawn_from_posteriors() -> None:
    for name in ("variational-2d", "variational-32d"):
        model, codes, plane = seen(name)
        points, images, labels = plane.project(codes), MNIST.test_images, MNIST.test_labels
        middle = planes.window_of(points)
        found = fields.ellipses(model, plane, points, images[SOME], labels[SOME], middle)
        assert found is not None
        assert np.bincount(found.labels).max() == fields.ELLIPSES
        which = np.square(points - found.points[7]).sum(1).argmin()
        both = apply.posterior(model, images[which : which + 1], labels[which : which + 1])
        assert both is not None
        assert labels[which] == found.labels[7]
        draws = both[0] + both[1] * np.random.default_rng(0).normal(size=(40_000, codes.shape[1]))
        expected = np.cov(plane.project(draws).T)
        axes = found.axes[7]
        np.testing.assert_allclose(axes @ axes.T, expected, atol=0.03 * expected.max())


def test_only_posteriors_in_view_are_drawn_and_none_where_there_are_none() -> None:
    model, codes, plane = seen("variational-2d")
    x, y = codes[:, 0], codes[:, 1]
    view = float(np.median(x)), 9.0, float(np.median(y)), 9.0
    images, labels = MNIST.test_images[SOME], MNIST.test_labels[SOME]
    found = fields.ellipses(model, plane, codes, images, labels, view)
    assert found is not None
    assert 20 < len(found.points) < 300
    assert (found.points >= np.array([view[0], view[2]]) - 1e-4).all()
    model, codes, plane = seen("vanilla-32d")
    points = plane.project(codes)
    window = planes.window_of(points)
    assert fields.ellipses(model, plane, points, images, labels, window) is None
