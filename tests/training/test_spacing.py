"""Which steps are kept."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aeviz.training import spacing


@pytest.mark.parametrize("per_doubling", [1, 2, 8])
def test_so_many_steps_of_each_doubling_begin_a_slot(per_doubling: int) -> None:
    begun = [step for step in range(0, 4096) if spacing.begins(step, per_doubling)]
    assert begun[:2] == [0, 1]
    for low in (64, 256, 1024, 2048):
        assert sum(low <= step < 2 * low for step in begun) == per_doubling
    assert begun == spacing.firsts(range(4096), per_doubling)
    ideal = {max(math.ceil(2 ** (k / per_doubling)), 1) for k in range(12 * per_doubling)}
    assert set(begun) - {0} == ideal


def test_of_each_slot_the_first_that_is_there_is_kept() -> None:
    assert spacing.firsts([0, 3, 5, 6, 7, 9, 30, 31], 1) == [0, 3, 5, 9, 30]


@pytest.mark.parametrize("most", [2, 5, 40])
def test_thinning_keeps_both_ends_and_is_even_in_the_logarithm(most: int) -> None:
    steps = [*range(1, 100), *range(100, 10_000, 50)]
    kept = spacing.thin(steps, most)
    assert len(kept) == most
    assert (kept[0], kept[-1]) == (steps[0], steps[-1])
    assert set(kept) <= set(steps)
    gaps = np.diff(np.log(np.array(kept) + 1))
    assert gaps.max() < 4 * math.log(10_000) / (most - 1)


def test_few_steps_stay_as_they_are() -> None:
    assert spacing.thin([1, 2, 3], 3) == [1, 2, 3]
    assert spacing.thin([7], 1) == [7]
    assert spacing.thin([], 5) == []
