"""How page tests open a page."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest


def opened(page: str, **query: str) -> AppTest:
    """The app with a page open, at an address with these parameters, as a link opens it."""
    app = AppTest.from_file("entry.py", default_timeout=120)
    for key, value in query.items():
        app.query_params[key] = value
    if page != "home":
        app.switch_page(f"../../pages/{page}.py")  # before a run: no map of the home page is drawn
    app.run()
    assert not app.exception
    return app


def box(app: AppTest, label: str) -> Any:
    """The box of this label: its key is another one once the page has set it."""
    boxes = (
        *app.selectbox,
        *app.number_input,
        *app.multiselect,
        *app.radio,
        *app.segmented_control,
    )
    return next(box for box in boxes if box.label == label)


def chosen_model(app: AppTest) -> str:
    """The name of the model that is chosen above all pages."""
    return kept(app, "model")


def choose_model(app: AppTest, name: str) -> AppTest:
    """Press a model's button above the page; the app is not run yet."""
    app.button(key=f"model-{name}").click()
    return app


def kept(app: AppTest, key: str) -> Any:
    """What the session keeps under a key of `aeviz.app.session`."""
    return app.session_state[f"{key}, kept"].value


def components(app: AppTest, name: str) -> list[dict[str, Any]]:
    """What the page sends to each component of this name."""
    found = [component.proto for component in app.get("bidi_component")]
    return [json.loads(proto.json) for proto in found if proto.component_name == f"aeviz.{name}"]
