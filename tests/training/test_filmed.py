"""The film of a run as a GIF."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from PIL import Image, ImageSequence

from aeviz.training import filmed, place, store
from tests.training.making import by_hand, small


@pytest.mark.parametrize("variant", ["variational", "vanilla"])
def test_a_film_shows_one_moment_after_another_and_rests_at_the_end(variant: str) -> None:
    run = store.create(small(variant, steps=60))
    by_hand(run)
    picture = Image.open(io.BytesIO(filmed.gif(run)))
    assert picture.format == "GIF"
    many = sum(1 for _ in ImageSequence.Iterator(picture))
    assert 20 < many <= filmed.SHOTS  # alike ones become one that lasts longer
    assert picture.info["loop"] == 0
    shown = []
    for k in (0, many // 2, many - 1):
        picture.seek(k)
        shown.append(np.asarray(picture.convert("RGB")).astype(int))
    assert all(np.abs(a - b).mean() > 0.5 for a, b in itertools.pairwise(shown))
    assert picture.info["duration"] >= 1000


def test_a_run_without_frames_has_no_film() -> None:
    run = store.create(small(steps=5))
    with pytest.raises(place.RunError, match="no film"):
        filmed.gif(run)
