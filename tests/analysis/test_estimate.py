"""Standard errors, against formulas and against repetition."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

from aeviz.analysis import estimate
from aeviz.analysis.estimate import Estimate


def test_the_error_of_a_mean_is_the_spread_by_the_root_of_their_number() -> None:
    values = np.array([0.1, 0.4, 0.25, 0.9])
    found = estimate.mean(values)
    assert found.value == pytest.approx(statistics.mean(values.tolist()))
    assert found.error == pytest.approx(statistics.stdev(values.tolist()) / 2)


def test_one_image_has_no_error_that_could_be_known() -> None:
    assert math.isnan(estimate.mean(np.array([0.3])).error)


def test_the_error_says_how_far_the_mean_moves_on_other_images() -> None:
    rng = np.random.default_rng(0)
    means = rng.exponential(size=(2000, 100)).mean(1)
    errors = [estimate.mean(rng.exponential(size=100)).error for _ in range(200)]
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.05)


def test_draws_of_chance_are_averaged_over_the_same_images() -> None:
    draws = np.array([[1.0, 3.0, 8.0], [3.0, 5.0, 4.0]])
    assert estimate.of_draws(draws) == estimate.mean(np.array([2.0, 4.0, 6.0]))


def test_the_error_of_a_psnr_is_the_slope_of_the_logarithm() -> None:
    found = estimate.psnr(Estimate(0.01, 0.0001))
    assert found.value == pytest.approx(20)
    above, below = (-10 * math.log10(0.01 + off) for off in (-0.0001, 0.0001))
    assert found.error == pytest.approx((above - below) / 2, rel=1e-3)


def test_where_nothing_is_lost_the_psnr_is_infinite_and_sure() -> None:
    assert estimate.psnr(Estimate(0.0, 0.0)) == Estimate(math.inf, 0.0)


def test_a_bootstrap_of_a_mean_is_the_error_of_the_mean() -> None:
    values = np.random.default_rng(1).normal(size=400)
    found = estimate.bootstrap(lambda x: float(x.mean()), values, draws=2000)
    assert found.value == pytest.approx(values.mean())
    assert found.error == pytest.approx(estimate.mean(values).error, rel=0.06)


def test_each_sample_of_a_bootstrap_is_drawn_for_itself() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.normal(size=300), rng.normal(1.0, 2.0, size=200)
    found = estimate.bootstrap(lambda x, y: float(y.mean() - x.mean()), one, other, draws=2000)
    expected = math.hypot(estimate.mean(one).error, estimate.mean(other).error)
    assert found.error == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize(
    ("value", "more", "said"),
    [
        (0.95, True, "held"),
        (0.85, True, "missed"),
        (0.85, False, "held"),
        (0.95, False, "missed"),
        (0.905, True, "within the error"),
        (0.895, True, "within the error"),
        (0.905, False, "within the error"),
    ],
)
def test_a_bar_is_held_or_missed_by_more_than_the_error(
    value: float, more: bool, said: str
) -> None:
    assert Estimate(value, 0.01).verdict(0.9, more=more) == said


def test_a_figure_and_its_error_are_written_alike() -> None:
    assert Estimate(0.02849, 0.00016).text() == "0.0285 ± 0.0002"
    assert Estimate(82.984, 1.2).text(".1f") == "83.0 ± 1.2"


def test_a_figure_has_no_more_digits_than_its_error_allows() -> None:
    texts = {
        (20.6176, 0.0078): "20.618 ± 0.008",
        (0.9093, 0.0029): "0.909 ± 0.003",
        (241.04, 0.13): "241.0 ± 0.1",
        (1523.7, 34.0): "1524 ± 34",
        (0.999992, 0.0000002): "1.0000 ± 0.0001",
        (784.0, 0.0): "784",
        (0.5, math.nan): "0.5",
    }
    for (value, error), text in texts.items():
        assert Estimate(value, error).brief() == text


def test_the_best_is_sure_where_images_agree_though_they_differ_among_themselves() -> None:
    rng = np.random.default_rng(0)
    hard = rng.exponential(size=500)
    assert estimate.ranked({"b": hard + 0.01, "a": hard}) == (["a", "b"], True)
    assert estimate.ranked({"a": hard})[0] == ["a"]
    noise = rng.normal(size=500)
    order, sure = estimate.ranked({"a": hard, "b": hard + noise - noise.mean() + 0.001})
    assert (order, sure) == (["a", "b"], False)


def test_a_share_of_none_or_of_all_is_bounded_and_not_called_exact() -> None:
    # With a chance of 0.3 % of each, none of 1,000 is seen in 5 of 100 tries (Clopper & Pearson).
    assert (1 - estimate.bound(1000)) ** 1000 == pytest.approx(0.05)
    assert estimate.bound(1000) == pytest.approx(3 / 1000, rel=0.01)  # the rule of three
    texts = {
        (0.0, 1000): "0 of 1,000: at most 0.3 %",
        (1.0, 1000): "1,000 of 1,000: at least 99.7 %",
        (0.0, 10): "0 of 10: at most 26 %",
        (1.0, 9000): "9,000 of 9,000: at least 99.96 %",
        (0.0, 0): "0 %",
        (0.05, 0): "5 %",
    }
    for (value, of), text in texts.items():
        assert estimate.percent(Estimate(value, 0.0), of) == text


def test_a_share_has_the_digits_that_its_error_needs() -> None:
    assert estimate.percent(Estimate(0.1342, 0.012), 3000) == "13.4 ± 1.2 %"
    assert estimate.percent(Estimate(0.0021, 0.00042)) == "0.21 ± 0.04 %"
    assert estimate.percent(Estimate(0.999978, 0.0000222)) == "99.998 ± 0.002 %"


def test_a_sentence_never_has_an_error_of_nothing() -> None:
    assert Estimate(0.02849, 0.00016).said() == "0.0285 ± 0.0002"
    assert Estimate(0.000966, 0.0000037).said(".5f") == "0.000966 ± 0.000004"
    assert Estimate(0.9312, 0.00004).said(".3f") == "0.93120 ± 0.00004"
    assert Estimate(50.0, 0.0).said(".1f") == "50.0"  # a constant
    assert Estimate(0.3, math.nan).said(".3f") == "0.300"
    assert Estimate(1e-14, 1e-16).said(".5f") == "0.00000"  # what rounding leaves of nothing
