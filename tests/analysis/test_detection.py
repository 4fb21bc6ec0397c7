"""Counts at a threshold and the curves of all thresholds, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from aeviz.analysis import detection

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
    if caught + alarms:
        assert found.precision == pytest.approx(caught / (caught + alarms))
    else:
        assert found.precision is None


def test_curves_go_through_every_threshold_and_their_areas_are_sums_by_hand() -> None:
    found = detection.curves(NORMAL, ODD)
    places = [(np.mean(t < NORMAL), np.mean(t < ODD)) for t in np.unique([*NORMAL, *ODD])]
    for x, y in zip(*found.roc, strict=True):
        assert min(abs(x - a) + abs(y - b) for a, b in [*places, (1.0, 1.0)]) < 1e-12
    pairs = np.sign(ODD[:, None] - NORMAL) / 2 + 0.5  # a tie counts half
    assert found.auroc == pytest.approx(pairs.mean())
    area, before = 0.0, 0.0
    for threshold in np.unique([*NORMAL, *ODD])[::-1]:
        caught, alarms = (threshold <= ODD).sum(), (threshold <= NORMAL).sum()
        area += (caught / 30 - before) * caught / (caught + alarms)
        before = caught / 30
    assert found.ap == pytest.approx(area)
    assert found.pr[0].max() == 1
