"""How well a linear classifier reads the classes from codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aeviz.analysis import estimate
from aeviz.analysis.estimate import Estimate
from aeviz.data import datasets

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

TOLERANCE = 1e-5
"""Largest slope of the mean cross-entropy with which a regression counts as converged."""
WEAKEST, STRONGEST = 1e4, 1e-4
"""Ends of the strengths C that are tried, in steps of ten; the larger the weaker the penalty."""
GAIN = 1e-4
"""A weaker penalty must lower the held-out cross-entropy by as many nats to be taken."""


def regression(strength: float) -> LogisticRegression:
    """A logistic regression that converges: sum of cross-entropies + |W|^2 / (2 strength)."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, tol=TOLERANCE, max_iter=20_000, warm_start=True)


class Probe:
    """A logistic regression on codes (N, D) that are standardised first, its penalty chosen.

    The last sixth of the codes, at most 10,000, is held out: the strength C of the penalty is the
    one with the smallest cross-entropy there after learning from the rest. Then all are learned
    from. Mean and spread are those of all training codes.

    Source: Alain & Bengio 2016, arXiv:1610.01644.
    """

    def __init__(self, codes: np.ndarray, labels: np.ndarray) -> None:
        """Choose and fit.

        Raises:
            ValueError: the codes that are not held out lack a class.
        """
        self.mean, spread = codes.mean(0, np.float64), codes.std(0, np.float64)
        self.spread = np.where(spread > 0, spread, 1.0)
        x, cut = self._standardised(codes), len(codes) - datasets.held_out(len(codes))
        self.strength = _choose((x[:cut], labels[:cut]), (x[cut:], labels[cut:]))
        self.fitted = regression(self.strength).fit(x, labels)

    def _standardised(self, codes: np.ndarray) -> np.ndarray:
        return (codes - self.mean) / self.spread

    def predict(self, codes: np.ndarray) -> np.ndarray:
        """Classes (N,) of codes (N, D)."""
        return self.fitted.predict(self._standardised(codes))


def _choose(known: tuple[np.ndarray, np.ndarray], held_out: tuple[np.ndarray, np.ndarray]) -> float:
    """The strength with the smallest cross-entropy; each starts where the one before ended."""
    from sklearn.metrics import log_loss

    model = regression(STRONGEST)
    best, least = STRONGEST, np.inf
    for exponent in range(round(np.log10(STRONGEST)), round(np.log10(WEAKEST)) + 1):
        model.set_params(C=10.0**exponent).fit(*known)
        chances = model.predict_proba(held_out[0])
        loss = float(log_loss(held_out[1], chances, labels=model.classes_))
        if loss > least - GAIN:  # the loss has one valley: it only rises from here
            break
        best, least = 10.0**exponent, loss
    return best


def linear_probe(
    train_codes: np.ndarray,
    train_labels: np.ndarray,
    test_codes: np.ndarray,
    test_labels: np.ndarray,
) -> Estimate:
    """Accuracy of a `Probe` on test codes and its standard error."""
    found = Probe(train_codes, train_labels).predict(test_codes)
    return estimate.mean(found == test_labels)
