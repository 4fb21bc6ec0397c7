"""The train page without a browser: settings, a run from start to end, models from files."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from aeviz.app import library, own
from aeviz.app.views import run as view
from aeviz.app.views.train import CHOSEN, COMMON
from aeviz.data import datasets
from aeviz.models import checkpoint
from aeviz.models.settings import knobs
from aeviz.models.zoo import MODELS
from aeviz.training import owners, place, process, removal, store
from aeviz.training.spec import RunSpec
from aeviz.training.status import RunStatus, State
from tests.pages.opening import box, chosen_model, components

PAGES = ("map", "interpolate", "sample", "reconstruct", "denoise")


def open_page(**query: str) -> AppTest:
    app = AppTest.from_file("entry.py", default_timeout=120).run()
    for name, value in query.items():
        app.query_params[name] = value
    app = app.switch_page("../../pages/train.py").run()
    assert not app.exception
    return app


def query(app: AppTest, name: str) -> str | None:
    """What the address says; AppTest gives a list or a text."""
    value = app.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def chosen(app: AppTest) -> list[str]:
    """The variants whose cards look chosen."""
    return [name for name in MODELS if app.button(key=f"pick-{name}").icon == CHOSEN]


def button(app: AppTest, label: str) -> Any:
    return next(button for button in app.button if button.label == label)


def labels(app: AppTest) -> set[str]:
    return {button.label for button in app.button}


def number(app: AppTest, label: str) -> Any:
    return next(widget for widget in app.number_input if widget.label == label)


def wait_for(true: Callable[[], Any]) -> None:
    """Wait; the limit only ends a test that would never end."""
    for _ in range(8000):
        if true():
            return
        time.sleep(0.025)
    raise AssertionError("waited in vain")


def new_run(**settings: Any) -> str:
    """A run made beside the page."""
    fields = {"variant": "vanilla", "config": {"width": 32, "depth": 1}, "batch": 64, "steps": 20}
    process.ensure_workers()
    return store.create(RunSpec.model_validate(fields | settings))


@pytest.fixture(scope="module")
def finished() -> str:
    """A finished variational run."""
    name = new_run(variant="variational")
    wait_for(lambda: store.status(name).ended)
    assert store.is_finished(name)
    return name


def pictures(app: AppTest) -> list[str]:
    """What the images drawn are called."""
    body = "".join(element.proto.body for element in app.get("html"))
    return re.findall(r'<img[^>]*alt="([^"]+)"', body)


def watched(app: AppTest) -> dict[str, Any]:
    """What the browser is told of the run in view."""
    return components(app, "watch")[0]


def drawing(run: str) -> dict[str, Any]:
    """What the browser draws of a run."""
    status = store.status(run)
    return json.loads(view.drawn(run, status.unit, status.steps, time.time_ns()))


# -- before a run -----------------------------------------------------------------------------


def test_each_variant_has_a_card_with_its_name_its_idea_and_a_image() -> None:
    app = open_page()
    for name, model_class in MODELS.items():
        card = app.button(key=f"pick-{name}")
        assert card.label == model_class.title.replace(" autoencoder", "")
        assert card.help == model_class.idea
    assert MODELS[COMMON[0]].idea in [text.value for text in app.markdown]
    assert len(app.image) == len(MODELS) + 1  # and the map of the chosen model


@pytest.mark.parametrize(
    ("settings", "likelihood", "of_a_density"),
    [
        ({}, "Bernoulli likelihood of grey pixels", False),
        ({"binarise": True}, "Bernoulli likelihood of black or white pixels", True),
        ({"reconstruction": "squared"}, "Gaussian density of grey pixels", True),
        ({"reconstruction": "absolute"}, "Laplace density of grey pixels", True),
    ],
)
def test_beside_an_elbo_stands_what_it_is_of(
    settings: dict[str, Any], likelihood: str, of_a_density: bool
) -> None:
    said = view.elbo_note(MODELS["variational"].Config.from_dict(settings))
    assert f"The ELBO is of a {likelihood}: compare it only with others of the same." in said
    assert ("no density" not in said) == of_a_density


@pytest.mark.parametrize("name", MODELS)
def test_a_variant_in_the_address_is_chosen_with_its_presets_and_knobs(name: str) -> None:
    app = open_page(variant=name)
    assert chosen(app) == [name]
    preset = app.selectbox(key=f"preset-{name}-False")
    assert preset.options == list(MODELS[name].presets)
    shown = {widget.label for widget in (*app.number_input, *app.selectbox, *app.toggle)}
    config = next(iter(MODELS[name].presets.values())).to_dict()
    for setting, _ in knobs(MODELS[name].Config).values():
        assert (setting.label in shown) == setting.counts(config), setting.label
    recipe = dataclasses.asdict(MODELS[name].recipe)
    shown = {label: number(app, label).value for label in ("Epochs", "Batch", "Learning rate")}
    assert list(shown.values()) == list(recipe.values())
    assert not button(app, "Train").disabled
    pretrained = any(card.variant == name for card in checkpoint.pretrained().values())
    assert len(app.get("plotly_chart")) == 1 + pretrained
    assert pictures(app)[:2] == ["original, 0", "before its first step, 0"]


def test_a_variant_that_does_not_exist_gives_the_first_one() -> None:
    assert chosen(open_page(variant="../../etc/passwd")) == [COMMON[0]]


def test_common_variants_come_first_and_the_rest_are_behind_more() -> None:
    assert COMMON[:5] == ["vanilla", "variational", "denoising", "convolutional", "sparse"]
    assert "linear" not in COMMON
    app = open_page()
    (more,) = [its for its in app.expander if its.label == "7 more variants"]
    behind = {button.key for button in more.button}
    assert behind == {f"pick-{name}" for name in MODELS if name not in COMMON}
    assert not more.proto.expanded
    (more,) = [its for its in open_page(variant="linear").expander if its.label == more.label]
    assert more.proto.expanded


def test_a_card_chooses_its_variant() -> None:
    app = open_page()
    app.button(key="pick-variational").click().run()
    assert chosen(app) == ["variational"]
    assert not app.button(key="pick-variational").disabled
    assert query(app, "variant") == "variational"
    assert number(app, "Beta").value == 1.0


def test_a_preset_fills_the_form() -> None:
    app = open_page(variant="vanilla")
    assert number(app, "Latent dimension D").value == 2
    preset = app.selectbox(key="preset-vanilla-False")
    preset.set_value("a good reconstruction (32 dimensions)").run()
    assert number(app, "Latent dimension D").value == 32
    assert number(app, "Width of the first layer").value == 1024


def test_settings_that_a_kind_does_not_use_are_not_shown_and_keep_their_values() -> None:
    app = open_page(variant="sparse")

    def shown() -> set[str]:
        return {widget.label for widget in (*app.number_input, *app.selectbox, *app.toggle)}

    assert {"Active units k", "Decoder"} <= shown()
    assert not shown() & {"Penalty", "Target activity", "Width of the first layer", "Dropout"}
    number(app, "Active units k").set_value(9).run()
    kind = next(b for b in app.selectbox if b.label == "Kind of sparsity")
    kind.set_value("KL").run()
    assert {"Penalty", "Target activity"} <= shown()
    assert not shown() & {"Active units k", "Decoder", "Reconstruction loss"}
    number(app, "Target activity").set_value(0.2).run()
    number(app, "Hidden layers").set_value(1).run()
    assert {"Width of the first layer", "Activation", "Dropout"} <= shown()
    next(b for b in app.selectbox if b.label == "Kind of sparsity").set_value("L1").run()
    assert "Target activity" not in shown()
    assert not button(app, "Train").disabled
    next(b for b in app.selectbox if b.label == "Kind of sparsity").set_value("top-k").run()
    assert number(app, "Active units k").value == 9
    next(b for b in app.selectbox if b.label == "Kind of sparsity").set_value("KL").run()
    assert number(app, "Target activity").value == 0.2


def test_the_page_says_what_training_will_do() -> None:
    app = open_page(variant="vanilla")
    recipe = MODELS["vanilla"].recipe
    assert any(f"**{recipe.epochs:.4g} epochs (" in text.value for text in app.markdown)
    app.segmented_control(key="vanilla-a map (2 dimensions)-unit").set_value("seconds").run()
    assert any("**30 seconds** on 50,000 images" in text.value for text in app.markdown)
    app.segmented_control(key="vanilla-a map (2 dimensions)-unit").set_value("epochs").run()
    number(app, "Epochs").set_value(3.0)
    number(app, "Batch").set_value(500).run()
    assert any("**3 epochs (300 steps)**" in text.value for text in app.markdown)


def test_settings_outlive_a_look_at_another_page_and_at_another_variant() -> None:
    app, preset = open_page(variant="variational"), list(MODELS["variational"].presets)[1]
    app.selectbox(key="preset-variational-False").set_value(preset).run()
    app.segmented_control(key=f"variational-{preset}-unit").set_value("epochs").run()
    chosen = {"Epochs": 3.0, "Width of the first layer": 48, "Beta": 0.5, "Seed": 7, "Batch": 500}
    for label, value in chosen.items():
        number(app, label).set_value(value).run()
    app.button(key="pick-vanilla").click().run()
    assert number(app, "Seed").value == 0
    app.switch_page("../../pages/loss.py").run()
    app.switch_page("../../pages/train.py").run()
    app.button(key="pick-variational").click().run()
    assert not app.exception
    assert {label: number(app, label).value for label in chosen} == chosen
    number(app, "Beta").set_value(2.0).run()  # the first change after it counts
    assert number(app, "Beta").value == 2.0


def test_settings_that_do_not_fit_together_are_one_sentence_and_nothing_trains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config_class = MODELS["vanilla"].Config
    checked = config_class.from_dict

    def from_dict(values: dict[str, Any]) -> Any:
        if values.get("width") == 16 and values.get("depth") == 6:
            raise ValueError("width 16 leaves nothing for 6 layers.")
        return checked(values)

    monkeypatch.setattr(config_class, "from_dict", from_dict)
    app = open_page(variant="vanilla")
    number(app, "Width of the first layer").set_value(16)
    number(app, "Hidden layers").set_value(6).run()
    assert not app.exception
    (error,) = app.error
    assert error.value == "width 16 leaves nothing for 6 layers."
    assert button(app, "Train").disabled
    number(app, "Hidden layers").set_value(2).run()
    assert not app.error
    assert not button(app, "Train").disabled


def test_a_longer_run_is_proposed_a_gentler_learning_rate_until_one_is_put_in() -> None:
    recipe = MODELS["variational"].recipe
    app = open_page(variant="variational")
    assert number(app, "Learning rate").value == recipe.lr == 0.008
    for epochs, lr in ((2 * recipe.epochs, 0.004), (1.0, 0.008), (500.0, 0.001)):
        number(app, "Epochs").set_value(epochs).run()
        assert number(app, "Learning rate").value == lr
    app.segmented_control(key="variational-a map (2 dimensions)-unit").set_value("seconds").run()
    assert number(app, "Learning rate").value == 0.0027  # of 30 seconds, three times as long
    number(app, "Learning rate").set_value(0.005).run()
    number(app, "Seconds").set_value(300.0).run()
    assert not app.exception
    assert number(app, "Learning rate").value == 0.005


# -- a run ------------------------------------------------------------------------------------


def test_a_run_takes_the_settings_shows_its_curves_and_its_model_is_used_everywhere() -> None:
    app = open_page(variant="variational")
    number(app, "Width of the first layer").set_value(32)
    number(app, "Beta").set_value(0.5)
    number(app, "Seed").set_value(7)
    number(app, "Batch").set_value(500)
    app.segmented_control(key="variational-a map (2 dimensions)-unit").set_value("epochs").run()
    number(app, "Epochs").set_value(0.2).run()
    button(app, "Train").click().run()
    assert not app.exception
    run = query(app, "run") or ""
    assert "variant" not in app.query_params
    spec = store.spec(run)
    assert spec.config.to_dict() == {
        **MODELS["variational"].Config().to_dict(),
        "width": 32,
        "beta": 0.5,
    }
    assert (spec.seed, spec.batch, spec.epochs) == (7, 500, 0.2)
    assert spec.lr == MODELS[spec.variant].recipe.lr
    wait_for(lambda: store.status(run).ended)
    assert store.status(run).steps == 20
    app.run()
    assert not app.exception
    assert watched(app)["text"] == "Step 20 of 20, epoch 0.2, finished"
    assert watched(app)["every"] is None
    drawn = drawing(run)
    charts = {chart["name"]: json.dumps(chart["figure"]) for chart in drawn["charts"]}
    assert list(charts) == ["curves", "run-map", "metric-kl_per_dim"]
    assert "KL per dim, nats" in charts["metric-kl_per_dim"]
    last = store.metrics(run)[-1].validation
    assert drawn["numbers"] == {"ELBO, nats per image": f"{last.metrics['elbo']:.4g}"}
    assert "The ELBO is of a Bernoulli likelihood of grey pixels" in drawn["note"]
    assert "bounds no density (Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845)" in drawn["note"]
    # A run of before, whose terms were no nats, has no ELBO.
    older = json.loads(view.drawn(run, "squared error per image", 20, time.time_ns()))
    assert older["numbers"] == {}
    assert "ELBO" not in older["note"]
    for term in ("reconstruction", "kl", "total"):
        assert f"{term}, nats per image" in charts["curves"]
    assert [column["text"] for column in drawn["columns"]] == list("0123456789")
    assert [name for name, _ in drawn["columns"][0]["images"]] == ["original", "reconstruction"]

    button(app, "Explore its map").click().run()
    assert not app.exception
    assert chosen_model(app) == run
    assert len(components(app, "latent_map")) == 1
    for page in PAGES:
        app.switch_page(f"../../pages/{page}.py").run()
        assert not app.exception
        assert chosen_model(app) == run


def test_a_run_is_paused_resumed_and_stopped_from_its_address() -> None:
    run = new_run(steps=10_000_000)
    app = open_page(run=run)
    wait_for(lambda: store.status(run).step > 0)
    assert not {"Pause", "Stop"} & labels(app)  # whoever has a link watches
    assert "Somebody else's run: you can watch it." in [text.value for text in app.caption]
    owners.add(run, app.session_state["owner"])
    app.run()
    assert {"Pause", "Stop"} <= labels(app)
    button(app, "Pause").click().run()
    assert {"Resume", "Stop"} <= labels(app)
    wait_for(lambda: store.status(run).state == "paused")
    app.run()
    assert "paused" in watched(app)["text"]
    step = store.status(run).step
    button(app, "Resume").click().run()
    assert "Pause" in labels(app)
    wait_for(lambda: store.status(run).step > step)
    button(app, "Stop").click().run()
    wait_for(lambda: store.status(run).ended)
    app.run()
    assert {"Explore its map", "Train again"} <= labels(app)
    assert not {"Pause", "Stop"} & labels(app)
    wait_for(lambda: not store.status(run).measuring)
    app.run()
    assert app.get("download_button")
    assert any("On all test images: MSE" in text.value for text in app.markdown)


def test_a_run_stays_in_view_and_in_the_list_when_another_page_was_looked_at(finished: str) -> None:
    app = open_page(run=finished)
    app.switch_page("../../pages/home.py").run()
    app.switch_page("../../pages/train.py").run()
    assert query(app, "run") == finished
    links = [link.proto for link in app.get("page_link") if "finished" in link.proto.label]
    assert [(link.query_string, link.disabled) for link in links] == [(f"run={finished}", True)]


def test_a_variant_chosen_on_the_home_page_wins_over_the_last_run(finished: str) -> None:
    app = open_page(run=finished)
    app.switch_page("../../pages/home.py").run()
    app.query_params.clear()
    app.query_params["variant"] = "denoising"
    app.switch_page("../../pages/train.py").run()
    assert chosen(app) == ["denoising"]


def test_training_again_starts_from_the_settings_of_the_run_to_the_step(finished: str) -> None:
    app = open_page(run=finished)
    button(app, "Train again").click().run()
    assert not app.exception
    assert query(app, "variant") == "variational"
    assert number(app, "Width of the first layer").value == 32
    button(app, "Train").click().run()
    again = query(app, "run") or ""
    assert again != finished
    wait_for(lambda: store.status(again).ended)
    assert store.status(again).step == 20
    first, second = (store.load_model(name).state_dict() for name in (finished, again))
    assert all((first[key] == second[key]).all() for key in first)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("failed", "The gradient of the loss stopped being finite at step 9."),
        ("interrupted", "The process that trained this run ended at step 9."),
    ],
)
def test_a_run_without_a_model_says_what_happened_and_the_way_out(
    state: State, message: str
) -> None:
    spec = RunSpec.model_validate({"variant": "denoising", "epochs": 3})
    status = RunStatus(state=state, step=9, steps=588, message=message)
    run = store.make_folder({"spec.json": spec, "status.json": status})
    app = open_page(run=run)
    (error,) = app.error
    assert error.value.startswith(message)
    assert "rain it again" in error.value
    assert "Explore its map" not in labels(app)
    button(app, "Train again").click().run()
    assert chosen(app) == ["denoising"]
    assert number(app, "Epochs").value == 3


@pytest.mark.parametrize("run", ["run-20200101-000000-0000", "../../etc", "", "run-٢"])
def test_a_run_that_is_not_here_gives_one_sentence_and_the_settings(run: str) -> None:
    app = open_page(run=run)
    assert len(app.warning) == (1 if run else 0)
    assert "Train" in labels(app)


# -- a model from a file ----------------------------------------------------------------------


def test_a_downloaded_model_is_loaded_again_and_used(finished: str) -> None:
    app = open_page()
    app.file_uploader[0].upload("model.safetensors", store.model_bytes(finished)).run()
    assert not app.exception
    run = query(app, "run") or ""
    assert run != finished
    assert not app.error
    button(app, "Sample").click().run()
    assert chosen_model(app) == run
    assert not app.exception


def test_a_file_that_is_no_model_gives_one_sentence_and_the_page_stays() -> None:
    app = open_page()
    app.file_uploader[0].upload("model.safetensors", b"GIF89a" * 100).run()
    (error,) = app.error
    assert error.value == "This is not a safetensors file."
    assert "Train" in labels(app)


def test_a_run_on_other_data_shows_its_classes_and_brings_its_data_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pretends that Fashion-MNIST looks like MNIST: the names of its classes are enough here."""
    mnist = datasets.load()
    monkeypatch.setitem(datasets._loaded, "fashion", mnist)
    monkeypatch.setattr(datasets, "find_folder", lambda name: name)
    name = next(iter(checkpoint.pretrained()))
    model = checkpoint.load(checkpoint.FOLDER / name)
    content = checkpoint.to_bytes(model, model.card.model_copy(update={"data": "fashion"}))
    run = store.add(content)
    app = open_page(run=run)
    texts = [column["text"] for column in drawing(run)["columns"]]
    assert texts == list(datasets.SOURCES["fashion"].classes)
    button(app, "Explore its map").click().run()
    assert box(app, "Data").value == "fashion"


