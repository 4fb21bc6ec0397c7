"""The page of missing parts without a browser: what is hidden, what is drawn there, how far off."""

from __future__ import annotations

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from aeviz import checkpoint, data, figures, latent
from aeviz.models import MODELS
from aeviz.patches import COVER, covered

MNIST = data.load()
TOLD = [k for k, card in checkpoint.shipped().items() if MODELS[card.variant].uses_visible]
BY_PATCH = [k for k in TOLD if not MODELS[checkpoint.shipped()[k].variant].reads_rows]
BY_ROW = [k for k in TOLD if k not in BY_PATCH]


def open_page(model: str, hidden: str | None = None, **state: object) -> AppTest:
    app = AppTest.from_file("../../app.py", default_timeout=120).run()
    app.selectbox(key="model").set_value(model)
    if hidden is not None:
        app.session_state["hidden"] = hidden
    for key, value in state.items():
        app.session_state[key] = value
    app.switch_page("pages/hidden.py").run()
    assert not app.exception
    return app


def picture(app: AppTest, alt: str) -> str:
    """The address of a picture."""
    bodies = "".join(e.proto.body for e in app.get("html"))
    return re.findall(rf'src="([^"]+)" alt="{alt}">', bodies)[0]


def pixels(hidden: str) -> np.ndarray:
    """Which pixels (28, 28) a text of 49 noughts and ones leaves visible."""
    return np.kron(np.array([k == "0" for k in hidden]).reshape(7, 7), np.ones((4, 4))) > 0


def test_models_that_can_be_told_what_is_hidden_are_shipped() -> None:
    assert BY_PATCH
    assert BY_ROW


@pytest.mark.parametrize("name", BY_PATCH)
def test_hidden_patches_are_filled_in_by_the_model_that_never_saw_them(name: str) -> None:
    hidden = "01" * 24 + "1"
    app = open_page(name, hidden)
    visible, x = pixels(hidden), MNIST.test_images[1] / np.float32(255)
    model = checkpoint.load(checkpoint.FOLDER / name)
    drawn = latent.reconstruct(model, x[None], visible=visible[None])[0]
    # what was hidden can be anything
    other = np.where(visible, x, 1 - x)
    assert np.array_equal(latent.reconstruct(model, other[None], visible=visible[None])[0], drawn)
    assert picture(app, "drawn by the decoder") == figures.data_uri(drawn)
    assert picture(app, "filled in") == figures.data_uri(np.where(visible, x, drawn))
    assert picture(app, "original") == figures.data_uri(MNIST.test_images[1])
    text = next(m.value for m in app.markdown if "of the pixels are hidden" in m.value)
    share, error, black = re.findall(r"\*\*([\d.]+)%?\*\*", text)
    assert int(share) == round(100 * (1 - visible.mean()))
    assert float(error) == pytest.approx(np.square(drawn - x)[~visible].mean(), abs=6e-5)
    assert float(black) == pytest.approx(np.square(x)[~visible].mean(), abs=6e-5)
    assert not app.info


@pytest.mark.parametrize("name", BY_ROW)
def test_a_model_that_reads_rows_is_offered_rows_only(name: str) -> None:
    app = open_page(name)
    assert app.segmented_control(key="hide").options == ["Rows, from below"]
    assert len(app.get("bidi_component")) == 1  # the film: no patches to click
    app.slider(key="rows_shown").set_value(9).run()
    visible, x = np.zeros((28, 28), bool), MNIST.test_images[1] / np.float32(255)
    visible[:9] = True
    model = checkpoint.load(checkpoint.FOLDER / name)
    drawn = latent.reconstruct(model, x[None], visible=visible[None])[0]
    assert picture(app, "filled in") == figures.data_uri(np.where(visible, x, drawn))
    assert picture(app, "shown rows") == figures.data_uri(covered(x, visible))


def test_another_model_gets_black_and_the_page_leads_to_those_that_can_be_told() -> None:
    hidden = "0" * 20 + "1" * 29
    app = open_page("vanilla-32d", hidden)
    assert "cannot be told" in app.info[0].value
    visible, x = pixels(hidden), MNIST.test_images[1] / np.float32(255)
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-32d")
    drawn = latent.reconstruct(model, (x * visible)[None])[0]
    assert picture(app, "drawn by the decoder") == figures.data_uri(drawn)
    offers = [b for b in app.button if b.label.startswith("Use ")]
    assert len(offers) == len(TOLD)
    if offers:
        offers[0].click().run()
        assert app.selectbox(key="model").value == TOLD[0]
        assert not app.info


def test_buttons_hide_as_many_patches_as_they_say_and_the_address_keeps_them() -> None:
    app = open_page("vanilla-2d")
    assert app.session_state["hidden"].count("1") == 36  # three quarters at first
    for label, number in (("Hide half", 24), ("Hide three quarters", 36), ("Show all", 0)):
        next(b for b in app.button if b.label == label).click().run()
        assert app.session_state["hidden"].count("1") == number
        assert app.query_params["hidden"] == app.session_state["hidden"]
    assert "Nothing is hidden." in [m.value for m in app.markdown]
    before = app.session_state["hidden"]
    next(b for b in app.button if b.label == "Hide half").click().run()
    first = app.session_state["hidden"]
    next(b for b in app.button if b.label == "Hide half").click().run()
    assert len({before, first, app.session_state["hidden"]}) == 3


@pytest.mark.parametrize("asked", ["", "01", "2" * 49, "1" * 50])
def test_an_address_that_names_no_patches_hides_three_quarters(asked: str) -> None:
    app = AppTest.from_file("../../app.py", default_timeout=120)
    app.query_params["hidden"] = asked
    app.run()
    app.switch_page("pages/hidden.py").run()
    assert not app.exception
    assert app.session_state["hidden"].count("1") == 36


def test_the_cover_hides_and_the_rest_stays() -> None:
    x = MNIST.test_images[0] / np.float32(255)
    visible = pixels("1" * 10 + "0" * 39)
    shown = covered(x, visible)
    assert (shown[~visible] == COVER).all()
    assert np.array_equal(shown[visible], MNIST.test_images[0][visible][:, None].repeat(3, 1))
