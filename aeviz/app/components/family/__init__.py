"""Several models of one family on a slider: map, images, samples, KL; a Streamlit component.

All members go to the browser at once; while the slider moves it blends between two of them.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aeviz.analysis.families import Placement
from aeviz.app import session
from aeviz.app.components import browser
from aeviz.charts import theme

HERE = Path(__file__).parent

_HTML = """
<div class="family" data-testid="family">
  <div class="bar">
    <button type="button" class="play" data-part="play"></button>
    <div class="track">
      <input type="range" min="0" max="1" step="any" value="0" data-part="slider">
      <div class="stops" data-part="stops" aria-hidden="true"></div>
    </div>
    <p class="now" data-part="now" data-testid="family-now"></p>
  </div>
  <div class="stage" data-part="stage">
    <canvas data-part="map" data-testid="family-map" role="img"></canvas>
    <div class="names" data-part="names" aria-hidden="true"></div>
    <div class="scale" data-part="scale" aria-hidden="true"><i></i><b></b></div>
  </div>
  <div class="side">
    <dl class="figures" data-part="figures" data-testid="family-figures"></dl>
    <div class="kl" data-part="kl" data-testid="family-kl"></div>
    <p class="title">Test images, and what comes back of them</p>
    <div class="images" data-part="pairs"></div>
    <p class="title" data-part="drawn">Samples: the same draws from the prior at each stop</p>
    <div class="images" data-part="samples" role="img"></div>
  </div>
  <p class="trouble" data-part="trouble" role="alert" hidden></p>
</div>
"""

_component = browser.declare(HERE, _HTML, sheets=("slider", "stage"))


@dataclass(frozen=True)
class Stop:
    """A member of the family, as it is shown where the slider stops.

    tick: below the slider; along: where it stands on it, in [0, 1].
    placement: where its codes are drawn; half: half the width of the map.
    kl: of each dimension, nats, and as it is written; figures: others, each as its value and what
        it is compared with.
    said: all this in a sentence.
    """

    name: str
    tick: str
    along: float
    placement: Placement
    half: float
    kl: Sequence[tuple[float, str]]
    figures: Sequence[tuple[str, str]]
    said: str


@dataclass(frozen=True)
class Chosen:
    """The test image that is followed through all members.

    image: (H, W); reconstructions: (M, H, W), by each member.
    """

    index: int
    name: str
    image: np.ndarray
    reconstructions: np.ndarray


def packed(
    codes: np.ndarray,
    homes: np.ndarray,
    labels: np.ndarray,
    images: np.ndarray,
    reconstructions: np.ndarray,
    samples: np.ndarray,
) -> bytes:
    """What all members make of the same things, as the browser reads it.

    Args:
        codes: (M, N, 2), of the test images; labels: (N,), theirs.
        homes: (M, C, 2), where each class is at home among the codes.
        images: (R, H, W), some test images; reconstructions: (M, R, H, W), of these.
        samples: (M, S, H, W).
    """
    parts = [np.asarray(these, "<f4") for these in (codes, homes)]
    parts += [np.asarray(labels, np.uint8)]
    parts += [_grey(these) for these in (images, reconstructions, samples)]
    return b"".join(part.tobytes() for part in parts)


def _grey(images: np.ndarray) -> np.ndarray:
    if images.dtype == np.uint8:
        return images
    return np.round(np.clip(images, 0, 1) * 255).astype(np.uint8)


def _text(images: np.ndarray) -> str:
    return base64.b64encode(_grey(images).tobytes()).decode()  # nested data cannot be raw bytes


def family(
    key: str,
    of: bytes,
    stops: Sequence[Stop],
    *,
    label: str,
    titles: Sequence[str],
    beside: int,
    count: int,
    shape: tuple[int, int],
    classes: Sequence[str],
    row: Sequence[tuple[int, str]],
    samples: int,
    stop: int,
    chosen: Chosen,
    on_stop: Callable[[], None],
    on_chosen: Callable[[], None],
) -> None:
    """Mount the slider over the members of a family.

    The page keeps the stop and the chosen image: what a person did stands in `session.get(key)` as
    `stop["value"]` and `chosen["index"]` when the callbacks are called, and is handed in again.

    Args:
        of: from `packed`.
        label: what the members differ in.
        titles: of the figures of a stop.
        beside: the stop whose KL divergences the others are compared with.
        count: N test images.
        row: index and name of the images of `packed`.
        samples: S of them.
    """
    done = session.get(key)
    told = {name: (getattr(done, name, None) or {"at": 0})["at"] for name in ("stop", "chosen")}
    data: dict[str, Any] = {
        "file": browser.serve(of, "application/octet-stream", f"{key}-members"),
        "label": label,
        "titles": list(titles),
        "beside": beside,
        "count": count,
        "shape": list(shape),
        "classes": list(classes),
        "colours": list(theme.DIGITS),
        "row": [list(one) for one in row],
        "samples": samples,
        "stops": [
            {
                "name": one.name,
                "tick": one.tick,
                "along": one.along,
                "place": [*one.placement.turn.ravel().tolist(), *one.placement.shift.tolist()],
                "half": one.half,
                "kl": [value for value, _ in one.kl],
                "klSaid": [text for _, text in one.kl],
                "figures": [list(figure) for figure in one.figures],
                "said": one.said,
            }
            for one in stops
        ],
        "stop": {"value": stop, "at": told["stop"]},
        "chosen": {
            "index": chosen.index,
            "name": chosen.name,
            "image": _text(chosen.image),
            "made": _text(chosen.reconstructions),
            "at": told["chosen"],
        },
    }
    _component(key=key, data=data, on_stop_change=on_stop, on_chosen_change=on_chosen)
