"""Frames: what a run remembers of its way, as bytes, on the map, and how many of them."""

from __future__ import annotations

import itertools
import json
import struct
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import pdist

from aeviz.analysis import planes
from aeviz.data import datasets
from aeviz.models import apply, optim
from aeviz.models.base import Autoencoder
from aeviz.models.zoo import MODELS
from aeviz.training import film, loop, place, preview, store
from tests.training.making import begun, by_hand, small

MNIST = datasets.load("mnist")


def fresh(variant: str) -> Autoencoder:
    """A model after one step, with its gradients."""
    model = optim.build(MODELS[variant], MODELS[variant].Config(), 0)
    images, labels = MNIST.train_images[:16], MNIST.train_labels[:16]
    next(iter(loop.fit(model, images, steps=2, batch=16, lr=1e-3, seed=0, labels=labels)))
    return model


def frame_of(model: Autoencoder, before: film.Extent | None = None) -> film.Frame:
    seen, plane = preview.see(model, MNIST, 3, None)
    terms = {"reconstruction": 2.0, "kl": float("nan")}
    return film.frame(model, seen, plane, MNIST.test_labels, 0.25, before, train=terms, measured=2)


@pytest.fixture(scope="module")
def one() -> film.Frame:
    return frame_of(fresh("variational"))


# -- what is on a frame -----------------------------------------------------------------------


def test_points_that_are_all_one_place_far_away_come_back(one: film.Frame) -> None:
    points = np.full_like(one.points, 1e4)
    read = film.from_bytes(film.to_bytes(replace(one, points=points)))
    np.testing.assert_array_equal(read.points, points)


@pytest.mark.parametrize("variant", MODELS)
def test_every_variant_has_a_frame_that_comes_back_from_its_bytes(variant: str) -> None:
    model = fresh(variant)
    made = frame_of(model)
    content = film.to_bytes(made)
    assert len(content) < 100_000
    read = film.from_bytes(content)
    width = np.ptp(made.points, axis=0).max()
    np.testing.assert_allclose(read.points, made.points, atol=width / 60_000)
    for name in ("samples", "tiles", "reconstructions", "digits"):
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name))
    for name in ("step", "epoch", "equal", "axis_titles", "gradients", "measured"):
        assert getattr(read, name) == getattr(made, name)
    assert read.extent == pytest.approx(made.extent)
    assert read.train == {"reconstruction": 2.0, "kl": None}
    ten = [int(np.flatnonzero(MNIST.test_labels == label)[0]) for label in range(10)]
    assert read.digits.tolist() == ten
    again = apply.reconstruct(model, MNIST.test_images[ten], MNIST.test_labels[ten])
    assert np.abs(read.reconstructions / 255 - again).max() < 0.01
    assert read.tiles is not None
    assert read.tiles.shape == (16 * 14, 16 * 14)
    assert (read.samples is not None) == (model.gaussian_prior)


def test_a_tile_is_what_the_decoder_draws_at_the_centre_of_its_field(one: film.Frame) -> None:
    model = fresh("variational")
    x0, x1, y0, y1 = one.extent
    assert x1 - x0 == pytest.approx(y1 - y0)
    assert one.tiles is not None
    for row, column in ((0, 0), (3, 12), (15, 15)):
        at = [x0 + (x1 - x0) * (column + 0.5) / 16, y1 - (y1 - y0) * (row + 0.5) / 16]
        image = apply.decode(model, np.array([at], np.float32))[0]
        small_one = (image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]) / 4
        tile = one.tiles[14 * row : 14 * row + 14, 14 * column : 14 * column + 14]
        assert np.abs(tile / 255 - small_one).max() < 0.01


def test_samples_are_of_the_same_noise_each_time(one: film.Frame) -> None:
    torch.manual_seed(7)
    again = frame_of(fresh("variational"))
    assert one.samples is not None
    np.testing.assert_array_equal(again.samples, one.samples)
    codes = torch.randn(10, 2, generator=torch.Generator().manual_seed(0)).numpy()
    drawn = apply.decode(fresh("variational"), codes)
    assert np.abs(one.samples / 255 - drawn).max() < 0.01


def test_gradients_are_the_norms_of_each_layer() -> None:
    model = fresh("vanilla")
    found = film.gradients(model)
    for layer, norm in found.items():
        module = model.get_submodule(layer)
        parts = [p.grad.flatten() for p in module.parameters(recurse=False) if p.grad is not None]
        assert norm == pytest.approx(np.linalg.norm(torch.cat(parts).numpy()), rel=1e-5)
    assert {name.rpartition(".")[0] for name, _ in model.named_parameters()} == set(found)


