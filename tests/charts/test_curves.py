"""What the curves hold: lines, marks, ranges."""

from __future__ import annotations

import numpy as np
import pytest

from aeviz.analysis.estimate import Estimate
from aeviz.charts import curves, theme
from aeviz.data import datasets
from tests.charts.reading import layout, traces

MNIST = datasets.load()


def test_a_distance_curve_has_the_distances_two_levels_and_the_ends() -> None:
    away = np.array([0.1, 0.5, 0.9, 0.2, 0.1])
    figure = curves.distance_curve(away, 0.15, 0.4, {"A": 0.0, "1": 0.3, "B": 1.0})
    curve, most, half = traces(figure)
    assert np.array_equal(curve["y"], away)
    assert np.allclose(curve["x"], [0, 25, 50, 75, 100])
    assert (most["y"], half["y"]) == ((0.4, 0.4), (0.15, 0.15))
    axis = layout(figure)["xaxis"]
    assert np.allclose(axis["tickvals"], [0, 30, 100])
    assert list(axis["ticktext"]) == ["A", "1", "B"]
    assert layout(figure)["yaxis"]["rangemode"] == "tozero"


def test_loss_curves_have_both_lines_of_each_term_and_all_of_the_first_fall() -> None:
    steps = np.arange(100)
    training = np.where(steps < 5, 1000.0, 50.0 - steps / 10)
    kl = np.linspace(0, 8, 100)
    terms = {"reconstruction": (training, training + 2), "kl": (kl, kl + 0.5)}
    figure = curves.loss_curves(steps, terms, unit="nats per image", last=400)
    lines = [(trace["name"], trace["yaxis"]) for trace in traces(figure)]
    assert lines == [
        ("training", "y"),
        ("validation", "y"),
        ("training", "y2"),
        ("validation", "y2"),
    ]
    for trace, values in zip(traces(figure), (training, training + 2, kl, kl + 0.5), strict=True):
        assert np.array_equal(trace["x"], steps)
        assert np.array_equal(trace["y"], values)
    colours = [trace["line"]["color"] for trace in traces(figure)]
    assert colours == [theme.TRAINING, theme.VALIDATION] * 2
    assert layout(figure)["yaxis"]["type"] == "log"  # or the fall would press the rest flat
    low, high = layout(figure)["yaxis"]["range"]
    assert 30 < 10**low < training.min() < 1002 < 10**high < 1500
    assert layout(figure)["yaxis2"]["type"] is None  # from 0 there is no logarithm
    low, high = layout(figure)["yaxis2"]["range"]
    assert -1 < low < kl.min() == 0  # what begins low is seen whole
    assert 8.5 <= high < 10
    assert layout(figure)["xaxis"]["range"] == layout(figure)["xaxis2"]["range"] == (0, 400)
    titles = [note["text"] for note in layout(figure)["annotations"]]
    assert titles == ["reconstruction, nats per image", "kl, nats per image"]
    assert layout(figure)["xaxis2"]["title"]["text"] == "Step"


def test_loss_curves_without_held_out_images_have_one_line() -> None:
    steps, training = np.arange(1, 101), np.linspace(90, 30, 100)
    figure = curves.loss_curves(steps, {"reconstruction": (training,)}, unit="nats")
    (line,) = traces(figure)
    assert (line["name"], line["line"]["color"]) == ("training", theme.TRAINING)
    assert np.array_equal(line["y"], training)
    low, high = layout(figure)["yaxis"]["range"]
    assert low < 30 < 90 < high  # an even fall needs no logarithm
    assert layout(figure)["yaxis"]["type"] is None