# -- every variant, to the end and on --------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_each_variant_trains_with_its_default_preset_from_the_button_to_its_map(name: str) -> None:
    app = open_page(variant=name)
    preset = str(app.selectbox(key=f"preset-{name}-False").value)
    app.segmented_control(key=f"{name}-{preset}-unit").set_value("epochs").run()
    number(app, "Epochs").set_value(0.03).run()
    button(app, "Train").click().run()
    assert not app.exception
    run = query(app, "run") or ""
    assert store.spec(run).config == MODELS[name].presets[preset]
    wait_for(lambda: store.status(run).ended)
    assert store.status(run).state == "finished", store.status(run).message
    app.run()
    assert not app.exception
    assert not app.error
    drawn = drawing(run)
    assert [len(column["images"]) for column in drawn["columns"]] == [2] * 10
    assert {"curves", "run-map"} <= {chart["name"] for chart in drawn["charts"]}
    codes = store.load_model(run).sample_prior(3)
    assert codes is None or codes.isfinite().all()
    # It is the chosen model at once; its map opens, and Undo goes back.
    assert chosen_model(app) == run
    app.switch_page("../../pages/map.py").run()
    assert not app.exception
    assert len(components(app, "latent_map")) == 1
    button(app, "Undo").click().run()
    assert not app.exception
    assert chosen_model(app) == library.home()
    assert "Undo" not in labels(app)


