"""The interpolate page without a browser: pretrained models, ends, waypoints, kinds of path."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist
from streamlit.testing.v1 import AppTest

from aeviz.analysis import typical
from aeviz.charts import pixels
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from tests.pages.opening import box, choose_model, components, opened
from tests.pages.pretrained import ONE_OF_EACH


def open_page(model: str = "variational-2d") -> AppTest:
    app = AppTest.from_file("entry.py", default_timeout=120).run()
    choose_model(app, model)
    return app.switch_page("../../pages/interpolate.py").run()


def strip(app: AppTest) -> list[str]:
    """The addresses of the film strip's images."""
    (gallery,) = [e.proto.body for e in app.get("html") if 'aeviz-gallery"' in e.proto.body]
    return re.findall(r'src="([^"]+)"', gallery)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_model_has_a_path_and_a_spherical_one_for_a_gaussian_prior(
    name: str,
) -> None:
    app = open_page(name)
    assert not app.exception
    assert len(components(app, "player")) == 1
    assert len(components(app, "path_map")) == len(app.get("plotly_chart")) == 1
    assert len(strip(app)) == 2 * 11
    gaussian = checkpoint.load(checkpoint.FOLDER / name).gaussian_prior
    offered = [group for group in app.segmented_control if group.key == "path"]
    assert bool(offered) == gaussian
    if offered:
        straight = strip(app)
        offered[0].set_value("spherical").run()
        assert not app.exception
        assert strip(app)[10] != straight[10]  # decoded, mid-way
        assert strip(app)[0] == straight[0]


def test_the_strip_begins_and_ends_with_what_the_decoder_makes_of_a_and_b() -> None:
    app = open_page("vanilla-2d")
    box(app, "A: test image").set_value(17)
    box(app, "B: test image").set_value(18)
    app.slider(key="path_steps").set_value(5).run()
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-2d")
    images = datasets.load().test_images[[17, 18]]
    first, last = apply.reconstruct(model, images)
    shown = strip(app)
    assert len(shown) == 2 * 5
    assert shown[0] == pixels.data_uri(first)
    assert shown[-2] == pixels.data_uri(last)
    assert shown[1] == pixels.data_uri(images[0])
    assert shown[-1] == pixels.data_uri(images[1])


def test_distances_are_those_to_training_codes_and_no_end_lies_on_one() -> None:
    app = open_page("vanilla-2d")
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-2d")
    mnist = datasets.load()
    a, b = apply.encode(
        model, mnist.test_images[[typical.most_typical(mnist, k) for k in (0, 1)]]
    ).astype(float)
    known = apply.encode(model, mnist.train_images).astype(float)
    away = cdist(a + np.linspace(0, 1, 91)[:, None] * (b - a), known).min(1)
    (film,) = components(app, "player")
    shown = [float(text.split(": ")[1].split()[0]) for text in film["captions"]]
    np.testing.assert_allclose(shown, away, rtol=0.06)  # two digits
    assert min(shown[0], shown[-1]) > 0
    (emptiest,) = [m.value for m in app.markdown if "At its emptiest" in m.value]
    assert f"**{away.max():.2g}** from the nearest of 60,000 training codes," in emptiest
    some = apply.encode(model, mnist.test_images).astype(float)
    half = np.median([cdist(some[k : k + 500], known).min(1) for k in range(0, 2000, 500)])
    (times,) = re.findall(r"\*\*([\d.]+) times\*\*", emptiest)
    assert float(times) == pytest.approx(away.max() / half, rel=0.15)


@pytest.mark.parametrize("name", ["variational-32d", "wasserstein-8d", "vanilla-32d"])
def test_the_shell_is_said_with_the_length_of_this_models_codes(name: str) -> None:
    model = checkpoint.load(checkpoint.FOLDER / name)
    lengths = np.linalg.norm(apply.encode(model, datasets.load().test_images), axis=1)
    said = "".join(m.value for m in open_page(name).markdown)
    if not model.gaussian_prior:
        assert "shell" not in said
        return
    error = lengths.std(ddof=1) / 100
    assert f"radius √D, here {np.sqrt(model.code_dim):.2f}" in said
    assert f"{lengths.mean():.2f} ± {error:.2f} long" in said
    assert ("means that the encoder gives" in said) == model.has_posterior
    # What the page was wrong about: the means of a VAE do not lie on the shell of its prior.
    if model.has_posterior:
        assert lengths.mean() < 0.8 * np.sqrt(model.code_dim)


