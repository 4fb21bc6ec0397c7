"""The denoise page without a browser: corrupting, cleaning, curve, map, files, uploads."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from aeviz.analysis import denoising, planes
from aeviz.app import library, widgets
from aeviz.app.pictures import Picked
from aeviz.app.subject import ModelSubject
from aeviz.app.views import denoise as view
from aeviz.charts import pixels, theme
from aeviz.data import corruption, datasets
from aeviz.models import apply, checkpoint
from aeviz.training import store
from benchmarks import strangers
from tests.pages.opening import box, choose_model, chosen_model, opened
from tests.pages.pretrained import HOME, ONE_OF_EACH

MNIST = datasets.load()
CASES = Path(__file__).parents[1] / "cases"
PRETRAINED = checkpoint.pretrained()
START = 1
BEST = "convolutional_denoising-128d"
FILTERS = ["median", "nlm", "wiener", "linear"]
VERSIONS = ["clean", "noisy", "cleaned", *FILTERS, "control"]


@pytest.fixture(scope="module", autouse=True)
def quickly_fitted() -> Iterator[None]:
    """The linear map of fewer images, here and on the page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denoising, "FITTED_ON", 2000)
        denoising.fitted.cache_clear()
        yield
    denoising.fitted.cache_clear()


def open_page(model: str = HOME) -> AppTest:
    return opened("denoise", model=model)


def subject(name: str) -> ModelSubject:
    return ModelSubject(library.codec(name), MNIST)


def gallery(app: AppTest) -> str:
    return next(e.proto.body for e in app.get("html") if 'alt="cleaned"' in e.proto.body)


def images(app: AppTest) -> dict[str, str]:
    """The addresses of the images by name."""
    found = re.findall(r'<img src="([^"]+)" alt="([^"]+)"', gallery(app))
    return {name: uri for uri, name in found}


def scores(app: AppTest) -> list[tuple[float, float]]:
    """PSNR and SSIM below the images."""
    found = re.findall(r"PSNR ([\d.]+) dB<br>SSIM ([\d.]+)", gallery(app))
    return [(float(psnr), float(ssim)) for psnr, ssim in found]


def expected(
    model_name: str, clean: np.ndarray, name: str, strength: float, seed: int
) -> dict[str, np.ndarray]:
    """Each version of an image, with the filters that the page uses."""
    model = checkpoint.load(checkpoint.FOLDER / model_name)
    clean = datasets.to_float(clean)
    noisy = corruption.CORRUPTIONS[name].apply(clean, strength, seed)
    filtered = denoising.filtered(noisy[None], datasets.load(), name, strength)
    cleaned, control = (apply.reconstruct(model, x[None])[0] for x in (noisy, clean))
    plain = {key: found[0] for key, found in filtered.items()}
    return {"clean": clean, "noisy": noisy, "cleaned": cleaned, **plain, "control": control}


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_variant_cleans_and_shows_its_codes(name: str) -> None:
    app = open_page(name)
    found = expected(name, MNIST.test_images[START], "gaussian", 0.5, 0)
    clean = found["clean"]
    shown = images(app)
    assert list(shown) == [alt for key in VERSIONS for alt in (key, f"{key} error")]
    for key, image in found.items():
        assert shown[key] == pixels.data_uri(image), key
        assert shown[f"{key} error"] == pixels.data_uri(pixels.signed(image - clean)), key
    others = [image for key, image in found.items() if key != "clean"]
    psnr, ssim = np.array(scores(app)).T
    assert psnr == pytest.approx(
        [-10 * np.log10(np.square(x - clean).mean()) for x in others], abs=0.051
    )
    assert ssim == pytest.approx([denoising.ssim(clean, x) for x in others], abs=0.0051)

    model = checkpoint.load(checkpoint.FOLDER / name)
    # The dots are test digits, whose labels are known; of the three images none is told.
    plane = subject(name).plane()  # the page's own: a transformer's codes take half a minute
    three = ("clean", "noisy", "cleaned")
    codes = apply.encode(model, np.stack([found[key] for key in three]))
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)  # type: ignore[attr-defined]
    notes = chart["layout"]["annotations"]
    names = [note["text"] for note in notes]
    assert names == ["<b>clean</b>", "<b>corrupted</b>", "<b>cleaned</b>"]
    places = np.array([(note["x"], note["y"]) for note in notes])
    assert np.allclose(places, plane.project(codes), rtol=1e-3, atol=1e-3)

    learned = denoising.trained_on(model)
    captions = [caption.value for caption in app.caption]
    assert any("was trained on" in text for text in captions) == bool(learned)
    if learned:
        assert "was trained on: Gaussian noise, standard deviation 0.5" in captions[0]


