"""The sample page without a browser: prior or mixture, seed, grid, nearest training image."""

from __future__ import annotations

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from aeviz.analysis import sampling
from aeviz.charts import pixels
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from aeviz.models.zoo import MODELS
from tests.pages.opening import box, choose_model, opened
from tests.pages.pretrained import ONE_OF_EACH


def open_page(model: str = "variational-2d") -> AppTest:
    app = AppTest.from_file("entry.py", default_timeout=120).run()
    choose_model(app, model)
    return app.switch_page("../../pages/sample.py").run()


def images(app: AppTest) -> list[str]:
    """The addresses of the images drawn."""
    html = "".join(element.proto.body for element in app.get("html"))
    return re.findall(r'<img[^>]*src="([^"]+)"', html)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_pretrained_model_draws_or_says_why_it_cannot_and_draws_from_a_mixture(
    name: str,
) -> None:
    app = open_page(name)
    assert not app.exception
    assert len(images(app)) == 36
    assert len(set(images(app))) == 36
    model = checkpoint.load(checkpoint.FOLDER / name)
    if sampling.sample_prior(model, 1) is None:
        assert model.no_prior in app.info[0].value
        assert "Gaussian mixture" in app.info[0].value
        assert app.slider(key="sample_components").value == 10
    else:
        assert not app.info
        codes = np.asarray(sampling.sample_prior(model, 36, 1.0, 0))
        in_turn = np.arange(36) % 10 if model.uses_labels else None
        expected = apply.decode(model, codes, in_turn)
        assert images(app) == [pixels.data_uri(image) for image in expected]


def test_the_seed_and_the_temperature_change_the_images_and_the_seed_brings_them_back() -> None:
    app = open_page()
    first = images(app)
    next(b for b in app.button if b.label == "Draw again").click().run()
    assert box(app, "Seed").value == 1
    assert not set(images(app)) & set(first)
    box(app, "Seed").set_value(0).run()
    assert images(app) == first
    app.slider(key="sample_temperature").set_value(0.0).run()
    assert len(set(images(app))) == 1  # only the centre of the prior


def test_a_model_that_is_told_the_class_can_be_asked_for_a_digit() -> None:
    told = [
        name for name, card in checkpoint.pretrained().items() if MODELS[card.variant].uses_labels
    ]
    app = open_page(told[0])
    app.segmented_control(key="sample_label").set_value("7").run()
    assert not app.exception
    model = checkpoint.load(checkpoint.FOLDER / told[0])
    codes = np.asarray(sampling.sample_prior(model, 36, 1.0, 0))
    expected = apply.decode(model, codes, np.full(36, 7))
    assert images(app) == [pixels.data_uri(image) for image in expected]
    assert app.query_params["sample_label"] == "7"
    assert not any(c.key == "sample_label" for c in open_page().segmented_control)


def said(app: AppTest, part: str) -> str:
    """The one caption that holds a part."""
    (text,) = [caption.value for caption in app.caption if part in caption.value]
    return text


def test_without_a_prior_one_gaussian_falls_into_the_holes_that_a_mixture_avoids() -> None:
    app = open_page("denoising-2d-masking")
    shares = {}
    for source in ("mixture", "gaussian"):
        app.segmented_control(key="sample_from").set_value(source).run()
        assert not app.exception
        share, _ = re.findall(
            r"\*\*([\d.]+) ± ([\d.]+) %\*\*", said(app, "nearest neighbour of a draw")
        )
        shares[source] = [float(part) for part in share]
    (more, its_error), (less, error) = shares["gaussian"], shares["mixture"]
    assert more - less > 3 * np.hypot(its_error, error)
    assert not [slider for slider in app.slider if slider.key == "sample_components"]
    model = checkpoint.load(checkpoint.FOLDER / "denoising-2d-masking")
    shown = images(app)
    mnist = datasets.load()
    some = np.random.default_rng(0).permutation(60_000)[:10_000]
    codes = apply.encode(model, mnist.train_images[some]).astype(float)
    drawn = sampling.sample_mixture(sampling.fit_mixture(codes, 1), 36)
    assert shown == [pixels.data_uri(image) for image in apply.decode(model, drawn)]
    many = sampling.sample_mixture(sampling.fit_mixture(codes, 1), 20_000)
    np.testing.assert_allclose(many.mean(0), codes.mean(0), atol=0.03 * codes.std())
    np.testing.assert_allclose(np.cov(many.T), np.cov(codes.T), atol=0.05 * codes.var(0).max())
    choose_model(app, "variational-2d").run()  # which offers no such source
    assert not app.exception
    assert box(app, "Codes come from").value == "prior"


def test_all_of_the_draws_is_a_bound_and_less_than_half_of_the_codes_is_explained() -> None:
    text = said(open_page("sparse-1024d"), "nearest neighbour of a draw")
    # None of 3,000 with 1 - 0.05 ** (1 / 3000) = 0.0998 % each is seen once in twenty times.
    assert "another draw in **3,000 of 3,000: at least 99.90 %** of cases" in text
    assert "± 0.0" not in text
    assert "Less than 50 % says that codes lie farther from each other than from draws" in text
    alike = said(open_page("variational-2d"), "nearest neighbour of a draw")
    assert "Less than" not in alike


