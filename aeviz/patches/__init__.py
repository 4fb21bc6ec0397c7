"""A picture whose patches are hidden by clicking or dragging; a Streamlit component."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import streamlit.components.v2 as components

from aeviz import figures

HERE = Path(__file__).parent

_component = components.component(
    "aeviz.patches",
    html='<div class="patches" data-testid="patches" role="group"></div>',
    css=(HERE / "patches.css").read_text(),
    js=(HERE / "patches.js").read_text(),
)


COVER = np.array([74, 85, 104], np.uint8)
"""The colour of what is hidden, as in patches.css."""


def covered(picture: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """A picture (H, W) in [0, 1] with what is not visible (H, W) covered: (H, W, 3) uint8."""
    grey = np.round(255 * picture).astype(np.uint8)
    return np.where(visible[..., None], grey[..., None], COVER)


def patches(
    key: str, picture: np.ndarray, hidden: str, on_change: Callable[[], None], *, side: int = 7
) -> None:
    """Show a picture (H, W) in a grid of patches that a person hides and shows.

    What is hidden is text of one 0 or 1 for each patch, row by row, 1 where it is hidden. The
    page keeps it: after a change it stands in `st.session_state[key].hidden`, and the page hands it
    in again.

    Args:
        on_change: called after a click, or at the end of a drag.
        side: patches along a side.
    """
    _component(
        key=key,
        data={"picture": figures.data_uri(picture), "hidden": hidden, "side": side},
        default={"hidden": hidden},
        on_hidden_change=on_change,
    )
