"""The interpolate page without a browser: every shipped model, ends, waypoints, kinds of path."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from aeviz.charts import pixels
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from tests.pages.opening import box, components
from tests.pages.shipped import ONE_OF_EACH


def open_page(model: str = "variational-2d") -> AppTest:
    app = AppTest.from_file("../../app.py", default_timeout=120).run()
    box(app, "Model").set_value(model)
    return app.switch_page("pages/interpolate.py").run()


def strip(app: AppTest) -> list[str]:
    """The addresses of the film strip's pictures."""
    (gallery,) = [e.proto.body for e in app.get("html") if 'aeviz-gallery"' in e.proto.body]
    return re.findall(r'src="([^"]+)"', gallery)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_model_has_a_path_and_a_spherical_one_for_a_gaussian_prior(
    name: str,
) -> None:
    app = open_page(name)
    assert not app.exception
    assert len(components(app, "player")) == 1
    assert len(app.get("plotly_chart")) == 2
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
    box(app, "A: number").set_value(17)
    box(app, "B: number").set_value(18)
    app.slider(key="path_steps").set_value(5).run()
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-2d")
    images = datasets.load().test_images[[17, 18]]
    first, last = apply.reconstruct(model, images)
    pictures = strip(app)
    assert len(pictures) == 2 * 5
    assert pictures[0] == pixels.data_uri(first)
    assert pictures[-2] == pixels.data_uri(last)
    assert pictures[1] == pixels.data_uri(images[0])
    assert pictures[-1] == pixels.data_uri(images[1])


def test_an_end_can_be_chosen_by_class_and_at_random() -> None:
    app = open_page()
    labels = datasets.load().test_labels
    box(app, "B: class").set_value(7).run()
    number = box(app, "B: number").value
    assert number != 2
    assert labels[int(number or 0)] == 7
    app.button(key="from-random").click().run()
    number = box(app, "A: number").value
    assert box(app, "A: class").value == labels[int(number or 0)]
    assert app.query_params["from"] == str(number)


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


def test_one_picture_at_both_ends_is_a_path_that_rests() -> None:
    app = open_page()
    box(app, "B: number").set_value(3).run()
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
