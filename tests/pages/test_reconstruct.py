"""The reconstruct page without a browser: which images, reconstructions, errors, measures."""

from __future__ import annotations

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from aeviz.analysis import errors, pca
from aeviz.app import library, texts
from aeviz.charts import pixels
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from tests.pages.opening import box, choose_model
from tests.pages.pretrained import ONE_OF_EACH

MNIST = datasets.load()


def open_page(model: str, **settings: str) -> AppTest:
    app = AppTest.from_file("entry.py", default_timeout=120).run()
    choose_model(app, model)
    app.switch_page("../../pages/reconstruct.py").run()
    for key, value in settings.items():
        app.segmented_control(key=key).set_value(value).run()
    assert not app.exception
    return app


def table(app: AppTest) -> str:
    return next(e.proto.body for e in app.get("html") if "aeviz-rows" in e.proto.body)


def row(app: AppTest, name: str) -> list[str]:
    """The addresses of a row's images."""
    return re.findall(rf'<img src="([^"]+)" alt="{re.escape(name)}, \d+"', table(app))


def indices(app: AppTest) -> list[int]:
    """Which test images are shown."""
    return [int(k) for k in re.findall(r"<br>test image<br>(\d+)<", table(app))]


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_pretrained_model_shows_originals_reconstructions_errors_and_pca(name: str) -> None:
    app = open_page(name)
    shown = indices(app)
    assert len(set(shown)) == 10
    x = MNIST.test_images[shown]
    model = checkpoint.load(checkpoint.FOLDER / name)
    found = apply.reconstruct(model, x, MNIST.test_labels[shown])
    said = any("Its mean is decoded here" in caption.value for caption in app.caption)
    assert said == model.has_posterior
    linear = pca.pca(MNIST, model.code_dim)
    by_pca = np.clip(linear.decode(linear.encode(x)), 0, 1)
    title = library.title(name)
    width = min(model.code_dim, 784)
    pca_title = f"PCA, {width} component{'s' * (width > 1)}"
    for heading, expected_images in (
        ("Original", x),
        (f"Reconstruction by {title}", found),
        (f"Error of {title}", pixels.signed(found - x / np.float32(255))),
        (f"Reconstruction by {pca_title}", by_pca),
        (f"Error of {pca_title}", pixels.signed(by_pca - x / np.float32(255))),
    ):
        assert row(app, heading) == [pixels.data_uri(image) for image in expected_images], heading
    texts = re.findall(r"MSE ([\d.]+)<br>BCE ([\d.]+)<br>([\d.]+) dB", table(app))
    expected = [
        (f"{e.mse[k]:.4f}", f"{e.bce[k]:.3f}", f"{e.psnr[k]:.1f}")
        for e in (errors.compare(x, found), errors.compare(x, by_pca))
        for k in range(10)
    ]
    # Encoded ten at once or all at once: the last digit may differ; above 100 dB all do.
    shown, right = (np.array(part, float).clip(max=100) for part in (texts, expected))
    assert np.allclose(shown, right, rtol=2e-3, atol=1.1e-4)


def test_the_errors_of_the_whole_test_set_are_those_of_the_card_with_pca_beside() -> None:
    app = open_page("vanilla-2d")
    card = checkpoint.pretrained()["vanilla-2d"]
    mse, bce, psnr = app.metric
    named = [m.label.partition(", ±")[0] for m in app.metric]
    assert named == ["MSE", "BCE (nats/pixel)", "PSNR (dB)"]
    assert float(mse.value) == pytest.approx(card.figures["mse"], abs=1e-4)
    assert float(bce.value) == pytest.approx(card.figures["bce"], abs=1e-3)
    assert float(psnr.value) == pytest.approx(card.figures["psnr"], abs=0.01)
    images = MNIST.test_images / np.float32(255)
    linear = np.square(pca.pca(MNIST, 2).reconstruct(MNIST.test_images) - images).mean((1, 2))
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-2d")
    ours = np.square(apply.reconstruct(model, MNIST.test_images) - images).mean((1, 2))
    off, theirs = (part.std(ddof=1) / 100 for part in (ours, linear))
    assert mse.label == f"MSE, ± {off:.5f}"
    assert mse.delta == f"PCA {linear.mean():.5f} ± {theirs:.5f}"
    assert psnr.label == f"PSNR (dB), ± {4.342945 * off / ours.mean():.2f}"
    assert "10,000 test images" in "".join(m.value for m in app.markdown)


