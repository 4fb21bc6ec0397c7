"""The learning rate of each step, by hand, and the settings that hold at it."""

from __future__ import annotations

import numpy as np
import pytest

from aeviz.models import optim
from aeviz.models.zoo import MODELS
from aeviz.training.course import Change, Course, decay_of


def change(step: int, knob: str, value: float) -> Change:
    return Change(step=step, knob=knob, value=value)


def test_a_course_of_known_length_is_warm_up_and_cosine() -> None:
    course = Course(3e-3, 500, 500)
    rates = [course.rate(step) for step in range(500)]
    assert rates == [optim.learning_rate(step, 500, 3e-3) for step in range(500)]


def test_a_course_without_an_end_warms_up_and_stays_until_it_decays_in_a_line() -> None:
    course = Course(2.0, None, None)
    rates = [course.rate(step) for step in range(1000)]
    assert rates[:200] == pytest.approx(0.5 * np.arange(1, 201) / 200)
    assert set(rates[200:]) == {0.5}  # a quarter of the highest
    course.changes = (change(800, "decay", 120),)
    rates = [course.rate(step) for step in range(920)]
    assert set(rates[200:800]) == {0.5}
    assert rates[800:] == pytest.approx(0.5 * np.arange(120, 0, -1) / 120)


def test_a_rate_that_is_changed_holds_from_its_step_on_under_any_schedule() -> None:
    whole = Course(1.0, 400, 400)
    halved = Course(1.0, 400, 400, (change(150, "lr", 0.5),))
    ratio = [halved.rate(step) / whole.rate(step) for step in range(400)]
    assert ratio == pytest.approx([1.0] * 150 + [0.5] * 250)
    late = Course(1.0, 1100, None, (change(1000, "decay", 100), change(1050, "lr", 4.0)))
    assert late.rate(1049) == pytest.approx(0.25 * 51 / 100)
    assert late.rate(1050) == pytest.approx(4 * 0.25 * 50 / 100)


def test_a_run_goes_on_after_its_cosine_and_ends_before_it() -> None:
    longer = Course(1.0, 300, 100, (change(100, "decay", 0), change(260, "decay", 40)))
    assert longer.rate(99) < 1e-3
    assert [longer.rate(step) for step in (100, 200, 259, 260)] == [0.25] * 4
    assert longer.rate(299) == pytest.approx(0.25 / 40)
    ended = Course(1.0, 60, 100, (change(50, "decay", 10),))
    assert ended.rate(50) == optim.learning_rate(50, 100, 1.0)
    assert ended.rate(55) == pytest.approx(optim.learning_rate(50, 100, 1.0) / 2)


def test_settings_hold_from_their_step_on() -> None:
    config = MODELS["variational"].Config()
    changes = (change(5, "beta", 4.0), change(7, "lr", 0.1), change(9, "beta", 0.5))
    course = Course(1.0, 20, 20, changes, config)
    found = [course.settings(step).to_dict()["beta"] for step in range(12)]  # type: ignore[union-attr]
    assert found == [1.0] * 5 + [4.0] * 4 + [0.5] * 3
    assert course.settings(6) is course.settings(8)  # made once
    assert Course(1.0, 20, 20, (), config).settings(3) is config


@pytest.mark.parametrize(("step", "many"), [(0, 1), (1, 1), (100, 15), (2000, 300), (9999, 400)])
def test_a_decay_is_a_share_of_the_steps_before_it(step: int, many: int) -> None:
    assert decay_of(step) == many
