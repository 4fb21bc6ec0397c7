"""The inpainting page without a browser: what is hidden, what is drawn there, how far off."""

from __future__ import annotations

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from aeviz.analysis import inpainting
from aeviz.app import library, pictures
from aeviz.app.components.patches import COVER, covered, middle, packed
from aeviz.app.pictures import Picked
from aeviz.charts.pixels import data_uri, signed
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from tests.pages.opening import choose_model, components, kept

MNIST = datasets.load()
X = MNIST.test_images[1] / np.float32(255)
CARDS = checkpoint.pretrained()
ROW = inpainting.side_by_side(CARDS)
OTHER = "variational-2d"
COVARIANCE = np.cov(MNIST.train_images.reshape(60_000, 784).T / np.float32(255))


def open_page(model: str, **address: str) -> AppTest:
    app = AppTest.from_file("entry.py", default_timeout=120)
    for key, value in address.items():
        app.query_params[key] = value
    app.run()
    choose_model(app, model)
    app.switch_page("../../pages/inpainting.py").run()
    assert not app.exception
    return app


def gallery(app: AppTest) -> dict[str, str]:
    """The addresses of the row's images by their alternative texts, in their order."""
    body = next(e.proto.body for e in app.get("html") if "aeviz-gallery" in e.proto.body)
    return {alt: uri for uri, alt in re.findall(r'<img src="([^"]+)" alt="([^"]+)"', body)}


def captions(app: AppTest) -> list[list[str]]:
    body = next(e.proto.body for e in app.get("html") if "aeviz-gallery" in e.proto.body)
    return [text.split("<br>") for text in re.findall("<figcaption>(.*?)</figcaption>", body)]


def click(app: AppTest, label: str) -> None:
    next(b for b in app.button if b.label == label).click().run()
    assert not app.exception


def pixels(hidden: str) -> np.ndarray:
    """Which pixels (28, 28) a text of 49 noughts and ones leaves visible."""
    return np.kron(np.array([k == "0" for k in hidden]).reshape(7, 7), np.ones((4, 4))) > 0


def expected_by_a_gaussian(visible: np.ndarray) -> np.ndarray:
    """Hidden pixels by the formula for a conditional mean, with numpy's covariance."""
    if visible.all():
        return X
    seen = visible.ravel()
    mean = MNIST.train_images.mean(0).ravel() / 255
    covariance = COVARIANCE + 1e-4 * np.eye(784)
    there = np.linalg.solve(covariance[seen][:, seen], X.ravel()[seen] - mean[seen])
    filled = X.ravel().copy()
    filled[~seen] = (mean[~seen] + covariance[~seen][:, seen] @ there).clip(0, 1)
    return filled.reshape(28, 28)


def check(app: AppTest, names: list[str], visible: np.ndarray) -> None:
    """The row shows what these models make of the image, with their errors."""
    shown, texts = gallery(app), captions(app)
    everybody = [*names, "the Gaussian"]
    assert list(shown)[::2] == ["original", *(f"error of {name}" for name in everybody)]
    assert shown["original"] == data_uri(MNIST.test_images[1])
    assert texts[0] == ["Original", "2"]
    errors = []
    for name, text in zip(names, texts[1:-1], strict=True):
        filled = inpainting.fill(checkpoint.load(checkpoint.FOLDER / name), X, visible).image
        assert np.array_equal(filled[visible], X[visible])
        assert shown[f"filled in by {name}"] == data_uri(filled)
        assert shown[f"error of {name}"] == data_uri(signed(filled - X))
        errors.append(np.square(filled - X)[~visible].mean())
        assert text[:2] == [library.title(name), f"MSE {errors[-1]:.4f}"]
    linear = expected_by_a_gaussian(visible)
    errors.append(np.square(linear - X)[~visible].mean())
    assert texts[-1][0] == "Gaussian (linear)"
    assert float(texts[-1][1].removeprefix("MSE ")) == pytest.approx(errors[-1], abs=2e-4)
    text = next(m.value for m in app.markdown if "of the pixels are hidden" in m.value)
    share, black, grey, least = re.findall(r"\*\*([\d.]+)%?\*\*", text)
    mean = MNIST.train_images.mean(0) / 255
    assert float(grey) == pytest.approx(np.square(mean - X)[~visible].mean(), abs=6e-5)
    assert int(share) == round(100 * (1 - visible.mean()))
    assert float(black) == pytest.approx(np.square(X)[~visible].mean(), abs=6e-5)
    assert float(least) == pytest.approx(min(errors), abs=6e-5)
    titles = [*map(library.title, names), "Gaussian (linear)"]
    assert f"*{titles[int(np.argmin(errors))]}* has the lowest" in text


