"""The map page without a browser: planes for every pretrained model, and a selection."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from aeviz.analysis import classifier
from aeviz.app import library
from aeviz.charts import pixels
from aeviz.data import datasets
from aeviz.models import apply, checkpoint, optim
from aeviz.models.base import Autoencoder
from aeviz.models.zoo import MODELS
from tests.pages.opening import choose_model, chosen_model, components, opened
from tests.pages.pretrained import ONE_OF_EACH


def open_map(**query: str) -> AppTest:
    return opened("map", **query)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_pretrained_model_has_a_map(name: str) -> None:
    app = open_map(model=name)
    assert not app.exception
    assert chosen_model(app) == name
    assert len(components(app, "latent_map")) == 1


@pytest.mark.parametrize("kind", ["density", "posteriors", "trip", "nearest", "seen"])
def test_each_layer_says_what_its_colours_mean(kind: str) -> None:
    app = open_map(model="variational-2d", layer=kind)
    assert not app.exception
    (map_,) = components(app, "latent_map")
    assert map_["layer"]["kind"] == kind
    assert map_["layer"]["title"]
    assert bool(map_["layer"]["ellipses"]) == (kind == "posteriors")
    assert bool(map_["layer"]["rasters"]) == (kind != "posteriors")
    assert map_["background"] == (kind in ("trip", "seen"))
    assert app.query_params["layer"] == kind


def test_of_a_wide_code_every_layer_is_to_be_had_and_no_line_says_far() -> None:
    app = open_map(model="conditional-16d", layer="seen")
    for kind in ("seen", "density", "posteriors", "trip", "nearest"):
        app.segmented_control(key="layer").set_value(kind).run()
        assert not app.exception
        (map_,) = components(app, "latent_map")
        assert map_["layer"]["kind"] == kind
        assert map_["layer"]["line"] == ""
    low = map_["layer"]["ticks"][0]
    assert float(low) > 0  # no code lies on the plane
    assert any("at much the same distance" in m.value for m in app.markdown)


def test_the_page_says_how_well_the_classifier_reads_test_images_and_reconstructions() -> None:
    app = open_map(model="variational-2d", layer="seen")
    (text,) = [m.value for m in app.markdown if "It reads" in m.value]
    of_images, of_reconstructions = map(float, re.findall(r"([\d.]+) ± [\d.]+ %", text))
    model = checkpoint.load(checkpoint.FOLDER / "variational-2d")
    for share, images in (
        (of_images, datasets.load().test_images),
        (of_reconstructions, apply.reconstruct(model, datasets.load().test_images)),
    ):
        read = classifier.log_probabilities(images).argmax(1) == datasets.load().test_labels
        assert share == pytest.approx(100 * read.mean(), abs=2.5)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"model": "vanilla-2d", "layer": "posteriors"}, "There are no posteriors"),
        ({"model": "vanilla-2d", "layer": "none"}, ""),
        ({"model": "vanilla-2d", "background": "false"}, ""),
    ],
)
def test_where_a_layer_is_not_to_be_had_the_page_says_why(query: dict[str, str], why: str) -> None:
    app = open_map(**query)
    assert not app.exception
    (map_,) = components(app, "latent_map")
    assert map_["layer"] is None
    assert map_["background"] == bool(why)
    assert [why in info.value for info in app.info] == ([True] if why else [])


def holes(app: AppTest) -> str:
    (text,) = [m.value for m in app.markdown if "straight paths" in m.value]
    return text


def test_the_page_says_how_much_of_the_map_is_empty_beside_pca() -> None:
    text = holes(open_map(model="vanilla-2d"))
    assert len(re.findall(r"\*\*[\d.]+ ± [\d.]+ %\*\* of the (straight|area)", text)) == 2
    assert len(re.findall(r"PCA.* ([\d.]+) ± [\d.]+ % and ([\d.]+) ± [\d.]+ %", text)) == 1


def test_of_wide_codes_holes_are_measured_when_asked_for() -> None:
    app = open_map(model="vanilla-32d")
    assert not [m for m in app.markdown if "straight paths" in m.value]
    app.toggle(key="holes").set_value(True).run()
    assert not app.exception
    assert "**0 of 2,000: at most 0.2 %** of the straight paths" in holes(app)
    assert "area" not in holes(app)


@pytest.mark.parametrize(("name", "size"), [("linear-2d", 64), ("vanilla-2d", 68)])
def test_the_page_says_the_grid_of_the_map_that_it_shows(name: str, size: int) -> None:
    app = open_map(model=name)
    (map_,) = components(app, "latent_map")
    assert map_["atlases"][0]["size"] == size
    (text,) = [m.value for m in app.markdown if "decoded on a grid of" in m.value]
    assert f"a grid of {size} by {size} codes" in text
    (error,) = re.findall(r"is ([\d.]+) ± [\d.]+ grey levels", text)
    assert float(error) <= 1
    assert "10,000 <span" in text


def test_two_axes_need_two_numbers() -> None:
    app = open_map(model="vanilla-32d", plane="axes")
    assert not app.exception
    assert not app.info
    app.selectbox(key="across").set_value(app.selectbox(key="up").value).run()
    assert "two different latent dimensions" in app.info[0].value


def test_of_a_wide_code_the_numbers_that_vary_most_are_offered() -> None:
    app = open_map(model="vanilla-32d", plane="axes")
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-32d")
    spread = apply.encode(model, datasets.load().test_images).std(0)
    offered = [int(app.selectbox(key=key).value or 0) for key in ("across", "up")]
    offered += [int(slider.label.removeprefix("z")) for slider in app.slider]
    assert len(set(offered)) == 18
    # The sliders come column by column; and up to rounding two may vary alike.
    assert np.allclose(np.sort(spread[np.array(offered) - 1]), np.sort(spread)[-18:], rtol=1e-4)
    assert np.allclose(spread[np.array(offered[:2]) - 1], np.sort(spread)[::-1][:2], rtol=1e-4)
    assert any("16 that vary most" in caption.value for caption in app.caption)


@pytest.fixture
def three_numbers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Autoencoder]:
    """A model that was never trained, beside the one of home: what it draws does not matter."""
    model_class = MODELS["vanilla"]
    model = optim.build(model_class, model_class.Config(latent_dim=3), 0)
    checkpoint.round_weights(model)
    card = checkpoint.pretrained()["vanilla-2d"]
    checkpoint.save(
        model, tmp_path / "three", card=card.model_copy(update={"config": model.config})
    )
    home = library.home()
    checkpoint.save(
        checkpoint.load(checkpoint.FOLDER / home),
        tmp_path / home,
        card=checkpoint.pretrained()[home],
    )

    def forget() -> None:
        st.cache_data.clear()
        st.cache_resource.clear()

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "FOLDER", tmp_path)
        patch.setattr(checkpoint.pretrained, "__defaults__", (tmp_path,))
        forget()
        yield model
    forget()  # else other pages look for their models there


def test_a_code_of_three_numbers_can_be_turned_and_decoded_at_a_place(
    three_numbers: Autoencoder,
) -> None:
    app = open_map(model="three", plane="space")
    assert not app.exception
    (chart,) = app.get("plotly_chart")
    assert '"scatter3d"' in chart.proto.spec
    assert not components(app, "latent_map")
    assert app.toggle(key="dots").disabled
    assert not [control for control in app.segmented_control if control.key == "layer"]
    for k, slider in enumerate(app.slider):
        slider.set_value(slider.min if k else slider.max)
    app.run()
    assert not app.exception
    place = np.array([[slider.value for slider in app.slider]], np.float32)
    image = pixels.data_uri(apply.decode(three_numbers, place)[0])
    assert image in "".join(element.proto.body for element in app.get("html"))


def test_only_codes_of_three_numbers_have_a_place_in_space() -> None:
    app = open_map(model="vanilla-32d")
    assert "space" not in app.segmented_control(key="plane").options


def test_what_was_done_on_another_models_map_means_nothing_on_this_one() -> None:
    app = open_map(model="vanilla-2d")
    of = app.session_state["map-memory"].same
    probe, view = {"of": of, "x": 2.5, "y": -1.5, "index": 7}, {"of": of, "window": [0, 1, 0, 1]}
    done = {"probe": probe, "view": view, "selection": {"of": of, "numbers": [1, 2]}}
    app.session_state["map"] = done
    app.run()
    assert app.query_params["probe"] == "2.5,-1.5"
    assert app.query_params["view"] == "0,1,0,1"
    choose_model(app, "denoising-2d").run()
    start = app.query_params["probe"]
    assert start != "2.5,-1.5"
    for _ in range(2):  # the browser sends what it holds with each click, on whatever map
        app.session_state["map"] = done
        app.run()
        assert not app.exception
        assert app.query_params["probe"] == start
        assert "view" not in app.query_params
        assert not any("selected" in heading.value for heading in app.header)


def test_a_selection_is_counted_and_shown() -> None:
    app = open_map()
    of = app.session_state["map-memory"].same
    app.session_state["map"] = {"selection": {"of": of, "numbers": [0, 1, 2, 3]}}
    app.run()
    assert not app.exception
    assert any(heading.value == "4 selected" for heading in app.header)
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["Download selection as CSV", "Download selection as PNG"]