@pytest.mark.parametrize("order", ["best", "worst"])
def test_best_and_worst_are_those_of_all_test_images_in_their_order(order: str) -> None:
    app = open_page("vanilla-2d", copies=order)
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-2d")
    found = apply.reconstruct(model, MNIST.test_images)
    mse = np.square(MNIST.test_images / 255 - found).mean((1, 2))
    ranked = np.sort(mse) if order == "best" else np.sort(mse)[::-1]
    assert np.allclose(mse[indices(app)], ranked[:10], rtol=1e-4)
    assert not app.number_input  # no seed where nothing is drawn


def test_images_of_one_digit_alone_also_the_worst_of_them() -> None:
    app = open_page("vanilla-2d", copies_of="4")
    assert set(MNIST.test_labels[indices(app)]) == {4}
    app.segmented_control(key="copies").set_value("worst").run()
    shown = indices(app)
    assert set(MNIST.test_labels[shown]) == {4}
    model = checkpoint.load(checkpoint.FOLDER / "vanilla-2d")
    fours = MNIST.test_images[MNIST.test_labels == 4]
    mse = np.square(fours / 255 - apply.reconstruct(model, fours)).mean((1, 2))
    worst = MNIST.test_images[shown[0]] / 255
    assert np.array_equal(fours[mse.argmax()] / 255, worst)


def test_another_seed_draws_others_and_the_first_one_brings_the_first_back() -> None:
    app = open_page("vanilla-2d")
    first = indices(app)
    next(b for b in app.button if b.label == "Draw again").click().run()
    assert box(app, "Seed").value == 1
    assert set(indices(app)) != set(first)
    box(app, "Seed").set_value(0).run()
    assert indices(app) == first
    box(app, "Seed").set_value(9999).run()
    next(b for b in app.button if b.label == "Draw again").click().run()
    assert indices(app) == first


def test_what_was_chosen_is_kept_while_another_page_is_shown() -> None:
    app = open_page("vanilla-2d", copies_of="4")
    box(app, "Seed").set_value(7).run()
    before = indices(app)
    app.switch_page("../../pages/home.py").run()
    app.switch_page("../../pages/reconstruct.py").run()
    assert (box(app, "By digit").value, box(app, "Seed").value) == ("4", 7)
    assert indices(app) == before
    assert app.query_params["copies_seed"] == "7"


def test_the_colours_of_the_error_and_the_clipping_of_pca_are_explained() -> None:
    app = open_page("vanilla-2d")
    key = next(e.proto.body for e in app.get("html") if "aeviz-key" in e.proto.body)
    assert key.index("too little ink") < key.index("<img") < key.index("too much ink")
    assert "clipped to [0, 1]" in "".join(m.value for m in app.markdown)
    assert app.latex


def test_what_each_side_knows_stands_below() -> None:
    told = [c.value for c in open_page("conditional-2d").caption]
    bits = f"up to {np.log2(10):.1f} bits"
    assert any("They are told it" in text and bits in text for text in told)
    assert any("60,000 training images of MNIST digits" in text for text in told)
    plain = [c.value for c in open_page("denoising-2d").caption]
    assert not any("bits" in text for text in plain)
    assert any("corrupted (Gaussian noise, standard deviation 0.25)" in text for text in plain)


def test_the_sum_of_the_cross_entropy_is_over_both_terms() -> None:
    """In the formula the minus before ln(1 - x) belonged to no sum."""
    formula = texts.of("reconstruct").parts["formula"]
    assert r"\sum_i \bigl( x_i \ln \hat x_i + (1 - x_i) \ln (1 - \hat x_i) \bigr)" in formula
