"""What a person does with a step of a run, without a browser."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from aeviz.app.views import slow as view
from aeviz.app.views import steering
from aeviz.models.settings import Knob, knobs, live_knobs
from aeviz.models.zoo import MODELS
from aeviz.training import owners, process, slow, store
from tests.pages.opening import chosen_model
from tests.pages.test_train import button, labels, new_run, open_page, query, wait_for


def finished(**settings: Any) -> str:
    run = new_run(steps=40, **settings)
    wait_for(lambda: store.status(run).ended and not store.status(run).measuring)
    return run


def page_of(run: str, **more: str) -> AppTest:
    app = open_page(run=run, **more)
    owners.add(run, app.session_state["owner"])
    return app.run()


def test_a_step_stands_beside_the_end_on_two_maps() -> None:
    run = finished()
    app = page_of(run, step="5")
    button(app, "Step 4 beside the end").click().run()
    assert not app.exception
    assert (query(app, "left"), query(app, "right")) == (f"{run}@4", run)
    menus = {box.label: box.value for box in app.selectbox}
    assert (menus["Left"], menus["Right"]) == (f"{run}@4", run)
    assert not app.warning


def test_the_map_of_a_step_is_opened() -> None:
    run = finished()
    app = page_of(run, step="5")
    button(app, "Open the map of step 4").click().run()
    assert not app.exception
    assert chosen_model(app) == f"{run}@4"


def test_a_step_is_shown_in_slow_motion_and_put_away() -> None:
    run = finished(variant="variational")
    app = page_of(run, step="5")
    button(app, "One step in slow motion").click().run()
    assert not app.exception
    assert "Step 6 in slow motion" in {title.value for title in app.subheader}
    button(app, "Hide the slow motion").click().run()
    assert not app.exception
    assert not app.subheader


def test_the_end_of_a_run_shows_its_last_step_in_slow_motion() -> None:
    app = page_of(finished())
    button(app, "One step in slow motion").click().run()
    assert not app.exception
    assert [title.value for title in app.subheader] == ["Step 40 in slow motion"]


def test_a_step_of_a_run_that_goes_on_is_put_away() -> None:
    run = new_run(steps=1_000_000)
    wait_for(lambda: store.said(run).step > 20)
    app = page_of(run)
    button(app, "One step in slow motion").click().run()
    before = store.said(run).step
    wait_for(lambda: store.said(run).step > before)
    button(app.run(), "Hide the slow motion").click().run()
    assert not app.exception
    assert not app.subheader
    store.control(run, "stop")
    process.ensure_workers()
    wait_for(lambda: store.status(run).ended)


def test_each_stage_says_its_numbers() -> None:
    run = finished(variant="variational")
    step = slow.slow_step(run, 9)
    said = dict(view.stages(step))
    assert list(said) == [
        "batch", "encoder", "cloud", "draw", "decoder", "loss", "gradient", "step",
    ]  # fmt: skip
    total, after = sum(step.terms.values()), sum(step.terms_after.values())
    assert f"reconstruction {step.terms['reconstruction']:.2f} and KL " in said["loss"]
    assert f"{total:.2f} together" in said["loss"]
    assert f"now costs {after:.2f}" in said["step"]
    assert step.cloud is not None
    for values, stage in ((step.cloud.mu, "cloud"), (step.cloud.epsilon, "draw"), (step.z, "draw")):
        assert f"({values[0]:.2f}, {values[1]:.2f})".replace("-", "−") in said[stage]


def test_an_autoencoder_without_a_cloud_has_a_code() -> None:
    said = dict(view.stages(slow.slow_step(finished(), 0)))
    assert "What comes out is its code, z = (" in said["code"]
    assert not {"cloud", "draw"} & set(said)


def test_a_code_wider_than_two_has_no_two_maps_and_the_end_is_its_own() -> None:
    wide = finished(config={"width": 32, "depth": 1, "latent_dim": 3})
    assert not any("beside" in label for label in labels(page_of(wide, step="5")))
    app = page_of(finished())
    assert "Train one minute more" in labels(app)
    assert not any(label.startswith("Step ") for label in labels(app))


def test_a_run_that_ended_goes_on_for_a_minute_beside_itself() -> None:
    run = finished()
    app = page_of(run)
    button(app, "Train one minute more").click().run()
    assert not app.exception
    new = query(app, "run") or ""
    assert new not in ("", run)
    assert query(app, "beside") == run
    assert store.spec(new).parent == run
    store.control(new, "stop")
    process.ensure_workers()
    wait_for(lambda: store.status(new).ended)


@pytest.mark.parametrize("variant", MODELS)
def test_a_slider_of_a_knob_has_its_value_and_only_values_that_it_may_take(variant: str) -> None:
    config = MODELS[variant].Config()
    for name, knob in live_knobs(config).items():
        now = config.to_dict()[name]
        values = steering.values_of(knob, now)
        assert now in values
        assert len(set(values)) == len(values) > 1
        for value in values:
            assert knob.check(name, value, type(knobs(type(config))[name][1])) == value


def test_a_slider_over_powers_of_ten_rises_evenly_and_keeps_odd_values() -> None:
    values = steering.values_of(Knob("rate", "", 1e-4, 3e-2), 0.00123)
    assert values == sorted(values)
    assert 0.00123 in values
    assert values[0] == pytest.approx(1e-4, rel=0.1)
