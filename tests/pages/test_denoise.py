"""The denoise page without a browser: noise, cleaning, the map, uploads good and bad."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest

from aeviz import checkpoint, data, evaluate, figures, images, latent, planes
from tests.pages.shipped import ONE_OF_EACH

MNIST = data.load()
SHIPPED = checkpoint.shipped()
HOME = next(name for name, card in SHIPPED.items() if card.home)
START = 1


def open_page(model: str = HOME) -> AppTest:
    app = AppTest.from_file("../../app.py", default_timeout=120).run()
    app.selectbox(key="model").set_value(model)
    app.switch_page("pages/denoise.py").run()
    assert not app.exception
    return app


def pictures(app: AppTest) -> dict[str, str]:
    """The addresses of the four pictures by name."""
    body = next(e.proto.body for e in app.get("html") if 'alt="clean"' in e.proto.body)
    return {name: uri for uri, name in re.findall(r'<img src="([^"]+)" alt="([^"]+)"', body)}


def decibels(app: AppTest) -> list[float]:
    body = next(e.proto.body for e in app.get("html") if 'alt="clean"' in e.proto.body)
    return [float(value) for value in re.findall(r"PSNR ([\d.]+) dB", body)]


def expected(model_name: str, clean: np.ndarray, sigma: float, seed: int) -> tuple:
    """Clean, noisy and cleaned picture, by the definition."""
    model = checkpoint.load(checkpoint.FOLDER / model_name)
    clean = latent.to_float(clean)
    noise = np.random.default_rng(seed).standard_normal((28, 28), np.float32)
    noisy = np.clip(clean + np.float32(sigma) * noise, 0, 1)
    return clean, noisy, latent.reconstruct(model, noisy[None])[0]


def drawing() -> bytes:
    """A one drawn with a pen on white paper."""
    paper = Image.new("RGB", (300, 400), "white")
    ImageDraw.Draw(paper).line((170, 60, 140, 340), fill=(20, 20, 120), width=22)
    buffer = io.BytesIO()
    paper.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_shipped_model_cleans_and_shows_its_codes(name: str) -> None:
    app = open_page(name)
    clean, noisy, cleaned = expected(name, MNIST.test_images[START], 0.5, 0)
    assert pictures(app) == {
        "clean": figures.data_uri(clean),
        "noisy": figures.data_uri(noisy),
        "cleaned": figures.data_uri(cleaned),
        "error": figures.data_uri(figures.signed(cleaned - clean)),
    }
    found = [-10 * np.log10(np.square(x - clean).mean()) for x in (noisy, cleaned)]
    assert decibels(app) == pytest.approx(found, abs=0.051)

    model = checkpoint.load(checkpoint.FOLDER / name)
    # The dots are test digits, whose labels are known; of the three pictures none is told.
    plane = planes.default_plane(latent.encode(model, MNIST.test_images, MNIST.test_labels))
    codes = latent.encode(model, np.stack([clean, noisy, cleaned]))
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)  # type: ignore[attr-defined]
    notes = chart["layout"]["annotations"]
    assert [note["text"] for note in notes] == ["<b>clean</b>", "<b>noisy</b>", "<b>cleaned</b>"]
    places = np.array([(note["x"], note["y"]) for note in notes])
    assert np.allclose(places, plane.project(codes), rtol=1e-3, atol=1e-3)


def test_the_noise_follows_its_slider_and_its_seed() -> None:
    app = open_page()
    first = pictures(app)
    app.slider(key="sigma").set_value(0.25).run()
    weak = pictures(app)
    assert weak["clean"] == first["clean"]
    assert weak["noisy"] == figures.data_uri(expected(HOME, MNIST.test_images[START], 0.25, 0)[1])
    next(b for b in app.button if b.label == "New noise").click().run()
    assert app.number_input(key="noise_seed").value == 1
    assert pictures(app)["noisy"] == figures.data_uri(
        expected(HOME, MNIST.test_images[START], 0.25, 1)[1]
    )
    app.slider(key="sigma").set_value(0.0).run()
    still = pictures(app)
    assert still["noisy"] == still["clean"]
    assert not app.exception
    assert len(decibels(app)) == 1  # nothing to compare in a picture without noise


def test_another_test_picture() -> None:
    app = open_page()
    app.number_input(key="picture").set_value(18).run()
    assert pictures(app)["clean"] == figures.data_uri(MNIST.test_images[18])


def test_a_model_that_was_not_trained_to_clean_says_so_and_offers_one_that_was() -> None:
    for name in SHIPPED:
        app = open_page(name)
        spoils = hasattr(checkpoint.load(checkpoint.FOLDER / name), "corrupt")
        assert len(app.info) == (0 if spoils else 1), name
    able = [
        (card.config["latent_dim"], name)
        for name, card in SHIPPED.items()
        if hasattr(checkpoint.load(checkpoint.FOLDER / name), "corrupt")
    ]
    app = open_page()
    assert "not trained to clean" in app.info[0].value
    if not able:
        pytest.skip("no shipped model was trained to clean")
    next(b for b in app.button if b.label.startswith("Use ")).click().run()
    assert app.selectbox(key="model").value == max(able)[1]
    assert not app.info
    assert not app.exception


def upload(app: AppTest, content: bytes, name: str = "mine.png") -> AppTest:
    app.segmented_control(key="picture_from").set_value("upload").run()
    app.file_uploader(key="picture_file").upload(name, content, "image/png").run()
    assert not app.exception
    return app


def test_a_picture_of_ones_own_is_read_like_mnist_and_cleaned() -> None:
    app = open_page()
    app.segmented_control(key="picture_from").set_value("upload").run()
    assert "Nothing is uploaded yet" in app.info[-1].value
    assert pictures(app)["clean"] == figures.data_uri(MNIST.test_images[START])
    upload(app, drawing())
    clean, noisy, cleaned = expected(HOME, images.to_mnist(drawing()), 0.5, 0)
    assert pictures(app)["clean"] == figures.data_uri(clean)
    assert pictures(app)["noisy"] == figures.data_uri(noisy)
    assert pictures(app)["cleaned"] == figures.data_uri(cleaned)
    assert not any("Until then" in info.value for info in app.info)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"hello, I am a text", "not a picture that can be read"),
        (b"", "empty"),
        (drawing()[:200], "damaged or cut off"),
        (evaluate.__doc__.encode() * 5, "not a picture"),  # type: ignore[union-attr]
    ],
)
def test_a_bad_upload_is_one_sentence_and_the_page_goes_on(content: bytes, sentence: str) -> None:
    app = upload(open_page(), content)
    problem = next(e.proto.body for e in app.get("html") if "aeviz-problems" in e.proto.body)
    assert re.search(rf"<b>mine.png</b>: [^.]*{sentence}[^.]*\.<", problem)  # one sentence
    assert app.info[-1].value == "No digit was found. Until then this is a test picture."
    assert pictures(app)["clean"] == figures.data_uri(MNIST.test_images[START])
