"""What all charts of all pages have in common."""

from __future__ import annotations

import json

import pytest

from aeviz.app import pages
from tests.pages.opening import opened

WITH_TOOLS = {"few_labels", "map", "uses"}
"""Pages with a chart that is large enough for a tool bar."""
WITHOUT = {"beta", "holes", "inpainting", "reconstruct", "sample"}
"""Pages without a chart: what they draw, they draw with components of their own."""
CHARTS = {"map": {"model": "variational-3d", "plane": "space"}}
"""What an address says for a page to show its charts, where it does not at once."""


@pytest.mark.parametrize("page", sorted(set(pages.PAGES) - {"home", "chooser", "anatomy", "train"}))
def test_a_tool_bar_is_absent_or_has_no_cloud_and_no_logo(page: str) -> None:
    charts = opened(page, **CHARTS.get(page, {})).get("plotly_chart")
    configs = [json.loads(chart.proto.config) for chart in charts]
    with_tools = [config for config in configs if config.get("displayModeBar", True)]
    assert bool(configs) == (page not in WITHOUT), page
    assert bool(with_tools) == (page in WITH_TOOLS), page
    for config in with_tools:
        assert (config.get("displaylogo"), config.get("showSendToCloud")) == (False, False)
