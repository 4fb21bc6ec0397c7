"""Planes and the atlas against independent arithmetic."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from aeviz.analysis import planes
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from aeviz.models.optim import build
from aeviz.models.zoo import MODELS


def wide_codes(dimensions: int = 5, n: int = 400) -> np.ndarray:
    draw = np.random.default_rng(0)
    scales = np.array([5, 3, 1, 0.5, 0.2])[:dimensions]
    turn = np.linalg.qr(draw.normal(size=(dimensions, dimensions)))[0]
    return (draw.normal(size=(n, dimensions)) * scales @ turn + 2).astype(np.float32)


def every_plane() -> list[planes.Plane]:
    codes = wide_codes()
    return [
        planes.default_plane(codes),
        planes.AxesPlane(3, 1, codes.mean(0)),
        planes.default_plane(codes[:, :2]),
    ]


@pytest.mark.parametrize("plane", every_plane(), ids=lambda plane: type(plane).__name__)
def test_lifting_is_exact_where_a_plane_says_so(plane: planes.Plane) -> None:
    points = np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32)
    assert plane.exact
    np.testing.assert_allclose(plane.project(plane.lift(points)), points, atol=1e-5)


def test_the_pca_plane_is_sklearns() -> None:
    from sklearn.decomposition import PCA

    codes = wide_codes()
    plane = planes.pca_plane(codes)
    reference = PCA(2).fit(codes)
    axes = np.asarray(reference.components_)
    np.testing.assert_allclose(np.abs(plane.axes @ axes.T), np.eye(2), atol=1e-4)
    np.testing.assert_allclose(plane.shares, reference.explained_variance_ratio_, rtol=1e-4)
    # What the plane leaves out is as little as PCA leaves out.
    left = codes - plane.lift(plane.project(codes))
    expected = codes - reference.inverse_transform(reference.transform(codes))
    np.testing.assert_allclose(np.square(left).sum(), np.square(expected).sum(), rtol=1e-4)


def test_a_flat_code_has_its_own_plane_and_a_single_number_a_line() -> None:
    codes = wide_codes()
    np.testing.assert_array_equal(
        planes.default_plane(codes[:, :2]).project(codes[:, :2]), codes[:, :2]
    )
    line = planes.default_plane(codes[:, :1])
    np.testing.assert_array_equal(line.lift(line.project(codes[:, :1])), codes[:, :1])


def test_axes_keep_the_other_numbers_of_the_base() -> None:
    base = np.arange(5, dtype=np.float32)
    lifted = planes.AxesPlane(3, 1, base).lift(np.array([[10, 20]], np.float32))
    np.testing.assert_array_equal(lifted, [[0, 20, 2, 10, 4]])


def test_an_embedding_lifts_a_known_place_to_its_code_and_others_between() -> None:
    codes = wide_codes()
    places = np.random.default_rng(2).normal(size=(len(codes), 2)).astype(np.float32)
    plane = planes.EmbeddingPlane(codes, places, "test")
    assert not plane.exact
    np.testing.assert_allclose(plane.lift(places[7:8]), codes[7:8], atol=1e-2)
    place = np.array([[0.3, -0.2]], np.float32)
    gaps = np.linalg.norm(places - place, axis=1)
    near = gaps.argsort()[: plane.neighbours]
    weights = 1 / gaps[near]
    expected = (weights / weights.sum()) @ codes[near]
    np.testing.assert_allclose(plane.lift(place)[0], expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(plane.project(codes), places)


@pytest.mark.parametrize("name", MODELS)
def test_the_atlas_decodes_its_nodes(name: str) -> None:
    model = build(MODELS[name], MODELS[name].Config(latent_dim=2), 0).eval()
    plane = planes.AxesPlane(0, 1, np.zeros(model.code_dim, np.float32))
    label = 4 if model.uses_labels else None
    told = np.array([4]) if model.uses_labels else None
    atlas = planes.atlas(partial(apply.decode, model), plane, (-2, 2, -1, 3), size=5, label=label)
    code = np.zeros((1, model.code_dim), np.float32)
    for (row, column), place in (((0, -1), (2, 3)), ((1, 0), (-2, 2))):
        code[0, :2] = place
        expected = apply.decode(model, code, told)[0]
        found = atlas.images[row, column] / 255
        np.testing.assert_allclose(found, expected, atol=0.5 / 255 + 1e-5)
        if told is not None:
            assert np.abs(found - apply.decode(model, code, told + 1)[0]).max() > 1 / 255
    of_each_pixel = atlas.sheet().reshape(28, 5, 28, 5)
    np.testing.assert_array_equal(of_each_pixel[:, 1, :, 0], atlas.images[1, 0])


def test_blending_meets_the_nodes_and_lies_between_them() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 3, 28, 28), dtype=np.uint8)
    atlas = planes.Atlas((0.0, 2.0, 0.0, 2.0), pictures)
    np.testing.assert_allclose(
        atlas.blend(np.array([[1.0, 2.0]]))[0] * 255, pictures[0, 1], atol=1e-3
    )
    np.testing.assert_allclose(
        atlas.blend(np.array([[2.0, 0.0]]))[0] * 255, pictures[2, 2], atol=1e-3
    )


def test_blending_gives_a_parabola_again() -> None:
    # Keys 1981: cubic convolution with a = -1/2 reproduces polynomials of second degree.
    y, x = np.mgrid[0:9, 0:9]

    def surface(column, row):
        return 40 + 3 * column + 0.5 * column**2 + 2 * row**2 - column * row

    pictures = np.zeros((9, 9, 28, 28))
    pictures[:] = surface(x, y)[:, :, None, None]
    atlas = planes.Atlas((0.0, 8.0, 0.0, 8.0), pictures)  # type: ignore[arg-type]
    places = np.random.default_rng(0).uniform(1, 7, (40, 2))
    expected = surface(places[:, 0], 8 - places[:, 1])
    np.testing.assert_allclose(atlas.blend(places)[:, 3, 5] * 255, expected, rtol=1e-5)


def test_a_decoder_that_bends_gets_a_finer_atlas_and_only_that() -> None:
    found = {}
    for name in ("linear-2d", "vanilla-2d-ladder", "denoising-2d-masking"):
        model = checkpoint.load(checkpoint.FOLDER / name)
        codes = apply.encode(model, datasets.load().test_images)
        plane = planes.default_plane(codes)
        points = plane.project(codes)
        x0, x1, y0, y1 = window = planes.window_of(points, equal=False)
        atlas = planes.fitting_atlas(partial(apply.decode, model), plane, window, points)
        found[name] = atlas.size
        inside = (points > (x0, y0)).all(1) & (points < (x1, y1)).all(1)
        exact = apply.decode(model, codes[inside])
        error = 255 * np.abs(atlas.blend(points[inside]) - exact).mean()
        assert error < 1 or atlas.size == planes.GRIDS[-1]
        every = planes.blend_error(partial(apply.decode, model), plane, atlas, points)
        assert every.value == pytest.approx(error, rel=1e-3)
        assert atlas.error is not None
        assert atlas.error.value == pytest.approx(error, abs=3 * atlas.error.error)
        coarse = planes.atlas(partial(apply.decode, model), plane, window, 64)
        bends = planes.blend_error(partial(apply.decode, model), plane, coarse, points).value > 1
        assert bends == (atlas.size > 64)
    assert found == {"linear-2d": 64, "vanilla-2d-ladder": 96, "denoising-2d-masking": 144}


def test_where_nothing_is_shown_there_is_nothing_to_be_wrong() -> None:
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-2d-ladder")
    plane = planes.AxesPlane(0, 1, np.zeros(2))
    atlas = planes.fitting_atlas(
        partial(apply.decode, model), plane, (900, 901, 900, 901), np.zeros((5, 2), np.float32)
    )
    assert atlas.size == 64


def test_the_window_shows_nearly_all_codes() -> None:
    points = np.random.default_rng(0).normal(size=(10_000, 2)).astype(np.float32)
    x0, x1, y0, y1 = planes.window_of(points)
    inside = (points[:, 0] > x0) & (points[:, 0] < x1) & (points[:, 1] > y0) & (points[:, 1] < y1)
    assert inside.mean() > 0.995


def test_keys_differ_where_planes_differ() -> None:
    codes = wide_codes()
    keys = {
        planes.plane_key(plane)
        for plane in (
            *every_plane(),
            planes.AxesPlane(3, 2, codes.mean(0)),
            planes.AxesPlane(3, 1, codes.mean(0) + 1),
            planes.EmbeddingPlane(codes, codes[:, :2], "UMAP"),
            planes.EmbeddingPlane(codes, codes[:, :2], "t-SNE"),
        )
    }
    assert len(keys) == 7
    plane = planes.EmbeddingPlane(codes, codes[:, :2], "UMAP")
    key = planes.plane_key(plane)
    plane.lift(np.zeros((1, 2), np.float32))  # builds a search tree inside
    assert planes.plane_key(plane) == key


def test_the_window_of_real_codes_leaves_out_the_few_far_ones_and_no_more() -> None:
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-2d")
    points = apply.encode(model, datasets.load().test_images)
    widths = []
    for equal in (False, True):
        x0, x1, y0, y1 = planes.window_of(points, equal=equal)
        for values, low, high in ((points[:, 0], x0, x1), (points[:, 1], y0, y1)):
            ordered = np.sort(values)
            most = ordered[[20, -21]]  # all but 0.2 % of 10,000 at each side
            assert low < most[0]
            assert most[1] < high
            if not equal:
                assert high - low < 1.13 * np.ptp(most)
                assert np.ptp(ordered) > high - low  # these codes have far ones
        widths.append((x1 - x0, y1 - y0))
    assert widths[1] == pytest.approx((max(widths[0]), max(widths[0])))


def test_an_ellipse_is_one_standard_deviation_of_what_is_drawn_around_a_code() -> None:
    rng, codes = np.random.default_rng(0), wide_codes()
    spread = rng.uniform(0.1, 1, codes.shape[1])
    for plane in (planes.pca_plane(codes), planes.AxesPlane(3, 1, codes.mean(0))):
        found = planes.ellipse(plane, codes[0], spread)
        assert found is not None
        drawn = codes[0] + spread * rng.normal(size=(200_000, codes.shape[1]))
        expected = np.cov(plane.project(drawn.astype(np.float32)).T)
        np.testing.assert_allclose(found @ found.T, expected, atol=0.02 * expected.max())
    assert planes.ellipse(planes.EmbeddingPlane(codes, codes[:, :2], "x"), codes[0], spread) is None


def test_three_classes_meet_where_the_map_begins() -> None:
    rng = np.random.default_rng(0)
    middles = np.array([[0.0, 1.0], [0.9, -0.6], [-0.9, -0.6]])
    labels = rng.integers(3, size=6000)
    points = middles[labels] + 0.6 * rng.normal(size=(6000, 2))
    place = planes.crossing(points, labels, planes.window_of(points))
    assert np.linalg.norm(place) < 0.6
    found = np.bincount(labels[np.square(points - place).sum(1).argsort()[:60]]) / 60
    assert found.min() > 0.2
