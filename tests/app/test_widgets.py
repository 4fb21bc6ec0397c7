"""The Streamlit glue, through small apps."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from aeviz.app.components.latent_map import points_file, state
from aeviz.models.zoo import MODELS


def form_app() -> None:
    import streamlit as st

    from aeviz.app import widgets
    from aeviz.models.zoo import MODELS

    name = st.query_params["variant"]
    st.json(widgets.knob_form(MODELS[name].Config, "form"))


@pytest.mark.parametrize("name", MODELS)
def test_a_form_starts_with_the_defaults_of_every_knob(name: str) -> None:
    app = AppTest.from_function(form_app, default_timeout=60)
    app.query_params["variant"] = name
    app.run()
    assert not app.exception
    import json

    assert json.loads(app.json[0].value) == MODELS[name].Config().to_dict()


def gallery_app() -> None:
    import numpy as np

    from aeviz.app import widgets

    image = np.zeros((28, 28), np.uint8)
    widgets.gallery([widgets.Item([(image, '"><script>')], "<b>caption</b>")])


def test_a_gallery_never_passes_text_on_as_html() -> None:
    app = AppTest.from_function(gallery_app, default_timeout=60).run()
    body = app.get("html")[0].proto.body
    assert "<script>" not in body
    assert "<b>caption" not in body
    assert "&lt;b&gt;caption" in body


def test_the_points_file_is_nine_bytes_a_point() -> None:
    points = np.array([[1.5, -2], [0, 3]], np.float32)
    content = points_file(points, np.array([7, 1]))
    assert len(content) == 18
    np.testing.assert_array_equal(np.frombuffer(content[:16], "<f4"), [1.5, -2, 0, 3])
    assert content[16:] == b"\x07\x01"


def test_a_map_that_was_never_mounted_has_no_state() -> None:
    assert state("nowhere").probe is None


KEY_AT = {
    "choice": 2,
    "pick_subjects": 0,
    "several": 2,
    "toggle": 1,
    "pick": 1,
    "decoded_as": 1,
    "pick_test_image": 1,
    "number": 3,
    "draw_again": 0,
    "box": 0,
}
"""Which argument of our own widgets is the key, where it is not given by its name."""


def keys_of(path: Path) -> set[str]:
    """The keys of a page's widgets that stand in its file as they are."""
    found = set()
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        given = [word.value for word in call.keywords if word.arg == "key"]
        place = KEY_AT.get(getattr(call.func, "attr", ""), len(call.args))
        given += call.args[place : place + 1]
        found |= {str(key.value) for key in given if isinstance(key, ast.Constant)}
    return found


def test_no_two_pages_have_a_widget_of_the_same_key() -> None:
    # On a change of pages a widget is handed what another page's of the same key left.
    root = Path(__file__).parents[2]
    owners: dict[str, set[str]] = {}
    for path in [*(root / "pages").glob("*.py"), *(root / "aeviz" / "app" / "views").glob("*.py")]:
        for key in keys_of(path):
            owners.setdefault(key, set()).add(path.stem)
    assert len(owners) > 40
    assert {key: pages for key, pages in owners.items() if len(pages) > 1} == {}
