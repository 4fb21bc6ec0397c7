"""How page tests open a page."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def opened(page: str, **query: str) -> AppTest:
    """The app with a page open, at an address with these parameters."""
    app = AppTest.from_file("../../app.py", default_timeout=120)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    return app
