"""The loss page without a browser: one model of each kind, and every control."""

from __future__ import annotations

import base64
import json
import re
from functools import partial
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from aeviz.analysis import mechanism, pca
from aeviz.charts import pixels
from aeviz.data import datasets
from aeviz.models import apply, checkpoint, optim
from aeviz.models.zoo import MODELS
from aeviz.training import curves, place, store
from tests.pages.opening import box, choose_model, chosen_model, opened

MNIST = datasets.load()


open_page = partial(opened, "loss")


@pytest.fixture(scope="module")
def app() -> AppTest:
    """One page for all tests; each chooses its model."""
    return open_page()


def choose(app: AppTest, model: str) -> Any:
    choose_model(app, model).run()
    assert not app.exception, model
    return checkpoint.load(checkpoint.FOLDER / model)


def traces(app: AppTest) -> dict[str, list[dict[str, Any]]]:
    """Each chart's traces by what is below it."""
    charts = [json.loads(element.proto.spec) for element in app.get("plotly_chart")]
    return {below(chart["layout"]): chart["data"] for chart in charts}


def below(layout: dict[str, Any]) -> str:
    """What the axis says that has a title, of several one above the other."""
    axes = [axis for name, axis in layout.items() if name.startswith("xaxis")]
    return next(axis["title"]["text"] for axis in axes if "title" in axis)


def values(packed: Any) -> np.ndarray:
    """An array of a chart, as plotly packs it."""
    if isinstance(packed, list):
        return np.array(packed)
    return np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"])


def pictures(app: AppTest, alt: str) -> list[str]:
    bodies = "".join(element.proto.body for element in app.get("html"))
    return re.findall(rf'<img src="([^"]+)" alt="{alt}[^"]*"', bodies)


def text(app: AppTest) -> str:
    return "\n".join(markdown.value for markdown in app.markdown)


def button(app: AppTest, label: str) -> Any:
    return next(button for button in app.button if button.label == label)


def press(app: AppTest, label: str, model: str) -> Any:
    """Go to a kind of model by its button."""
    if button(app, label).disabled:  # as it is where such a model is shown
        choose(app, "vanilla-2d")
    button(app, label).click().run()
    assert not app.exception
    assert chosen_model(app) == model
    assert [b.label for b in app.button if b.disabled] == [label]
    return checkpoint.load(checkpoint.FOLDER / model)


def swept(model: Any, dimension: int) -> list[str]:
    """What moving one latent dimension draws, by hand."""
    codes = apply.encode(model, MNIST.test_images, MNIST.test_labels)
    moved = codes.mean(0)[None].repeat(13, 0)
    steps = np.linspace(-3, 3, 13)
    if not model.gaussian_prior:
        steps = codes[:, dimension].mean() + steps * codes[:, dimension].std()
    moved[:, dimension] = steps
    labels = np.zeros(13, int) if model.uses_labels else None
    return [pixels.data_uri(image) for image in apply.decode(model, moved, labels)]


def test_a_plain_model_shows_its_terms_its_most_varied_dimension_and_its_slopes(
    app: AppTest,
) -> None:
    model = choose(app, "vanilla-32d")
    shown = traces(app)
    (bar,) = shown["squared error per image"]
    mse = 784 * model.card.figures["mse"]
    assert values(bar["x"])[0] == pytest.approx(mse, rel=1e-4)
    found = re.search(r"Reconstruction \*\*([\d.]+) ± ([\d.]+)\*\* squared error per im", text(app))
    assert found
    assert float(found[1]) == pytest.approx(mse, abs=float(found[2]) / 2)
    assert 0.5 < float(found[2]) / (784 * model.card.errors["mse"]) < 2  # of ten batches
    assert set(shown) == {"squared error per image", "Step", "Singular value, from the largest"}
    codes = apply.encode(model, MNIST.test_images)
    dimension = int(codes.var(0).argmax())
    assert box(app, "Latent dimension").value == dimension + 1
    assert pictures(app, f"z{dimension + 1} from") == swept(model, dimension)
    # The contractive one stands beside it, at first.
    names = {trace.get("name") for trace in shown["Singular value, from the largest"]}
    assert names == {None, "Vanilla, 32 dimensions", "Contractive, 32 dimensions"}
    assert "It is no term of this model's loss" in text(app)


def test_another_dimension_is_moved_and_shows_the_images_that_have_most_of_it(app: AppTest) -> None:
    model = choose(app, "vanilla-32d")
    box(app, "Latent dimension").set_value(6).run()
    assert pictures(app, "z6 from") == swept(model, 5)
    codes = apply.encode(model, MNIST.test_images)
    most = MNIST.test_images[codes[:, 5].argmax()]
    assert pictures(app, "Test images with the largest z6")[0] == pixels.data_uri(most)


