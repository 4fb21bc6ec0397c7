"""How files are read: what is wrong with one is said, and a person corrects the rest."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from aeviz.app.pictures import preprocessing
from aeviz.data import digits
from aeviz.data.digits import ImageError
from tests.app.pictures.handing_in import (
    CASES,
    choose,
    encoded,
    html_of,
    is_test_picture,
    open_page,
    picked,
    scan,
    upload,
)


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
    assert app.info[-1].value == "No digit was found. What you see is a test image."
    assert is_test_picture(picked(app))


def test_a_picture_above_the_limit_gives_a_sentence_on_the_page() -> None:
    app = choose(open_page(), "upload")
    upload(app, ("huge.png", bytes(digits.MAX_BYTES + 1)))
    assert "at most 15 MB" in html_of(app)


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
        picked(app).images[0], digits.stages(content, threshold=0.08).digits[0]
    )
    next(s for s in app.segmented_control if s.label == "Invert").set_value("no").run()
    assert not app.exception
    by_hand = digits.stages(content, threshold=0.08, inverted=False).digits
    np.testing.assert_array_equal(picked(app).images[0], by_hand[0])
    next(s for s in app.slider if s.label == "Threshold").set_value(0.99).run()
    assert "lower it" in html_of(app)
    assert is_test_picture(picked(app))
    next(b for b in app.button if b.label == "Reset to automatic").click().run()
    np.testing.assert_array_equal(picked(app).images[0], digits.stages(content).digits[0])


def test_of_a_class_one_picture_is_read_at_a_time_in_the_order_they_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy = threading.Lock()
    begun: list[bytes] = []
    first, go_on = threading.Event(), threading.Event()

    def stages(content: bytes, **_: object) -> None:
        assert busy.acquire(blocking=False)  # nobody else reads now
        begun.append(content)
        first.set()
        go_on.wait(20)
        busy.release()
        raise ImageError("read")

    monkeypatch.setattr(digits, "stages", stages)
    names = [bytes([k]) for k in range(12)]
    with ThreadPoolExecutor(12) as people:
        waiting = [people.submit(preprocessing.read, names[0])]
        assert first.wait(20)
        for name in names[1:]:
            waiting.append(people.submit(preprocessing.read, name))
            time.sleep(0.02)
        assert begun == names[:1]
        go_on.set()
        assert [str(answer.result(20)) for answer in waiting] == ["read"] * 12
    assert begun == names


def test_a_picture_is_read_once_for_a_person_and_anew_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads: list[bytes] = []
    plain = digits.stages

    def stages(content: bytes, **more: Any) -> digits.Stages:
        reads.append(content)
        return plain(content, **more)

    monkeypatch.setattr(digits, "stages", stages)
    files = [(f"{k}.png", scan(k)) for k in range(3)]
    app = upload(choose(open_page(many=True), "upload"), *files)
    app.slider(key="other").set_value(3).run()
    assert reads == [content for _, content in files]
    upload(choose(open_page(), "upload"), files[0])
    assert reads == [content for _, content in [*files, files[0]]]
