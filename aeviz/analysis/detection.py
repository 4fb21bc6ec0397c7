"""What a threshold on anomaly scores detects, and all thresholds at once as curves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from aeviz.analysis import anomaly_score, estimate
from aeviz.analysis.estimate import Estimate


def quantile_threshold(validation: np.ndarray, share: float) -> float:
    """The score below which a share of the validation scores (N,) lies."""
    return float(np.quantile(validation, share))


def precision(recall: np.ndarray, false_positive_rate: np.ndarray, share: float) -> np.ndarray:
    """Share of anomalies among the flagged, where a share of all images are anomalies.

    r s / (r s + f (1 - s)) of recall r, false-positive rate f and share s: Bayes' theorem. Recall
    and false-positive rate are each of one group, so they are the same whatever the share is; 0
    where nothing is flagged.

    Args:
        recall: any shape, as that of the false-positive rate.
        share: of anomalies among all images of the world, between 0 and 1.
    """
    caught = np.asarray(recall, np.float64) * share
    flagged = caught + np.asarray(false_positive_rate, np.float64) * (1 - share)
    return np.divide(caught, flagged, out=np.zeros_like(flagged), where=flagged > 0)


@dataclass(frozen=True)
class Counts:
    """What a threshold does: odd images caught or missed, normal ones flagged or let through."""

    caught: int
    missed: int
    false_alarms: int
    let_through: int

    @property
    def recall(self) -> float | None:
        """Share of the odd images that is flagged; None without any."""
        return _share(self.caught, self.missed)

    @property
    def false_positive_rate(self) -> float | None:
        """Share of the normal images that is flagged; None without any."""
        return _share(self.false_alarms, self.let_through)

    def precision(self, share: float) -> float | None:
        """Share of odd images among the flagged in a world with a share of them; None of none."""
        if self.recall is None or self.false_positive_rate is None:
            return None
        if not self.caught and not self.false_alarms:
            return None
        return float(precision(np.array(self.recall), np.array(self.false_positive_rate), share))


def _share(part: int, rest: int) -> float | None:
    return part / (part + rest) if part + rest else None


def count(normal: np.ndarray, odd: np.ndarray, threshold: float) -> Counts:
    """Counts at a threshold; what scores above it is flagged."""
    caught, alarms = int((odd > threshold).sum()), int((normal > threshold).sum())
    return Counts(caught, len(odd) - caught, alarms, len(normal) - alarms)


@dataclass(frozen=True)
class Curves:
    """All thresholds at once, those between two different scores, from the highest down.

    normal, odd: (N,), (M,), of how many different scores there are none below each image's own;
    levels: K, how many different scores there are; auroc: whatever the share of anomalies is.
    """

    normal: np.ndarray
    odd: np.ndarray
    levels: int
    auroc: Estimate

    @property
    def roc(self) -> tuple[np.ndarray, np.ndarray]:
        """False-positive rates and recalls (K + 1,)."""
        rates = (_flagged(group[None], self.levels)[0] for group in (self.normal, self.odd))
        false_positive_rate, recall = (np.append(0.0, rate) for rate in rates)
        return false_positive_rate, recall

    def precision_recall(self, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Recalls and precisions (K + 1,), where a share of all images are anomalies."""
        false_positive_rate, recall = self.roc
        found = precision(recall[1:], false_positive_rate[1:], share)
        return recall, np.append(found[:1], found)

    def average_precision(self, share: float) -> Estimate:
        """The sum of precisions, weighted by the steps of the recall, where a share are anomalies.

        Its standard error is of normal and odd images each drawn anew, as in `estimate.bootstrap`,
        but all draws at once, by counting scores; nan where there is a single odd image.
        """
        rng = np.random.default_rng(0)
        groups = (self.normal, self.odd)
        drawn = [
            group[rng.integers(len(group), size=(estimate.DRAWS, len(group)))] for group in groups
        ]
        (value,) = self._average_precision(self.normal[None], self.odd[None], share)
        of_draws = self._average_precision(*drawn, share=share)
        error = math.nan if min(map(len, groups)) < 2 else float(np.std(of_draws, ddof=1))
        return Estimate(float(value), error)

    def _average_precision(self, normal: np.ndarray, odd: np.ndarray, share: float) -> np.ndarray:
        """Of rows (R, N), (R, M) of images, (R,)."""
        false_positive_rate, recall = (_flagged(rows, self.levels) for rows in (normal, odd))
        steps = np.diff(recall, axis=1, prepend=0)
        return (steps * precision(recall, false_positive_rate, share)).sum(1)


def _flagged(places: np.ndarray, levels: int) -> np.ndarray:
    """Share of each row (R, N) of places among K different scores that is at most each, (R, K)."""
    rows = np.arange(len(places))[:, None] * levels
    counts = np.bincount((rows + places).ravel(), minlength=len(places) * levels)
    return counts.reshape(len(places), levels).cumsum(1) / places.shape[1]


def curves(normal: np.ndarray, odd: np.ndarray) -> Curves:
    """ROC and precision-recall curve of scores (N,), (M,), both at least one.

    Source: Fawcett 2006, Pattern Recognition Letters 27:861; average precision as in
        scikit-learn: the sum of precisions, weighted by the steps of the recall.
    """
    values, places = np.unique(-np.concatenate([normal, odd]), return_inverse=True)
    n = len(normal)
    return Curves(places[:n], places[n:], len(values), anomaly_score.auroc(normal, odd))


def beside_pca(normal: tuple[np.ndarray, np.ndarray], odd: tuple[np.ndarray, np.ndarray]) -> str:
    """Whether a model separates better than PCA, in words: by more than the error of the gap.

    Args:
        normal: scores (N,) of normal images by the model and by PCA.
        odd: scores (M,) of odd ones.
    """
    gap = anomaly_score.auroc_gap(normal, odd)
    verdict = "the model and PCA are **not told apart**"
    if abs(gap.value) > gap.error:
        verdict = f"the model is **{'better' if gap.value > 0 else 'worse'} than PCA**"
    ours, theirs = (anomaly_score.auroc(*groups).value for groups in zip(normal, odd, strict=True))
    away = Estimate(abs(gap.value), gap.error).said(".3f")
    return f"{verdict}: AUROC {ours:.3f} against {theirs:.3f}, {away} apart on the same images"