def test_each_corruption_has_its_strength_and_a_seed_where_there_is_chance() -> None:
    app = open_page()
    for name, kind in corruption.CORRUPTIONS.items():
        app.selectbox(key="noise").set_value(name).run()
        assert not app.exception, name
        slider = app.slider(key=name.replace(" ", "_"))
        assert slider.label == f"{kind.title}: {kind.strength}"
        assert slider.value == kind.start
        seeds = [number for number in app.number_input if number.key == "noise_seed"]
        assert bool(seeds) == kind.seeded
        strength = kind.start
        if name in ("block", "jpeg"):  # whole numbers; the others move in the tests beside
            strength += kind.step
            slider.set_value(strength).run()
        found = expected(HOME, MNIST.test_images[START], name, strength, 0)
        for key in ("noisy", "cleaned", *FILTERS):
            assert images(app)[key] == pixels.data_uri(found[key]), (name, key)
        assert any(kind.formula in text.value for text in app.latex)


def test_the_noise_follows_its_seed_and_nothing_is_lost_at_strength_zero() -> None:
    app = open_page()
    first = images(app)
    next(b for b in app.button if b.label == "New noise").click().run()
    assert box(app, "Seed").value == 1
    x = MNIST.test_images[START]
    assert images(app)["clean"] == first["clean"]
    assert images(app)["noisy"] == pixels.data_uri(corruption.noisy(x, 0.5, 1))
    app.number_input(key="picture").set_value(18).run()
    x = MNIST.test_images[18]
    assert images(app)["noisy"] == pixels.data_uri(corruption.noisy(x, 0.5, 1))
    app.slider(key="gaussian").set_value(0.0).run()
    still = images(app)
    for key in ("noisy", *FILTERS):
        assert still[key] == still["clean"], key
    assert gallery(app).count("the same, pixel by pixel") == 5
    assert len(scores(app)) == 2  # the model and the control
    assert still["cleaned"] == still["control"]
    assert not app.exception


def test_an_image_that_is_noisy_already_is_cleaned_as_it_is() -> None:
    app = open_page()
    app.segmented_control(key="start_from").set_value("spoilt").run()
    assert not app.exception
    x = corruption.noisy(MNIST.test_images[START], 0.5, 0)
    assert any("Nothing is uploaded yet" in info.value for info in app.info)
    assert images(app)["noisy"] == pixels.data_uri(x)
    x = np.round(corruption.noisy(MNIST.test_images[18], 0.4, 5) * 255).astype(np.uint8)
    uploader = app.file_uploader(key="spoilt_file")
    uploader.upload("noisy.png", pixels.png(x), "image/png").run()
    assert not app.exception
    assert not any("Nothing is uploaded yet" in info.value for info in app.info)
    model = checkpoint.load(checkpoint.FOLDER / HOME)
    cleaned = apply.reconstruct(model, x[None])[0]
    shown = images(app)
    assert [key for key in shown if "error" not in key] == VERSIONS[1:-1]
    assert shown["noisy"] == pixels.data_uri(x)
    assert shown["cleaned"] == pixels.data_uri(cleaned)
    error = pixels.signed(cleaned - datasets.to_float(x))
    assert shown["cleaned error"] == pixels.data_uri(error)
    assert "PSNR" not in gallery(app)
    assert any("Nobody knows the clean version" in text.value for text in app.markdown)
    assert not app.number_input  # nothing is drawn by chance
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)  # type: ignore[attr-defined]
    names = [note["text"] for note in chart["layout"]["annotations"]]
    assert names == ["<b>corrupted</b>", "<b>cleaned</b>"]
    app.file_uploader(key="spoilt_file").upload("letter.png", b"Dear aeviz", "image/png").run()
    assert not app.exception
    said = next(e.proto.body for e in app.get("html") if "aeviz-problems" in e.proto.body)  # type: ignore[attr-defined]
    assert re.search(r"<b>letter.png</b>: [^.]*not a picture", said)


