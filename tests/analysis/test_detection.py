"""Counts at a threshold and the curves of all thresholds, by hand and by scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics

from aeviz.analysis import anomaly_score, detection, estimate

DRAW = np.random.default_rng(0)
NORMAL, ODD = DRAW.normal(0, 1, 40).round(1), DRAW.normal(1, 1, 30).round(1)  # some scores equal


def test_the_quantile_lets_the_wanted_share_of_the_validation_scores_through() -> None:
    scores = np.random.default_rng(1).gamma(2.0, size=1000)
    for share in (0.5, 0.9, 0.95, 0.995):
        flagged = detection.count(scores, np.empty(0), detection.quantile_threshold(scores, share))
        assert flagged.false_positive_rate == pytest.approx(1 - share, abs=1e-3)
    all_through = detection.count(scores, np.empty(0), detection.quantile_threshold(scores, 1.0))
    assert all_through.false_alarms == 0


@pytest.mark.parametrize("threshold", [-9.0, -0.5, 0.0, 0.7, 9.0])
def test_counts_are_those_of_one_image_after_the_other(threshold: float) -> None:
    found = detection.count(NORMAL, ODD, threshold)
    caught = len([s for s in ODD if s > threshold])
    alarms = len([s for s in NORMAL if s > threshold])
    assert found == detection.Counts(caught, 30 - caught, alarms, 40 - alarms)
    assert found.recall == pytest.approx(caught / 30)
    assert found.false_positive_rate == pytest.approx(alarms / 40)
    if caught + alarms:  # in the world of these images
        assert found.precision(30 / 70) == pytest.approx(caught / (caught + alarms))
    else:
        assert found.precision(30 / 70) is None


@pytest.mark.parametrize(("share", "expected"), [(2 / 3, 0.973), (0.01, 0.154), (0.5, 0.947)])
def test_precision_is_what_bayes_theorem_makes_of_the_share_of_anomalies(
    share: float, expected: float
) -> None:
    counts = detection.Counts(caught=900, missed=100, false_alarms=50, let_through=950)
    assert counts.precision(share) == pytest.approx(expected, abs=5e-4)
    assert (counts.recall, counts.false_positive_rate) == (0.9, 0.05)  # whatever the share is
    million = 1_000_000 * np.array([share, 1 - share])  # counted in a world of a million images
    caught, alarms = million * (0.9, 0.05)
    assert counts.precision(share) == pytest.approx(caught / (caught + alarms))


def test_curves_go_through_every_threshold_and_their_areas_are_sums_by_hand() -> None:
    found = detection.curves(NORMAL, ODD)
    places = [(np.mean(t < NORMAL), np.mean(t < ODD)) for t in np.unique([*NORMAL, *ODD])]
    for x, y in zip(*found.roc, strict=True):
        assert min(abs(x - a) + abs(y - b) for a, b in [*places, (1.0, 1.0)]) < 1e-12
    pairs = np.sign(ODD[:, None] - NORMAL) / 2 + 0.5  # a tie counts half
    assert found.auroc.value == pytest.approx(pairs.mean())
    area, before = 0.0, 0.0
    for threshold in np.unique([*NORMAL, *ODD])[::-1]:
        caught, alarms = (threshold <= ODD).sum(), (threshold <= NORMAL).sum()
        area += (caught / 30 - before) * caught / (caught + alarms)
        before = caught / 30
    assert found.average_precision(30 / 70).value == pytest.approx(area)


@pytest.mark.parametrize("share", [0.001, 0.05, 0.5])
def test_curves_of_another_share_of_anomalies_are_those_of_weighted_images(share: float) -> None:
    found = detection.curves(NORMAL, ODD)
    is_odd = np.repeat([False, True], [40, 30])
    weights = np.repeat([(1 - share) / 40, share / 30], [40, 30])
    scores = np.concatenate([NORMAL, ODD])
    expected = metrics.average_precision_score(is_odd, scores, sample_weight=weights)
    assert found.average_precision(share).value == pytest.approx(expected)
    assert found.auroc.value == pytest.approx(
        metrics.roc_auc_score(is_odd, scores, sample_weight=weights)
    )
    precision, recall, _ = metrics.precision_recall_curve(is_odd, scores, sample_weight=weights)
    ours = found.precision_recall(share)
    # By rising threshold, and at the end recall 0, where we go on with the precision before.
    upwards = [values[:0:-1] for values in ours]
    assert upwards[0] == pytest.approx(recall[:-1])
    assert upwards[1] == pytest.approx(precision[:-1])
    assert (ours[0][0], ours[1][0]) == (0, ours[1][1])


def test_the_errors_of_areas_are_those_of_images_drawn_with_replacement() -> None:
    draw = np.random.default_rng(3)
    normal, odd = draw.normal(0, 1, 300), draw.normal(1.5, 1, 200)
    found = detection.curves(normal, odd)

    def by_sklearn(score, normal: np.ndarray, odd: np.ndarray, share: float = 0.5) -> float:
        is_odd = np.repeat([False, True], [len(normal), len(odd)])
        weights = np.repeat([(1 - share) / len(normal), share / len(odd)], [len(normal), len(odd)])
        return score(is_odd, np.concatenate([normal, odd]), sample_weight=weights)

    for share in (0.01, 0.4):
        expected = estimate.bootstrap(
            lambda a, b, share=share: by_sklearn(metrics.average_precision_score, a, b, share),
            normal,
            odd,
            seed=8,
        )
        assert found.average_precision(share).error == pytest.approx(expected.error, rel=0.2)
    expected = estimate.bootstrap(
        lambda a, b: by_sklearn(metrics.roc_auc_score, a, b), normal, odd, draws=400
    )
    assert found.auroc.error == pytest.approx(expected.error, rel=0.15)


def test_the_error_of_an_auroc_is_delongs_by_pairs() -> None:
    pairs = np.sign(ODD[:, None] - NORMAL) / 2 + 0.5
    expected = pairs.mean(0).var(ddof=1) / 40 + pairs.mean(1).var(ddof=1) / 30
    assert anomaly_score.auroc(NORMAL, ODD).error == pytest.approx(math.sqrt(expected))


def test_one_odd_image_has_no_error_that_could_be_known() -> None:
    found = detection.curves(NORMAL, np.array([0.55]))
    assert found.auroc.value == pytest.approx((NORMAL < 0.55).mean())
    assert math.isnan(found.auroc.error)
    assert math.isnan(found.average_precision(0.1).error)


def test_the_error_of_a_mean_over_classes_knows_that_they_share_images() -> None:
    draw = np.random.default_rng(5)
    labels = draw.integers(0, 3, 400)
    hard = draw.normal(0, 1, 400)  # an image that is hard for one model is hard for all
    scores = {k: hard + 1.0 * (labels != k) + draw.normal(0, 0.3, 400) for k in range(3)}

    def mean(some: np.ndarray) -> float:
        return float(
            np.mean(
                [
                    metrics.roc_auc_score(labels[some] != k, found[some])
                    for k, found in scores.items()
                ]
            )
        )

    found = anomaly_score.mean_auroc(scores, labels)
    drawn = estimate.bootstrap(mean, np.arange(400), draws=400)
    assert found.value == pytest.approx(drawn.value)
    assert found.error == pytest.approx(drawn.error, rel=0.15)
    alone = [anomaly_score.auroc(s[labels == k], s[labels != k]).error for k, s in scores.items()]
    assert found.error != pytest.approx(math.hypot(*alone) / 3, rel=0.15)  # as if independent


def test_the_error_of_a_gap_is_of_the_same_images_scored_both_ways() -> None:
    draw = np.random.default_rng(5)
    normal, odd = draw.normal(0, 1, 300), draw.normal(1.5, 1, 400)
    other_normal, other_odd = (part + draw.normal(0, 0.3, len(part)) for part in (normal, odd))
    found = anomaly_score.auroc_gap((normal, other_normal), (odd, other_odd))

    def gap(rows: np.ndarray, columns: np.ndarray) -> float:
        one = (odd[columns] > normal[rows][:, None]).mean()
        return float(one - (other_odd[columns] > other_normal[rows][:, None]).mean())

    assert found.value == pytest.approx(gap(np.arange(300), np.arange(400)))
    drawn = [gap(draw.integers(300, size=300), draw.integers(400, size=400)) for _ in range(400)]
    assert found.error == pytest.approx(np.std(drawn), rel=0.15)
    apart = math.hypot(
        anomaly_score.auroc(normal, odd).error, anomaly_score.auroc(other_normal, other_odd).error
    )
    assert found.error < 0.6 * apart  # what is hard for both drops out


def test_a_model_is_better_or_worse_than_pca_by_more_than_the_error_of_the_gap() -> None:
    draw = np.random.default_rng(6)
    normal, odd = draw.normal(0, 1, 300), draw.normal(1.5, 1, 400)
    blunt = tuple(part + draw.normal(0, 1, len(part)) for part in (normal, odd))
    said = detection.beside_pca((normal, blunt[0]), (odd, blunt[1]))
    assert said.startswith("the model is **better than PCA**: AUROC 0.8")
    assert "**worse than PCA**" in detection.beside_pca((blunt[0], normal), (blunt[1], odd))
    alike = tuple(part + draw.normal(0, 1e-4, len(part)) for part in (normal, odd))
    assert "**not told apart**" in detection.beside_pca((normal, alike[0]), (odd, alike[1]))


def test_what_is_lost_is_the_squared_error_by_the_squared_brightness() -> None:
    images = np.zeros((2, 4, 4))
    images[:, 1] = 0.5
    assert anomaly_score.lost(images, images) == 0
    assert anomaly_score.lost(images, np.zeros((2, 4, 4))) == 1
    assert anomaly_score.lost(images, images / 2) == pytest.approx(0.25)
