"""One step of a run in slow motion, played stage by stage; a Streamlit component."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aeviz.app.components import browser
from aeviz.training.slow import Layer, SlowStep

HERE = Path(__file__).parent

_component = browser.declare(
    HERE,
    '<div class="slow" data-testid="slow" role="group" aria-label="One step in slow motion"></div>',
    sheets=("slider",),
)


def slow_motion(key: str, step: SlowStep, stages: Sequence[tuple[str, str]]) -> None:
    """Show a step, stage by stage; the browser plays it without asking the server.

    Args:
        stages: name and sentence of each, in order: "batch", "encoder", "cloud", "draw" or "code",
            "decoder", "loss", "gradient", "step".
    """
    cloud = step.cloud
    data: dict[str, Any] = {
        "stages": [list(stage) for stage in stages],
        "shape": list(step.images.shape[1:]),
        "images": [_text(image) for image in step.images],
        "seen": None if step.seen is None else _text(step.seen),
        "layers": [_layer(layer) for layer in step.layers],
        "cloud": None
        if cloud is None
        else {name: _floats(getattr(cloud, name)) for name in ("mu", "sigma", "epsilon")},
        "z": _floats(step.z),
        "reconstruction": _text(step.reconstruction),
        "after": _text(step.after),
        "terms": [[name, value, step.terms_after[name]] for name, value in step.terms.items()],
    }
    _component(key=key, data=data)


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "text": layer.text,
        "encodes": layer.encodes,
        "shape": " x ".join(str(side) for side in layer.shape),
        "values": _floats(layer.values),
        "gradient": layer.gradient,
        "moved": layer.moved,
    }


def _floats(values: np.ndarray) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def _text(image: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(image, np.uint8).tobytes()).decode()
