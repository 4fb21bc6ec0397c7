"""What the bars hold."""

from __future__ import annotations

import numpy as np
import pytest

from aeviz.analysis.estimate import Estimate
from aeviz.charts import bars, theme
from aeviz.data import datasets
from tests.charts.reading import layout, traces

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


@pytest.mark.parametrize("n", [1, 2, 3, 16])
def test_each_latent_dimension_has_one_tick(n: int) -> None:
    axis = layout(bars.by_dimension(np.linspace(0, 1, n), "KL, nats")).xaxis
    assert list(axis.tickvals) == list(range(1, n + 1))
    assert list(axis.ticktext) == [f"z{k}" for k in range(1, n + 1)]


@pytest.mark.parametrize("n", [17, 32, 64, 1024, 5000])
def test_many_latent_dimensions_have_ticks_at_some_each_named_once(n: int) -> None:
    figure = bars.by_dimension(np.linspace(0, 1, n), "KL, nats")
    (drawn,), axis = traces(figure), layout(figure).xaxis
    assert list(drawn["x"]) == list(range(1, n + 1))  # every one has its bar
    assert 4 <= len(axis.tickvals) <= 17
    assert set(axis.tickvals) <= set(range(1, n + 1))
    assert list(axis.ticktext) == [f"z{k}" for k in axis.tickvals]
    assert len(set(axis.ticktext)) == len(axis.ticktext)


def test_a_term_of_a_loss_is_written_on_its_bar_as_in_the_sentence_beside_it() -> None:
    costs = {"Test": {"Reconstruction": Estimate(125.14, 0.41), "KL": Estimate(7.5712, 0.0234)}}
    costs["Training"] = {"Reconstruction": Estimate(124.98, 0.4), "KL": Estimate(9.0, 0.02)}
    reconstruction, kl = traces(bars.loss_terms(costs, "nats per image"))
    assert list(reconstruction["text"]) == ["125.1", "125.0"]
    assert list(reconstruction["customdata"]) == ["125.1 ± 0.4", "125.0 ± 0.4"]
    assert list(kl["text"]) == ["", "9.00"]  # one that does not fit is left out


def test_codes_beside_each_other_have_a_tick_for_each_dimension() -> None:
    codes = {f"{n}-d": (np.zeros(n), np.zeros((2, n))) for n in (1, 2, 3)}
    drawn = layout(bars.codes_beside(codes))
    axes = drawn.xaxis, drawn.xaxis2, drawn.xaxis3
    assert [list(axis.ticktext) for axis in axes] == [["z1"], ["z1", "z2"], ["z1", "z2", "z3"]]
