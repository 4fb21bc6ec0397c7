"""What the maps hold: dots, colours, ranges, names."""

from __future__ import annotations

import itertools

import numpy as np
import plotly.graph_objects as go
import pytest

from aeviz.charts import maps, theme
from aeviz.data import datasets
from tests.charts.reading import layout, traces

MNIST = datasets.load()
LABELS, CLASSES = MNIST.test_labels, MNIST.classes
PLACES = np.random.default_rng(0).standard_normal((500, 2)).astype(np.float32)


def in_view(figure: go.Figure, places: np.ndarray) -> np.ndarray:
    """Which places (N, 2) are inside the ranges of both axes."""
    seen = layout(figure)
    (x0, x1), (y0, y1) = seen["xaxis"]["range"], seen["yaxis"]["range"]
    x, y = places.T
    return (x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1)


def assert_shows_all_codes(figure: go.Figure, number: int = len(PLACES)) -> None:
    """One trace a digit, in its colour, with the places of its codes in their order."""
    for label, trace in enumerate(traces(figure)[:10]):
        assert trace["name"] == CLASSES[label]
        assert trace["marker"]["color"] == theme.DIGITS[label]
        mine = PLACES[:number][LABELS[:number] == label]
        assert np.array_equal(np.column_stack([trace["x"], trace["y"]]), mine)


def test_a_code_map_has_a_trace_for_each_digit() -> None:
    figure = maps.code_map(PLACES, LABELS[:500], CLASSES, height=333)
    assert len(traces(figure)) == 10
    assert_shows_all_codes(figure)
    seen = layout(figure)
    assert seen["height"] == 333
    assert (seen["xaxis"]["title"]["text"], seen["yaxis"]["title"]["text"]) == (
        "code z1",
        "code z2",
    )


def test_a_code_map_without_some_digit_still_lists_it() -> None:
    figure = maps.code_map(PLACES[:3], np.array([1, 1, 7]), CLASSES)
    assert [len(trace["x"]) for trace in traces(figure)] == [0, 2, 0, 0, 0, 0, 0, 1, 0, 0]


@pytest.mark.parametrize("seed", range(20))
def test_pins_are_in_view_and_their_names_do_not_cover_each_other(seed: int) -> None:
    draw = np.random.default_rng(seed)
    # All three in one place, near each other, and far apart.
    places = draw.standard_normal((3, 2)) * (0, 0.1, 3)[seed % 3]
    pins = {"clean": places[0], "noisy": places[1], "cleaned": places[2]}
    figure = maps.pinned_map(PLACES, LABELS[:500], CLASSES, pins, ("x", "y"))
    assert_shows_all_codes(figure, maps.PINNED_DOTS)
    assert in_view(figure, places).all()
    seen = layout(figure)
    scale_x = 500 / np.ptp(seen["xaxis"]["range"])  # pixels a unit, on a usual screen
    scale_y = 300 / np.ptp(seen["yaxis"]["range"])
    boxes = []
    for note, (name, (x, y)) in zip(seen["annotations"], pins.items(), strict=True):
        assert (note["text"], note["x"], note["y"]) == (f"<b>{name}</b>", x, y)
        centre = np.array([x * scale_x + note["ax"], y * scale_y - note["ay"]])
        boxes.append((centre, 4.5 * len(name) + 5, 14))
    for (a, wide_a, high_a), (b, wide_b, high_b) in itertools.combinations(boxes, 2):
        across, up = np.abs(a - b)
        assert across >= wide_a + wide_b or up >= high_a + high_b


def test_a_map_that_is_drawn_at_each_click_needs_no_webgl_and_has_few_dots() -> None:
    points = np.random.default_rng(0).standard_normal((3000, 2))
    labels = np.arange(3000) % 10
    pins = {"clean": points[0], "noisy": points[1], "cleaned": points[2]}
    found = traces(maps.pinned_map(points, labels, CLASSES, pins, ("x", "y"), path=points[5:9]))
    assert {trace["type"] for trace in found} == {"scatter"}
    assert sum(len(trace["x"]) for trace in found[:10]) == maps.PINNED_DOTS
    assert np.array_equal(np.column_stack([found[-1][k] for k in "xy"]), points[5:9])


def test_a_map_in_space_has_every_code_in_its_digits_colour_and_the_place() -> None:
    codes = np.random.default_rng(0).normal(size=(500, 3))
    place = np.array([9.0, 0.0, -9.0])
    *dots, marked = traces(maps.space_map(codes, LABELS[:500], CLASSES, place))
    for label, trace in enumerate(dots):
        assert trace["type"] == "scatter3d"
        assert trace["marker"]["color"] == theme.DIGITS[label]
        mine = codes[LABELS[:500] == label]
        assert np.array_equal(np.column_stack([trace[k] for k in "xyz"]), mine)
    assert [marked[k][0] for k in "xyz"] == place.tolist()
    scene = layout(maps.space_map(codes, LABELS[:500], CLASSES, place))["scene"]
    for k, axis in enumerate("xyz"):
        low, high = scene[f"{axis}axis"]["range"]
        assert low <= place[k] <= high
        assert scene[f"{axis}axis"]["title"]["text"] == f"code z{k + 1}"
