"""What an address asks for and there is not is said above the page."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.pages.opening import box, opened


def refused(app: AppTest) -> list[str]:
    return [w.value for w in app.warning if w.value.startswith("This address asks for")]


def test_what_is_not_there_is_said_in_one_sentence_until_another_one_is_chosen() -> None:
    app = opened("denoise", noise="rain", noise_seed="many", picture="7")
    (said,) = refused(app)
    assert "`noise=rain`, `noise_seed=many`" in said
    assert "picture" not in said  # which there is
    assert box(app, "Test image").value == 7
    assert "noise" not in app.query_params  # the address says what is shown
    app.run()
    assert refused(app) == [said]
    box(app, "Corruption").set_value("blur").run()
    assert "noise=rain" not in " ".join(refused(app))


def test_another_page_does_not_say_it_again() -> None:
    app = opened("stability", moved="vanilla-2d,no-such-model", moved_way="sideways")
    (said,) = refused(app)
    assert "no-such-model" in said
    assert "vanilla" not in said
    app.switch_page("../../pages/sample.py").run()
    assert refused(app) == []


def test_a_model_and_a_place_that_are_not_there_are_said_on_the_page_that_was_opened() -> None:
    app = AppTest.from_file("entry.py", default_timeout=120)
    app.query_params["model"] = "no-such-model"
    app.query_params["probe"] = "here"
    app.run()
    assert not app.exception
    (said,) = refused(app)
    assert "`model=no-such-model`" in said
    assert "`probe=here`" in said


def test_an_address_that_holds_says_nothing() -> None:
    assert refused(opened("denoise", noise="blur", model="vanilla-2d", large="true")) == []
