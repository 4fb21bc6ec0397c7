"""What the figures hold: pixels, colours, traces, ranges; read back and compared."""

from __future__ import annotations

import base64
import io
import itertools
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from aeviz.charts import figures
from aeviz.data import datasets

MNIST = datasets.load()
X, LABELS, CLASSES = MNIST.test_images, MNIST.test_labels, MNIST.classes
PLACES = np.random.default_rng(0).standard_normal((500, 2)).astype(np.float32)


def traces(figure: go.Figure) -> Any:
    return figure.data


def layout(figure: go.Figure) -> Any:
    return figure.layout


def in_view(figure: go.Figure, places: np.ndarray) -> np.ndarray:
    """Which places (N, 2) are inside the ranges of both axes."""
    seen = layout(figure)
    (x0, x1), (y0, y1) = seen["xaxis"]["range"], seen["yaxis"]["range"]
    x, y = places.T
    return (x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1)


# -- colours ----------------------------------------------------------------------------------

SIMULATED = {
    "normal sight": np.eye(3),
    "no red cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
"""On linear RGB: Machado et al. 2009, IEEE TVCG 15:1291, table 1, severity 1."""


def lab(linear: np.ndarray) -> np.ndarray:
    """CIELAB (N, 3) of linear sRGB (N, 3) under D65."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    t = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )


@pytest.mark.parametrize("sight", SIMULATED)
def test_the_ten_colours_are_told_apart(sight: str) -> None:
    codes = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in figures.DIGITS]) / 255
    linear = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    seen = lab(np.clip(linear @ np.array(SIMULATED[sight]).T, 0, 1))
    assert len(seen) == 10
    distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
    assert min(distances) > 15  # a difference of 2 is just seen when both lie side by side


def test_a_signed_error_is_white_at_zero_blue_below_and_red_above() -> None:
    error = np.array([[-1.0, -0.5, 0.0, 0.5, 1.0, 7.0]])
    colours = figures.signed(error)
    assert colours.shape == (1, 6, 3)
    assert colours.dtype == np.uint8
    below, half_below, zero, half_above, above, far = colours[0].astype(int)
    assert zero.tolist() == [247, 247, 247]
    assert below[2] > 1.5 * below[:2].max()
    assert above[0] > 1.5 * above[1:].max()
    assert np.abs(half_below - (below + zero) / 2).max() <= 1
    assert np.abs(half_above - (above + zero) / 2).max() <= 1
    assert (far == above).all()
    assert figures.signed(np.zeros((4, 28, 28))).shape == (4, 28, 28, 3)


# -- pictures ---------------------------------------------------------------------------------


def test_png_gives_the_pixels_back() -> None:
    read = Image.open(io.BytesIO(figures.png(X[0])))
    assert (read.format, read.mode) == ("PNG", "L")
    assert np.array_equal(np.asarray(read), X[0])
    floats = np.asarray(Image.open(io.BytesIO(figures.png(X[0] / 255))))
    assert np.array_equal(floats, X[0])
    wide = np.asarray(Image.open(io.BytesIO(figures.png(np.array([[-1.0, 0.5, 9.0]])))))
    assert wide.tolist() == [[0, 128, 255]]
    colours = figures.signed(X[0] / 255 - X[1] / 255)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(figures.png(colours)))), colours)


def test_a_data_uri_holds_the_png() -> None:
    head, _, body = figures.data_uri(X[3]).partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == figures.png(X[3])


def test_tiles_stand_row_by_row_and_end_blank() -> None:
    sheet = figures.tiles(X[:5], 3)
    assert sheet.shape == (56, 84)
    for k in range(5):
        row, column = divmod(k, 3)
        assert np.array_equal(sheet[28 * row :, 28 * column :][:28, :28], X[k])
    assert not sheet[28:, 56:].any()


def test_enlarge_repeats_pixels() -> None:
    large = figures.enlarge(X[:2], 3)
    assert large.shape == (2, 84, 84)
    assert np.array_equal(large[:, 1::3, 2::3], X[:2])
    assert np.array_equal(large, np.kron(X[:2], np.ones((3, 3), np.uint8)))


def test_a_gif_runs_there_and_back() -> None:
    frames = X[:4] / 255
    film = Image.open(io.BytesIO(figures.gif(frames, seconds=1.5, scale=2)))
    assert film.format == "GIF"
    assert film.size == (56, 56)
    assert film.info["loop"] == 0
    shown = []
    for k in range(film.n_frames):  # type: ignore[attr-defined]
        film.seek(k)
        assert film.info["duration"] == 500
        shown.append(np.asarray(film.convert("L"))[::2, ::2])
    assert len(shown) == 6
    for picture, k in zip(shown, (0, 1, 2, 3, 2, 1), strict=True):
        assert np.abs(picture.astype(int) - X[k]).max() <= 1


def test_a_gif_is_never_faster_than_a_browser_shows() -> None:
    film = Image.open(io.BytesIO(figures.gif(X[:200] / 255, seconds=0.1, scale=1)))
    assert film.info["duration"] == 20


def test_a_thumbnail_has_a_dot_of_the_digits_colour_where_the_code_is() -> None:
    corners = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    picture = figures.code_thumbnail(corners, np.array([0, 1, 2]), size=64)
    assert picture.shape == (64, 64, 4)
    assert picture.dtype == np.uint8
    assert picture[20:40, 20:40, 3].max() == 0  # nothing in the middle
    for (x, y), label in zip(corners, range(3), strict=True):
        part = picture[: 32 if y else 64, : 64 if x else 32][0 if y else 32 :, 32 if x else 0 :]
        seen = {tuple(colour[:3]) for colour in part.reshape(-1, 4).tolist() if colour[3]}
        name = figures.DIGITS[label]
        assert seen == {tuple(int(name[i : i + 2], 16) for i in (1, 3, 5))}
    assert figures.code_thumbnail(np.zeros((3, 2)), np.arange(3)).any()  # all in one place


# -- maps -------------------------------------------------------------------------------------


def assert_shows_all_codes(figure: go.Figure, number: int = len(PLACES)) -> None:
    """One trace a digit, in its colour, with the places of its codes in their order."""
    for label, trace in enumerate(traces(figure)[:10]):
        assert trace["name"] == CLASSES[label]
        assert trace["marker"]["color"] == figures.DIGITS[label]
        mine = PLACES[:number][LABELS[:number] == label]
        assert np.array_equal(np.column_stack([trace["x"], trace["y"]]), mine)


def test_a_code_map_has_a_trace_for_each_digit() -> None:
    figure = figures.code_map(PLACES, LABELS[:500], CLASSES, height=333)
    assert len(traces(figure)) == 10
    assert_shows_all_codes(figure)
    seen = layout(figure)
    assert seen["height"] == 333
    assert (seen["xaxis"]["title"]["text"], seen["yaxis"]["title"]["text"]) == (
        "code z1",
        "code z2",
    )


def test_a_code_map_without_some_digit_still_lists_it() -> None:
    figure = figures.code_map(PLACES[:3], np.array([1, 1, 7]), CLASSES)
    assert [len(trace["x"]) for trace in traces(figure)] == [0, 2, 0, 0, 0, 0, 0, 1, 0, 0]


def test_an_overlay_is_in_view_and_names_the_axes() -> None:
    marked = np.array([[9.0, -7.0], [0.0, 0.0]])
    figure = figures.code_map(PLACES, LABELS[:500], CLASSES)
    assert figures.overlay(figure, PLACES, marked, 6, ("across", "up")) is figure
    assert in_view(figure, marked).all()
    assert in_view(figure, PLACES).mean() > 0.98
    rim, dot = traces(figure)[10:]
    for trace in (rim, dot):
        assert np.array_equal(np.column_stack([trace["x"], trace["y"]]), marked)
        assert not trace["showlegend"]
    assert (dot["marker"]["color"], dot["marker"]["size"]) == ("#000000", 6)
    assert rim["marker"]["size"] > 6
    seen = layout(figure)
    assert (seen["xaxis"]["title"]["text"], seen["yaxis"]["title"]["text"]) == ("across", "up")


def test_a_few_codes_far_away_do_not_shrink_the_overlay() -> None:
    points = np.concatenate([PLACES, [[500.0, 0.0]]])
    figure = figures.overlay(go.Figure(), points, PLACES[:1], 6, ("a", "b"))
    assert layout(figure)["xaxis"]["range"][1] < 10


def test_a_path_map_has_the_path_its_ends_and_the_numbers_of_the_dots() -> None:
    path = np.linspace([0, 0], [6, 1], 20)
    figure = figures.path_map(
        PLACES, LABELS[:500], CLASSES, path, {"A": path[0], "B": path[-1]}, ("x", "y")
    )
    assert_shows_all_codes(figure)
    for trace in traces(figure)[:10]:
        numbers = np.asarray(trace["customdata"])
        assert np.array_equal(PLACES[numbers][:, 0], trace["x"])
        assert {CLASSES[LABELS[k]] for k in numbers} == {trace["name"]}
    assert np.array_equal(np.column_stack([traces(figure)[11][k] for k in "xy"]), path)
    assert in_view(figure, path).all()
    letters = {
        note["text"]: (note["x"], note["y"], note["showarrow"])
        for note in layout(figure)["annotations"]
    }
    assert letters == {"<b>A</b>": (0, 0, False), "<b>B</b>": (6, 1, False)}
    assert layout(figure)["clickmode"] == "event+select"


@pytest.mark.parametrize("seed", range(20))
def test_pins_are_in_view_and_their_names_do_not_cover_each_other(seed: int) -> None:
    draw = np.random.default_rng(seed)
    # All three in one place, near each other, and far apart.
    places = draw.standard_normal((3, 2)) * (0, 0.1, 3)[seed % 3]
    pins = {"clean": places[0], "noisy": places[1], "cleaned": places[2]}
    figure = figures.pinned_map(PLACES, LABELS[:500], CLASSES, pins, ("x", "y"))
    assert_shows_all_codes(figure, figures.PINNED_DOTS)
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
    found = traces(figures.pinned_map(points, labels, CLASSES, pins, ("x", "y"), path=points[5:9]))
    assert {trace["type"] for trace in found} == {"scatter"}
    assert sum(len(trace["x"]) for trace in found[:10]) == figures.PINNED_DOTS
    assert np.array_equal(np.column_stack([found[-1][k] for k in "xy"]), points[5:9])


# -- charts -----------------------------------------------------------------------------------


def test_class_counts_are_bars_in_the_digits_colours() -> None:
    counts = np.bincount(LABELS, minlength=10)
    (bars,) = traces(figures.class_counts(counts, CLASSES))
    assert bars["type"] == "bar"
    assert list(bars["x"]) == list(CLASSES)
    assert np.array_equal(bars["y"], counts)
    assert list(bars["marker"]["color"]) == list(figures.DIGITS)


def test_a_distance_curve_has_the_distances_two_levels_and_the_ends() -> None:
    away = np.array([0.1, 0.5, 0.9, 0.2, 0.1])
    figure = figures.distance_curve(away, 0.15, 0.4, {"A": 0.0, "1": 0.3, "B": 1.0})
    curve, most, half = traces(figure)
    assert np.array_equal(curve["y"], away)
    assert np.allclose(curve["x"], [0, 25, 50, 75, 100])
    assert (most["y"], half["y"]) == ((0.4, 0.4), (0.15, 0.15))
    axis = layout(figure)["xaxis"]
    assert np.allclose(axis["tickvals"], [0, 30, 100])
    assert list(axis["ticktext"]) == ["A", "1", "B"]
    assert layout(figure)["yaxis"]["rangemode"] == "tozero"


def test_loss_curves_have_both_lines_of_each_term_and_hide_only_the_first_fall() -> None:
    steps = np.arange(1, 101)
    training = np.where(steps < 5, 1000.0, 50.0 - steps / 10)
    kl = np.linspace(0, 8, 100)
    terms = {"reconstruction": (training, training + 2), "kl": (kl, kl + 0.5)}
    figure = figures.loss_curves(steps, terms, unit="nats per image", last=400)
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
    assert colours == [figures.TRAINING, figures.VALIDATION] * 2
    low, high = layout(figure)["yaxis"]["range"]
    assert low <= 40
    assert 51.5 <= high < 100
    low, high = layout(figure)["yaxis2"]["range"]
    assert -1 < low < kl.min() == 0  # what begins low is seen whole
    assert 8.5 <= high < 10
    assert layout(figure)["xaxis"]["range"] == layout(figure)["xaxis2"]["range"] == (0, 400)
    titles = [note["text"] for note in layout(figure)["annotations"]]
    assert titles == ["reconstruction, nats per image", "kl, nats per image"]
    assert layout(figure)["xaxis2"]["title"]["text"] == "step"


def test_loss_curves_without_held_out_pictures_have_one_line() -> None:
    steps, training = np.arange(1, 101), np.linspace(90, 30, 100)
    figure = figures.loss_curves(steps, {"reconstruction": (training,)}, unit="nats")
    (line,) = traces(figure)
    assert (line["name"], line["line"]["color"]) == ("training", figures.TRAINING)
    assert np.array_equal(line["y"], training)
    low, high = layout(figure)["yaxis"]["range"]
    assert low < 30
    assert training[4] < high < 95


@pytest.mark.parametrize("values", [[], [3.0], [0.0, 0.0]])
def test_loss_curves_of_hardly_anything(values: list[float]) -> None:
    y = np.array(values)
    figure = figures.loss_curves(np.arange(1, len(y) + 1), {"kl": (y, y)}, unit="nats")
    seen = layout(figure)["yaxis"]["range"]
    assert (seen is None) == (not values)
    if seen:
        assert seen[0] < y.min() <= y.max() < seen[1]


def test_a_ladder_curve_has_both_errors_and_marks_the_chosen_width() -> None:
    errors = {"vanilla": [0.04, 0.02, 0.01], "PCA": [0.05, 0.04, 0.03]}
    figure = figures.ladder_curve([2, 4, 8], errors, 4)
    for trace, (name, values) in zip(traces(figure), errors.items(), strict=True):
        assert trace["name"] == name
        assert list(trace["x"]) == [2, 4, 8]
        assert list(trace["y"]) == values
        assert trace["marker"]["size"][1] > trace["marker"]["size"][0] == trace["marker"]["size"][2]
    seen = layout(figure)
    assert (seen["xaxis"]["type"], seen["yaxis"]["type"]) == ("log", "log")
    assert list(seen["xaxis"]["ticktext"]) == ["2", "4", "8"]


def test_a_map_in_space_has_every_code_in_its_digits_colour_and_the_place() -> None:
    codes = np.random.default_rng(0).normal(size=(500, 3))
    place = np.array([9.0, 0.0, -9.0])
    *dots, marked = traces(figures.space_map(codes, LABELS[:500], CLASSES, place))
    for label, trace in enumerate(dots):
        assert trace["type"] == "scatter3d"
        assert trace["marker"]["color"] == figures.DIGITS[label]
        mine = codes[LABELS[:500] == label]
        assert np.array_equal(np.column_stack([trace[k] for k in "xyz"]), mine)
    assert [marked[k][0] for k in "xyz"] == place.tolist()
    scene = layout(figures.space_map(codes, LABELS[:500], CLASSES, place))["scene"]
    for k, axis in enumerate("xyz"):
        low, high = scene[f"{axis}axis"]["range"]
        assert low <= place[k] <= high
        assert scene[f"{axis}axis"]["title"]["text"] == f"code z{k + 1}"


def test_a_metric_of_each_number_is_a_bar_each() -> None:
    (bars,) = traces(figures.by_dimension(np.array([3.0, 0.0, 1.5]), "KL, nats"))
    assert list(bars["x"]) == [1, 2, 3]
    assert list(bars["y"]) == [3.0, 0.0, 1.5]


def test_operating_curves_have_both_models_guessing_and_the_threshold() -> None:
    x, y = np.array([0.0, 0.1, 1.0]), np.array([0.0, 0.9, 1.0])
    curves = {"model": (x, y), "PCA": (x, x)}
    figure = figures.operating_curve(curves, (0.1, 0.9), ("rate", "recall"), (0.0, 1.0))
    guess, model, pca, place = traces(figure)
    assert list(guess["y"]) == [0, 1]
    assert [model["name"], pca["name"]] == list(curves)
    assert (list(model["x"]), list(model["y"])) == (x.tolist(), y.tolist())
    assert (list(place["x"]), list(place["y"])) == ([0.1], [0.9])
    assert layout(figure)["xaxis"]["title"]["text"] == "rate"


def test_the_curve_of_contamination_goes_from_little_to_much() -> None:
    known = {0.2: 0.7, 0.0: 0.98, 0.05: 0.9}
    curve, yours, pca = traces(figures.contamination_curve(known, {0.1: 0.8}, 0.95))
    assert list(curve["x"]) == [0, 5, 20]
    assert list(curve["y"]) == [0.98, 0.9, 0.7]
    assert (list(yours["x"]), list(yours["y"])) == ([10], [0.8])
    assert curve["line"]["color"] != yours["line"]["color"]
    assert list(pca["y"]) == [0.95, 0.95]
    curve, yours, _ = traces(figures.contamination_curve(known, {}, 0.95))
    assert (curve["showlegend"], yours["showlegend"]) == (True, False)
