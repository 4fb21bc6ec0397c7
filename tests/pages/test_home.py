"""The home page without a browser."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from aeviz.app import pages
from aeviz.models.zoo import MODELS
from tests.pages.opening import chosen_model, components


def test_home_shows_the_map_of_the_pretrained_vae_and_the_ways_on() -> None:
    app = AppTest.from_file("entry.py", default_timeout=120).run()
    assert not app.exception
    assert len(components(app, "latent_map")) == 1
    assert chosen_model(app) == "variational-2d"
    text = " ".join(element.value for element in app.markdown)
    for model_class in MODELS.values():
        assert model_class.idea in text


def test_every_page_is_reached_from_home_under_the_headings_of_the_four_places() -> None:
    app = AppTest.from_file("entry.py", default_timeout=120).run()
    links = {element.proto.page for element in app.get("page_link")}  # type: ignore[attr-defined]
    assert links >= set(pages.PAGES) - {"home"}
    headings = " ".join(e.value for e in app.markdown if e.value.startswith("**"))
    for section in pages.ORDER:
        assert f"**{section}: " in headings


def test_a_model_in_the_address_that_does_not_exist_falls_back_to_the_home_model() -> None:
    app = AppTest.from_file("entry.py", default_timeout=120)
    app.query_params["model"] = "../../etc/passwd"
    app.run()
    assert not app.exception
    assert chosen_model(app) == "variational-2d"