def test_the_curve_is_drawn_when_asked_for_with_the_strength_of_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(denoising, "MEASURED_ON", 5)
    app = open_page()
    assert len(app.get("plotly_chart")) == 1
    app.toggle(key="strength_curve").set_value(True).run()
    assert not app.exception
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)  # type: ignore[attr-defined]
    filters = ["Median filter", "Non-local means", "Wiener-Hunt filter", "Linear (LMMSE)"]
    names = [library.title(HOME), library.title(BEST), "Not cleaned", *filters]
    assert [trace["name"] for trace in chart["data"]] == names
    assert chart["data"][0]["line"]["color"] == theme.RECONSTRUCTION
    assert {trace["line"]["color"] for trace in chart["data"][2:]} == {theme.BASELINE}
    assert [shape["x0"] for shape in chart["layout"]["shapes"]] == [0.5]
    assert chart["layout"]["annotations"][0]["text"] == "trained at 0.5"
    assert "dB" in chart["layout"]["yaxis"]["title"]["text"]
    assert "standard deviation" in chart["layout"]["xaxis"]["title"]["text"]
    model = checkpoint.load(checkpoint.FOLDER / "denoising-32d")
    x = datasets.to_float(MNIST.test_images[:5])
    strengths = corruption.CORRUPTIONS["gaussian"].curve
    cleaned = [apply.reconstruct(model, corruption.noisy(x, s, 0)) for s in strengths]
    squared = np.array([np.square(y - x).mean((1, 2)) for y in cleaned])
    found = view.cleaning_errors([subject("denoising-32d")], "gaussian")
    np.testing.assert_allclose(found["denoising-32d"], squared, rtol=1e-4)
    assert not found[""][0].any()
    app.multiselect(key="strength_beside").set_value([]).run()
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)  # type: ignore[attr-defined]
    assert len(chart["data"]) == 6
    assert not chart["layout"].get("shapes")
    app.multiselect(key="strength_beside").set_value(["denoising-2d-masking"]).run()
    app.selectbox(key="noise").set_value("jpeg").run()
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)  # type: ignore[attr-defined]
    assert chart["layout"]["xaxis"]["autorange"] == "reversed"  # weak on the left
    assert not chart["layout"].get("shapes")
    assert not app.exception