# -- kept and removed ------------------------------------------------------------------------------


def loaded() -> tuple[AppTest, str]:
    """The page with a run of this person's, from a file; its model is chosen."""
    app = open_page()
    content = (checkpoint.FOLDER / "linear-2d.safetensors").read_bytes()
    app.file_uploader[0].upload("model.safetensors", content).run()
    run = query(app, "run") or ""
    button(app, "Sample").click().run()
    assert chosen_model(app) == run
    app.switch_page("../../pages/train.py").run()
    return app, run


def listed(app: AppTest) -> list[str]:
    """What the links to runs say."""
    return [link.proto.label for link in app.get("page_link") if "pages/" not in link.proto.page]


def test_the_squared_error_of_the_curves_and_the_mse_of_the_result_are_told_apart(
    finished: str,
) -> None:
    """One is summed over the pixels of an image, the other their mean."""
    said = "summed over its 784 pixels; the MSE is that divided by 784"
    linear = store.add((checkpoint.FOLDER / "linear-2d.safetensors").read_bytes())
    assert any(said in caption.value for caption in open_page(run=linear).caption)
    assert not any("summed" in caption.value for caption in open_page(run=finished).caption)


def test_a_run_is_removed_and_comes_back_with_undo_chosen_as_it_was() -> None:
    app, run = loaded()
    before = listed(app)
    app.button(key=f"remove-{run}").click().run()
    assert not place.is_run(run)
    assert not app.exception
    assert not app.error
    assert listed(app) != before
    assert chosen_model(app) == library.home()
    assert "Train" in labels(app)  # it was in view, and is no longer
    assert f"Removed: Linear, 2 dimensions, {place.started(run)}." in {c.value for c in app.caption}
    app.button(key="restore").click().run()
    assert not app.exception
    assert not app.error
    assert listed(app) == before
    assert chosen_model(app) == run
    assert "Undo" not in labels(app)
    assert removal.can_restore(run) is False


