"""What stands behind the comparison, by other arithmetic on real codes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from aeviz.analysis import compare, pca
from aeviz.analysis.estimate import Estimate
from aeviz.data import datasets

MNIST = datasets.load()
IMAGES, LABELS = MNIST.test_images[:2000], MNIST.test_labels[:2000]
CODES = pca.pca(datasets.load(), 8).encode(IMAGES)


def test_the_error_of_a_class_is_the_mean_of_its_images() -> None:
    errors = np.square(CODES).mean(1)
    found = compare.by_class(errors, LABELS, 11)
    for label in range(10):
        its = errors[label == LABELS]
        assert found[label].value == pytest.approx(its.mean(), rel=1e-6)
        assert found[label].error == pytest.approx(stats.sem(its), rel=1e-4)
    assert np.isnan(found[10].value)  # there is no eleventh class


def test_the_worst_come_first_and_of_each_class_the_first() -> None:
    errors = CODES[:, 0]
    assert np.array_equal(errors[compare.worst(errors, 20)], np.sort(errors)[::-1][:20])
    found = compare.first_of_each(LABELS)
    assert [LABELS[i] for i in found] == list(range(10))
    assert all(label not in LABELS[:i] for label, i in enumerate(found))


def test_neighbours_are_those_of_scikit_learn_without_those_that_do_not_count() -> None:
    reference = NearestNeighbors(n_neighbors=7, algorithm="brute").fit(CODES.astype(float))
    distances, found = reference.kneighbors(CODES[:50].astype(float))
    for k in range(50):
        near, index = compare.neighbours(CODES, CODES[k], 6, np.array([k]))
        assert np.array_equal(index, found[k, 1:])
        assert np.allclose(near, distances[k, 1:], rtol=1e-5)
    assert compare.neighbours(CODES, CODES[3], 1)[1] == [3]


def test_the_vote_is_that_of_a_classifier_by_neighbours() -> None:
    classifier = KNeighborsClassifier(5).fit(CODES[100:], LABELS[100:])
    votes = [
        compare.vote(LABELS[100:][compare.neighbours(CODES[100:], q, 5)[1]]) for q in CODES[:100]
    ]
    assert [label for label, _ in votes] == classifier.predict(CODES[:100]).tolist()
    shares = classifier.predict_proba(CODES[:100]).max(1)
    assert np.allclose([count / 5 for _, count in votes], shares)


def test_a_test_image_is_found_among_the_test_images_and_another_one_is_not() -> None:
    image = IMAGES[7] / np.float32(255)
    assert compare.same(IMAGES, image).tolist() == [7]
    image[14, 14] = 1 - image[14, 14]
    assert compare.same(IMAGES, image).size == 0


def test_the_typical_distance_is_the_median_over_all_pairs() -> None:
    apart = np.linalg.norm(CODES[:, None] - CODES, axis=2)[np.triu_indices(len(CODES), 1)]
    found = compare.typical_distance(CODES)
    assert abs(found.value - np.median(apart)) < 4 * found.error
    assert compare.typical_distance(CODES[:2]).value == pytest.approx(apart[0])  # never itself


def test_the_error_of_the_typical_distance_is_that_of_other_pairs() -> None:
    found = [compare.typical_distance(CODES, seed) for seed in range(60)]
    spread = np.std([each.value for each in found], ddof=1)
    assert np.mean([each.error for each in found]) == pytest.approx(spread, rel=0.25)
    assert spread < 0.01 * found[0].value


def test_a_movement_is_the_same_in_whatever_unit_the_codes_are() -> None:
    def moved(codes: np.ndarray) -> np.ndarray:
        return compare.movement(codes[:9], codes[0], compare.typical_distance(codes).value)

    assert moved(CODES)[0] == 0
    assert np.allclose(moved(1000 * CODES), moved(CODES), rtol=1e-4)
    away = np.linalg.norm(CODES[5] - CODES[0])
    assert moved(CODES)[5] == pytest.approx(away / compare.typical_distance(CODES).value, rel=1e-5)
    assert not moved(np.zeros_like(CODES)).any()  # a collapsed code does not move


def test_a_mean_movement_is_off_by_what_images_and_pairs_add_up_to() -> None:
    after = CODES[:300] + np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    typical = Estimate(8.0, 0.04)
    far = np.sqrt(((after - CODES[:300]) ** 2).sum(1)) / 8
    found = compare.mean_movement(after, CODES[:300], typical)
    assert found.value == pytest.approx(far.mean(), rel=1e-5)
    expected = np.hypot(far.std(ddof=1) / np.sqrt(300), far.mean() * 0.04 / 8)
    assert found.error == pytest.approx(expected, rel=1e-4)
    assert compare.mean_movement(CODES[:9], CODES[:9], typical).value == 0
