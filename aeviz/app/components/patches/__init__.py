"""An image whose parts are hidden by clicking or painting; a Streamlit component.

What is hidden is text of one 0 or 1 for each cell of a square grid, row by row, 1 where it is
hidden.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isqrt
from pathlib import Path

import numpy as np

from aeviz.app import session
from aeviz.app.components import browser
from aeviz.charts import pixels

HERE = Path(__file__).parent

_component = browser.declare(HERE, '<div class="patches" data-testid="patches" role="group"></div>')


COVER = np.array([74, 85, 104], np.uint8)
"""The colour of what is hidden, as in patches.css."""


def covered(image: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """An image (H, W) in [0, 1] with what is not visible (H, W) covered: (H, W, 3) uint8."""
    grey = np.round(255 * image).astype(np.uint8)
    return np.where(visible[..., None], grey[..., None], COVER)


def patches(
    key: str,
    image: np.ndarray,
    hidden: str,
    on_change: Callable[[], None],
    *,
    brush: float = 0.0,
) -> None:
    """Show an image (H, W) in a grid of cells that a person hides and shows.

    The page keeps what is hidden: after a change it stands in
    `session.get(key).hidden["cells"]`, and the page hands it in again.

    Args:
        on_change: called after a click, or at the end of a drag.
        brush: cells whose centres are this near to the pointer are painted too, in cells.
    """
    done = session.get(key)
    _component(
        key=key,
        data={
            "image": pixels.data_uri(image),
            "hidden": hidden,
            "side": isqrt(len(hidden)),
            "brush": brush,
            "at": done.hidden["at"] if done else 0,  # of the click that this answers
        },
        default={"hidden": {"cells": hidden, "at": 0}},
        on_hidden_change=on_change,
    )


def visible_pixels(hidden: str, size: int) -> np.ndarray:
    """Which pixels (size, size) bool are left visible."""
    side = isqrt(len(hidden))
    cells = np.array([cell == "0" for cell in hidden]).reshape(side, side)
    return pixels.enlarge(cells, size // side)


def at_random(number: int, cells: int) -> str:
    """So many of the cells hidden, drawn afresh at each call."""
    chosen = np.random.default_rng().permutation(cells) < number
    return "".join(map(str, chosen.astype(int)))


def middle(radius: float, size: int) -> str:
    """A disc of pixels hidden in the middle of an image (size, size); the radius in pixels."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return "".join(map(str, (np.hypot(y, x) <= radius).astype(int).flat))


def packed(hidden: str) -> str:
    """Hexadecimal, a quarter as long: for the address."""
    return f"{int(hidden, 2):0{len(hidden) // 4}x}"


def unpacked(text: str, cells: int) -> str | None:
    """What `packed` made of so many cells; None for any other text."""
    if not re.fullmatch(f"[0-9a-f]{{{cells // 4}}}", text):
        return None
    return f"{int(text, 16):0{cells}b}"