def test_what_others_leave_is_a_dotted_line_in_view_that_says_its_name() -> None:
    steps, error, kl = np.array([0, 10, 20]), np.array([90.0, 40, 30]), np.array([0.0, 3, 4])
    terms = {"reconstruction": (error, error + 1), "kl": (kl, kl)}
    levels = {"mean image": 52.7, "PCA, 2 components": 43.5, "PCA, 784 components": 0.0}
    figure = curves.loss_curves(steps, terms, unit="squared error", last=40, levels=levels)
    *_, mean, pca = traces(figure)
    for line, name in ((mean, "mean image"), (pca, "PCA, 2 components")):
        assert (list(line["x"]), list(line["y"])) == ([0, 40], [levels[name]] * 2)
        assert line["line"]["dash"] == "dot"
        assert line["text"][-1] == name
        assert line["yaxis"] in (None, "y")
    assert len(traces(figure)) == 6  # an error of 0 has no place on a logarithmic scale
    far = curves.loss_curves(steps, {"r": (error,)}, unit="", levels={"mean image": 300.0})
    low, high = layout(far)["yaxis"]["range"]
    assert low < 30 < 300 < (10**high if layout(far)["yaxis"]["type"] == "log" else high)


@pytest.mark.parametrize("values", [[], [3.0], [0.0, 0.0]])
def test_loss_curves_of_hardly_anything(values: list[float]) -> None:
    y = np.array(values)
    figure = curves.loss_curves(np.arange(1, len(y) + 1), {"kl": (y, y)}, unit="nats")
    seen = layout(figure)["yaxis"]["range"]
    assert (seen is None) == (not values)
    if seen:
        assert seen[0] < y.min() <= y.max() < seen[1]


def test_a_ladder_curve_has_both_errors_and_marks_the_chosen_width() -> None:
    errors = {"vanilla": [0.04, 0.02, 0.01], "PCA": [0.05, 0.04, 0.03]}
    figure = curves.ladder_curve(
        [2, 4, 8],
        {name: [Estimate(mse, mse / 100) for mse in values] for name, values in errors.items()},
        4,
    )
    for trace, (name, values) in zip(traces(figure), errors.items(), strict=True):
        assert trace["name"] == name
        assert list(trace["x"]) == [2, 4, 8]
        assert list(trace["y"]) == values
        assert list(trace["error_y"]["array"]) == [mse / 100 for mse in values]
        assert trace["marker"]["size"][1] > trace["marker"]["size"][0] == trace["marker"]["size"][2]
    seen = layout(figure)
    assert (seen["xaxis"]["type"], seen["yaxis"]["type"]) == ("log", "log")
    assert list(seen["xaxis"]["ticktext"]) == ["2", "4", "8"]


def test_operating_curves_have_both_models_guessing_and_the_threshold() -> None:
    x, y = np.array([0.0, 0.1, 1.0]), np.array([0.0, 0.9, 1.0])
    both = {"model": (x, y), "PCA": (x, x)}
    figure = curves.operating_curve(both, (0.1, 0.9), ("rate", "recall"), (0.0, 1.0))
    guess, model, pca, place = traces(figure)
    assert list(guess["y"]) == [0, 1]
    assert [model["name"], pca["name"]] == list(both)
    assert (list(model["x"]), list(model["y"])) == (x.tolist(), y.tolist())
    assert (list(place["x"]), list(place["y"])) == ([0.1], [0.9])
    assert layout(figure)["xaxis"]["title"]["text"] == "rate"


def test_the_curve_of_contamination_goes_from_little_to_much_with_its_errors() -> None:
    known = {0.2: Estimate(0.7, 0.01), 0.0: Estimate(0.98, 0.002), 0.05: Estimate(0.9, 0.005)}
    linear = {0.2: Estimate(0.8, 0.02), 0.0: Estimate(0.95, 0.003)}
    mine = {0.1: Estimate(0.8, 0.004)}
    curve, yours, pca = traces(curves.contamination_curve(known, mine, linear))
    assert list(curve["x"]) == [0, 5, 20]
    assert list(curve["y"]) == [0.98, 0.9, 0.7]
    assert list(curve["error_y"]["array"]) == [0.002, 0.005, 0.01]
    assert (list(yours["x"]), list(yours["y"])) == ([10], [0.8])
    assert curve["line"]["color"] != yours["line"]["color"]
    assert (list(pca["x"]), list(pca["y"])) == ([0, 20], [0.95, 0.8])
    assert list(pca["error_y"]["array"]) == [0.003, 0.02]
    curve, yours, _ = traces(curves.contamination_curve(known, {}, linear))
    assert (curve["showlegend"], yours["showlegend"]) == (True, False)