def test_less_than_half_of_the_draws_is_explained_as_well() -> None:
    app = open_page("variational-32d")
    app.slider(key="sample_temperature").set_value(2.0).run()
    text = said(app, "nearest neighbour of a draw")
    assert "Less than 50 % says that draws lie farther from each other than from codes" in text


def test_the_prior_is_offered_where_a_model_draws_from_what_was_fitted_to_its_codes() -> None:
    app = open_page("wasserstein-2d")
    assert not [toggle for toggle in app.toggle if toggle.key == "sample_grid"]
    app.segmented_control(key="sample_from").set_value("normal").run()
    model = checkpoint.load(checkpoint.FOLDER / "wasserstein-2d")
    noise = np.random.default_rng(0).standard_normal((36, 2)).astype(np.float32)
    assert images(app) == [pixels.data_uri(image) for image in apply.decode(model, noise)]
    app.toggle(key="sample_grid").set_value(True).run()
    assert len(images(app)) == 1


def test_the_temperature_of_a_codebook_is_that_of_a_softmax() -> None:
    app = open_page("vector_quantised-8d")
    slider = app.slider(key="sample_temperature")
    assert slider.label == "Softmax temperature"
    assert "logits" in slider.help
    assert not [
        caption for caption in app.caption if "nearest neighbour of a draw" in caption.value
    ]
    choose_model(app, "variational-2d").run()
    assert app.slider(key="sample_temperature").label == "Temperature"
    assert "spread" in app.slider(key="sample_temperature").help


def test_a_prior_is_compared_with_draws_from_the_posteriors() -> None:
    app = open_page("variational-32d")
    assert "draws from the posteriors" in said(app, "nearest neighbour of a draw")
    app.segmented_control(key="sample_from").set_value("mixture").run()
    assert "the codes of test images" in said(app, "nearest neighbour of a draw")


def test_a_model_with_a_prior_can_draw_from_a_mixture_for_comparison() -> None:
    app = open_page()
    first = images(app)
    app.segmented_control(key="sample_from").set_value("mixture").run()
    assert not app.exception
    assert len(images(app)) == 36
    assert not set(images(app)) & set(first)


def test_the_even_grid_is_one_image_of_the_whole_prior_for_a_code_of_two_dimensions() -> None:
    app = open_page()
    app.toggle(key="sample_grid").set_value(True).run()
    assert not app.exception
    model = checkpoint.load(checkpoint.FOLDER / "variational-2d")
    corner = apply.decode(model, sampling.prior_grid(20))[0]
    (sheet,) = images(app)
    expected = pixels.tiles(apply.decode(model, sampling.prior_grid(20)), 20)
    assert np.array_equal(expected[:28, :28], corner)
    assert sheet == pixels.data_uri(expected)
    assert not any(toggle.key == "sample_grid" for toggle in open_page("variational-32d").toggle)


def test_what_was_chosen_is_kept_while_another_page_is_shown() -> None:
    app = open_page()
    app.segmented_control(key="sample_from").set_value("mixture")
    app.segmented_control(key="sample_nearest").set_value("codes")
    app.slider(key="sample_count").set_value(8)
    app.slider(key="sample_temperature").set_value(1.5).run()
    app.slider(key="sample_components").set_value(3).run()
    box(app, "Seed").set_value(7).run()
    before = images(app)
    assert len(before) == 16
    app.switch_page("../../pages/home.py").run()
    app.switch_page("../../pages/sample.py").run()
    assert not app.exception
    assert app.slider(key="sample_count").value == 8
    assert app.slider(key="sample_temperature").value == 1.5
    assert app.slider(key="sample_components").value == 3
    assert images(app) == before
    app.segmented_control(key="sample_from").set_value("prior").run()
    app.toggle(key="sample_grid").set_value(True).run()
    app.switch_page("../../pages/home.py").run()
    app.switch_page("../../pages/sample.py").run()
    assert app.toggle(key="sample_grid").value
    assert len(images(app)) == 1
    app.toggle(key="sample_grid").set_value(False).run()  # what the grid had no use for is there
    assert app.slider(key="sample_count").value == 8
    assert box(app, "Seed").value == 7


def test_the_address_says_what_to_draw() -> None:
    app = opened("sample", model="variational-2d", sample_count="12", sample_temperature="0.5")
    assert len(images(app)) == 12
    assert app.slider(key="sample_temperature").value == 0.5
    app.slider(key="sample_temperature").set_value(1.0).run()
    assert "sample_temperature" not in app.query_params
    assert app.query_params["sample_count"] == "12"


@pytest.mark.parametrize("space", ["pixels", "codes"])
def test_the_nearest_training_image_stands_below_each_sample(space: str) -> None:
    app = open_page()
    app.slider(key="sample_count").set_value(4)
    app.segmented_control(key="sample_nearest").set_value(space).run()
    assert not app.exception
    shown = images(app)
    assert len(shown) == 8

    mnist = datasets.load()
    model = checkpoint.load(checkpoint.FOLDER / "variational-2d")
    code = np.asarray(sampling.sample_prior(model, 4, 1.0, 0))[:1]
    if space == "pixels":
        sample = apply.decode(model, code)[0]
        distance = np.array(
            [((mnist.train_images[i] / 255 - sample) ** 2).sum() for i in range(60_000)]
        )
    else:
        distance = np.linalg.norm(apply.encode(model, mnist.train_images) - code, axis=1)
    assert shown[1] == pixels.data_uri(mnist.train_images[distance.argmin()])
