"""The map page without a browser: planes for every shipped model, and a selection."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from aeviz import checkpoint


def open_map(**query: str) -> AppTest:
    app = AppTest.from_file("../../app.py", default_timeout=120)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run().switch_page("pages/map.py").run()


@pytest.mark.parametrize("name", checkpoint.shipped())
def test_every_shipped_model_has_a_map(name: str) -> None:
    app = open_map(model=name)
    assert not app.exception
    assert app.selectbox(key="model").value == name
    assert len(app.get("bidi_component")) == 1


def test_two_axes_need_two_numbers() -> None:
    app = open_map(model="vanilla-32d", plane="axes")
    assert not app.exception
    app.selectbox(key="across").set_value(2).run()
    assert "two different numbers" in app.info[0].value


def test_a_selection_is_counted_and_shown() -> None:
    app = open_map()
    app.session_state["map"] = {"selection": [0, 1, 2, 3]}
    app.run()
    assert not app.exception
    assert any(heading.value == "4 selected" for heading in app.subheader)
