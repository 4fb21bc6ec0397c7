"""What a figure holds, for tests to read: Plotly's own types do not say it."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go


def traces(figure: go.Figure) -> Any:
    return figure.data


def layout(figure: go.Figure) -> Any:
    return figure.layout
