"""The points of a run as curves."""

from __future__ import annotations

import numpy as np
import pytest

from aeviz.models import checkpoint
from aeviz.models.card import Curve
from aeviz.models.zoo import MODELS
from aeviz.training import curves


def test_the_figures_of_a_card_are_a_sentence_whatever_it_has() -> None:
    fields = {"variant": "vanilla", "config": {}, "trained_on": 1, "seed": 0, "steps": 1}
    card = checkpoint.Card.model_validate(
        fields | {"batch": 1, "lr": 1, "figures": {}}, context=MODELS
    )
    assert curves.measured(card) == ""
    card = card.model_copy(update={"figures": {"psnr": 15.04, "mse": 0.03137, "elbo": -130}})
    said = "On all test images: MSE **0.0314**, PSNR **15.0 dB**."
    assert curves.measured(card) == said
    card = card.model_copy(update={"errors": {"psnr": 0.0242, "mse": 0.000175}})
    said = "On all test images: MSE **0.0314 ± 0.0002**, PSNR **15.0 ± 0.02 dB**."
    assert curves.measured(card) == said


def test_curves_are_the_terms_and_their_sum() -> None:
    def point(step: int, a: float, b: float) -> curves.Point:
        both = {"a": a, "b": b}
        return curves.Point(
            step=step,
            epoch=0,
            train=curves.Means(terms=both),
            validation=curves.Means(terms={k: 2 * v for k, v in both.items()}),
        )

    points = [point(1, 5, 1), point(4, 3, 2)]
    found = curves.by_term(points)
    assert list(found) == ["a", "b", "total"]
    np.testing.assert_array_equal(found["b"][1], [2, 4])
    np.testing.assert_array_equal(found["total"][0], [6, 5])
    np.testing.assert_array_equal(found["total"][1], [12, 10])
    assert curves.by_term([]) == {}
    kept = curves.to_keep([point(0, 9, 9), *points])  # before the first step nothing was trained
    assert kept is not None
    assert kept == Curve(steps=[1, 4], terms={"a": [5, 3], "b": [1, 2]})
    (total,) = curves.kept_by_term(kept)["total"]
    np.testing.assert_array_equal(total, [6, 5])
    assert curves.to_keep([]) is None
    many = curves.to_keep([point(step, 1 / step, 0) for step in range(1, 5001)])
    assert many is not None
    assert 60 <= len(many.steps) <= 120
    assert many.terms["a"] == pytest.approx(1 / np.array(many.steps), rel=1e-3)