@pytest.mark.parametrize("kind", ["gaussian", "masking"])
def test_who_cleans_best_is_said_of_the_images_measured_with_its_error(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(denoising, "MEASURED_ON", 30)
    st.cache_data.clear()  # what was measured on fewer
    app = first_visit(noise=kind, strength_curve="true")
    x = MNIST.test_images[:30] / np.float32(255)
    noisy = corruption.CORRUPTIONS[kind].apply(x, 0.5)
    model = checkpoint.load(checkpoint.FOLDER / BEST)
    made = denoising.filtered(noisy, MNIST, kind, 0.5) | {"": apply.reconstruct(model, noisy)}
    error = {key: np.square(its - x).mean((1, 2)) for key, its in made.items()}
    best, second = sorted(error, key=lambda key: error[key].mean())[:2]
    said = next(m.value for m in app.markdown if "cleans best" in m.value)
    titles = denoising.OPPONENTS | {"": library.title(BEST)}
    assert re.search(rf"\*{re.escape(titles[best])}\* cleans best", said)
    assert f"next is *{titles[second]}*" in said
    assert (best == "") == (kind == "gaussian")  # it knows no other noise
    # By a plain formula: 10 / ln 10 of the relative error of the mean.
    for key, (value, spread) in zip(
        (best, second), re.findall(r"([\d.]+) ± ([\d.]+) dB", said), strict=True
    ):
        mean, deviation = error[key].mean(), error[key].std(ddof=1) / np.sqrt(30)
        assert float(value) == pytest.approx(-10 * np.log10(mean), abs=0.006)
        assert float(spread) == pytest.approx(4.3429 * deviation / mean, abs=0.006)


def test_an_image_of_ones_own_is_there_again_after_another_page() -> None:
    app = open_page()
    app.segmented_control(key="start_from").set_value("spoilt").run()
    x = np.round(corruption.noisy(MNIST.test_images[18], 0.4, 5) * 255).astype(np.uint8)
    app.file_uploader(key="spoilt_file").upload("noisy.png", pixels.png(x), "image/png").run()
    before = images(app)
    assert before["noisy"] == pixels.data_uri(x)
    app.switch_page("../../pages/home.py").run()
    app.switch_page("../../pages/denoise.py").run()
    assert not app.exception
    assert images(app) == before
    next(b for b in app.button if b.label == "Forget").click().run()
    assert any("Nothing is uploaded yet" in info.value for info in app.info)


def test_the_models_beside_are_in_the_address_unless_they_are_as_at_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(denoising, "MEASURED_ON", 5)
    app = AppTest.from_file("entry.py", default_timeout=120)
    app.query_params["strength_curve"] = "true"
    app.query_params["strength_beside"] = "vanilla-2d,no-such-model,vanilla-2d"
    app.switch_page("../../pages/denoise.py").run()
    assert not app.exception
    beside = app.multiselect(key="strength_beside")
    assert beside.value == ["vanilla-2d"]
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)  # type: ignore[attr-defined]
    assert chart["data"][1]["name"] == library.title("vanilla-2d")
    beside.set_value(["vanilla-2d", "denoising-32d"]).run()
    assert app.query_params["strength_beside"] == "vanilla-2d,denoising-32d"
    app.multiselect(key="strength_beside").set_value([]).run()
    assert app.query_params["strength_beside"] == ""
    app.multiselect(key="strength_beside").set_value([BEST]).run()
    assert "strength_beside" not in app.query_params
    assert not app.exception


def test_the_row_and_a_whole_batch_are_files(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Callable[[], bytes]] = {}
    monkeypatch.setattr(widgets, "download", lambda kind, make, name: made.update({name: make}))
    batch = datasets.to_float(MNIST.test_images[:3])
    names = ["../seven.png", "two", "=1+1"]
    monkeypatch.setattr(
        "aeviz.app.pictures.Source.images", lambda *a, **k: Picked(batch, names, None)
    )
    app = open_page()
    assert images(app)["clean"] == pixels.data_uri(batch[0])
    box(app, "Shown here").set_value("2").run()
    assert images(app)["clean"] == pixels.data_uri(batch[2])
    assert set(made) == {"aeviz-cleaned.png", "aeviz-cleaned.zip"}
    strip = Image.open(io.BytesIO(made["aeviz-cleaned.png"]()))
    assert strip.format == "PNG"
    assert strip.width > 7 * 28 * 8
    with zipfile.ZipFile(io.BytesIO(made["aeviz-cleaned.zip"]())) as bundle:
        assert bundle.namelist() == [f"picture-{k:03d}.png" for k in (1, 2, 3)] + ["scores.csv"]
        assert bundle.read("picture-003.png") == made["aeviz-cleaned.png"]()
        table = list(csv.DictReader(io.StringIO(bundle.read("scores.csv").decode())))
    assert [(row["picture"], row["version"]) for row in table] == [
        (str(k), key) for k in (1, 2, 3) for key in VERSIONS[1:]
    ]
    found = expected(HOME, batch[0], "gaussian", 0.5, 0)
    first = table[VERSIONS.index("nlm") - 1]
    assert float(first["psnr_db"]) == pytest.approx(
        -10 * np.log10(np.square(found["nlm"] - batch[0]).mean()), abs=1e-3
    )
    assert float(first["ssim"]) == pytest.approx(denoising.ssim(batch[0], found["nlm"]), abs=1e-4)
    monkeypatch.setattr("aeviz.app.pictures.upload_plain", lambda *a: list(batch))
    app.segmented_control(key="start_from").set_value("spoilt").run()
    with zipfile.ZipFile(io.BytesIO(made["aeviz-cleaned.zip"]())) as bundle:
        assert bundle.namelist() == [f"picture-{k:03d}.png" for k in (1, 2, 3)]


