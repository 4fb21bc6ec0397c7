"""Colours, which mean the same on every page, and what all charts have in common."""

from __future__ import annotations

# plotly takes pandas as it finds it: half imported, where another thread has just begun to.
import pandas  # noqa: F401

DIGITS = (
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
)
"""Ten colours that colour-blind people can tell apart: Petroff 2021, arXiv:2107.02270, table 1."""
ORIGINAL = "#3f90da"
RECONSTRUCTION = "#e76300"
BASELINE = "#94a4a2"
PLACE = "#d6249f"
"""Of a place in space: unlike any digit, seen on light and on dark."""

CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}
"""Plotly's tool bar shows what helps: pass it as st.plotly_chart(config=...)."""
PLAIN = {"displayModeBar": False}
"""No tool bar: on a phone, where it is always there, it lies over legends and names."""


TRAINING = "#8a8f98"
VALIDATION = "#2590b8"


SIDE_BY_SIDE = (RECONSTRUCTION, VALIDATION, "#832db6", "#b9ac70")
"""Of what stands side by side: the terms of a loss, models in the order in which they were chosen.
"""


NORMAL, ODD = "#2590b8", "#d1495b"
"""Of pictures that belong and of those that do not."""


FILES = "#a96b59"
"""Of files as everybody keeps them: JPEG, PNG."""
SCRATCH, TUNED = "#832db6", "#bd1f01"
"""Of a network with fresh weights, and of one that goes on from trained ones."""
