"""How well a linear classifier reads the classes from codes."""

from __future__ import annotations

import numpy as np


def linear_probe(
    train_codes: np.ndarray,
    train_labels: np.ndarray,
    test_codes: np.ndarray,
    test_labels: np.ndarray,
) -> float:
    """Accuracy of a logistic regression on codes (N, D) that are standardised first.

    Mean and spread are those of the training codes; scikit-learn's L2 penalty is left as it is.

    Source: Alain & Bengio 2016, arXiv:1610.01644.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-3, max_iter=2000))
    probe.fit(train_codes, train_labels)
    return float(probe.score(test_codes, test_labels))
