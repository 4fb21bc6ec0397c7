"""The linear probe beside the same problem solved by other means."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression

from aeviz.analysis import pca, probe
from aeviz.data import datasets
from aeviz.models import apply, checkpoint

MNIST = datasets.load()


def slope(x: np.ndarray, labels: np.ndarray, found: LogisticRegression) -> float:
    """Largest slope of mean cross-entropy + |W|^2 / (2 C n) in any weight or bias."""
    n, weights = len(x), found.coef_
    wrong = softmax(x @ weights.T + found.intercept_, axis=1) - np.eye(10)[labels]
    by_weight = wrong.T @ x / n + weights / (found.C * n)
    return float(max(np.abs(by_weight).max(), np.abs(wrong.mean(0)).max()))


def standardised(codes: np.ndarray) -> np.ndarray:
    codes = codes.astype(np.float64)
    return (codes - codes.mean(0)) / np.where(codes.std(0) > 0, codes.std(0), 1)


def test_the_probe_is_at_the_minimum_of_its_objective() -> None:
    """Sparse codes tell most training digits apart: their minimum is far and the way is flat."""
    model = checkpoint.load(checkpoint.FOLDER / "sparse-1024d-deep")
    codes = apply.encode(model, MNIST.train_images[:4000])
    labels = MNIST.train_labels[:4000]
    found = probe.Probe(codes, labels)
    assert found.strength == found.fitted.C
    assert slope(standardised(codes), labels, found.fitted) < 2e-5


def test_the_penalty_is_the_best_on_held_out_codes_after_learning_from_the_rest() -> None:
    linear = pca.pca(MNIST, 16)
    codes, labels = linear.encode(MNIST.train_images[:1200]), MNIST.train_labels[:1200]
    found, x = probe.Probe(codes, labels), standardised(codes)
    losses = {}
    for strength in 10.0 ** np.arange(-5, 4):
        # By Newton's method, which shares no line with L-BFGS.
        judge = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-8)
        judge.fit(x[:1000], labels[:1000])
        logs = log_softmax(judge.decision_function(x[1000:]), axis=1)
        losses[strength] = -logs[np.arange(200), labels[1000:]].mean()
    assert found.strength == pytest.approx(min(losses, key=losses.__getitem__))
    whole = LogisticRegression(C=found.strength, solver="newton-cholesky", tol=1e-8).fit(x, labels)
    assert found.fitted.coef_ == pytest.approx(whole.coef_, abs=2e-3)


def test_accuracy_and_its_error_are_those_of_correct_test_images() -> None:
    linear = pca.pca(MNIST, 16)
    known, asked = linear.encode(MNIST.train_images[:3000]), linear.encode(MNIST.test_images[:1000])
    labels, answers = MNIST.train_labels[:3000], MNIST.test_labels[:1000]
    found = probe.linear_probe(known, labels, asked, answers)
    p = (probe.Probe(known, labels).predict(asked) == answers).mean()
    assert found.value == p
    assert found.error == pytest.approx((p * (1 - p) / 1000) ** 0.5, rel=1e-2)
    scale = np.logspace(-3, 3, 16, dtype=np.float32)
    other = probe.linear_probe(known * scale, labels, asked * scale, answers)
    assert other.value == pytest.approx(found.value, abs=0.002)


def test_a_unit_that_never_speaks_does_not_disturb_the_probe() -> None:
    draw = np.random.default_rng(0)
    codes = draw.standard_normal((200, 3)).astype(np.float32)
    codes[:, 1] = 0
    labels = codes[:, 0] > 0
    assert probe.linear_probe(codes, labels, codes, labels).value > 0.97
