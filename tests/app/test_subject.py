"""A codec seen on a data set: the same questions to a model, PCA and pixels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from aeviz.app import library
from aeviz.app.subject import ModelSubject, Subject
from aeviz.data import datasets

MNIST = datasets.load()
VAE = ModelSubject(library.codec("variational-2d"), MNIST)
SUBJECTS = {"model": VAE, "pca": VAE.pca(), "wider": VAE.pca(8), "pixels": VAE.pixels()}


@pytest.mark.parametrize("kind", SUBJECTS)
def test_all_kinds_answer_alike(kind: str) -> None:
    subject: Subject = SUBJECTS[kind]
    width = {"model": 2, "pca": 2, "wider": 8, "pixels": 784}[kind]
    codes = subject.codes()
    assert codes.shape == (10_000, width) == (10_000, subject.code_dim)
    assert codes is subject.codes()  # kept for everybody
    seen = subject.see(MNIST.test_images[:5] / np.float32(255), MNIST.test_labels[:5])
    np.testing.assert_allclose(seen.codes, codes[:5], atol=1e-5)
    mse = np.square(seen.reconstructions - seen.images).mean((1, 2))
    np.testing.assert_allclose(seen.errors.mse, mse, rtol=1e-5)
    np.testing.assert_allclose(subject.errors().mse[:5], mse, atol=1e-6)
    low, high = subject.usual()
    inside = ((codes >= low) & (codes <= high)).mean(0)
    assert (inside >= 0.9).all()
    distances, near = subject.neighbours(codes[3], 4, np.array([3]))
    away = np.linalg.norm(codes - codes[3], axis=1)
    away[3] = np.inf
    np.testing.assert_allclose(distances, np.sort(away)[:4], rtol=1e-4, atol=1e-6)
    assert 3 not in near


def test_different_subjects_have_different_keys_and_titles() -> None:
    assert len({subject.key for subject in SUBJECTS.values()}) == 4
    assert len({subject.title for subject in SUBJECTS.values()}) == 4


def test_pca_has_no_more_components_than_there_are_pixels() -> None:
    assert VAE.pca(5000).code_dim == 784


def test_pixels_come_back_as_they_are() -> None:
    assert VAE.pixels().errors().mse.max() == 0


def test_distances_are_those_of_the_codes() -> None:
    codes, known = VAE.codes(), VAE.training_codes()
    gaps = VAE.gaps()
    assert gaps.shape == (10_000,)
    np.testing.assert_allclose(gaps[:200], cdist(codes[:200], known).min(1), rtol=1e-3, atol=1e-5)
    assert VAE.far() == pytest.approx(3 * np.quantile(gaps, 0.9))
    draw = np.random.default_rng(7).permutation(10_000)
    pairs = np.linalg.norm(codes - codes[draw], axis=1)
    assert abs(VAE.distance().value - np.median(pairs)) < 0.1


def test_wide_codes_are_measured_to_training_codes_drawn_at_random() -> None:
    wide = ModelSubject(library.codec("vanilla-32d"), MNIST)
    known, training = wide.known().codes, wide.training_codes()
    assert known.shape == (10_000, 32)
    away = cdist(known[:50], training)
    np.testing.assert_allclose(away.min(1), 0, atol=1e-4)  # they are training codes,
    assert len(set(away.argmin(1))) == 50
    assert away.argmin(1).max() > 30_000  # from all over the training set
    gaps = wide.gaps()
    some = np.random.default_rng(0).permutation(10_000)[:2000]
    expected = cdist(wide.codes()[some[:200]], known).min(1)
    np.testing.assert_allclose(gaps[:200], expected, rtol=1e-4)
    assert wide.holes().paths.value == 0


def test_holes_are_kept_and_differ_between_a_vae_and_a_vanilla_autoencoder() -> None:
    vanilla = ModelSubject(library.codec("vanilla-2d"), MNIST)
    assert vanilla.holes() is vanilla.holes()
    less, more = VAE.holes().paths, vanilla.holes().paths
    assert more.value - less.value > 3 * np.hypot(more.error, less.error)


def test_draws_are_told_from_codes_and_seeds_of_both_differ() -> None:
    wide = ModelSubject(library.codec("variational-32d"), MNIST)
    for share in wide.told_apart("prior", 1.0, 1):
        # Far below a half, where the noise of a draw were that of a posterior.
        assert 0.48 < share.value < 0.6
    assert wide.told_apart("prior", 0.1, 1)[0].value == 1
    with pytest.raises(ValueError, match="no prior"):
        ModelSubject(library.codec("vanilla-2d"), MNIST).draw("prior", 3, 1.0, 0)


def test_a_model_that_is_told_the_class_finds_it_itself_where_nobody_says_it() -> None:
    told = ModelSubject(library.codec("conditional-2d"), MNIST)
    images, labels = MNIST.test_images[:50] / np.float32(255), MNIST.test_labels[:50]
    assert told.uses_labels
    assert not VAE.uses_labels
    by_itself, by_us = told.see(images), told.see(images, labels)
    assert by_itself.errors.mse.mean() < 1.5 * by_us.errors.mse.mean()
    assert not np.array_equal(told.see(images, (labels + 1) % 10).codes, by_us.codes)


def test_what_is_hidden_is_filled_in_and_what_is_seen_is_kept() -> None:
    image = MNIST.test_images[1] / np.float32(255)
    visible = np.arange(28)[:, None].repeat(28, 1) < 14
    filled = ModelSubject(library.codec("masked-256d"), MNIST).fill(image, visible)
    assert filled.image.shape == (28, 28)
    np.testing.assert_allclose(filled.image[visible], image[visible], atol=1e-6)
