"""Where pictures come from, without a browser: upload, canvas, camera."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from aeviz.app.pictures import sources
from aeviz.data import digits
from tests.app.pictures.handing_in import (
    choose,
    encoded,
    is_test_picture,
    open_page,
    picked,
    scan,
)
from tests.pages.opening import box

COOKIE = {"_streamlit_xsrf": "2|a|b|1"}


@pytest.mark.parametrize(
    ("headers", "cookies", "able"),
    [
        ({"Host": "lab"}, COOKIE, True),
        ({"Host": "lab"}, {"other": "1"}, False),
        ({"Host": "lab"}, {}, False),
        ({}, {}, True),  # no browser
    ],
)
def test_a_browser_without_the_cookie_cannot_upload(
    headers: dict[str, str], cookies: dict[str, str], able: bool
) -> None:
    assert sources.has_uploads(headers, cookies) is able


@pytest.mark.parametrize("source", ["upload", "camera"])
def test_where_nothing_can_be_uploaded_the_way_out_is_said(
    monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setattr(sources, "has_uploads", lambda headers, cookies: False)
    app = choose(open_page(), source)
    assert not app.get("file_uploader")
    assert not app.get("camera_input")
    assert "window of its own" in app.info[0].value
    assert app.get("link_button")


def drawing(*lines: list[tuple[int, int]]) -> dict[str, object]:
    """What the canvas sends."""
    canvas = Image.new("RGB", (280, 280))
    for line in lines:
        ImageDraw.Draw(canvas).line(line, "white", sources.PEN, joint="curve")
    uri = "data:image/png;base64," + base64.b64encode(encoded(np.asarray(canvas))).decode()
    return {"drawing": {"raw": {"objects": [{"type": "Path"} for _ in lines]}, "data": uri}}


def test_a_drawing_is_read_and_kept() -> None:
    app = choose(open_page(), "draw")
    assert app.info[-1].value == "Nothing is drawn yet. What you see is a test image."
    assert is_test_picture(picked(app))
    app.session_state["picture_canvas"] = drawing([(60, 50), (220, 50), (120, 240)])
    app.run()
    assert not app.exception
    assert not app.info
    seven = picked(app)
    assert seven.names == ["drawing"]
    # Strokes of about two pixels, as MNIST's: the ink over their length in the result.
    length = (160 + np.hypot(100, 190)) * 20 / (190 + sources.PEN)
    assert 1.8 < seven.images.sum() / length < 3
    choose(app, "test")
    choose(app, "draw")  # the canvas begins empty-handed, and the drawing is there again
    np.testing.assert_array_equal(picked(app).images, seven.images)
    app.session_state["picture_canvas"] = drawing()
    app.run()
    assert is_test_picture(picked(app))


@pytest.mark.parametrize(
    ("address", "camera"),
    [
        ("https://lab.example.org/denoise", True),
        ("http://localhost:8501", True),
        ("http://127.0.0.1:8501/denoise", True),
        ("http://[::1]:8501", True),
        ("http://192.168.178.20:8501", False),
        ("http://laptop:8501/denoise", False),
        ("http://localhost.example.org", False),
        (None, True),
    ],
)
def test_which_addresses_browsers_give_the_camera_to(address: str | None, camera: bool) -> None:
    assert sources.has_camera(address) is camera


def test_a_phone_is_led_from_the_camera_to_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "has_camera", lambda address: False)
    app = choose(open_page(), "camera")
    assert not app.get("camera_input")
    assert "https" in app.info[0].value
    next(b for b in app.button if b.label == "Go to Upload").click().run()
    assert not app.exception
    assert box(app, "Image").value == "upload"
    assert len(app.get("file_uploader")) == 1


def test_a_photo_by_the_camera() -> None:
    app = choose(open_page(), "camera")
    assert "Upload" in app.caption[-1].value
    assert app.info[-1].value == "No photo is taken yet. What you see is a test image."
    photo = encoded(np.asarray(Image.open(io.BytesIO(scan(0)))), "JPEG")
    app.camera_input(key="picture_camera").set_value(("p.jpg", photo, "image/jpeg")).run()
    assert not app.exception
    np.testing.assert_array_equal(picked(app).images, digits.to_mnist(photo)[None])