def test_a_variational_model_names_the_dimensions_that_collapsed(app: AppTest) -> None:
    model = press(app, "Variational", "variational-32d")
    kl = mechanism.cost(model, MNIST.test_images).metrics["kl_per_dim"]
    (bars,) = traces(app)["latent dimension"]
    np.testing.assert_allclose(values(bars["y"]), np.sort(kl)[::-1], rtol=1e-4, atol=1e-6)
    assert list(values(bars["x"]))[:2] == [f"z{k + 1}" for k in (-kl).argsort()[:2]]
    unused = np.flatnonzero(kl < 0.01)
    assert f"**{len(unused)} collapsed**" in text(app)
    assert f": z{unused[0] + 1}, z{unused[1] + 1}, " in text(app)
    assert f"**{32 - len(unused)} of 32 latent dimensions** are active" in text(app)
    assert f"**{kl.sum():.1f} nats**" in text(app)
    assert pictures(app, f"z{kl.argmax() + 1} from") == swept(model, int(kl.argmax()))
    app.segmented_control(key="kl_order").set_value("code").run()
    (bars,) = traces(app)["latent dimension"]
    assert list(values(bars["x"])) == [f"z{k + 1}" for k in range(32)]


def test_a_model_that_takes_labels_draws_the_class_that_is_asked_for(app: AppTest) -> None:
    model = choose(app, "conditional-16d")
    dimension = box(app, "Latent dimension").value
    assert isinstance(dimension, int)
    assert pictures(app, f"z{dimension} from") == swept(model, dimension - 1)
    before = pictures(app, f"z{dimension} from")
    app.segmented_control(key="loss_label").set_value("7").run()
    assert not app.exception
    assert pictures(app, f"z{dimension} from") != before


def test_a_sparse_model_shows_how_often_units_fire_and_what_they_draw(app: AppTest) -> None:
    model = press(app, "Sparse", "sparse-1024d")
    shares = (apply.encode(model, MNIST.test_images) != 0).mean(0)
    (bars,) = traces(app)["Share of test images on which a unit fires"]
    assert values(bars["y"]).sum() == 1024
    assert shares.sum() == pytest.approx(50)
    assert "**50 of 1,024 units** are active, as k = 50 is set" in text(app)
    dead = int((shares == 0).sum())
    assert dead <= 0.05 * 1024
    assert ("None is dead: each fires" if dead == 0 else f"**{dead} ") in text(app)
    x = MNIST.test_images / np.float32(255)
    variance = np.square(x - x.mean(0)).mean()
    linear = pca.pca(MNIST, 50)
    for found in (apply.reconstruct(model, MNIST.test_images), linear.reconstruct(x)):
        explained = 1 - np.square(found - x).mean() / variance
        assert f"**{explained:.4f} ± 0.0" in text(app)
    assert "PCA, 50 components explains" in text(app)
    assert len(pictures(app, "atom of z")) == 24
    most = int(shares.argmax())
    assert box(app, "Latent dimension").value == most + 1
    codes = apply.encode(model, MNIST.test_images)
    excited = MNIST.test_images[codes[:, most].argmax()]
    rows = pictures(app, f"Test images that excite z{most + 1} most")
    assert rows[0] == pixels.data_uri(excited)
    assert len(rows) == len(pictures(app, f"What z{most + 1} adds")) == 13
    # The overcomplete one, with as wide a code, stands beside it.
    assert "for Vanilla, 1,024 dimensions" in text(app)


def test_of_graded_units_the_mean_activity_is_shown_as_the_target_is_one() -> None:
    config: Any = MODELS["sparse"].Config
    kl = optim.build(MODELS["sparse"], config(kind="KL", latent_dim=20), 0)
    card = checkpoint.Card(
        variant="sparse", config=kl.config, trained_on=9, seed=0, steps=1, batch=1, lr=1e-3
    )
    app = open_page(model=store.add(checkpoint.to_bytes(kl, card)))
    activity = apply.encode(kl, MNIST.test_images)
    (bars,) = traces(app)["Mean activity of a unit on test images"]
    assert values(bars["y"]).sum() == 20
    (active, error) = re.findall(r"\*\*([\d.]+) ± ([\d.]+) of 20 units\*\*", text(app))[0]
    assert float(active) == pytest.approx(activity.sum(1).mean(), abs=float(error))
    assert "as the sum of their activities" in text(app)
    dead = int((activity <= 0.5).all(0).sum())
    assert (f"**{dead} " in text(app)) == (dead > 0)