def test_a_model_that_was_not_trained_to_clean_says_so_and_offers_one_that_was() -> None:
    app = open_page()
    assert "not trained to clean" in app.info[0].value
    next(b for b in app.button if b.label.startswith("Use ")).click().run()
    assert chosen_model(app) == BEST
    assert not app.info
    assert not app.exception


def first_visit(**query: str) -> AppTest:
    """The page as somebody meets it who chose no model."""
    return opened("denoise", **query)


def used(app: AppTest) -> str:
    """Which of two models cleaned the first image."""
    x = corruption.noisy(MNIST.test_images[START], 0.5, 0)[None]
    models = {name: checkpoint.load(checkpoint.FOLDER / name) for name in (HOME, BEST)}
    shown = images(app)["cleaned"]
    return next(
        name
        for name, model in models.items()
        if pixels.data_uri(apply.reconstruct(model, x)[0]) == shown
    )


def test_the_page_opens_with_a_model_that_cleans_and_a_two_stays_a_two() -> None:
    app = first_visit()
    assert used(app) == BEST
    assert chosen_model(app) == HOME  # the choice is left alone
    assert any(f"Cleaned by *{library.title(BEST)}*" in text.value for text in app.markdown)
    assert "denoise_with" not in app.query_params
    assert "model" not in app.query_params
    found = expected(BEST, MNIST.test_images[START], "gaussian", 0.5, 0)
    error = {key: np.square(x - found["clean"]).mean() for key, x in found.items()}
    assert all(error["cleaned"] < 0.75 * error[key] for key in FILTERS)
    shown = images(app)["cleaned"]
    assert shown == pixels.data_uri(found["cleaned"])
    assert strangers.read(found["cleaned"][None])[0] == MNIST.test_labels[START] == 2
    home = expected(HOME, MNIST.test_images[START], "gaussian", 0.5, 0)["cleaned"]
    assert strangers.read(home[None])[0] != 2  # why it does not open with that one
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)  # type: ignore[attr-defined]
    model = checkpoint.load(checkpoint.FOLDER / BEST)
    plane = planes.default_plane(apply.encode(model, MNIST.test_images))
    note = chart["layout"]["annotations"][0]
    place = plane.project(apply.encode(model, found["clean"][None]))[0]
    assert (note["x"], note["y"]) == pytest.approx(tuple(place), rel=1e-3, abs=1e-3)


def test_the_chosen_model_is_one_press_away_and_the_address_says_so() -> None:
    app = first_visit()
    next(b for b in app.button if b.label.startswith("Use the chosen model")).click().run()
    assert used(app) == HOME
    assert app.query_params["denoise_with"] in ("chosen", ["chosen"])
    assert used(first_visit(denoise_with="chosen")) == HOME
    assert used(first_visit(denoise_with="sidebar")) == HOME  # as earlier versions said it
    app.switch_page("../../pages/home.py").run()
    app.switch_page("../../pages/denoise.py").run()
    assert used(app) == HOME  # kept for the session
    next(b for b in app.button if b.label == f"Use {library.title(BEST)}").click().run()
    assert used(app) == BEST
    assert chosen_model(app) == BEST


