"""Which of the digits found become a page's images, and what they are called."""

from __future__ import annotations

import re

import numpy as np
import pytest

from aeviz.app.pictures import choosing
from aeviz.data import digits
from tests.app.pictures.handing_in import (
    choose,
    html_of,
    is_test_picture,
    open_page,
    picked,
    scan,
    upload,
)


def test_uploads_one_several_and_unreadable_ones() -> None:
    app = choose(open_page(), "upload")
    assert is_test_picture(picked(app))
    assert app.info[-1].value == "Nothing is uploaded yet. What you see is a test image."

    one = scan(0)
    upload(app, ("seven.png", one))
    np.testing.assert_array_equal(picked(app).images, digits.to_mnist(one)[None])
    assert picked(app).names == ["seven"]
    assert picked(app).labels is None
    assert not app.info
    strip = re.findall(r'alt="step: ([^"]+)"', html_of(app))
    assert strip == ["as uploaded", "grey", "inverted", "cropped", "28 by 28"]

    app.slider(key="other").set_value(5).run()  # another control of the page
    np.testing.assert_array_equal(picked(app).images, digits.to_mnist(one)[None])

    evil = '<img src=x onerror="alert(1)">.png'
    upload(app, (evil, b"no picture"), ("two.png", scan(1)), ("cut.png", scan(2)[:200]))
    np.testing.assert_array_equal(picked(app).images, digits.to_mnist(scan(1))[None])
    body = html_of(app)
    assert "<img src=x" not in body
    assert "&lt;img src=x onerror" in body
    assert "not a picture that can be read" in body
    assert "<b>cut.png</b>: This picture is damaged or cut off" in body

    choose(app, "test")
    choose(app, "upload")  # what was uploaded is there again
    assert "Your 3 earlier images." in [text.value for text in app.markdown]
    np.testing.assert_array_equal(picked(app).images, digits.to_mnist(scan(1))[None])
    app.button(key="picture_forget").click().run()
    assert is_test_picture(picked(app))


def test_several_digits_in_one_picture_are_offered() -> None:
    number = scan(0, 2, 1)
    apart = digits.stages(number).digits
    assert len(apart) == 3
    app = upload(choose(open_page(), "upload"), ("number.png", number))
    np.testing.assert_array_equal(picked(app).images, apart[:1])
    which = next(b for b in app.pills if b.label == "Digit to use")
    assert which.options == ["1", "2", "3", "All as one"]
    which.set_value(2).run()
    np.testing.assert_array_equal(picked(app).images, apart[2:])
    assert picked(app).names == ["number-3"]
    next(b for b in app.pills if b.label == "Digit to use").set_value(3).run()
    np.testing.assert_array_equal(picked(app).images, digits.to_mnist(number)[None])


def test_many_gives_all_that_were_handed_in() -> None:
    number = scan(0, 2)
    app = choose(open_page(many=True), "upload")
    upload(app, ("a.png", number), ("a.png", scan(1)), ("b.txt.png", b"no"))
    expected = np.concatenate([digits.stages(number).digits, digits.stages(scan(1)).digits])
    np.testing.assert_array_equal(picked(app).images, expected)
    assert len(set(picked(app).names)) == 3
    next(b for b in app.pills if b.label == "Digits to use").set_value([2, 0]).run()
    np.testing.assert_array_equal(picked(app).images, expected[[0, 2]])

    upload(app, ("a.png", number))  # it may be one digit in pieces
    np.testing.assert_array_equal(picked(app).images, digits.stages(number).digits)
    next(b for b in app.pills if b.label == "Digits to use").set_value([2]).run()
    np.testing.assert_array_equal(picked(app).images, digits.to_mnist(number)[None])


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
