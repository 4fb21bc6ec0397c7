"""Handing pictures in on a page of its own, for the tests of each part."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from streamlit.testing.v1 import AppTest

from aeviz.app.pictures import Picked
from aeviz.charts import pixels
from aeviz.data import datasets

MNIST = datasets.load()


CASES = Path(__file__).parents[2] / "cases"


def page(many: bool) -> None:
    """A page of its own with what the app sets up for every page."""
    import streamlit as st

    from aeviz.app.pictures import pick_images
    from aeviz.data import datasets

    picked = pick_images(datasets.load("mnist"), "picture", many=many)
    st.session_state.picked = picked
    st.slider("Something else", 0, 9, key="other")


def open_page(many: bool = False) -> AppTest:
    app = AppTest.from_function(page, args=(many,), default_timeout=60).run()
    assert not app.exception
    return app


def encoded(picture: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind)
    return buffer.getvalue()


def scan(*digits: int) -> bytes:
    """Test digits beside each other, dark on white."""
    row = np.hstack([np.pad(MNIST.test_images[k], 8) for k in digits])
    return encoded(255 - pixels.enlarge(row, 4))


def choose(app: AppTest, source: str) -> AppTest:
    app.segmented_control(key="picture_from").set_value(source).run()
    assert not app.exception
    return app


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    app.file_uploader(key="picture_file").set_value([(n, c, "image/png") for n, c in files]).run()
    assert not app.exception
    return app


def picked(app: AppTest) -> Picked:
    return app.session_state.picked


def html_of(app: AppTest) -> str:
    return "\n".join(e.proto.body for e in app.get("html"))  # type: ignore[attr-defined]


def is_test_picture(found: Picked) -> bool:
    return np.array_equal(found.images, datasets.to_float(MNIST.test_images[1:2]))