def test_an_extent_only_grows_and_stays_square() -> None:
    before = (-1.0, 1.0, -1.0, 1.0)
    assert film.grown((-0.5, 0.5, -0.5, 0.5), before, equal=True) == before
    x0, x1, y0, y1 = film.grown((0.0, 4.0, -2.0, 2.0), before, equal=True)
    assert x1 - x0 == pytest.approx(y1 - y0) == pytest.approx(5)
    assert (x0, x1) == (-1, 4)
    assert y0 <= -2
    assert y1 >= 2
    assert film.grown((0.0, 4.0, 0.0, 1.0), before, equal=False) == (-1, 4, -1, 1)


# -- a plane that follows wide codes ----------------------------------------------------------


def turned(dimension: int, seed: int = 0) -> np.ndarray:
    """A rotation (D, D) at random."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(dimension, dimension)))[0]


@pytest.fixture(scope="module")
def codes() -> np.ndarray:
    spread = np.linspace(2, 0.5, 8)
    return np.random.default_rng(1).normal(size=(2000, 8)) * spread + 3


def test_codes_that_rest_or_only_turn_do_not_move_on_the_map(codes: np.ndarray) -> None:
    points = preview.plane_after(codes, None).project(codes)
    rest = preview.plane_after(codes, (1, points))
    np.testing.assert_allclose(rest.project(codes), points, atol=1e-3)
    other = codes @ turned(8)
    moved = preview.plane_after(other, (1, points)).project(other)
    np.testing.assert_allclose(moved, points, atol=1e-3)
    # Principal axes alone would have another sign or another place in the list.
    assert np.abs(planes.pca_plane(-other).project(-other) - points).max() > 1


def test_the_plane_is_that_of_scipys_orthogonal_procrustes(codes: np.ndarray) -> None:
    before = np.random.default_rng(2).normal(size=(2000, 2))
    before -= before.mean(0)
    now = codes @ turned(8, 3) + np.random.default_rng(4).normal(size=codes.shape)
    centred = now - now.mean(0)
    padded = np.hstack([before, np.zeros((2000, 6))])
    rotation, _ = orthogonal_procrustes(centred, padded)
    plane = preview.plane_after(now, (5, before))
    np.testing.assert_allclose(plane.project(now), centred @ rotation[:, :2], atol=1e-3)
    assert isinstance(plane, planes.PCAPlane)
    np.testing.assert_allclose(plane.axes @ plane.axes.T, np.eye(2), atol=1e-5)
    share = (centred @ rotation[:, :2]).var(0) / centred.var(0).sum()
    assert plane.shares == pytest.approx(share, rel=1e-3)


def test_the_first_map_of_a_trained_model_is_fitted_anew_and_turned_to_the_one_before(
    codes: np.ndarray,
) -> None:
    untrained = np.random.default_rng(3).normal(size=(2000, 2))
    fitted = planes.pca_plane(codes).project(codes)
    found = preview.plane_after(codes, (0, untrained)).project(codes)
    np.testing.assert_allclose(pdist(found[:50]), pdist(fitted[:50]), rtol=1e-4)
    rotation, _ = orthogonal_procrustes(fitted, untrained)
    np.testing.assert_allclose(found, fitted @ rotation, atol=1e-3)


@pytest.mark.parametrize("dimension", [1, 2])
def test_narrow_codes_are_drawn_as_they_are(dimension: int, codes: np.ndarray) -> None:
    narrow = codes[:, :dimension]
    points = preview.plane_after(narrow, (4, np.ones((2000, 2)))).project(narrow)
    np.testing.assert_allclose(points[:, :dimension], narrow, rtol=1e-6)


# -- bytes ------------------------------------------------------------------------------------


def test_the_bytes_are_laid_out_as_a_browser_reads_them(one: film.Frame) -> None:
    content = film.to_bytes(one)
    (length,) = struct.unpack("<I", content[:4])
    assert length % 4 == 0  # so that an array of uint16 can be laid over the bytes
    header = json.loads(content[4 : 4 + length].decode("utf-8"))
    assert [a["name"] for a in header["arrays"]] == list(film.ARRAYS)
    points = header["arrays"][0]
    assert (points["dtype"], points["shape"], points["offset"]) == ("uint16", [2000, 2], 0)
    raw = np.array(struct.unpack_from("<4000H", content, 4 + length)).reshape(2000, 2) / 65535
    x0, x1, y0, y1 = header["box"]
    by_hand_ = np.array([x0, y0]) + raw * [x1 - x0, y1 - y0]
    np.testing.assert_allclose(by_hand_, one.points, atol=1e-4)


def test_damaged_bytes_are_one_error(one: film.Frame) -> None:
    content, draw = film.to_bytes(one), np.random.default_rng(0)
    damaged = [b"", b"\0\0\0\0", content[:3], content + b"x", b"\xff\xff\xff\xff" + content[4:]]
    damaged += [content[: int(draw.integers(len(content)))] for _ in range(100)]
    for at in draw.integers(4 + struct.unpack("<I", content[:4])[0], len(content), 100):
        changed = bytearray(content)
        changed[at] ^= 1 << int(draw.integers(8))
        damaged.append(bytes(changed))
    for other in damaged:
        with pytest.raises(film.FrameError, match=r"^This frame of the run's film is damaged\.$"):
            film.from_bytes(other)
    for at in range(4, 1500):  # a header may be changed to another one, but nothing else is thrown
        changed = bytearray(content)
        changed[at] ^= 1 << int(draw.integers(8))
        try:
            film.from_bytes(bytes(changed))
        except film.FrameError:
            continue


# -- which are kept ---------------------------------------------------------------------------


def test_the_first_of_each_slot_each_epoch_and_the_last_are_kept() -> None:
    steps = list(range(0, 3001))
    kept = film.kept(steps, per_epoch=391, most=1000)
    assert {0, 1, 391, 782, 3000} <= set(kept)
    between = [s for s in kept if 1024 <= s < 2048 and s % 391]
    assert len(between) == 8
    assert len(film.kept(list(range(20_000)), 391, 1000)) < 180
    assert film.kept([0, 5, 6, 7, 900, 901], 391, 1000) == [0, 5, 6, 7, 900, 901]


def test_more_than_a_run_may_have_are_thinned_evenly(
    no_worker: None, one: film.Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, size = store.create(small()), len(film.to_bytes(one))
    monkeypatch.setattr(film, "BYTES", 20 * size + 500)
    for step in [*range(40), *range(40, 400, 20)]:
        film.add(name, replace(one, step=step), per_epoch=50)
        assert film.steps(name)[-1] == step
    kept = film.steps(name)
    assert (kept[0], kept[-1]) == (0, 380)
    assert len(kept) == 20
    assert sum(path.stat().st_size for path in film.paths(name).values()) <= film.BYTES


# -- a run's film -----------------------------------------------------------------------------


def test_a_run_has_a_film_from_its_first_step_to_its_last(no_worker: None) -> None:
    training = by_hand(store.create(small("variational", steps=40)))
    steps = film.steps(training.name)
    assert {0, 1, 2, 4, 40} <= set(steps)
    frames = [film.from_bytes(content) for _, content in film.read(training.name)]
    assert [frame.step for frame in frames] == steps
    for before, after in itertools.pairwise(frames):
        for k, sign in enumerate((-1, 1, -1, 1)):
            assert sign * (after.extent[k] - before.extent[k]) >= -1e-6
    last, point = frames[-1], store.metrics(training.name)[-1]
    assert last.validation == point.validation.terms
    assert last.metrics == point.validation.metrics
    assert last.gradients.keys() == frames[1].gradients.keys()
    seen = store.preview(training.name)
    assert seen is not None
    np.testing.assert_allclose(last.points, seen.points, atol=np.ptp(seen.points) / 60_000)
    assert [step for step, _ in film.read(training.name, after=4)] == [s for s in steps if s > 4]
    assert [step for step, _ in film.read(training.name, most=2)] == steps[:2]


def test_frames_after_the_step_from_which_a_run_goes_on_are_forgotten(no_worker: None) -> None:
    training = begun(store.create(small(steps=40)), 20)
    assert max(film.steps(training.name)) > 8
    store.forget_after(training.name, 8)
    assert max(film.steps(training.name)) == 8
    newest = film.newest(training.name)
    assert newest is not None
    assert newest.step == 8
    film.paths(training.name)[8].write_bytes(b"half")
    before = film.newest(training.name)
    assert before is not None
    assert before.step < 8


def test_a_run_without_a_film_and_a_film_that_cannot_be_read(
    no_worker: None, monkeypatch: pytest.MonkeyPatch, one: film.Frame
) -> None:
    name = store.create(small())
    assert film.steps(name) == []
    assert film.read(name) == []
    assert film.newest(name) is None
    film.add(name, one, 10)
    film.paths(name)[3].unlink()
    film.paths(name)
    (place.path_of(name) / "frames" / "3.frame").mkdir()
    with pytest.raises(place.RunError, match="The film of this run cannot be read"):
        film.read(name)