def test_an_end_can_be_chosen_by_class_and_at_random() -> None:
    app, data = open_page(), datasets.load()
    labels, good = data.test_labels, typical.typical(data)
    for letter, label in (("A", 0), ("B", 1)):
        assert box(app, f"{letter}: test image").value == typical.most_typical(data, label)
    for label in (7, 8, 9):
        box(app, "B: class").set_value(label).run()
        index = box(app, "B: test image").value
        assert labels[int(index or 0)] == label
        assert good[int(index or 0)]
    app.button(key="from-random").click().run()
    index = box(app, "A: test image").value
    assert good[int(index or 0)]
    assert box(app, "A: class").value == labels[int(index or 0)]
    assert app.query_params["from"] == str(index)


def test_waypoints_lead_the_path_elsewhere_and_wrong_ones_get_a_sentence() -> None:
    app = open_page()
    straight = strip(app)
    app.text_input(key="via").set_value("18, 61").run()
    assert not app.exception
    assert not app.info
    assert strip(app)[6] != straight[6]
    app.text_input(key="via").set_value("18, 10000").run()
    assert "from 0 to 9999" in app.info[0].value
    assert not app.exception
    app.text_input(key="via").set_value("").run()
    assert strip(app) == straight


def test_the_map_has_the_path_and_how_far_it_is_from_codes() -> None:
    app = open_page("vanilla-2d")
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-2d")
    codes = apply.encode(model, datasets.load().test_images)
    ends = [typical.most_typical(datasets.load(), k) for k in (0, 1)]
    (told,) = components(app, "path_map")
    assert told["stations"] == ends
    way = codes[ends[0]] + np.linspace(0, 1, 91)[:, None] * (codes[ends[1]] - codes[ends[0]])
    np.testing.assert_allclose(told["path"]["places"], way, atol=1e-4)
    assert told["path"]["milestones"] == [0, 1]
    known = KDTree(apply.encode(model, datasets.load().train_images).astype(float))
    far = 3 * np.quantile(known.query(codes)[0], 0.9)
    np.testing.assert_allclose(
        told["path"]["away"], known.query(way)[0] / far, rtol=0.01, atol=0.01
    )


def test_what_was_chosen_is_kept_while_another_page_is_shown() -> None:
    app = open_page()
    box(app, "B: test image").set_value(18)
    app.slider(key="path_steps").set_value(5)
    app.text_input(key="via").set_value("61").run()
    before = strip(app)
    app.switch_page("../../pages/home.py").run()
    app.switch_page("../../pages/interpolate.py").run()
    assert not app.exception
    assert app.slider(key="path_steps").value == 5
    assert app.text_input(key="via").value == "61"
    assert box(app, "B: test image").value == 18
    assert strip(app) == before


def test_the_address_says_which_path() -> None:
    app = opened("interpolate", to="18", via="61 7", path_steps="4")
    assert app.text_input(key="via").value == "61 7"
    assert len(strip(app)) == 2 * 4
    app.text_input(key="via").set_value("").run()
    assert "via" not in app.query_params


def test_one_image_at_both_ends_is_a_path_that_rests() -> None:
    app = open_page()
    box(app, "B: test image").set_value(box(app, "A: test image").value).run()
    assert not app.exception
    assert len(set(strip(app)[::2])) == 1


def test_the_gif_runs_there_and_back_with_crisp_pixels() -> None:
    frames = np.linspace(0, 1, 5)[:, None, None] * np.eye(28)
    film = Image.open(io.BytesIO(pixels.gif(frames, seconds=1.0, scale=3)))
    assert film.n_frames == 2 * 5 - 2  # type: ignore[attr-defined]
    assert film.info["duration"] == 250
    assert film.info["loop"] == 0
    corners = []
    for k in range(8):
        film.seek(k)
        grey = np.asarray(film.convert("L"))
        assert grey.shape == (84, 84)
        assert (grey[:3, :3] == grey[0, 0]).all()
        corners.append(int(grey[0, 0]))
    assert np.allclose(corners, [0, 64, 128, 191, 255, 191, 128, 64], atol=2)
