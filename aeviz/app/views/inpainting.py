"""Parts of the page of missing parts: what is hidden, and what each model was told of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from aeviz.analysis import inpainting
from aeviz.app import session, ui
from aeviz.app.components import patches
from aeviz.data.digits import SIDE

PATCHES = 49
START = 3 * PATCHES // 4
MIDDLE = patches.middle(6.5, SIDE)
WAYS = {"patches": "Patches", "paint": "By painting", "rows": "Lower rows"}


@dataclass(frozen=True)
class Grid:
    """A way to hide cells of a picture by hand.

    key: of what is hidden, also its name in the URL; brush: its radius in pixels.
    """

    key: str
    brush: float
    how: str


GRIDS = {
    "patches": Grid("hidden", 0.0, "Click a patch to hide or show it, or drag over several."),
    "paint": Grid(
        "painted",
        2.0,
        "Paint over the digit to hide it. A stroke that begins on paint wipes it off.",
    ),
}


def choose_way() -> tuple[str, int]:
    """Widgets for how a part is hidden: a key of `WAYS`, and how many rows are shown at most."""
    way = ui.choice("Hide", WAYS, "hide")
    if way != "rows":
        return way, SIDE
    rows = st.slider(
        "Rows shown", 0, SIDE, SIDE // 2, key="rows_shown", bind="query-params", width=300
    )
    return way, rows


def visible(way: str, rows: int) -> np.ndarray:
    """Which pixels (28, 28) bool are left visible; what is hidden by hand goes into the address."""
    if session.value("hidden") is None:
        asked = st.query_params.get("hidden", "")
        known = re.fullmatch(rf"[01]{{{PATCHES}}}", asked)
        session.put("hidden", asked if known else patches.at_random(START, PATCHES))
    if session.value("painted") is None:
        asked = st.query_params.get("painted", "")
        session.put("painted", patches.unpacked(asked, len(MIDDLE)) or MIDDLE)
    for other, grid in GRIDS.items():
        if other != way:
            st.query_params.pop(grid.key, None)
    if way == "rows":
        return np.arange(SIDE)[:, None].repeat(SIDE, 1) < rows
    hidden: str = session.value(GRIDS[way].key)
    st.query_params[GRIDS[way].key] = hidden if way == "patches" else patches.packed(hidden)
    return patches.visible_pixels(hidden, SIDE)


def given(way: str, picture: np.ndarray, shown: np.ndarray) -> None:
    """The picture (28, 28) as the models get it, to hide and show parts of, with shortcuts.

    Args:
        shown: from `visible`.
    """
    if way == "rows":
        ui.sheet(patches.covered(picture, shown), "shown rows")
        return
    grid = GRIDS[way]
    hidden: str = session.value(grid.key)
    patches.patches(f"{grid.key}-grid", picture, hidden, partial(_keep, grid.key), brush=grid.brush)
    st.caption(grid.how)
    shortcuts = {
        "patches": {
            "Hide three quarters": patches.at_random(START, PATCHES),
            "Hide half": patches.at_random(PATCHES // 2, PATCHES),
        },
        "paint": {
            "Hide the middle": MIDDLE,
            "Swap": hidden.translate(str.maketrans("01", "10")),
        },
    }[way] | {"Show all": "0" * len(hidden)}
    with st.container(horizontal=True, gap="small"):
        for k, (label, then) in enumerate(shortcuts.items()):
            kind = "secondary" if k else "primary"
            st.button(label, on_click=session.put, args=(grid.key, then), type=kind)


def _keep(key: str) -> None:
    """Take over what the person hides and shows."""
    session.put(key, st.session_state[f"{key}-grid"].hidden["cells"])


def note(of: str, losses: np.ndarray, shown: np.ndarray) -> str:
    """What a model is told of the hole in what is visible (28, 28), or how it finds out.

    Args:
        losses: of `fill.Filled`.
    """
    model = ui.load_model(of)
    if model.reads_rows:
        rows = inpainting.rows_read(shown)
        return f"told: it reads {rows} row{'' if rows == 1 else 's'} and stops"
    if model.uses_visible:
        return "told what is hidden"
    if not len(losses):
        return f"not told: it copies its own guess, {inpainting.ROUNDS} times"
    return f"search for a code: {losses[0]:.0f} to {losses[-1]:.0f} nats"
