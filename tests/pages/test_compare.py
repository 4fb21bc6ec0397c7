"""The compare page without a browser: every control, and the numbers it shows."""

from __future__ import annotations

import base64
import json
import re
from functools import partial

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from aeviz.analysis import errors, pca
from aeviz.app import library
from aeviz.charts.pixels import data_uri, signed
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from tests.pages.opening import box, choose_model, opened

MNIST = datasets.load()
VAE, OTHER = "variational-2d", "vanilla-32d"


open_page = partial(opened, "compare")


def tables(app: AppTest) -> list[str]:
    return [e.proto.body for e in app.get("html") if "aeviz-rows" in e.proto.body]


def row(table: str, name: str) -> list[str]:
    """The addresses of a row's images."""
    return re.findall(rf'<img src="([^"]+)" alt="{re.escape(name)}, \d+"', table)


def shown(app: AppTest) -> list[int]:
    """Which test images are shown."""
    return [int(k) for k in re.findall(r"<span[^>]*>\d<br>(\d+)</span>", tables(app)[0])]


def choose(app: AppTest, key: str, value: str) -> None:
    app.segmented_control(key=key).set_value(value).run()
    assert not app.exception


def decoded(packed: dict[str, str]) -> np.ndarray:
    """A table of numbers as Plotly packs it."""
    flat = np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"])
    return flat.reshape([int(side) for side in packed["shape"].split(",")])


def test_every_control_of_the_page() -> None:
    app = open_page(compared=f"{VAE},{OTHER}")
    model, other = (checkpoint.load(checkpoint.FOLDER / name) for name in (VAE, OTHER))
    titles = {name: library.title(name) for name in (VAE, OTHER)}

    # At first the worst 20 of the first model, the worst first, and the page says so.
    reconstructions = apply.reconstruct(model, MNIST.test_images)
    mse = np.square(MNIST.test_images / 255 - reconstructions).mean((1, 2))
    assert np.allclose(mse[shown(app)], np.sort(mse)[::-1][:20], rtol=1e-4)
    assert any(f"largest MSE by {titles[VAE]}" in m.value for m in app.markdown)

    # First of each class: reconstructions, errors and their numbers, in the same order for all.
    choose(app, "compare_show", "classes")
    assert app.query_params["compare_show"] == "classes"
    found = shown(app)
    assert MNIST.test_labels[found].tolist() == list(range(10))
    x = MNIST.test_images[found]
    for title, made in (
        (titles[VAE], apply.reconstruct(model, x)),
        (titles[OTHER], apply.reconstruct(other, x)),
        ("PCA, 2 components", pca.pca(MNIST, 2).reconstruct(x)),
    ):
        table = tables(app)[0]
        assert row(table, f"Reconstruction by {title}") == [data_uri(copy) for copy in made]
        drawn = [data_uri(e) for e in signed(made - x / np.float32(255))]
        assert row(table, f"Error and MSE: {title}") == drawn
        mse = np.square(x / 255 - made).mean((1, 2))
        assert all(f">{value:.4f}</span>" in table for value in mse)
    verdict = next(m.value for m in app.markdown if "reconstructs best" in m.value)
    cards = checkpoint.pretrained()
    assert f"**{titles[OTHER]}** reconstructs best" in verdict
    known = MNIST.test_images / 255
    mses = {
        name: np.square(known - apply.reconstruct(its, MNIST.test_images)).mean((1, 2))
        for name, its in ((VAE, model), (OTHER, other))
    }
    texts = {name: f"{its.mean():.5f} ± {its.std(ddof=1) / 100:.5f}" for name, its in mses.items()}
    assert f"**{texts[OTHER]}**" in verdict
    assert f"{titles[VAE]} has {texts[VAE]}" in verdict
    assert mses[OTHER].mean() == pytest.approx(cards[OTHER].figures["mse"], rel=1e-4)
    # What each has to reconstruct from: codes of different widths, the same training images.
    captions = [c.value for c in app.caption]
    assert any(f"{titles[VAE]}: 2; {titles[OTHER]}: 32; PCA" in text for text in captions)
    both = f"{titles[VAE]} and {titles[OTHER]} and PCA, 2 components: 60,000 training images"
    assert any(both in text for text in captions)

    # The table by class has each class's mean, below that of all.
    heat = json.loads(app.get("plotly_chart")[1].proto.spec)["data"][0]
    assert heat["y"] == ["all", *MNIST.classes]
    sevens = mses[OTHER][MNIST.test_labels == 7]
    spread = decoded(heat["customdata"])[8, 1]
    assert spread == pytest.approx(sevens.std(ddof=1) / np.sqrt(len(sevens)), rel=1e-3)
    assert heat["text"][8][1] == f"{sevens.mean():.4f} ± {spread:.4f}"
    assert decoded(heat["z"])[8, 1] == pytest.approx(sevens.mean(), rel=1e-4)

    # PCA as wide as one wishes.
    choose(app, "compare_pca", "32")
    linear = pca.pca(MNIST, 32).reconstruct(x)
    assert row(tables(app)[0], "Reconstruction by PCA, 32 components") == [
        data_uri(y) for y in linear
    ]

    # A closer look: six neighbours in each space, nearest first, the image itself not among them.
    choose(app, "compare_closer", "7")
    near = tables(app)[1]
    image = MNIST.test_images[found[7]] / np.float32(255)
    codes = apply.encode(model, MNIST.test_images)
    pixels = MNIST.test_images.reshape(10_000, -1) / np.float32(255)
    for title, points in ((titles[VAE], codes), ("Raw pixels", pixels)):
        away = np.linalg.norm(points - points[found[7]], axis=1)
        nearest = away.argsort()[1:7]
        count = (MNIST.test_labels[nearest] == 7).sum()
        expected = [data_uri(MNIST.test_images[k]) for k in nearest]
        assert row(near, f"{title}: {count} of 6 are 7") == expected
        assert f"{MNIST.test_labels[nearest[0]]}<br>{away[nearest[0]]:.3g}<" in near
    spec = json.loads(app.get("plotly_chart")[0].proto.spec)
    dots = [trace for trace in spec["data"] if trace["type"] == "scatter"]
    assert len(dots) == 3  # two models and PCA
    drawn = np.frombuffer(
        __import__("base64").b64decode(dots[0]["y"]["bdata"]), dots[0]["y"]["dtype"]
    )
    assert np.allclose(drawn, apply.encode(model, image[None])[0], atol=1e-5)

    # The worst 20 of another one.
    choose(app, "compare_show", "worst")
    first = shown(app)
    app.selectbox(key="compare_worst").set_value("2").run()
    assert not app.exception
    assert shown(app) != first
    assert any("largest MSE by PCA, 32 components" in m.value for m in app.markdown)
    linear = errors.mse(MNIST.test_images, pca.pca(MNIST, 32).reconstruct(MNIST.test_images))
    assert np.allclose(linear[shown(app)], np.sort(linear)[::-1][:20], rtol=1e-4)

    # Twenty at random: another seed draws others.
    choose(app, "compare_show", "random")
    first = shown(app)
    assert len(set(first)) == 20
    next(b for b in app.button if b.label == "Draw again").click().run()
    assert box(app, "Seed").value == 1
    assert shown(app) != first

    # One image alone.
    choose(app, "compare_show", "own")
    app.number_input(key="compare_picture").set_value(5).run()
    assert not app.exception
    gallery = next(e.proto.body for e in app.get("html") if "aeviz-gallery" in e.proto.body)
    copy = apply.reconstruct(model, MNIST.test_images[5:6])[0]
    assert f'src="{data_uri(copy)}" alt="{titles[VAE]}"' in gallery

    # No model: a sentence, and the page goes on with two.
    app.multiselect(key="compared").set_value([]).run()
    assert not app.exception
    assert "No model selected" in app.info[0].value


