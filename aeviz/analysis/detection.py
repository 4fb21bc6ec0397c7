"""What a threshold on anomaly scores detects, and all thresholds at once as curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aeviz.analysis import anomaly_score


def quantile_threshold(validation: np.ndarray, share: float) -> float:
    """The score below which a share of the validation scores (N,) lies."""
    return float(np.quantile(validation, share))


@dataclass(frozen=True)
class Counts:
    """What a threshold does: odd images caught or missed, normal ones flagged or let through."""

    caught: int
    missed: int
    false_alarms: int
    let_through: int

    @property
    def precision(self) -> float | None:
        """Share of odd images among the flagged; None where none is flagged."""
        return _share(self.caught, self.false_alarms)

    @property
    def recall(self) -> float | None:
        """Share of the odd images that is flagged; None without any."""
        return _share(self.caught, self.missed)

    @property
    def false_positive_rate(self) -> float | None:
        """Share of the normal images that is flagged; None without any."""
        return _share(self.false_alarms, self.let_through)


def _share(part: int, rest: int) -> float | None:
    return part / (part + rest) if part + rest else None


def count(normal: np.ndarray, odd: np.ndarray, threshold: float) -> Counts:
    """Counts at a threshold; what scores above it is flagged."""
    caught, alarms = int((odd > threshold).sum()), int((normal > threshold).sum())
    return Counts(caught, len(odd) - caught, alarms, len(normal) - alarms)


@dataclass(frozen=True)
class Curves:
    """All thresholds at once. roc: false-positive rate and recall; pr: recall and precision."""

    roc: tuple[np.ndarray, np.ndarray]
    pr: tuple[np.ndarray, np.ndarray]
    auroc: float
    ap: float


def curves(normal: np.ndarray, odd: np.ndarray) -> Curves:
    """ROC and precision-recall curve of scores (N,), (M,), both at least one.

    Source: Fawcett 2006, Pattern Recognition Letters 27:861; average precision as in
        scikit-learn: the sum of precisions, weighted by the steps of the recall.
    """
    from sklearn import metrics

    is_odd = np.repeat([False, True], [len(normal), len(odd)])
    scores = np.concatenate([normal, odd])
    false_positive, true_positive, _ = metrics.roc_curve(is_odd, scores)
    precision, recall, _ = metrics.precision_recall_curve(is_odd, scores, drop_intermediate=True)
    return Curves(
        (false_positive, true_positive),
        (recall, precision),
        anomaly_score.auroc(normal, odd),
        float(metrics.average_precision_score(is_odd, scores)),
    )
