"""What a first visitor sees at once: the map of the home page, from a file, while torch is loading.

The same map as that which `views.explore` draws, so that it stays where it is once that takes over.
The file is made by `python -m benchmarks.first` and holds for one checkpoint only: with another one
of that name there is no file, and the page waits for torch.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.navigation.page import StreamlitPage

from aeviz.analysis.estimate import Estimate
from aeviz.analysis.planes import Window
from aeviz.app import pages, session, style, words
from aeviz.app.components import browser
from aeviz.app.components.latent_map import AtlasFile, Exact, Input, latent_map, points_file
from aeviz.data import datasets

CHECKPOINTS = pages.ROOT / "checkpoints"
FILE = CHECKPOINTS / "first.npz"
WALK = 0.07
"""How far the probe of the home page walks before it is touched, as a share of the map."""


@dataclass(frozen=True)
class First:
    """The map of the home page as it is before anybody touches it.

    model: a checkpoint's name; plane: its `planes.plane_key`; code: what stands for {code} in the
    text; points (N, 2) and labels (N,) of the test images; far: beyond which distance on the map a
    place is far from all of them; sheet: of the test images, a hundred in a row; error: of the
    atlas's blend, grey levels; exact: where the probe starts; input: what is on the pad, test image
    `opening`.
    """

    model: str
    plane: str
    code: str
    points: np.ndarray
    labels: np.ndarray
    axis_titles: tuple[str, str]
    equal: bool
    far: float
    sheet: bytes
    atlas: AtlasFile
    error: Estimate
    exact: Exact
    input: Input
    opening: int

    @property
    def window(self) -> Window:
        """What is in view."""
        return self.atlas.window


def _digest(model: str) -> str:
    """Of a checkpoint's file."""
    return hashlib.sha256((CHECKPOINTS / f"{model}.safetensors").read_bytes()).hexdigest()


def write(first: First, file: Path = FILE) -> None:
    """Keep a map for `read`."""
    exact, shown = first.exact, first.input
    told = {
        "model": first.model,
        "digest": _digest(first.model),
        "plane": first.plane,
        "code": first.code,
        "axis_titles": first.axis_titles,
        "equal": first.equal,
        "far": first.far,
        "size": first.atlas.size,
        "window": first.window,
        "error": [first.error.value, first.error.error],
        "start": exact.place,
        "nearest": exact.nearest,
        "measure": exact.measure,
        "place": shown.place,
        "ellipse": None if shown.ellipse is None else shown.ellipse.tolist(),
        "text": shown.text,
        "opening": first.opening,
    }
    assert shown.image is not None
    assert shown.reconstruction is not None
    np.savez(
        file,
        told=np.array(json.dumps(told)),
        points=first.points,
        labels=first.labels,
        sheet=np.frombuffer(first.sheet, np.uint8),
        atlas=np.frombuffer(first.atlas.content, np.uint8),
        digit=exact.digit,
        image=shown.image,
        reconstruction=shown.reconstruction,
    )


@cache
def read() -> First | None:
    """The kept map; None where it is not of the checkpoint that is there."""
    try:
        content = FILE.read_bytes()
    except FileNotFoundError:
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as kept:
        told: dict[str, Any] = json.loads(str(kept["told"]))
        if _digest(told["model"]) != told["digest"]:
            return None
        ellipse = told["ellipse"]
        return First(
            told["model"],
            told["plane"],
            told["code"],
            kept["points"],
            kept["labels"],
            tuple(told["axis_titles"]),
            told["equal"],
            told["far"],
            kept["sheet"].tobytes(),
            AtlasFile(kept["atlas"].tobytes(), told["size"], tuple(told["window"])),
            Estimate(*told["error"]),
            Exact(
                tuple(told["start"]),
                kept["digit"],
                [(index, distance) for index, distance in told["nearest"]],
                far=False,
                measure=told["measure"],
            ),
            Input(
                0,
                kept["image"],
                kept["reconstruction"],
                tuple(told["place"]),
                None if ellipse is None else np.array(ellipse),
                told["text"],
            ),
            told["opening"],
        )


def of(model: str, data: str, plane: str) -> First | None:
    """The kept map, if it is that of a model on a data set and a plane."""
    first = read()
    return first if first and (first.model, "mnist", first.plane) == (model, data, plane) else None


def move(model: str, data: str, plane: str) -> str:
    """What a map says of what was done on it: on which one."""
    return f"{model} {data} {plane}"


def show(page: StreamlitPage) -> bool:
    """Draw the home page's map for who comes first to it, and nothing else.

    The page itself takes the browser a second more, and the server seconds while it has no torch.
    Everything lies where the whole page has it: Streamlit keeps what stays in its place.

    Returns:
        False where there is more to it: another page, an address that says something.
    """
    known = session.get("page") is not None
    if known or page.url_path or session.address() or read() is None:
        return False
    with st.container(key="above", gap=None):
        st.container(key="top-row")
        browser.on_every_page()
        st.html(style.rules(large=False, present=False))
        st.container(key="notice")
        pages.at_foot(page)
    st.container()  # for a notice
    session.note("drawing", True)
    page.run()  # calls `show_map`: what is drawn there belongs to the page
    session.note("drawing", False)
    return True


def drawing() -> bool:
    """True while `show` draws the page."""
    return session.get("drawing", False)


def show_map() -> None:
    """The part of the home page that is kept."""
    first = read()
    assert first is not None  # asked before
    words.heading("home", code=first.code)
    x0, x1, _, _ = first.window
    assert first.input.image is not None
    with words.exhibit("home"), st.container():  # as a fragment has one
        latent_map(
            "home",
            points=points_file(first.points, first.labels),
            sheet=first.sheet,
            shape=first.input.image.shape,
            classes=datasets.SOURCES["mnist"].classes,
            axis_titles=first.axis_titles,
            equal=first.equal,
            window=first.window,
            atlases=[first.atlas],
            probe=first.exact.place,
            far=first.far,
            exact=first.exact,
            input=first.input,
            dots=False,
            wheel=False,
            walk=WALK * (x1 - x0),
            move=move(first.model, "mnist", first.plane),
        )


# -- torch --------------------------------------------------------------------------------------

ALONE = 5.0
"""Seconds after its start in which a server leaves torch alone: most likely somebody comes."""
DRAWING = 0.8
"""Seconds in which a first visitor's browser fetches and draws the map.

Python answers nobody while torch's libraries are opened, and the browser is busy with the page.
"""

_loaded = threading.Event()


def load() -> None:
    """Import all that the pages need; takes seconds, once in a server's life."""
    importlib.import_module("aeviz.app.widgets")
    _loaded.set()


def loaded() -> bool:
    """True once `load` is done."""
    return _loaded.is_set()