def test_the_models_follow_the_choice_until_one_is_chosen_and_labels_are_told() -> None:
    app = open_page(compare_show="classes")
    assert box(app, "Models").value == [library.home(), library.beside(library.home())]
    choose_model(app, "conditional-2d").run()
    assert box(app, "Models").value[0] == "conditional-2d"
    title = library.title("conditional-2d")
    assert any(title in c.value and "They are told it" in c.value for c in app.caption)
    assert any("up to 3.3 bits of each image" in c.value for c in app.caption)
    x = MNIST.test_images[shown(app)]
    model = checkpoint.load(checkpoint.FOLDER / "conditional-2d")
    made = apply.reconstruct(model, x, np.arange(10))
    assert row(tables(app)[0], f"Reconstruction by {title}") == [data_uri(y) for y in made]
    box(app, "Models").set_value(["linear-2d"]).run()
    assert app.query_params["compared"] == "linear-2d"
    choose_model(app, "vanilla-2d").run()
    assert box(app, "Models").value == ["linear-2d"]
    assert not app.exception


@pytest.mark.parametrize("asked", ["nothing", f"nothing,{OTHER}"])
def test_an_address_that_names_other_models_is_read_as_far_as_it_can_be(asked: str) -> None:
    app = open_page(compared=asked)
    start = [library.home(), library.beside(library.home())]
    assert app.multiselect(key="compared").value == ([OTHER] if OTHER in asked else start)


def test_as_many_models_as_a_person_likes() -> None:
    names = [name for name, card in checkpoint.pretrained().items() if card.latent_dim == 2]
    asked = names[:8]
    assert len(asked) == 8
    app = open_page(compared=",".join(asked), compare_worst="8", compare_show="worst")
    assert app.multiselect(key="compared").value == asked
    table, near = tables(app)[:2]
    assert all(len(row(table, f"Reconstruction by {library.title(name)}")) == 20 for name in asked)
    assert len(re.findall(r'<p style="[^"]+">', near)) == 10  # with PCA and raw pixels
    assert app.selectbox(key="compare_worst").value == "8"  # PCA, the ninth
    assert any("largest MSE by PCA, 2 components" in m.value for m in app.markdown)
    heat = json.loads(app.get("plotly_chart")[1].proto.spec)["data"][0]
    assert len(heat["x"]) == 9
