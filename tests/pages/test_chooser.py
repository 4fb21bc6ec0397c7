"""The page that leads from a need to a variant, without a browser."""

from __future__ import annotations

import pytest

from aeviz.models import checkpoint
from aeviz.models.base import NEEDS
from aeviz.models.zoo import MODELS
from tests.pages.opening import box, opened


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
        first = app.subheader[0].value
        assert first in {f"{MODELS[name].title}, {MODELS[name].year}" for name in suited}
        best = [name for name in suited if MODELS[name].needs[0] == need]
        if best:
            assert first == f"{MODELS[best[0]].title}, {MODELS[best[0]].year}"
        if len(suited) > 1:
            app.segmented_control(key=f"answer-{need}").set_value(suited[-1]).run()
            assert not app.exception, need
            assert app.subheader[0].value.startswith(MODELS[suited[-1]].title)


@pytest.mark.parametrize(("need", "title"), [("noise", "denoise"), ("samples", "draw on its own")])
def test_the_answer_is_chosen_and_shown_off_where_it_serves_the_need(need: str, title: str) -> None:
    app = opened("chooser", need=need)
    body = "".join(element.proto.body for element in app.get("html"))
    assert "aeviz-rows" in body
    (button,) = [button for button in app.button if button.proto.type == "primary"]
    button.click().run()
    assert not app.exception
    name = str(box(app, "Model").value)
    assert need in MODELS[checkpoint.pretrained()[name].variant].needs
    assert checkpoint.pretrained()[name].latent_dim == 32
    if need == "samples":
        assert title in app.title[0].value


def test_pixel_noise_leads_to_the_model_that_it_moves_least() -> None:
    """By test_the_means_are_over_many_images_with_the_same_ruler_for_all."""
    assert "pixel noise" in NEEDS["stability"]
    app = opened("chooser", need="stability")
    assert app.subheader[0].value.startswith("Denoising")


def test_a_need_that_nobody_has_gives_the_first_one() -> None:
    app = opened("chooser", need="../../etc")
    assert app.radio(key="need").value in NEEDS
