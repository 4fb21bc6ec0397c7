"""The page that leads from a need to a variant, without a browser."""

from __future__ import annotations

import re

import numpy as np
import pytest
import streamlit as st
from sklearn import linear_model
from streamlit.testing.v1 import AppTest

from aeviz.analysis import denoising, inpainting, pca
from aeviz.app.views import chooser
from aeviz.data import corruption, datasets
from aeviz.models import apply, checkpoint
from aeviz.models.base import NEEDS
from aeviz.models.zoo import MODELS
from tests.pages.opening import chosen_model, opened

MNIST = datasets.load()


def test_every_variant_serves_a_need_that_can_be_asked_for() -> None:
    for name, model_class in MODELS.items():
        assert model_class.needs, name
        assert set(model_class.needs) <= set(NEEDS), name
        assert len(set(model_class.needs)) == len(model_class.needs), name


def test_every_need_is_asked_for_and_answered_by_each_variant_that_serves_it() -> None:
    app = opened("chooser")
    asked = app.radio(key="need")
    served = [need for need in NEEDS if any(need in m.needs for m in MODELS.values())]
    assert asked.options == [NEEDS[need] for need in served]
    for need in served[::-1]:  # the answer to one is not taken for the answer to the next
        app.radio(key="need").set_value(need).run()
        assert not app.exception, need
        suited = [name for name, model_class in MODELS.items() if need in model_class.needs]
        first = app.header[0].value
        assert first in {f"{MODELS[name].title}, {MODELS[name].year}" for name in suited}
        best = [name for name in suited if MODELS[name].needs[0] == need]
        if best:
            assert first == f"{MODELS[best[0]].title}, {MODELS[best[0]].year}"
        if len(suited) > 1:
            app.segmented_control(key=f"answer-{need}").set_value(suited[-1]).run()
            assert not app.exception, need
            assert app.header[0].value.startswith(MODELS[suited[-1]].title)


@pytest.mark.parametrize(("need", "title"), [("noise", "denoise"), ("samples", "draw on its own")])
def test_the_answer_is_chosen_and_shown_off_where_it_serves_the_need(need: str, title: str) -> None:
    app = opened("chooser", need=need)
    body = "".join(element.proto.body for element in app.get("html"))
    assert "aeviz-rows" in body
    (button,) = [
        button
        for button in app.button
        if button.proto.type == "primary" and not (button.key or "").startswith("model-")
    ]
    button.click().run()
    assert not app.exception
    name = str(chosen_model(app))
    assert need in MODELS[checkpoint.pretrained()[name].variant].needs
    assert checkpoint.pretrained()[name].latent_dim == 32
    if need == "samples":
        assert title in app.title[0].value


def test_pixel_noise_leads_to_the_model_that_it_moves_least() -> None:
    """By test_the_means_are_over_many_images_with_the_same_ruler_for_all."""
    assert "pixel noise" in NEEDS["stability"]
    app = opened("chooser", need="stability")
    assert app.header[0].value.startswith("Denoising")


def figures(app: AppTest) -> tuple[float, float, float, float]:
    """The model's figure and its error, and those of what it is compared with."""
    (said,) = [m.value for m in app.markdown if "± one standard error" in m.value]
    ours, theirs = re.findall(r"([\d.]+) ± (\d+\.\d+)", said)
    return float(ours[0]), float(ours[1]), float(theirs[0]), float(theirs[1])


def test_how_well_noise_is_cleaned_stands_beside_the_best_linear_map(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(denoising, "FITTED_ON", 2000)
    monkeypatch.setattr(chooser, "FEW", 40)
    denoising.fitted.cache_clear()
    st.cache_data.clear()
    app = opened("chooser", need="noise")
    x = MNIST.test_images[:40] / np.float32(255)
    noisy = corruption.noisy(x, 0.5, 0)
    known = MNIST.train_images[:50_000:25]
    ridge = denoising.fitted(MNIST, "gaussian", 0.5).ridge
    fit = linear_model.Ridge(2000 * ridge, solver="cholesky")
    pairs = corruption.noisy(known, 0.5, 10_000).reshape(2000, -1), known.reshape(2000, -1) / 255
    by_line = fit.fit(*pairs).predict(noisy.reshape(40, -1)).clip(0, 1).reshape(x.shape)
    model = checkpoint.load(checkpoint.FOLDER / "denoising-32d")
    expected = []
    for made in (apply.reconstruct(model, noisy), by_line):
        squared = np.square(made - x).mean((1, 2))
        off = squared.std(ddof=1) / np.sqrt(40) / squared.mean()
        expected += [-10 * np.log10(squared.mean()), 4.342945 * off]
    assert figures(app) == pytest.approx(expected, abs=0.02)
    assert any("from 2,000" in c.value for c in app.caption)
    denoising.fitted.cache_clear()
    st.cache_data.clear()


def test_hidden_parts_are_measured_where_they_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chooser, "FEW", 30)
    st.cache_data.clear()
    app = opened("chooser", need="missing")
    x = MNIST.test_images[:30] / np.float32(255)
    visible = inpainting.hide_patches(30, 0.6)
    model = checkpoint.load(checkpoint.FOLDER / "masked-256d")
    made = apply.reconstruct(model, x * visible, None, visible)
    linear = inpainting.gaussian_conditional(x, visible, MNIST.train_images)
    expected = []
    for filled in (made, linear):
        squared = [
            np.square(a - b)[~seen].mean() for a, b, seen in zip(filled, x, visible, strict=True)
        ]
        expected += [np.mean(squared), np.std(squared, ddof=1) / np.sqrt(30)]
    assert figures(app) == pytest.approx(expected, abs=1.1e-4)
    st.cache_data.clear()


def test_a_short_code_is_measured_beside_pca_as_wide() -> None:
    app = opened("chooser", need="compression")
    images = MNIST.test_images / np.float32(255)
    theirs = np.square(pca.pca(MNIST, 32).reconstruct(MNIST.test_images) - images).mean((1, 2))
    _, _, value, off = figures(app)
    assert (value, off) == pytest.approx((theirs.mean(), theirs.std(ddof=1) / 100), abs=1e-5)


def test_a_need_that_nobody_has_gives_the_first_one() -> None:
    app = opened("chooser", need="../../etc")
    assert app.radio(key="need").value in NEEDS
