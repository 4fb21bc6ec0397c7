"""What is measured on masks and brightness, by its definition."""

import numpy as np
import pytest

from aeviz.data.digits import masks


def test_otsu_parts_two_groups():
    values = np.r_[np.full(900, 0.1), np.full(100, 0.8)]
    assert 0.1 < masks.otsu(values) < 0.8
    rng = np.random.default_rng(0)
    values = np.clip(np.r_[rng.normal(0.25, 0.05, 5000), rng.normal(0.75, 0.05, 5000)], 0, 1)

    def inside(split: float) -> float:
        """The variance inside the two groups, by the definition."""
        low, high = values[values < split], values[values >= split]
        return (len(low) * low.var() + len(high) * high.var()) / len(values)

    least = min(inside(split) for split in np.linspace(0.3, 0.7, 81))
    assert inside(masks.otsu(values)) == pytest.approx(least, rel=1e-3)
    # Where nothing lies between the groups, any split is as good: it is one in the middle.
    assert masks.otsu(np.r_[np.zeros(90), np.ones(10)]) == pytest.approx(0.5, abs=0.01)
