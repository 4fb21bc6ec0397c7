"""Places marked on the map, each linked to its image on the page; a Streamlit component."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aeviz.app.components import browser, latent_map
from aeviz.app.components.latent_map import Ground, ground_data

HERE = Path(__file__).parent
_HTML = """
<div class="aeviz-map marked" data-testid="marked-map">
  <div class="stage">
    <div class="half" data-below="0"><canvas class="under" aria-hidden="true"></canvas></div>
    <div class="plot" data-part="plot"></div>
    <div class="half above" data-above="0">
      <canvas class="over" data-part="images" aria-hidden="true"></canvas>
      <div class="names" data-part="names"></div>
      <svg class="over" data-part="marks" aria-hidden="true"></svg>
      <i class="ring" data-part="ring" data-testid="ring" hidden></i>
      <div class="scale" data-part="scale" aria-hidden="true"><i></i><b></b><span></span></div>
      <div class="minimap" data-part="minimap" aria-hidden="true" hidden>
        <canvas></canvas><i></i>
      </div>
    </div>
    <p class="far" data-part="message" role="alert" hidden></p>
  </div>
</div>
"""

# Not isolated: Plotly's own style rules live in the page's head.
_component = browser.declare(HERE, _HTML, isolated=False, like=Path(latent_map.__file__).parent)


def marked_map(key: str, ground: Ground, places: np.ndarray, dots: Sequence[str] = ()) -> None:
    """Mount the map.

    Args:
        places: that are marked, (K, 2).
        dots: what links each of them to its image, as `widgets.Item` has it; none where they have
            no images of their own.
    """
    data = ground_data(key, [ground]) | {
        "places": np.round(places, 5).tolist(),
        "dots": list(dots),
    }
    _component(key=key, data=data)
