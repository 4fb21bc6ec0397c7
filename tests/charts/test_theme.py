"""Colours that can be told apart, and a tool bar that sends nothing away."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from aeviz.charts import theme

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
    codes = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in theme.DIGITS]) / 255
    linear = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    seen = lab(np.clip(linear @ np.array(SIMULATED[sight]).T, 0, 1))
    assert len(seen) == 10
    distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
    assert min(distances) > 15  # a difference of 2 is just seen when both lie side by side


def test_neighbours_on_every_map_are_as_far_apart_in_colour_as_these_ten_can_be() -> None:
    srgb = np.array([[int(name[i : i + 2], 16) / 255 for i in (1, 3, 5)] for name in theme.DIGITS])
    places = lab(np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4))
    away = np.linalg.norm(places[:, None] - places[None], axis=-1)

    def least(a: int, b: int, c: int) -> float:
        return min(away[a, b], away[a, c], away[b, c])

    threes = {three: least(*three) for three in itertools.combinations(range(10), 3)}
    best = max(
        min(threes[one], threes[other])
        for one in threes
        for other in threes
        if not {*one} & {*other}
    )
    reached = min(least(3, 5, 8), least(4, 9, 7))
    assert reached == pytest.approx(best)
    assert reached > 73


def test_the_ten_colours_are_those_of_petroff() -> None:
    assert sorted(theme.DIGITS) == sorted(
        [
            "#3f90da",
            "#ffa90e",
            "#bd1f01",
            "#94a4a2",
            "#832db6",
            "#a96b59",
            "#e76300",
            "#b9ac70",
            "#717581",
            "#92dadd",
        ]
    )