@pytest.mark.parametrize("page", ["train", "map", "loss", "uses"])
def test_a_run_that_somebody_else_removes_is_no_red_box(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, run = loaded()
    app.switch_page(f"../../pages/{page}.py").run()
    inner = own.choose_finished

    def as_the_page_begins() -> None:
        if place.is_run(run):
            removal.remove(run)
        inner()

    monkeypatch.setattr(own, "choose_finished", as_the_page_begins)
    app.run()
    assert not place.is_run(run)
    assert not app.exception
    assert not app.error
    assert chosen_model(app) == library.home()
    said = "This run is not here: it was made on another machine, or deleted."
    assert [warning.value for warning in app.warning] == ([said] if page == "train" else [])


def test_a_run_that_is_removed_twice_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    app, run = loaded()
    inner = removal.remove
    monkeypatch.setattr(removal, "remove", lambda name: (inner(name), inner(name)))
    app.button(key=f"remove-{run}").click().run()
    assert not app.exception
    assert not app.error
    assert "This run cannot be removed: it is not there." in [w.value for w in app.warning]


def test_an_undo_that_comes_too_late_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    app, run = loaded()
    app.button(key=f"remove-{run}").click().run()
    monkeypatch.setattr(removal, "KEPT_FOR", -1.0)
    removal.prune()
    app.button(key="restore").click().run()
    assert not app.exception
    assert "This run cannot be brought back: it is gone for good." in [
        warning.value for warning in app.warning
    ]
    assert "Undo" not in labels(app)


def test_a_run_is_kept_by_its_toggle_and_the_list_says_so() -> None:
    app, run = loaded()
    app.toggle(key=f"keep-{run}").set_value(True).run()
    assert removal.is_starred(run)
    assert [label for label in listed(app) if label.endswith(", finished, kept")]
    app.toggle(key=f"keep-{run}").set_value(False).run()
    assert not removal.is_starred(run)
    assert not [label for label in listed(app) if label.endswith("kept")]


def test_what_trains_or_is_another_persons_has_no_button(finished: str) -> None:
    app = open_page(run=finished)
    assert [label for label in listed(app) if "finished" in label]
    assert not [b for b in app.button if (b.key or "").startswith("remove-")]
    assert "Keep" not in {toggle.label for toggle in app.toggle}
    app = open_page()
    number(app, "Epochs").set_value(600.0).run()
    button(app, "Train").click().run()
    run = query(app, "run") or ""
    assert "Keep" in {toggle.label for toggle in app.toggle}
    assert not [b for b in app.button if b.key == f"remove-{run}"]
    button(app, "Stop").click().run()
    wait_for(lambda: store.status(run).ended)
    app.run()
    assert [b for b in app.button if b.key == f"remove-{run}"]


def test_a_run_lasts_until_its_loss_is_flat_where_that_is_asked_for() -> None:
    app = open_page(variant="vanilla")
    preset = str(app.selectbox(key="preset-vanilla-False").value)
    app.segmented_control(key=f"vanilla-{preset}-unit").set_value("until it is flat").run()
    assert not app.exception
    assert any("Trains for **as long as it improves**" in text.value for text in app.markdown)
    button(app, "Train").click().run()
    assert not app.exception
    run = query(app, "run") or ""
    assert (store.spec(run).until, store.spec(run).steps) == ("flat", None)
    wait_for(lambda: store.status(run).step > 20)
    store.wind_down(run)
    wait_for(lambda: store.status(run).ended)
    assert store.status(run).state == "finished"
    assert store.spec(run).steps == store.status(run).step
    # Train again starts from the same length.
    app.run()
    button(app, "Train again").click().run()
    assert not app.exception