def test_a_model_with_a_codebook_shows_its_entries_and_no_slopes(app: AppTest) -> None:
    model = press(app, "Vector-quantised", "vector_quantised-8d")
    shown = traces(app)
    (bars,) = shown["codebook entry, the most used first"]
    assert values(bars["y"]).sum() == pytest.approx(100)
    assert (np.diff(values(bars["y"])) <= 0).all()
    assert len(pictures(app, "entry ")) == len(values(bars["y"]))
    shares = values(bars["y"]) / 100
    perplexity = np.exp(-np.sum(shares[shares > 0] * np.log(shares[shares > 0])))
    assert f"Perplexity **{perplexity:.1f}**" in text(app)
    assert "Singular value, from the largest" not in shown
    assert model.config.codebook_size == len(shares)
    assert not app.number_input


def test_slopes_stand_beside_those_of_another_model_and_can_be_told_by_the_spread(
    app: AppTest,
) -> None:
    models = {name: choose(app, name) for name in ("vanilla-2d", "linear-2d", "contractive-2d")}
    assert "It is a term of this model's loss" in text(app)
    norms = {
        name: np.square(found).sum(1)
        for name, model in models.items()
        if (found := mechanism.spectrum(model, MNIST.test_images, MNIST.test_labels)) is not None
    }

    def said(a: float, b: float) -> str:
        return (
            f"**{a:.3g}** for Contractive, 2 dimensions and **{b:.3g}** for Vanilla, 2 dimensions"
        )

    ours, theirs = (np.median(norms[name]) for name in ("contractive-2d", "vanilla-2d"))
    spreads = [
        apply.encode(models[name], MNIST.test_images).var(0).mean()
        for name in ("contractive-2d", "vanilla-2d")
    ]
    # By the spread of the codes at first: as they are, two codes have scales of their own.
    assert said(ours / spreads[0], theirs / spreads[1]) in text(app)
    assert "divided by the mean variance" in text(app)
    app.segmented_control(key="slopes").set_value("plain").run()
    assert said(ours, theirs) in text(app)
    assert ours < theirs
    assert "divided by the mean variance" not in text(app)
    box(app, "Beside it").set_value("linear-2d").run()
    assert f"**{np.median(norms['linear-2d']):.3g}** for Linear, 2 dimensions" in text(app)


def test_a_pretrained_model_shows_the_curve_that_its_file_keeps(app: AppTest) -> None:
    model = choose(app, "sparse-1024d-deep")
    line, mean = traces(app)["Step"]
    assert mean["text"][-1] == "mean image"
    assert any("Dotted: what the mean image and PCA leave" in c.value for c in app.caption)
    assert list(values(line["x"])) == model.card.curve.steps
    assert list(values(line["y"])) == model.card.curve.terms["reconstruction"]
    assert not any(button.label.startswith("Train: ") for button in app.button)


def test_a_file_without_a_curve_says_so_and_leads_to_training() -> None:
    model = checkpoint.load(checkpoint.FOLDER / "variational-2d")
    card = model.card.model_copy(update={"curve": None})
    app = open_page(model=store.add(checkpoint.to_bytes(model, card)))
    assert "keeps no curve" in text(app)
    assert "Step" not in traces(app)
    button(app, "Train: Variational").click().run()
    assert not app.exception
    assert button(app, "Variational").icon  # the card of what is to be trained


def test_a_run_of_one_s_own_shows_the_curve_of_each_term() -> None:
    run = store.add((checkpoint.FOLDER / "variational-2d.safetensors").read_bytes())
    means = {"terms": {"reconstruction": 140.0, "kl": 6.0}}
    points = [
        curves.Point.model_validate(
            {"step": s, "epoch": s / 10, "train": means, "validation": means}
        )
        for s in (0, 50, 100)
    ]
    lines = "".join(point.model_dump_json() + "\n" for point in points)
    (place.path_of(run) / "metrics.jsonl").write_text(lines, encoding="utf-8")
    # A dimension of a wider model in the address does no harm.
    app = open_page(model=run, number="30")
    charts = [json.loads(element.proto.spec) for element in app.get("plotly_chart")]
    titles = [note["text"] for note in charts[1]["layout"]["annotations"]]
    assert titles == [f"{term}, nats per image" for term in ("Reconstruction", "KL", "Total")]
    assert not any(button.label.startswith("Train: ") for button in app.button)
    assert box(app, "Latent dimension").value in (1, 2)
