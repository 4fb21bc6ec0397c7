"""Two maps side by side with one image at both probes; a Streamlit component."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aeviz.app import session
from aeviz.app.components import browser, latent_map
from aeviz.app.components.latent_map import Ground, ground_data

HERE = Path(__file__).parent


def _half(number: int, side: str) -> str:
    return f"""
<div class="half above" data-above="{number}">
  <b class="title" data-part="title"></b>
  <div class="probe" data-part="probe" data-testid="probe-{side}" role="slider" tabindex="0" hidden
    aria-label="Probe of the {side} map: drag it, or move it with the arrow keys"></div>
  <canvas class="over" data-part="images" aria-hidden="true"></canvas>
  <i class="ring" data-part="ring" data-testid="ring-{side}" hidden></i>
  <div class="names" data-part="names"></div>
  <div class="legend" data-part="legend" hidden>
    <b data-part="legend-title"></b>
    <p class="chips" data-part="legend-classes"></p>
    <canvas data-part="legend-scale" aria-hidden="true"></canvas>
    <p class="ticks" data-part="legend-ticks"></p>
    <p class="mark" data-part="legend-line"></p>
  </div>
  <div class="scale" data-part="scale" aria-hidden="true"><i></i><b></b><span></span></div>
  <div class="minimap" data-part="minimap" aria-hidden="true" hidden><canvas></canvas><i></i></div>
</div>"""


def _below(number: int) -> str:
    return f"""
<div class="half" data-below="{number}">
  <canvas class="under" aria-hidden="true"></canvas>
  <canvas class="under" data-part="layer" role="img" hidden></canvas>
</div>"""


_FIGURE = (
    '<figure><canvas role="img" aria-label="{0}"></canvas>'
    '<figcaption><b data-part="{1}"></b><small data-part="{2}"></small></figcaption></figure>'
)
_HTML = f"""
<div class="aeviz-map two" data-testid="two-maps">
  <div class="stage">
    {_below(0)}{_below(1)}
    <div class="plot" data-part="plot"></div>
    {_half(0, "left")}{_half(1, "right")}
    <p class="far" data-part="message" role="alert" hidden></p>
  </div>
  <div class="same">
    <figure><canvas role="img" aria-label="The image"></canvas>
      <figcaption><b>The image</b><small data-part="which"></small></figcaption></figure>
    {_FIGURE.format("Its reconstruction by the left model", "left", "left-text")}
    {_FIGURE.format("Its reconstruction by the right model", "right", "right-text")}
  </div>
</div>
"""

# Not isolated: Plotly's own style rules live in the page's head.
_component = browser.declare(HERE, _HTML, isolated=False, like=Path(latent_map.__file__).parent)


@dataclass(frozen=True)
class Side:
    """One of the two maps.

    reconstruction: (H, W) of the image that is chosen; text: on its error.
    """

    ground: Ground
    reconstruction: np.ndarray
    text: str


def chosen(key: str) -> int | None:
    """The test image that the person chose on the maps under a key; None before."""
    done = session.get(key)
    image = done.image if done else None
    return None if image is None else int(image["index"])


def two_maps(key: str, sides: Sequence[Side], index: int) -> None:
    """Mount the maps; what is chosen on them is read with `chosen`.

    Args:
        index: of the test image whose codes the probes stand at.
    """
    done = session.get(key)
    image: dict[str, Any] | None = done.image if done else None
    data = ground_data(key, [side.ground for side in sides]) | {
        "index": index,
        "at": image["at"] if image else 0,  # of the choice that this answers
        "exact": [
            {"image": latent_map.grey(side.reconstruction), "text": side.text} for side in sides
        ],
    }
    _component(key=key, data=data, default={"image": None}, on_image_change=lambda: None)