@pytest.mark.parametrize(
    ("name", "part"), [("sparse-1024d", "**further**"), ("vanilla-2d", "**nearer**")]
)
def test_what_a_model_not_trained_to_clean_does_is_said_by_what_is_measured(
    name: str, part: str
) -> None:
    app = open_page(model=name)
    (text,) = [m.value for m in app.markdown if "not trained to clean" in m.value]
    image = datasets.to_float(datasets.load().test_images[1:2])
    noisy = corruption.CORRUPTIONS["gaussian"].apply(image, 0.5, 0)
    model = checkpoint.load(checkpoint.FOLDER / name)
    db = [
        -10 * np.log10(np.square(other - image).mean())
        for other in (apply.reconstruct(model, noisy), noisy, apply.reconstruct(model, image))
    ]
    assert f"{part} " in text
    assert f"{db[0]:.1f} against {db[1]:.1f} dB" in text
    assert f"comes back with {db[2]:.1f} dB" in text
    assert ("further" in text) == (db[0] < db[1])


def test_a_model_that_a_person_chose_is_kept_also_where_it_is_the_first_one() -> None:
    assert used(first_visit(model=HOME)) == HOME
    app = first_visit()
    choose_model(app, BEST).run()
    assert used(app) == BEST
    assert not any("Use the chosen model" in b.label for b in app.button)
    choose_model(app, HOME).run()
    assert used(app) == HOME
    assert "not trained to clean" in app.info[0].value
    assert "denoise_with" in app.query_params


def test_the_best_cleaner_is_chosen_by_what_it_learned_and_by_no_test_image() -> None:
    assert denoising.best_cleaner(PRETRAINED) == BEST
    unmeasured = {n: c.model_copy(update={"figures": {}}) for n, c in PRETRAINED.items()}
    assert denoising.best_cleaner(unmeasured) == BEST
    without = {name: card for name, card in PRETRAINED.items() if name != BEST}
    assert denoising.best_cleaner(without) == "denoising-32d"
    others = {n: c for n, c in without.items() if n != "denoising-32d"}
    assert denoising.best_cleaner(others) is None  # they learned from other noise


def test_a_file_that_is_no_image_is_not_called_nothing() -> None:
    app = open_page()
    app.segmented_control(key="start_from").set_value("spoilt").run()
    content = (CASES / "model.pt").read_bytes()
    app.file_uploader(key="spoilt_file").upload("model.pt", content, "").run()
    assert not app.exception
    assert any("None of these is a picture" in info.value for info in app.info)
    said = next(e.proto.body for e in app.get("html") if "aeviz-problems" in e.proto.body)  # type: ignore[attr-defined]
    assert "This is a trained model" in said


@pytest.mark.parametrize(("name", "cleaner"), [(HOME, True), ("denoising-32d", False)])
def test_a_run_that_finishes_cleans_only_where_it_learned_to(name: str, cleaner: bool) -> None:
    app = first_visit()
    run = store.add((checkpoint.FOLDER / f"{name}.safetensors").read_bytes())
    app.session_state["waiting"].append(run)
    app.run()
    assert not app.exception
    assert chosen_model(app) == run
    said = any(f"Cleaned by *{library.title(BEST)}*" in text.value for text in app.markdown)
    assert said == cleaner
    assert ("denoise_with" in app.query_params) == cleaner


def test_what_is_set_is_there_again_after_another_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denoising, "MEASURED_ON", 5)
    app = open_page()
    app.selectbox(key="noise").set_value("low resolution").run()
    app.slider(key="low_resolution").set_value(3).run()
    app.toggle(key="strength_curve").set_value(True).run()
    app.multiselect(key="strength_beside").set_value(["vanilla-2d"]).run()
    address = {
        "noise": "low resolution",
        "low_resolution": "3",
        "strength_curve": "true",
        "strength_beside": "vanilla-2d",
    }
    assert address.items() <= dict(app.query_params).items()
    before = images(app)
    app.switch_page("../../pages/home.py").run()
    app.query_params.clear()
    app.switch_page("../../pages/denoise.py").run()
    assert not app.exception
    assert images(app) == before
    assert app.slider(key="low_resolution").value == 3
    assert app.toggle(key="strength_curve").value
    assert app.multiselect(key="strength_beside").value == ["vanilla-2d"]
    assert address.items() <= dict(app.query_params).items()