def test_patches_paint_and_rows_are_filled_in_side_by_side() -> None:
    hidden = "01" * 24 + "1"
    app = open_page(ROW[0], hidden=hidden)
    check(app, ROW, pixels(hidden))
    (button,) = app.get("download_button")
    assert button.proto.label == "Download this row as PNG"
    notes = [text[2] for text in captions(app)[1:]]
    assert notes[0].startswith("told")
    assert notes[1] == "told: it reads 0 rows and stops"
    assert notes[2].startswith("not told")
    assert notes[3].startswith("its encoder cannot be told")
    assert notes[4] == "told what is hidden"
    before, after = re.findall(r"search for a code: (\d+) to (\d+) nats", notes[3])[0]
    assert int(after) < int(before)

    app.segmented_control(key="hide").set_value("paint").run()
    painted = middle(6.5, 28)
    assert app.query_params["painted"] == packed(painted)
    assert "hidden" not in app.query_params
    y, x = np.mgrid[:28, :28]
    disc = (y - 13.5) ** 2 + (x - 13.5) ** 2 <= 6.5**2
    check(app, ROW, ~disc)
    click(app, "Swap")
    check(app, ROW, disc)
    click(app, "Show all")
    assert "Nothing is hidden." in [m.value for m in app.markdown]
    assert {text[1] for text in captions(app)[1:]} == {"nothing hidden"}
    click(app, "Hide the middle")
    assert kept(app, "painted") == painted

    app.segmented_control(key="hide").set_value("rows").run()
    app.slider(key="rows_shown").set_value(9).run()
    visible = np.arange(28)[:, None].repeat(28, 1) < 9
    check(app, ROW, visible)
    assert captions(app)[2][2] == "told: it reads 9 rows and stops"
    body = next(e.proto.body for e in app.get("html") if "shown rows" in e.proto.body)
    assert data_uri(covered(X, visible)) in body
    assert not {"hidden", "painted"} & set(app.query_params)


def test_another_model_comes_first_and_the_address_keeps_what_is_painted(monkeypatch) -> None:
    hole = "0" * 400 + "1" * 300 + "0" * 84
    app = open_page(OTHER, hide="paint", painted=packed(hole))
    assert kept(app, "painted") == hole
    check(app, [OTHER, *ROW], np.array([k == "0" for k in hole]).reshape(28, 28))
    assert len(components(app, "player")) == len(components(app, "patches")) == 1
    film = next(m.value for m in app.markdown if "chosen above" in m.value)
    assert library.title(OTHER) in film
    # one of a person's own, of which nobody knows the class
    mine = Picked(MNIST.test_images[6:7] / np.float32(255), ["mine"], None)
    monkeypatch.setattr(pictures, "pick_images", lambda *_: mine)
    app.run()
    assert not app.exception
    assert captions(app)[0] == ["Original", "mine"]
    assert gallery(app)["original"] == data_uri(MNIST.test_images[6])


def test_what_is_hidden_is_hidden_still_after_another_page() -> None:
    app = open_page("vanilla-2d")
    click(app, "Hide half")
    app.segmented_control(key="hide").set_value("rows").run()
    app.slider(key="rows_shown").set_value(9).run()
    hidden = kept(app, "hidden")
    app.switch_page("../../pages/home.py").run()
    app.query_params.clear()
    app.switch_page("../../pages/inpainting.py").run()
    assert not app.exception
    assert app.segmented_control(key="hide").value == "rows"
    assert app.slider(key="rows_shown").value == 9
    assert app.query_params["rows_shown"] == "9"
    app.segmented_control(key="hide").set_value("patches").run()
    assert kept(app, "hidden") == app.query_params["hidden"] == hidden


def test_buttons_hide_as_many_patches_as_they_say_and_the_address_keeps_them() -> None:
    app = open_page("vanilla-2d", hidden="2" * 49, painted="0" * 195)
    assert kept(app, "hidden").count("1") == 36  # three quarters at first
    assert kept(app, "painted") == middle(6.5, 28)
    for label, number in (("Hide half", 24), ("Hide three quarters", 36), ("Show all", 0)):
        click(app, label)
        assert kept(app, "hidden").count("1") == number
        assert app.query_params["hidden"] == kept(app, "hidden")
    click(app, "Hide half")
    first = kept(app, "hidden")
    click(app, "Hide half")
    assert kept(app, "hidden") != first


def test_the_cover_hides_and_the_rest_stays() -> None:
    visible = pixels("1" * 10 + "0" * 39)
    shown = covered(X, visible)
    assert (shown[~visible] == COVER).all()
    assert np.array_equal(shown[visible], MNIST.test_images[1][visible][:, None].repeat(3, 1))


def film(app: AppTest) -> list[str]:
    """What stands below each frame."""
    (sent,) = components(app, "player")
    return sent["captions"]


@pytest.mark.parametrize("name", ["vanilla-2d", ROW[0]])
def test_the_film_has_the_error_of_the_rows_that_are_not_given(name: str) -> None:
    app = open_page(name, hide="rows", rows_shown="9")
    texts = film(app)
    assert len(texts) == 29
    model = checkpoint.load(checkpoint.FOLDER / name)
    for rows in (0, 9, 27):
        visible = np.arange(28)[:, None].repeat(28, 1) < rows
        drawn = apply.reconstruct(model, (X * visible)[None], None, visible[None])[0]
        error = np.square(drawn[rows:] - X[rows:]).mean()
        assert texts[rows] == f"{rows} of 28 rows: MSE of the others {error:.4f}"
    assert texts[28] == "28 of 28 rows: nothing hidden"
    told = any(m.value.startswith("The encoder of this model cannot be told") for m in app.markdown)
    assert told == (not model.uses_visible)
