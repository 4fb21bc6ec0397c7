"""The bottleneck ladder without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from aeviz.analysis import pca
from aeviz.app import library
from aeviz.charts import pixels
from aeviz.data import datasets
from aeviz.models import apply, checkpoint, optim
from aeviz.models.zoo import MODELS
from tests.pages.opening import box, chosen_model, opened

WIDTHS = (2, 4, 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Models of three widths that were never trained, and the home model, as if pretrained."""
    path = tmp_path_factory.mktemp("checkpoints")
    cards = checkpoint.pretrained()
    home = next(name for name, card in cards.items() if card.home)
    checkpoint.save(checkpoint.load(checkpoint.FOLDER / home), path / home, card=cards[home])
    model_class = MODELS["vanilla"]
    for width in WIDTHS:
        config = model_class.Config.from_dict({"latent_dim": width, "width": 64, "depth": 1})
        model = optim.build(model_class, config, width)
        checkpoint.round_weights(model)
        # The widest is not measured yet.
        known = {} if width == 8 else {"mse": 0.5 / width, "pca_mse_clipped": 0.9 / width}
        errors = {} if width == 8 else {"mse": 4e-3 / width, "pca_mse_clipped": 1e-3}
        changes = {"config": config, "seed": width, "figures": known, "errors": errors}
        card = cards["vanilla-2d"].model_copy(update=changes)
        checkpoint.save(model, path / f"rung-{width}", card=card)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "FOLDER", path)
        patch.setattr(checkpoint.pretrained, "__defaults__", (path,))
        st.cache_data.clear()
        library.pretrained.clear()
        yield path
    st.cache_data.clear()
    library.pretrained.clear()


@pytest.fixture
def app(folder: Path) -> AppTest:
    return opened("ladder")


def body(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.get("html"))


def test_a_rung_shows_its_reconstructions_beside_pcas_and_can_be_used_everywhere(
    app: AppTest, folder: Path
) -> None:
    slider = app.select_slider(key="rung")
    assert slider.options == [str(width) for width in WIDTHS]
    slider.set_value(8).run()
    assert not app.exception
    found = re.findall(r'<img src="([^"]+)" alt="([^"]+), (\d+)"', body(app))
    rows = {alt: [src for src, name, _ in found if name == alt] for _, alt, _ in found}
    originals = rows["Original"][:10]
    images = datasets.load().test_images
    uris = {pixels.data_uri(datasets.to_float(image)): k for k, image in enumerate(images)}
    shown = [uris[uri] for uri in originals]
    assert datasets.load().test_labels[shown].tolist() == list(range(10))
    model = checkpoint.load(folder / "rung-8")
    made = apply.reconstruct(model, images[shown])
    ours = rows["Reconstruction by Vanilla, 8 dimensions"]
    assert ours == [pixels.data_uri(image) for image in made]
    linear = pca.pca(datasets.load(), 8).reconstruct(images[shown])
    assert rows["Reconstruction by PCA, 8 components"] == [
        pixels.data_uri(image) for image in linear
    ]
    squared = np.square(apply.reconstruct(model, images) - images / np.float32(255)).mean((1, 2))
    mse, off = squared.mean(), squared.std(ddof=1) / 100
    assert any(f"**{mse:.5f} ± {off:.5f}**" in text.value for text in app.markdown)
    told = f"MSE {mse:.5f} ± {off:.5f}"
    for width, text in zip(
        WIDTHS, ("MSE 0.25000 ± 0.00200", "MSE 0.12500 ± 0.00100", told), strict=True
    ):  # the whole ladder below
        assert f"{width} latent dimensions, {text}" in rows
    # PCA's figure is that of as many components, and the ratio is that of the two.
    theirs = np.square(
        pca.pca(datasets.load(), 8).reconstruct(images) - images / np.float32(255)
    ).mean((1, 2))
    said = next(m.value for m in app.markdown if "as many components" in m.value)
    assert f"{theirs.mean():.5f} ± {theirs.std(ddof=1) / 100:.5f}" in said
    ratio = re.search(r"\*\*([\d.]+) ± ([\d.]+) times\*\*", said)
    assert ratio is not None
    assert float(ratio[1]) == pytest.approx(theirs.mean() / mse, abs=float(ratio[2]))
    fall = 0.25 / mse
    said = next(m.value for m in app.markdown if m.value.startswith("From 2 to 8 latent"))
    factor = re.search(r"the error falls, by a factor of ([\d.]+) ± ([\d.]+)", said)
    assert factor is not None
    assert float(factor[1]) == pytest.approx(fall, abs=float(factor[2]))
    next(button for button in app.button if "8 latent dimensions" in button.label).click().run()
    assert not app.exception
    assert chosen_model(app) == "rung-8"


def test_other_images_can_be_drawn(app: AppTest) -> None:
    before = body(app)
    next(button for button in app.button if button.label == "Other images").click().run()
    assert not app.exception
    assert box(app, "Seed").value == 1
    assert body(app) != before


def test_the_rung_is_kept_while_another_page_is_shown_and_asked_for_by_the_address(
    app: AppTest, folder: Path
) -> None:
    app.select_slider(key="rung").set_value(8).run()
    assert app.query_params["rung"] == "8"
    app.switch_page("../../pages/home.py").run()
    app.switch_page("../../pages/ladder.py").run()
    assert app.select_slider(key="rung").value == 8
    for asked, given in (("2", 2), ("3", 4), ("two", 4)):
        assert opened("ladder", rung=asked).select_slider(key="rung").value == given
