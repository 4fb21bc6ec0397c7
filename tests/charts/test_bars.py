"""What the bars hold."""

from __future__ import annotations

import numpy as np

from aeviz.charts import bars, theme
from aeviz.data import datasets
from tests.charts.reading import traces

MNIST = datasets.load()
LABELS, CLASSES = MNIST.test_labels, MNIST.classes


def test_class_counts_are_bars_in_the_digits_colours() -> None:
    counts = np.bincount(LABELS, minlength=10)
    (drawn,) = traces(bars.class_counts(counts, CLASSES))
    assert drawn["type"] == "bar"
    assert list(drawn["x"]) == list(CLASSES)
    assert np.array_equal(drawn["y"], counts)
    assert list(drawn["marker"]["color"]) == list(theme.DIGITS)


def test_a_metric_of_each_latent_dimension_is_a_bar_each() -> None:
    (drawn,) = traces(bars.by_dimension(np.array([3.0, 0.0, 1.5]), "KL, nats"))
    assert list(drawn["x"]) == [1, 2, 3]
    assert list(drawn["y"]) == [3.0, 0.0, 1.5]
