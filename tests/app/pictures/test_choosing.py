"""The way in for pictures without a browser: every source, several digits, corrections, names."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest

from aeviz.app.pictures import choosing
from aeviz.charts import figures
from aeviz.data import datasets, digits
from tests.pages.opening import box

MNIST = datasets.load()
CASES = Path(__file__).parents[2] / "cases"


def page(many: bool) -> None:
    """A page of its own with what the app sets up for every page."""
    import streamlit as st

    from aeviz.app.pictures import choosing
    from aeviz.data import datasets

    picked = choosing.pick_images(datasets.load("mnist"), "picture", many=many)
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
    return encoded(255 - figures.enlarge(row, 4))


def choose(app: AppTest, source: str) -> AppTest:
    app.segmented_control(key="picture_from").set_value(source).run()
    assert not app.exception
    return app


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    app.file_uploader(key="picture_file").set_value([(n, c, "image/png") for n, c in files]).run()
    assert not app.exception
    return app


def picked(app: AppTest) -> choosing.Picked:
    return app.session_state.picked


def html_of(app: AppTest) -> str:
    return "\n".join(e.proto.body for e in app.get("html"))  # type: ignore[attr-defined]


def is_test_picture(found: choosing.Picked) -> bool:
    return np.array_equal(found.pictures, datasets.to_float(MNIST.test_images[1:2]))


def test_uploads_one_several_and_unreadable_ones() -> None:
    app = choose(open_page(), "upload")
    assert is_test_picture(picked(app))
    assert app.info[-1].value == "Nothing is uploaded yet. Until then this is a test picture."

    one = scan(0)
    upload(app, ("seven.png", one))
    np.testing.assert_array_equal(picked(app).pictures, digits.to_mnist(one)[None])
    assert picked(app).names == ["seven"]
    assert picked(app).labels is None
    assert not app.info
    strip = re.findall(r'alt="step: ([^"]+)"', html_of(app))
    assert strip == ["as uploaded", "grey", "inverted", "cropped", "28 by 28"]

    app.slider(key="other").set_value(5).run()  # another control of the page
    np.testing.assert_array_equal(picked(app).pictures, digits.to_mnist(one)[None])

    evil = '<img src=x onerror="alert(1)">.png'
    upload(app, (evil, b"no picture"), ("two.png", scan(1)), ("cut.png", scan(2)[:200]))
    np.testing.assert_array_equal(picked(app).pictures, digits.to_mnist(scan(1))[None])
    body = html_of(app)
    assert "<img src=x" not in body
    assert "&lt;img src=x onerror" in body
    assert "not a picture that can be read" in body
    assert "<b>cut.png</b>: This picture is damaged or cut off" in body

    choose(app, "test")
    choose(app, "upload")  # what was uploaded is there again
    np.testing.assert_array_equal(picked(app).pictures, digits.to_mnist(scan(1))[None])
    app.button(key="picture_forget").click().run()
    assert is_test_picture(picked(app))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("model.pt", "This is a trained model"),
        ("model.h5", "such as a Keras model"),
        ("iphone.heic", "damaged or cut off"),
    ],
)
def test_a_file_of_the_wrong_kind_gives_a_sentence_on_the_page(name: str, sentence: str) -> None:
    app = choose(open_page(), "upload")
    uploader = app.file_uploader(key="picture_file")
    assert not list(uploader.proto.type)  # the browser keeps none out
    upload(app, (name, (CASES / name).read_bytes()))
    assert f"<b>{name}</b>: " in html_of(app)
    assert sentence in html_of(app)
    assert app.info[-1].value == "No digit was found. Until then this is a test picture."
    assert is_test_picture(picked(app))


def test_a_picture_above_the_limit_gives_a_sentence_on_the_page() -> None:
    app = choose(open_page(), "upload")
    upload(app, ("huge.png", bytes(digits.MAX_BYTES + 1)))
    assert "at most 15 MB" in html_of(app)


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
    assert choosing.has_uploads(headers, cookies) is able


@pytest.mark.parametrize("source", ["upload", "camera"])
def test_where_nothing_can_be_uploaded_the_way_out_is_said(
    monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setattr(choosing, "has_uploads", lambda headers, cookies: False)
    app = choose(open_page(), source)
    assert not app.get("file_uploader")
    assert not app.get("camera_input")
    assert "window of its own" in app.info[0].value
    assert app.get("link_button")


def test_several_digits_in_one_picture_are_offered() -> None:
    number = scan(0, 2, 1)
    apart = digits.stages(number).digits
    assert len(apart) == 3
    app = upload(choose(open_page(), "upload"), ("number.png", number))
    np.testing.assert_array_equal(picked(app).pictures, apart[:1])
    which = next(b for b in app.pills if b.label == "Digit that is used")
    assert which.options == ["1", "2", "3", "All as one"]
    which.set_value(2).run()
    np.testing.assert_array_equal(picked(app).pictures, apart[2:])
    assert picked(app).names == ["number-3"]
    next(b for b in app.pills if b.label == "Digit that is used").set_value(3).run()
    np.testing.assert_array_equal(picked(app).pictures, digits.to_mnist(number)[None])


def test_many_gives_all_that_were_handed_in() -> None:
    number = scan(0, 2)
    app = choose(open_page(many=True), "upload")
    upload(app, ("a.png", number), ("a.png", scan(1)), ("b.txt.png", b"no"))
    expected = np.concatenate([digits.stages(number).digits, digits.stages(scan(1)).digits])
    np.testing.assert_array_equal(picked(app).pictures, expected)
    assert len(set(picked(app).names)) == 3
    next(b for b in app.pills if b.label == "Digits that are used").set_value([2, 0]).run()
    np.testing.assert_array_equal(picked(app).pictures, expected[[0, 2]])

    upload(app, ("a.png", number))  # it may be one digit in pieces
    np.testing.assert_array_equal(picked(app).pictures, digits.stages(number).digits)
    next(b for b in app.pills if b.label == "Digits that are used").set_value([2]).run()
    np.testing.assert_array_equal(picked(app).pictures, digits.to_mnist(number)[None])


def test_a_person_corrects_inversion_and_threshold() -> None:
    faint = np.full((200, 200), 255, np.uint8)
    faint[40:160, 90:110] = 0
    faint[40:160, 140:150] = 215
    content = encoded(faint)
    app = upload(choose(open_page(), "upload"), ("faint.png", content))
    found = digits.stages(content)
    slider = next(s for s in app.slider if s.label == "Threshold")
    invert = next(s for s in app.segmented_control if s.label == "Invert")
    assert slider.value == round(found.threshold, 2)
    assert invert.value == "yes"
    slider.set_value(0.08).run()
    np.testing.assert_array_equal(
        picked(app).pictures[0], digits.stages(content, threshold=0.08).digits[0]
    )
    next(s for s in app.segmented_control if s.label == "Invert").set_value("no").run()
    assert not app.exception
    by_hand = digits.stages(content, threshold=0.08, inverted=False).digits
    np.testing.assert_array_equal(picked(app).pictures[0], by_hand[0])
    next(s for s in app.slider if s.label == "Threshold").set_value(0.99).run()
    assert "lower it" in html_of(app)
    assert is_test_picture(picked(app))
    next(b for b in app.button if b.label == "As found").click().run()
    np.testing.assert_array_equal(picked(app).pictures[0], digits.stages(content).digits[0])


def drawing(*lines: list[tuple[int, int]]) -> dict[str, object]:
    """What the canvas sends."""
    canvas = Image.new("RGB", (280, 280))
    for line in lines:
        ImageDraw.Draw(canvas).line(line, "white", choosing.PEN, joint="curve")
    uri = "data:image/png;base64," + base64.b64encode(encoded(np.asarray(canvas))).decode()
    return {"drawing": {"raw": {"objects": [{"type": "Path"} for _ in lines]}, "data": uri}}


def test_a_drawing_is_read_and_kept() -> None:
    app = choose(open_page(), "draw")
    assert app.info[-1].value == "Nothing is drawn yet. Until then this is a test picture."
    assert is_test_picture(picked(app))
    app.session_state["picture_canvas"] = drawing([(60, 50), (220, 50), (120, 240)])
    app.run()
    assert not app.exception
    assert not app.info
    seven = picked(app)
    assert seven.names == ["drawing"]
    # Strokes of about two pixels, as MNIST's: the ink over their length in the result.
    length = (160 + np.hypot(100, 190)) * 20 / (190 + choosing.PEN)
    assert 1.8 < seven.pictures.sum() / length < 3
    choose(app, "test")
    choose(app, "draw")  # the canvas begins empty-handed, and the drawing is there again
    np.testing.assert_array_equal(picked(app).pictures, seven.pictures)
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
    assert choosing.has_camera(address) is camera


def test_a_phone_is_led_from_the_camera_to_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "has_camera", lambda address: False)
    app = choose(open_page(), "camera")
    assert not app.get("camera_input")
    assert "https" in app.info[0].value
    next(b for b in app.button if b.label == "Go to Upload").click().run()
    assert not app.exception
    assert box(app, "Picture").value == "upload"
    assert len(app.get("file_uploader")) == 1


def test_a_photo_by_the_camera() -> None:
    app = choose(open_page(), "camera")
    assert "Upload" in app.caption[-1].value
    assert app.info[-1].value == "No photo is taken yet. Until then this is a test picture."
    photo = encoded(np.asarray(Image.open(io.BytesIO(scan(0)))), "JPEG")
    app.camera_input(key="picture_camera").set_value(("p.jpg", photo, "image/jpeg")).run()
    assert not app.exception
    np.testing.assert_array_equal(picked(app).pictures, digits.to_mnist(photo)[None])


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("seven.png", "seven"),
        ("../../etc/passwd.png", "etc-passwd"),
        ("<b>.jpg", "b"),
        (".png", "picture"),
        ("七.png", "七"),
        ("x" * 99, "x" * 40),
    ],
)
def test_a_name_for_files_and_captions(name: str, stem: str) -> None:
    assert choosing.file_stem(name) == stem
